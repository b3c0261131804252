"""Copies between snapshots, driven by the daemon's sensor."""

from __future__ import annotations

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.snapshots import copying_sensor
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines_tests.warehouse.staging import Stager


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
    down = settings.model_copy(
        update={"snapshot_target": "s3://bucket", "snapshot_endpoint": "http://127.0.0.1:1", "snapshot_copy_seconds": 5}
    )
    commit(Lake(down), Stager(down)("SELECT 1 AS a"))
    result = look(down)
    assert not result.asset_events
    assert not result.run_requests
    assert "s3://bucket" in str(result.skip_reason)
    assert copying_sensor(down).minimum_interval_seconds == 10
