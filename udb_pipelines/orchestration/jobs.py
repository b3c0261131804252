"""Jobs: the whole path, its multiprocess twin, and the housekeeping that schedules and sensors ask for."""

from __future__ import annotations

import dagster as dg

from udb_pipelines.orchestration.assets import PATH
from udb_pipelines.orchestration.checks import KPIS, PROFILE_CHECKS, RAW_CHECKS

PATH_JOB = "udb_job"
MULTIPROCESS_JOB = "udb_job_multiprocess"
SNAPSHOT_JOB = "snapshot_job"
FRESHNESS_JOB = "freshness_job"
DRILL_JOB = "restore_drill_job"
CLEANUP_JOB = "cleanup_job"

FRESH = dg.AssetCheckKey(dg.AssetKey("raw"), "fresh")
DRILLED = dg.AssetCheckKey(dg.AssetKey("restore_drill"), "recent")

_IN_STEP = [dg.AssetCheckKey(spec.asset_key, spec.name) for spec in (*RAW_CHECKS, *PROFILE_CHECKS, KPIS)]
_PATH = dg.AssetSelection.assets(*PATH).without_checks() | dg.AssetSelection.checks(*_IN_STEP)
"""The checks inside the steps belong to the job; ``fresh`` is a step of its own and does not."""


def path_job() -> dg.UnresolvedAssetJobDefinition:
    """All five assets for one source, in one process: a further step costs 0.2 s there, 3 s in its own."""
    return dg.define_asset_job(
        PATH_JOB,
        selection=_PATH,
        executor_def=dg.in_process_executor,
        description="detect → provision → sync → analyze → publish, for one source",
    )


def multiprocess_job() -> dg.UnresolvedAssetJobDefinition:
    """The same with a process per step: for sources so large that memory should be given back in between."""
    return dg.define_asset_job(
        MULTIPROCESS_JOB,
        selection=_PATH,
        executor_def=dg.multiprocess_executor,
        description="udb_job with a process per stage",
    )


def housekeeping_jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """Snapshot, restore drill and freshness; none is partitioned."""
    return [
        dg.define_asset_job(
            SNAPSHOT_JOB,
            selection=dg.AssetSelection.assets("snapshot"),
            executor_def=dg.in_process_executor,
            description="a verified copy of the warehouse",
        ),
        dg.define_asset_job(
            DRILL_JOB,
            selection=dg.AssetSelection.assets("restore_drill"),
            executor_def=dg.in_process_executor,
            description="the newest snapshot restored into a scratch folder and compared",
        ),
        dg.define_asset_job(
            FRESHNESS_JOB,
            selection=dg.AssetSelection.checks(FRESH, DRILLED),
            executor_def=dg.in_process_executor,
            description="which sources are overdue, and the restore drill",
        ),
    ]
