"""One job, in this process, on the ledger: what ``udb run`` calls.

The run is created, logged and ended in Dagster's storage like any other, so the UI shows it. One job runs per
process at a time. Only the path is defined here, none of the sensors and schedules, which keeps a command cheap.
"""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Manifest, Source, SyncResult
from udb_pipelines.operations import tracing
from udb_pipelines.operations.progress import Reporter, reporting
from udb_pipelines.orchestration import ledger, partitions
from udb_pipelines.orchestration.assets import PATH
from udb_pipelines.orchestration.build import QUIET, job_in_process
from udb_pipelines.orchestration.instance import open_instance
from udb_pipelines.orchestration.ledger import JobRecord
from udb_pipelines.orchestration.stage_io import read_stage


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended."""

    job_id: str
    source: str
    status: str
    """``success``, ``failure`` or ``canceled``."""
    manifest: Manifest | None = None
    sync: SyncResult | None = None
    """What was committed, also when a later stage failed."""
    error: dict[str, str | None] | None = None
    """The six facts of :meth:`UdbError.as_dict`."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds per stage that ended."""


def run_source(
    source: Source | str,
    settings: Settings,
    *,
    job_id: str | None = None,
    on_progress: Reporter | None = None,
    tags: Mapping[str, str] | None = None,
) -> JobOutcome:
    """Run all five stages for a registered source.

    Args:
        source: a registered source, or its name.
        settings: where everything is.
        job_id: a UUID that no job has had; made when absent.
        on_progress: called by the stages as they go.
        tags: shown with the run, to search for it.

    Returns:
        How it ended; a failed stage does not raise.

    Raises:
        OSError: Dagster's home cannot be written.
    """
    name = source if isinstance(source, str) else source.name
    with open_instance(settings) as instance:
        partitions.register(instance, [partitions.key_of(settings.tenant, name)])
        return _run(instance, settings, name, job_id or str(uuid.uuid4()), on_progress, tags or {})


def resume(job_id: str, settings: Settings, *, on_progress: Reporter | None = None) -> JobOutcome:
    """Run the stages that a failed or canceled job did not finish, as a new job that names the old one.

    What the finished stages made is read from where they left it, so nothing is fetched or committed twice.

    Raises:
        UdbError: ``E_STAGE`` when there is no such job, or nothing of it is left to do.
    """
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(job_id)
        key = run.tags.get(ledger.PARTITION_TAG) if run else None
        tenant, source = partitions.parse_key(key) if key else (None, "")
        if run is None or tenant != settings.tenant or run.status not in _RESUMABLE:
            raise UdbError(
                "E_STAGE",
                f"there is no failed or canceled job {job_id}",
                remedy="udb jobs lists the jobs; run the source instead",
            )
        done = ledger.finished_assets(instance, job_id)
        left = [asset for asset in PATH if asset not in done]
        tags = {"dagster/parent_run_id": job_id, "dagster/root_run_id": run.root_run_id or job_id}
        return _run(instance, settings, source, str(uuid.uuid4()), on_progress, tags, left)


_RESUMABLE = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def _run(
    instance: dg.DagsterInstance,
    settings: Settings,
    name: str,
    job_id: str,
    on_progress: Reporter | None,
    tags: Mapping[str, str],
    only: Sequence[str] | None = None,
) -> JobOutcome:
    with ExitStack() as around:
        around.enter_context(tracing.job(job_id, name))
        around.enter_context(_signals_kept())
        if on_progress:
            around.enter_context(reporting(on_progress))
        try:
            result = job_in_process(settings, name).execute_in_process(
                run_config={"loggers": {QUIET: {}}},
                instance=instance,
                partition_key=partitions.key_of(settings.tenant, name),
                run_id=job_id,
                raise_on_error=False,
                tags=dict(tags),
                asset_selection=[dg.AssetKey(asset) for asset in only] if only else None,
            )
            interrupted = any(_is_interruption(event) for event in result.all_events)
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            interrupted = True  # before or after the steps, where Dagster does not listen
        if interrupted:
            _end_canceled(instance, job_id)
    return _outcome(instance, settings, name, job_id)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Let SIGTERM cancel the job as Ctrl-C does, and give both signals back as they were.

    Dagster takes both over while steps run and afterwards leaves SIGTERM to the handler of SIGINT.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether the run ended by a signal. Dagster calls that a failure unless the UI asked for it."""
    if event.event_type is not dg.DagsterEventType.RUN_FAILURE:
        return False
    reason = event.job_failure_data.failure_reason
    return reason is not None and reason.value == "UNEXPECTED_TERMINATION"


def _end_canceled(instance: dg.DagsterInstance, job_id: str) -> None:
    """Say in the ledger that somebody stopped the job; nothing is to be said of a job that had succeeded."""
    run = instance.get_run_by_id(job_id)
    if run is not None and not run.is_success:
        instance.report_run_canceled(run, "Stopped by a signal.")


def _outcome(instance: dg.DagsterInstance, settings: Settings, name: str, job_id: str) -> JobOutcome:
    run = instance.get_run_by_id(job_id)
    status = ledger.status_of(run) if run else "canceled"
    done = ledger.finished_assets(instance, job_id)
    return JobOutcome(
        job_id=job_id,
        source=name,
        status=status,
        manifest=read_stage(settings, name, "publication", Manifest) if status == "success" else None,
        sync=read_stage(settings, name, "raw", SyncResult) if "raw" in done else None,
        error=ledger.error_of(instance, job_id) if status == "failure" else None,
        seconds=ledger.stage_seconds(instance, job_id),
    )


def jobs(settings: Settings, limit: int = 20) -> tuple[JobRecord, ...]:
    """The tenant's newest jobs first, whoever started them: CLI, UI, sensor, schedule, backfill.

    Housekeeping, which is for all tenants alike, counts as the default tenant's.
    """
    with open_instance(settings) as instance:
        return ledger.recent(instance, limit, settings.tenant)
