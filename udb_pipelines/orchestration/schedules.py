"""What runs by the clock, in UTC: a snapshot and a clean-up a day, a look at freshness an hour, every source's cron.

Sources' schedules are read when the code location loads; reload it in the UI after changing one.
Docs: https://docs.dagster.io/guides/automate/schedules
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from udb_pipelines.config import DEFAULT_TENANT
from udb_pipelines.models import Source
from udb_pipelines.operations import logging
from udb_pipelines.orchestration import jobs
from udb_pipelines.orchestration.partitions import key_of

RUNNING = dg.DefaultScheduleStatus.RUNNING


def fixed_schedules() -> list[dg.ScheduleDefinition]:
    """The schedules that every installation has."""
    return [
        dg.ScheduleDefinition(
            name="snapshot_daily",
            job_name=jobs.SNAPSHOT_JOB,
            cron_schedule="0 2 * * *",
            default_status=RUNNING,
            description="A verified copy of the warehouse, every night.",
        ),
        dg.ScheduleDefinition(
            name="cleanup_nightly",
            job_name=jobs.CLEANUP_JOB,
            cron_schedule="30 3 * * *",
            default_status=RUNNING,
            description="Retention, every night: old artifacts, small files, thinned history.",
        ),
        dg.ScheduleDefinition(
            name="restore_drill_weekly",
            job_name=jobs.DRILL_JOB,
            cron_schedule="0 4 * * 0",
            default_status=RUNNING,
            description="The newest snapshot restored into a scratch folder and compared, every Sunday.",
        ),
        dg.ScheduleDefinition(
            name="freshness_hourly",
            job_name=jobs.FRESHNESS_JOB,
            cron_schedule="7 * * * *",
            default_status=RUNNING,
            description="Which sources are overdue.",
        ),
    ]


def source_schedules(sources: Iterable[Source], tenant: str = DEFAULT_TENANT) -> list[dg.ScheduleDefinition]:
    """One schedule per source of a tenant that has a cron expression; one that is not valid is told and left out."""
    made = []
    for source in sources:
        if source.options.schedule is None:
            continue
        try:
            made.append(_schedule(key_of(tenant, source.name), source.options.schedule))
        except dg.DagsterInvalidDefinitionError:
            logging.get_logger().error(
                "schedule.invalid",
                message="the cron expression of a source is not valid; it has no schedule",
                source=source.name,
                remedy="correct it: udb sources add --schedule",
            )
    return made


def understands(cron: str) -> bool:
    """Whether Dagster can run something by this expression."""
    try:
        _schedule("any", cron)
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


def _schedule(key: str, cron: str) -> dg.ScheduleDefinition:
    def requested(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            run_key=context.scheduled_execution_time.isoformat(), partition_key=key, tags={"udb/trigger": "schedule"}
        )

    return dg.ScheduleDefinition(
        name=f"source_{key.replace('.', '__')}",  # no name has two underscores in a row
        job_name=jobs.PATH_JOB,
        cron_schedule=cron,
        execution_timezone="UTC",
        execution_fn=requested,
        default_status=RUNNING,
        description=f"udb_job for the source {key}.",
    )
