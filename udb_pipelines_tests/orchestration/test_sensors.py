"""Sensors and schedules as the daemon evaluates them."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.models import Source, SourceOptions
from udb_pipelines.orchestration import pools, schedules, sensors
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines.orchestration.partitions import register, registered
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines.warehouse.snapshots import list_snapshots
from udb_pipelines.warehouse.targets import open_target
from udb_pipelines_tests.orchestration.conftest import GOOD, JAGGED, add_source, run_job
from udb_pipelines_tests.warehouse.staging import Stager


def tick(
    settings: Settings, instance: dg.DagsterInstance, sensor: dg.SensorDefinition, cursor: str | None = None
) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"udb": Udb(settings)})
    result = sensor(context)
    return result if isinstance(result, dg.SensorResult) else dg.SensorResult(skip_reason=result)


def requests_of(result: dg.SensorResult) -> list[dg.RunRequest]:
    return list(result.run_requests or ())


def test_the_landing_sensor_registers_asks_once_and_remembers(tmp_path: Path, instance: dg.DagsterInstance):
    settings = Settings(home=tmp_path / "home", landing_quiet_seconds=0.05)
    first = tick(settings, instance, sensors.landing_sensor)
    assert settings.landing_folder.is_dir()
    path = settings.landing_folder / "Orders.csv"
    path.write_text(GOOD)
    seen = tick(settings, instance, sensors.landing_sensor, first.cursor)
    assert requests_of(seen) == []
    time.sleep(0.1)
    taken = tick(settings, instance, sensors.landing_sensor, seen.cursor)
    (request,) = requests_of(taken)
    assert request.partition_key == "orders"
    assert [added.partition_keys for added in taken.dynamic_partitions_requests or ()] == [["orders"]]
    assert SourceRegistry(settings).get("orders").uri == str(path)
    time.sleep(0.1)
    assert requests_of(tick(settings, instance, sensors.landing_sensor, taken.cursor)) == []


def test_a_file_that_is_a_source_already_keeps_its_name_and_options(tmp_path: Path, instance: dg.DagsterInstance):
    settings = Settings(home=tmp_path / "home", landing_quiet_seconds=0)
    settings.landing_folder.mkdir(parents=True)
    path = settings.landing_folder / "data.csv"
    path.write_text(GOOD)
    add_source(settings, "customers", path, max_reject_pct=7)
    (request,) = requests_of(tick(settings, instance, sensors.landing_sensor))
    assert request.partition_key == "customers"
    assert [source.name for source in SourceRegistry(settings).list()] == ["customers"]


def test_retention_asks_once_a_day_and_the_job_removes(settings: Settings, instance: dg.DagsterInstance):
    assert requests_of(tick(settings, instance, sensors.retention_sensor)) == []
    old = settings.staging / "dead-job"
    old.mkdir(parents=True)
    (old / "part.parquet").write_bytes(b"x" * 100)
    long_ago = time.time() - 3 * 86_400
    for path in (old / "part.parquet", old):
        os.utime(path, (long_ago, long_ago))
    asked = [requests_of(tick(settings, instance, sensors.retention_sensor)) for _ in range(2)]
    keys = [request.run_key for requests in asked for request in requests]
    assert len(keys) == 2 and len(set(keys)) == 1, "Dagster runs a key once"
    job = build_defs(settings).resolve_job_def("cleanup_job")
    assert job.execute_in_process(instance=instance).success
    assert not old.exists() and settings.staging.is_dir()
    assert requests_of(tick(settings, instance, sensors.retention_sensor)) == []


def test_a_tenant_whose_warehouse_is_damaged_keeps_no_other_from_being_cleaned(
    settings: Settings, instance: dg.DagsterInstance
):
    tenants = [TenantRegistry(settings).add(name) for name in ("acme", "beta")]
    for own in (settings, *tenants):
        commit(Lake(own), Stager(own)("SELECT 1 AS a"))
    long_ago = time.time() - 3 * 86_400
    dead = [own.staging / "dead-job" for own in (settings, *tenants)]
    for folder in dead:
        folder.mkdir(parents=True)
        os.utime(folder, (long_ago, long_ago))
    broken = Lake(settings), Lake(tenants[0])
    for lake in broken:
        lake.catalog.file.write_bytes(b"this is no database" * 1000)
    result = build_defs(settings).resolve_job_def("cleanup_job").execute_in_process(
        instance=instance, raise_on_error=False
    )  # fmt: skip
    assert not result.success
    failure = result.failure_data_for_node("clean_up")
    assert failure is not None and failure.user_failure_data is not None
    assert "default: " in str(failure.user_failure_data.description)
    assert "acme: " in str(failure.user_failure_data.description)
    assert failure.user_failure_data.metadata["removed"].value == 1
    assert not dead[2].exists()


def test_housekeeping_keeps_partitions_in_step_with_sources(
    settings: Settings, people: Path, instance: dg.DagsterInstance
):
    register(instance, ["gone"])
    requests = tick(settings, instance, sensors.housekeeping_sensor).dynamic_partitions_requests or ()
    assert {type(request).__name__: list(request.partition_keys) for request in requests} == {
        "AddDynamicPartitionsRequest": ["people"],
        "DeleteDynamicPartitionsRequest": ["gone"],
    }


def test_slots_of_absent_and_finished_runs_are_freed(settings: Settings, people: Path, instance: dg.DagsterInstance):
    pools.set_limits(instance, settings)
    storage = instance.event_log_storage
    finished = run_job(settings, instance, "people").run_id
    for run_id in ("no-such-run", finished):
        storage.claim_concurrency_slot(pools.WRITER, run_id, "raw")
    assert pools.reap(instance) == tuple(sorted({"no-such-run", finished}))
    assert storage.claim_concurrency_slot(pools.WRITER, "next", "raw").is_claimed


def test_a_slot_of_a_running_run_is_left_alone(settings: Settings, instance: dg.DagsterInstance):
    pools.set_limits(instance, settings)
    job = build_defs(settings).resolve_job_def("udb_job")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    instance.event_log_storage.claim_concurrency_slot(pools.WRITER, run.run_id, "raw")
    assert pools.reap(instance) == ()
    assert not instance.event_log_storage.claim_concurrency_slot(pools.WRITER, "next", "raw").is_claimed


def test_an_alert_has_code_and_remedy_and_no_value(settings: Settings, people: Path, instance: dg.DagsterInstance):
    people.write_text(JAGGED.replace("surplus", "PLANTED-7731"))
    failed = run_job(settings, instance, "people")
    run = instance.get_run_by_id(failed.run_id)
    assert run is not None
    sensors.alert(instance, run, settings)
    text = (settings.home / "alerts.jsonl").read_text()
    entry = json.loads(text)
    assert (entry["event"], entry["code"], entry["stage"], entry["source"]) == (
        "job.failed",
        "E_REJECTS",
        "sync",
        "people",
    )
    assert entry["remedy"]
    assert "PLANTED" not in text


def source(name: str, **options: object) -> Source:
    return Source(name=name, uri="/x", options=SourceOptions.model_validate(options), created_at=datetime.now(UTC))


def test_every_source_with_a_cron_has_its_schedule(settings: Settings):
    made = schedules.source_schedules(
        [source("a", schedule="5 4 * * *"), source("b"), source("c", schedule="not cron")]
    )
    assert [(schedule.name, schedule.cron_schedule) for schedule in made] == [("source_a", "5 4 * * *")]
    moment = datetime(2026, 1, 2, 4, 5, tzinfo=UTC)
    with dg.instance_for_test() as persistent:
        register(persistent, ["a"])
        context = dg.build_schedule_context(
            instance=persistent,
            scheduled_execution_time=moment,
            repository_def=build_defs(settings).get_repository_def(),
        )
        (request,) = made[0].evaluate_tick(context).run_requests or ()
    assert (request.partition_key, request.run_key) == ("a", moment.isoformat())


def test_freshness_has_a_limit_per_source(settings: Settings, people: Path, instance: dg.DagsterInstance):
    from datetime import timedelta

    from udb_pipelines.orchestration.checks import freshness

    add_source(settings, "people", people, freshness_hours=2)
    assert run_job(settings, instance, "people").success
    assert freshness(Udb(settings), datetime.now(UTC)).passed
    late = freshness(Udb(settings), datetime.now(UTC) + timedelta(hours=3))
    assert not late.passed
    assert late.severity is dg.AssetCheckSeverity.WARN
    assert late.description == "late: people"


def test_the_snapshot_job_copies_and_verifies(settings: Settings, people: Path, instance: dg.DagsterInstance):
    assert run_job(settings, instance, "people").success
    job = build_defs(settings).resolve_job_def("snapshot_job")
    result = job.execute_in_process(instance=instance)
    assert result.success
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.check_name, evaluation.passed) == ("verified", True)
    (event,) = result.asset_materializations_for_node("snapshot")
    target = open_target(settings.snapshots, settings)
    assert [item.id for item in list_snapshots(target)] == [event.metadata["id"].value]
    assert event.metadata["dagster/row_count"].value == 3
    assert (event.metadata["files_copied"].value, event.metadata["files_shared"].value) == (1, 0)
    assert "| people | 2 | 3 |" in str(event.metadata["tables"].value)
    assert {"people"} == registered(instance)


@pytest.mark.parametrize("schedule", schedules.fixed_schedules(), ids=lambda schedule: schedule.name)
def test_fixed_schedules_name_jobs_that_exist(settings: Settings, schedule: dg.ScheduleDefinition):
    assert build_defs(settings).resolve_job_def(schedule.job_name)
