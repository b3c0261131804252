"""Files merged from several versions: a restore in the midst of them takes the rows of its version, and no other."""

from __future__ import annotations

from udb_pipelines.warehouse import Lake, check, commit, query
from udb_pipelines.warehouse.maintenance import merge
from udb_pipelines.warehouse.restore import restore_to
from udb_pipelines_tests.warehouse.staging import Stager


def test_back_to_a_version_inside_a_merged_file(any_lake: Lake, stage: Stager) -> None:
    versions = []
    for number in range(6):
        rows = f"SELECT range AS id, {number} AS batch FROM range(20)"
        commit(any_lake, stage(rows, sync_mode="full_refresh_append"))
        versions.append(any_lake.current_version())
    assert merge(any_lake, "shop") > 0
    merged = any_lake.current_version()
    batches = "SELECT batch, count(*) FROM shop GROUP BY ALL ORDER BY ALL"
    for last in (3, 1):
        restore_to(any_lake, versions[last])
        expected = tuple((number, 20) for number in range(last + 1))
        assert query(any_lake, batches).rows == expected
        # What is committed next must not bring rows of the timeline left back to light.
        commit(any_lake, stage("SELECT range AS id, 99 AS batch FROM range(20)", sync_mode="full_refresh_append"))
        assert query(any_lake, batches).rows == (*expected, (99, 20))
        assert query(any_lake, batches, versions[0]).rows == ((0, 20),), "history before is as it was"
    assert query(any_lake.at(1), batches).rows == tuple((number, 20) for number in range(6))
    assert restore_to(any_lake, merged).timeline == 4
    assert query(any_lake, batches).rows == tuple((number, 20) for number in range(6))
    assert {item.name: item.detail for item in check(any_lake) if item.status == "fail"} == {}
