"""Every definition, assembled. Reads settings and the register of sources; opens no network, runs nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg

from udb_pipelines.config import Settings, load_settings
from udb_pipelines.errors import UdbError
from udb_pipelines.orchestration import jobs
from udb_pipelines.orchestration.assets import path_assets
from udb_pipelines.orchestration.io_manager import WarehouseIOManager
from udb_pipelines.orchestration.partitions import key_of
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.stage_io import StageIOManager

QUIET = "quiet"
"""The logger that a command's run configuration asks for; without asking, Dagster takes its console logger."""


def resources(settings: Settings) -> dict[str, Any]:
    """What assets ask for: ``udb``, the IO manager ``stages``, and ``warehouse`` for everybody's tables."""
    udb = Udb(settings)
    return {"udb": udb, "stages": StageIOManager(udb), "warehouse": WarehouseIOManager(udb)}


def _silent(_: dg.InitLoggerContext) -> logging.Logger:
    """Instead of Dagster's console logger, which would write a line per event to the command's stderr."""
    quiet = logging.getLogger("udb.dagster.silent")
    quiet.propagate = False
    quiet.addHandler(logging.NullHandler())
    return quiet


def job_in_process(settings: Settings, source: str) -> dg.JobDefinition:
    """The path for one source, without pools, for a job that runs inside a command; see :func:`path_assets`."""
    key = key_of(settings.tenant, source)
    definitions = dg.Definitions(
        assets=path_assets(pooled=False, partitions=dg.StaticPartitionsDefinition([key])),
        resources=resources(settings),
        jobs=[jobs.path_job()],
        loggers={QUIET: dg.LoggerDefinition(_silent)},
    )
    return definitions.resolve_job_def(jobs.PATH_JOB)


def build_defs(
    settings: Settings | None = None, resource_overrides: Mapping[str, object] | None = None
) -> dg.Definitions:
    """What Dagster loads.

    Args:
        settings: the environment's when absent.
        resource_overrides: resources to use instead of ours, for tests and for code locations of others.

    Raises:
        UdbError: ``E_CONFIG``.
    """
    from udb_pipelines.operations import logging as our_logging
    from udb_pipelines.operations import tracing
    from udb_pipelines.orchestration import schedules, sensors
    from udb_pipelines.orchestration.checks import fresh
    from udb_pipelines.orchestration.cleanup import cleanup_job
    from udb_pipelines.orchestration.drill import drill_asset, recent
    from udb_pipelines.orchestration.snapshots import copying_sensor, snapshot_asset

    chosen = settings or load_settings()
    our_logging.configure(chosen)
    tracing.configure(chosen)
    _apply_sources_file(chosen)
    return dg.Definitions(
        assets=[*path_assets(pooled=True), snapshot_asset(), drill_asset()],
        asset_checks=[fresh, recent],
        resources={**resources(chosen), **_airbyte(chosen), **(resource_overrides or {})},
        jobs=[jobs.path_job(), jobs.multiprocess_job(), *jobs.housekeeping_jobs(), cleanup_job],
        sensors=[*sensors.SENSORS, copying_sensor(chosen)],
        schedules=[*schedules.fixed_schedules(), *_source_schedules(chosen)],
    )


def _airbyte(settings: Settings) -> dict[str, object]:
    """The resource ``airbyte``; its library is imported only where a server is named."""
    if settings.airbyte_url is None:
        return {}
    from udb_pipelines.orchestration.airbyte import airbyte_resources

    return airbyte_resources(settings)


def _apply_sources_file(settings: Settings) -> None:
    """Register what ``UDB_SOURCES_FILE`` names. A mistake in it changes nothing: what was registered runs on."""
    if settings.sources_file is None:
        return
    from udb_pipelines.control import sources_file
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.operations.logging import get_logger

    try:
        sources_file.apply(SourceRegistry(settings), sources_file.load(settings.sources_file))
    except UdbError as error:
        get_logger().error(
            "sources_file.refused", message=f"{settings.sources_file.name}, {error.message}: sources stay as they were",
            code=error.code, remedy="correct it (udb doctor tells the mistake), then reload the code location",
        )  # fmt: skip


def _source_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    from udb_pipelines.control.database import UNREACHABLE
    from udb_pipelines.operations.logging import get_logger
    from udb_pipelines.orchestration.schedules import source_schedules

    try:
        return [
            schedule
            for own in Udb(settings).tenants()
            for schedule in source_schedules(own.registry.list(), own.settings.tenant)
        ]
    except UdbError as error:
        if error.code not in UNREACHABLE:
            raise
        # Snapshots, copies and reports need no register, and are wanted most when something is broken.
        get_logger().error(
            "schedules.missing", message=f"{error.message}: no source has its schedule", code=error.code,
            remedy="mend the control database, then reload the code location",
        )  # fmt: skip
        return []
