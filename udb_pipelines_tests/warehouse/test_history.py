"""History, datasets, and dropping a source."""

from __future__ import annotations

from udb_pipelines.warehouse import Lake, commit, datasets, drop_source, history, last_state, last_sync, query
from udb_pipelines_tests.warehouse.staging import Stager


def test_history_and_datasets(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    first = commit(any_lake, stage("SELECT 1 AS a"))
    second = commit(any_lake, stage("SELECT range AS a FROM range(2)"))
    other = commit(any_lake, stage("SELECT 1 AS a", source="other"))
    told = history(any_lake, "shop")
    assert [(info.version, info.rows_total, info.job_id) for info in told] == [
        (second.version, 2, second.job_id),
        (first.version, 1, first.job_id),
    ]
    assert told[0].committed_at == second.committed_at
    assert [(info.dataset, info.version) for info in datasets(any_lake)] == [
        ("other", other.version),
        ("shop", second.version),
    ]
    assert [info.dataset for info in datasets(any_lake, as_of=first.version)] == ["shop"]
    assert history(any_lake, "nobody") == ()


def test_a_dropped_source_is_gone_and_can_come_back(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    staged = stage("SELECT 1 AS a", state={"x": 1})
    result = commit(any_lake, staged)
    kept = commit(any_lake, stage("SELECT 5 AS a", source="other"))
    assert drop_source(any_lake, "shop", "dropper") == ("shop",)
    assert [info.dataset for info in datasets(any_lake)] == ["other"]
    assert last_sync(any_lake, "shop") is None
    assert last_state(any_lake, "shop") == {}
    assert last_sync(any_lake, "other") == kept
    assert history(any_lake, "shop")[0].dropped
    assert query(any_lake, "FROM shop", as_of=result.version).rows == ((1,),)
    assert drop_source(any_lake, "shop", "dropper") == ()
    again = commit(any_lake, stage("SELECT 'text' AS other", job_id=staged.job_id))
    assert again.version > kept.version
    assert query(any_lake, "FROM shop").rows == (("text",),)
    assert again.datasets[0].schema_changes == ()
