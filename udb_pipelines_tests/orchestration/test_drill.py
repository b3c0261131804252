"""The restore drill as Dagster runs it: what the asset's page shows, and what its checks say when a backup is bad."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines.orchestration.drill import recency
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines.warehouse.restore.drill import METRIC, last_drills
from udb_pipelines_tests.warehouse.staging import Stager


def run(settings: Settings, instance: dg.DagsterInstance, job: str) -> dg.ExecuteInProcessResult:
    return build_defs(settings).resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)


def check_of(result: dg.ExecuteInProcessResult) -> tuple[bool, dg.AssetCheckSeverity, str]:
    (found,) = [item for item in result.get_asset_check_evaluations() if item.check_name == "restored"]
    return found.passed, found.severity, str(found.description)


def test_a_good_drill_publishes_when_it_was_and_a_bad_one_fails_its_check(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    stage = Stager(settings)
    commit(Lake(settings), stage("SELECT range AS a FROM range(100)"))
    assert run(settings, instance, "snapshot_job").success
    before = time.time()
    good = run(settings, instance, "restore_drill_job")
    assert good.success
    assert check_of(good)[0]
    event = instance.get_latest_materialization_event(dg.AssetKey("restore_drill"))
    assert event is not None and event.asset_materialization is not None
    verified = event.asset_materialization.metadata[METRIC].value
    assert isinstance(verified, float)
    assert before <= verified <= time.time()
    assert recency(Udb(settings), datetime.now(UTC)).passed
    late = recency(Udb(settings), datetime.now(UTC) + timedelta(days=9))
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.WARN)

    (stored,) = Path(settings.snapshots).glob("files/main/shop/*.parquet")
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.unlink()  # it is a link to the warehouse's own file
    stored.write_bytes(content)
    bad = run(settings, instance, "restore_drill_job")
    passed, severity, said = check_of(bad)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "shop" in said
    event = instance.get_latest_materialization_event(dg.AssetKey("restore_drill"))
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.metadata[METRIC].value == verified, "the last that was good"


def test_a_tenant_without_a_snapshot_fails_the_run_and_keeps_no_other_from_its_drill(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    commit(Lake(settings), Stager(settings)("SELECT 1 AS a"))
    acme = TenantRegistry(settings).add("acme")
    commit(Lake(acme), Stager(acme)("SELECT 1 AS a"))
    assert run(settings, instance, "snapshot_job").success
    for manifest in Path(settings.snapshots).glob("snapshots/*/manifest.json"):
        manifest.unlink()
    result = run(settings, instance, "restore_drill_job")
    assert not result.success
    failure = result.failure_data_for_node("restore_drill")
    assert failure is not None and failure.user_failure_data is not None
    assert failure.user_failure_data.metadata["code"].value == "E_SNAPSHOT"
    assert last_drills(acme).verified is not None
    passed, severity, said = check_of(result)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "E_SNAPSHOT" in said


def test_it_runs_by_itself_every_sunday(settings: Settings) -> None:
    schedule = build_defs(settings).resolve_schedule_def("restore_drill_weekly")
    assert (schedule.cron_schedule, schedule.default_status) == ("0 4 * * 0", dg.DefaultScheduleStatus.RUNNING)
    assert schedule.job_name == "restore_drill_job"
