"""A sync on the server: started once, watched to its end, cancelled with the run that asked for it.

Only four statuses end a job; any other, known or new, means that it goes on: ``pending``, ``queued``, ``running``,
and ``incomplete``, which is a failed attempt that the server will repeat.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from secrets import SystemRandom

from udb_pipelines.connectors.airbyte_server.client import AirbyteServer
from udb_pipelines.connectors.airbyte_server.transport import LostAnswerError, RefusedError
from udb_pipelines.connectors.airbyte_server.wire import Job, JobDetails
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import logging, progress, scrub

SUCCEEDED = "succeeded"
ENDED = frozenset({SUCCEEDED, "failed", "cancelled", "error"})
FIRST_LOOK, LONGEST_LOOK = 0.5, 30.0
"""Seconds between two looks at a job, growing by half each time."""
SILENCE_SECONDS = 900
"""How long the server may be unreachable while a job runs there."""
LOOKS_FOR_LOST = 4
AWAY = ("E_CONNECT", "E_HTTP")
"""How a server fails that may be back soon."""
_SAID = 300
_random = SystemRandom()

StreamKey = tuple[str | None, str]
"""Namespace in the source, and name."""


@dataclass(frozen=True)
class Outcome:
    """A sync that succeeded."""

    job: Job
    committed: Mapping[StreamKey, int]
    """Records that reached the destination, by stream; empty where the server does not tell."""


def run(server: AirbyteServer, connection_id: str, deadline_seconds: float) -> Outcome:
    """Run a sync to its end, or join one that is running already.

    A job that this call started is cancelled when the call is interrupted or passes its deadline; one that somebody
    else started goes on.

    Raises:
        UdbError: ``E_CONNECTOR`` with the server's reasons when it failed or was cancelled, also when nothing says
            whether it was started; ``E_CONNECT`` when the server stays away; what signing in raises.
    """
    deadline = time.monotonic() + deadline_seconds
    before = server.jobs(connection_id)
    running = _running(before)
    if running is not None:
        job = _watched(server, running, deadline)
    else:
        job = _own(server, connection_id, max((job.job_id for job in before), default=-1), deadline)
    details = _details(server, job)
    if job.status != SUCCEEDED:
        end = "was cancelled" if job.status == "cancelled" else "failed"
        raise UdbError(
            "E_CONNECTOR",
            f"Airbyte's job {job.job_id} {end}{_reasons(details)}",
            remedy=f"the job's log is in Airbyte at {server.host}, connection {connection_id}",
        )
    committed = committed_of(details)
    logging.get_logger().info(
        "airbyte.finished",
        message=f"Airbyte's job {job.job_id} ended",
        status=job.status,
        rows=sum(committed.values()) if committed else job.rows_synced,
        streams=len(committed) or None,
    )
    return Outcome(job, committed)


def _own(server: AirbyteServer, connection_id: str, newest: int, deadline: float) -> Job:
    """A job that is started now, to its end; that of somebody who was quicker, if there is one.

    Whatever interrupts this, also in the middle of the start, leaves no job of ours behind. ``newest`` is the number of
    the last job there was.
    """
    ours = True
    try:
        job, ours = _started(server, connection_id, newest)
        return _watched(server, job, deadline)
    except BaseException as error:
        away = isinstance(error, UdbError) and error.code in AWAY
        if ours and not away:
            with suppress(UdbError):
                _cancel(server, connection_id, newest)
        raise


def _started(server: AirbyteServer, connection_id: str, newest: int) -> tuple[Job, bool]:
    """The job that runs now, and whether it is ours."""
    try:
        return server.start_job(connection_id), True
    except LostAnswerError as lost:
        return _made_after(server, connection_id, newest, lost), True
    except RefusedError as refused:
        theirs = _running(server.jobs(connection_id)) if refused.status == 409 else None
        if theirs is None:
            raise
        return theirs, False


def _cancel(server: AirbyteServer, connection_id: str, newest: int) -> None:
    """End what runs and is newer than all there was."""
    for job in server.jobs(connection_id):
        if job.job_id > newest and job.status not in ENDED:
            server.cancel_job(job.job_id)
            logging.get_logger().warning("airbyte.cancelled", message=f"Airbyte's job {job.job_id} was cancelled")


def _running(jobs: Iterable[Job]) -> Job | None:
    return next((job for job in jobs if job.status not in ENDED), None)


def _made_after(server: AirbyteServer, connection_id: str, newest: int, lost: LostAnswerError) -> Job:
    """The job that was made although the answer was lost: its number is beyond all there were.

    By numbers, because the server's clock is not ours.
    """
    for look in range(LOOKS_FOR_LOST):
        if look:
            time.sleep(look)
        found = next((job for job in server.jobs(connection_id) if job.job_id > newest), None)
        if found is not None:
            return found
    # Not E_CONNECT, which stages try again by themselves: that would start one more.
    raise UdbError(
        "E_CONNECTOR",
        f"Airbyte at {server.host} did not say whether it started a sync ({lost}), and shows none",
        remedy="run again: a sync that did start is joined then",
    )


def _watched(server: AirbyteServer, job: Job, deadline: float) -> Job:
    """The job once it has ended."""
    logging.get_logger().info("airbyte.job", message=f"Airbyte runs job {job.job_id}", status=job.status)
    pause, heard = FIRST_LOOK, time.monotonic()
    while job.status not in ENDED:
        progress.report(f"airbyte job {job.job_id}: {job.status}", job.rows_synced or 0, None, "records")
        if time.monotonic() > deadline:
            raise UdbError(
                "E_CONNECTOR",
                f"Airbyte's job {job.job_id} did not end in time, it is {job.status}",
                remedy="raise UDB_AIRBYTE_SYNC_HOURS if it only needs longer",
            )
        time.sleep(min(_random.uniform(pause / 2, pause), max(0.0, deadline - time.monotonic()) + 0.01))
        pause = min(pause * 1.5, LONGEST_LOOK)
        try:
            job, heard = server.job(job.job_id), time.monotonic()
        except UdbError as error:
            if error.code not in AWAY or time.monotonic() - heard > SILENCE_SECONDS:
                raise error.located(kept=f"Airbyte's job {job.job_id} may go on; run again to join it") from None
    return job


def _details(server: AirbyteServer, job: Job) -> JobDetails | None:
    """What the server tells of an ended job; a server that cannot tell does not undo the job."""
    with suppress(UdbError, ValueError):
        return server.details(job.job_id)
    return None


def committed_of(details: JobDetails | None) -> dict[StreamKey, int]:
    """Records committed, by stream: over all attempts where the server adds them up, else of the only attempt."""
    if details is None:
        return {}
    if details.job.stream_aggregated_stats:
        return {
            (item.stream_namespace, item.stream_name): item.records_committed
            for item in details.job.stream_aggregated_stats
            if item.records_committed is not None
        }
    last = details.attempts[-1].attempt if len(details.attempts) == 1 else None
    return {
        (item.stream_namespace, item.stream_name): int(item.stats["recordsCommitted"])
        for item in (last.stream_stats or () if last else ())
        if item.stats.get("recordsCommitted") is not None
    }


def _reasons(details: JobDetails | None) -> str:
    """The reasons that the last attempt gives, without secrets, in one line."""
    attempt = details.attempts[-1].attempt if details and details.attempts else None
    if attempt is None or attempt.failure_summary is None:
        return ""
    said = [
        f"{reason.failure_origin or 'unknown origin'}, {reason.failure_type or 'unknown type'}"
        + (f": {reason.external_message}" if reason.external_message else "")
        for reason in attempt.failure_summary.failures
    ]
    told = scrub.text(" ".join("; ".join(dict.fromkeys(said)).split()))[:_SAID]
    return f" ({told})" if told else ""
