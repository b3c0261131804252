"""What ran, when, and how it ended: read from Dagster's run storage, the one ledger of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import dagster as dg

from udb_pipelines.config import DEFAULT_TENANT
from udb_pipelines.orchestration.failures import facts_of
from udb_pipelines.orchestration.partitions import shown

PARTITION_TAG = "dagster/partition"

_PAGE = 20

STAGE_OF = {
    "detection": "detect",
    "connection": "provision",
    "raw": "sync",
    "profile": "analyze",
    "publication": "publish",
}
"""The stage that each asset of the path runs; an asset's step bears the asset's name."""


@dataclass(frozen=True)
class JobRecord:
    """One job as the ledger has it. Times are UTC; ``seconds`` is None while it runs."""

    job_id: str
    job: str
    tenant: str
    source: str | None
    status: str
    """``queued``, ``running``, ``success``, ``failure`` or ``canceled``."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    error: dict[str, str | None] | None


_STATUS = {
    dg.DagsterRunStatus.SUCCESS: "success",
    dg.DagsterRunStatus.FAILURE: "failure",
    dg.DagsterRunStatus.CANCELED: "canceled",
    dg.DagsterRunStatus.CANCELING: "running",
    dg.DagsterRunStatus.STARTED: "running",
}


def status_of(run: dg.DagsterRun) -> str:
    """The run's status in UDB's words; everything before the start is ``queued``."""
    return _STATUS.get(run.status, "queued")


def stage_seconds(instance: dg.DagsterInstance, run_id: str) -> dict[str, float]:
    """Wall seconds of every finished stage of a run, its input and output included."""
    return {
        STAGE_OF[step.step_key]: round(step.end_time - step.start_time, 3)
        for step in instance.get_run_step_stats(run_id)
        if step.step_key in STAGE_OF and step.start_time is not None and step.end_time is not None
    }


def finished_assets(instance: dg.DagsterInstance, run_id: str) -> frozenset[str]:
    """The assets of the path whose steps succeeded in a run, or before it in the runs it continues."""
    done = {
        step.step_key for step in instance.get_run_step_stats(run_id) if step.status and step.status.value == "SUCCESS"
    }
    run = instance.get_run_by_id(run_id)
    if run is not None and run.parent_run_id is not None:
        done |= finished_assets(instance, run.parent_run_id)
    return frozenset(done)


def error_of(instance: dg.DagsterInstance, run_id: str) -> dict[str, str | None] | None:
    """Why a run failed, as the six facts of an ``UdbError``; None when no step of it failed.

    A step that failed in Dagster itself, or in somebody's own asset, has no facts: then it is ``E_INTERNAL``,
    with the step's name and nothing of the exception's text.
    """
    for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = record.dagster_event
        if event is None:
            continue
        told = event.step_failure_data.user_failure_data
        if told is not None and "code" in told.metadata:
            return facts_of(told.metadata)
        return {
            "code": "E_INTERNAL",
            "message": f"the step {event.step_key} failed",
            "stage": STAGE_OF.get(str(event.step_key)),
            "source": None,
            "kept": None,
            "remedy": "open the run in the Dagster UI to see why",
        }
    return None


def recent(instance: dg.DagsterInstance, limit: int, tenant: str = DEFAULT_TENANT) -> tuple[JobRecord, ...]:
    """A tenant's newest jobs first, whoever started them."""
    own = (
        record
        for record in _newest(instance, max(limit, _PAGE))
        if shown(record.dagster_run.tags.get(PARTITION_TAG))[0] == tenant
    )
    return tuple(_record(instance, record) for record in islice(own, limit))


def _newest(instance: dg.DagsterInstance, page_size: int) -> Iterator[dg.RunRecord]:
    """All runs, read page by page: Dagster cannot search for the beginning of a tag."""
    cursor = None
    while page := instance.get_run_records(limit=page_size, cursor=cursor):
        yield from page
        cursor = page[-1].dagster_run.run_id


def _record(instance: dg.DagsterInstance, record: dg.RunRecord) -> JobRecord:
    run = record.dagster_run
    ended = record.end_time
    started = record.start_time
    tenant, source = shown(run.tags.get(PARTITION_TAG))
    return JobRecord(
        job_id=run.run_id,
        job=run.job_name,
        tenant=tenant,
        source=source,
        status=status_of(run),
        created_at=record.create_timestamp.replace(tzinfo=UTC),
        started_at=_moment(started),
        ended_at=_moment(ended),
        seconds=round(ended - started, 3) if started is not None and ended is not None else None,
        error=error_of(instance, run.run_id) if run.status is dg.DagsterRunStatus.FAILURE else None,
    )


def _moment(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
