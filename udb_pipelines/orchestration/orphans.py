"""Jobs that the ledger calls running although their process is gone: killed, or ended with the machine.

The daemon watches the runs that it launched; a job of a command has nobody else. Only processes of this machine
can be asked, so nothing is said of an instance on PostgreSQL, which may be shared by several.
"""

from __future__ import annotations

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.operations.processes import is_running
from udb_pipelines.orchestration import pools
from udb_pipelines.orchestration.instance import open_instance

_UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def orphans(settings: Settings, *, end: bool = False) -> tuple[str, ...]:
    """The ids of jobs under way without a process; with ``end`` they become failures, which can be resumed."""
    if settings.dagster_pg_url is not None:
        return ()
    with open_instance(settings) as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(statuses=_UNDER_WAY))
        dead = [run for run in runs if not _alive(instance, run.run_id)]
        if end:
            for run in dead:
                instance.report_run_failed(run, "The process of this job is gone; udb resume goes on where it stopped.")
            pools.reap(instance)
    return tuple(run.run_id for run in dead)


def stale_slots(settings: Settings, *, free: bool = False) -> tuple[str, ...]:
    """The ids of runs that hold a place in a pool although they are over; with ``free`` they lose it."""
    with open_instance(settings) as instance:
        return pools.reap(instance) if free else pools.stale(instance)


def _alive(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the process that started the run exists; a job that has not said which it is counts as alive."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_START):
        if entry.dagster_event is not None and entry.dagster_event.pid is not None:
            return is_running(entry.dagster_event.pid)
    return True
