"""One table as it was: as one commit, equal to the oracle, and refused when there was no such table."""

from __future__ import annotations

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, drop_source, history, last_sync
from udb_pipelines.warehouse.restore import plan_table, points, restore_table
from udb_pipelines_tests.warehouse.restore.oracle import Oracle, content
from udb_pipelines_tests.warehouse.staging import Stager


def test_the_table_is_as_it_was_and_everything_else_as_it_is(any_lake: Lake) -> None:
    oracle = Oracle(any_lake, seed=11)
    oracle.grow(5)
    last = max(oracle.versions)
    for version in sorted(oracle.versions)[1:3]:
        for name in oracle.versions[version]:
            done = restore_table(any_lake, name, version)
            assert done.version == last + 1
            last += 1
            now = content(any_lake)
            assert now[name] == oracle.versions[version][name]
    assert any_lake.register().current == 1, "no timeline is begun for a table"
    assert points(any_lake)[-1].what.endswith(f"restored from version {version} of timeline 1")


def test_columns_of_then_and_a_table_that_was_dropped(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id, 'x' AS gone"))
    commit(lake, stage("SELECT 2 AS id, 3.5 AS fresh"))
    first = last_sync(lake, "shop").version - 1
    drop_source(lake, "shop", "job")
    planned = plan_table(lake, "shop", first)
    assert (planned.rows, planned.rows_before, planned.version) == (1, None, None)
    restore_table(lake, "shop", first)
    with lake.reader() as connection:
        assert connection.execute("DESCRIBE shop").fetchall()[0][0] == "id"
        assert connection.sql("FROM shop").fetchall() == [(1, "x")]
    assert history(lake, "shop")[0].source == "shop"


def test_refused_when_it_did_not_exist_naming_when_it_did(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id", source="other"))
    commit(lake, stage("SELECT 1 AS id"))
    second = lake.current_version()
    with pytest.raises(UdbError, match=rf"there was from version {second} \(.*\) on") as early:
        restore_table(lake, "shop", second - 1)
    assert early.value.code == "E_VERSION"
    drop_source(lake, "shop", "job")
    with pytest.raises(UdbError, match=rf"from version {second} \(.*\) to {second} "):
        restore_table(lake, "shop", second + 1)
    with pytest.raises(UdbError, match="there never was a table shp") as unknown:
        restore_table(lake, "shp", second)
    assert "other, shop" in unknown.value.remedy
