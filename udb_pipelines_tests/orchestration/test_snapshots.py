"""Copies between snapshots, driven by the daemon's sensor."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.orchestration import build, snapshots
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.snapshots import copying_sensor
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines_tests.warehouse.staging import Stager


def unreachable(settings: Settings) -> Settings:
    """The same with a target where nobody listens."""
    changes = {
        "snapshot_target": "s3://bucket",
        "snapshot_endpoint": "http://127.0.0.1:1",
        "snapshot_access_key": SecretStr("key"),
        "snapshot_secret_key": SecretStr("planted-secret"),
        "snapshot_copy_seconds": 5,
    }
    return settings.model_copy(update=changes)


def look(settings: Settings) -> dg.SensorResult:
    result = copying_sensor(settings)(dg.build_sensor_context(), udb=Udb(settings))
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_sensor_copies_what_changed_and_shows_it(settings: Settings) -> None:
    commit(Lake(settings), Stager(settings)("SELECT 1 AS a"))
    first = look(settings)
    (event,) = first.asset_events
    assert event.asset_key == dg.AssetKey("warehouse_copy")
    assert event.metadata["files"].value == 1
    again = look(settings)
    assert (again.asset_events, "version 2 is in" in str(again.skip_reason)) == ([], True)


def test_a_target_that_is_down_is_a_reason_and_no_failure(settings: Settings) -> None:
    down = unreachable(settings)
    commit(Lake(down), Stager(down)("SELECT 1 AS a"))
    result = look(down)
    assert not result.asset_events
    assert not result.run_requests
    assert "s3://bucket" in str(result.skip_reason)
    assert copying_sensor(down).minimum_interval_seconds == 10


def test_a_night_before_the_first_commit_is_no_failure(settings: Settings, instance: dg.DagsterInstance) -> None:
    result = build_defs(settings).resolve_job_def("snapshot_job").execute_in_process(instance=instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("snapshot")
    assert "nothing was committed" in str(event.metadata["note"].value)
    assert not Path(settings.snapshots).exists()


def test_a_snapshot_that_fails_is_a_failed_run_with_code_and_remedy(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    down = unreachable(settings)
    commit(Lake(down), Stager(down)("SELECT 1 AS a"))
    job = build_defs(down).resolve_job_def("snapshot_job")
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    failure = result.failure_data_for_node("snapshot")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.metadata["code"].value == "E_TARGET_DOWN"


def test_the_nightly_snapshot_of_every_tenant_is_made(settings: Settings, instance: dg.DagsterInstance) -> None:
    acme = TenantRegistry(settings).add("acme")
    for own in (settings, acme):
        commit(Lake(own), Stager(own)("SELECT 1 AS a"))
    (settings.home / "tenants" / "Not a tenant").mkdir()
    (settings.home / "control.sqlite").write_bytes(b"this is no database" * 1000)
    result = build_defs(settings).resolve_job_def("snapshot_job").execute_in_process(instance=instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("snapshot")
    assert str(event.metadata["lacks"].value).count("are missing in it") == 2
    for own in (settings, acme):
        assert len(list(Path(own.snapshots).glob("snapshots/*/manifest.json"))) == 1


def test_an_address_of_the_control_database_that_is_not_understood_stops_no_snapshot(settings: Settings) -> None:
    commit(Lake(settings), Stager(settings)("SELECT 1 AS a"))
    wrong = settings.model_copy(update={"control_url": SecretStr("nonsense://somewhere/control")})
    assert build._source_schedules(wrong) == []
    (outcome,) = (snapshots._of(own) for own in Udb(wrong).tenants())
    assert outcome is not None
    assert (outcome.problems, outcome.pruned) == ((), None), "without the register a hold might be broken"
