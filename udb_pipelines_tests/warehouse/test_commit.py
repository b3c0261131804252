"""What a commit does to the lake, on both kinds of catalog."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import Severity, UdbError
from udb_pipelines.models import Finding, SourceOptions, StagedSync
from udb_pipelines.warehouse import Lake, commit, last_state, last_sync, query
from udb_pipelines_tests.warehouse.staging import Stager


def rows(
    lake: Lake, sql: str = "FROM shop ORDER BY ALL", as_of: datetime | int | None = None
) -> list[tuple[object, ...]]:
    return list(query(lake, sql, as_of).rows)


def test_nothing_there_is_an_empty_lake(any_lake: Lake) -> None:
    assert any_lake.current_version() == 0
    assert last_sync(any_lake, "shop") is None
    assert last_state(any_lake, "shop") == {}
    assert rows(any_lake, "SHOW TABLES") == []
    assert not any_lake.settings.warehouse.exists()


def test_a_commit_is_read_back_whole(any_lake: Lake) -> None:
    finding = Finding(code="W_BOM", severity=Severity.WARNING, message="a mark", column="a", count=1)
    rejects = any_lake.settings.rejects / "shop" / "x.parquet"
    staged = Stager(any_lake.settings)(
        "SELECT range AS a, 'x' AS b FROM range(3)",
        state={"cursor": "2024-01-01"},
        rows_read=5,
        rows_rejected=2,
        rejects=rejects,
        findings=(finding,),
    )
    result = commit(any_lake, staged)
    assert rows(any_lake) == [(0, "x"), (1, "x"), (2, "x")]
    assert result.version == any_lake.current_version()
    (dataset,) = result.datasets
    assert (dataset.rows_read, dataset.rows_committed, dataset.rows_rejected, dataset.rows_total) == (5, 3, 2, 3)
    assert dataset.rejects == rejects
    assert dataset.findings == (finding,)
    assert [column.original_name for column in dataset.columns] == ["The a", "The b"]
    assert last_sync(any_lake, "shop") == result
    assert last_state(any_lake, "shop") == {"cursor": "2024-01-01"}
    assert not list(any_lake.settings.staging.rglob("*.parquet"))


def test_the_commit_names_its_job(any_lake: Lake) -> None:
    staged = Stager(any_lake.settings)("SELECT 1 AS a")
    version = commit(any_lake, staged).version
    told = rows(any_lake, "SELECT author, commit_message FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 1")
    assert told == [("udb", f"job {staged.job_id} of shop")]
    noted = rows(any_lake, "SELECT snapshot_id, version, job_id FROM udb.commits")
    assert noted == [(version, version, staged.job_id)]


def test_old_versions_stay_readable(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    first = commit(any_lake, stage("SELECT 1 AS a"))
    between = datetime.now(UTC)
    commit(any_lake, stage("SELECT 2 AS a, 'new' AS b"))
    assert rows(any_lake) == [(2, "new")]
    assert rows(any_lake, as_of=first.version) == [(1,)]
    assert rows(any_lake, as_of=between) == [(1,)]
    with pytest.raises(UdbError, match="holds no version 99") as caught:
        rows(any_lake, as_of=99)
    assert caught.value.code == "E_VERSION"
    with pytest.raises(UdbError) as caught:
        rows(any_lake, as_of=between - timedelta(days=1))
    assert caught.value.code == "E_VERSION"


def test_the_same_job_twice_is_one_commit(any_lake: Lake) -> None:
    staged = Stager(any_lake.settings)("SELECT 1 AS a", sync_mode="full_refresh_append")
    first = commit(any_lake, staged)
    assert commit(any_lake, staged) == first
    again = Stager(any_lake.settings)("SELECT 1 AS a", job_id=staged.job_id, sync_mode="full_refresh_append")
    assert commit(any_lake, again) == first
    assert rows(any_lake) == [(1,)]
    assert any_lake.current_version() == first.version


def test_nothing_staged_gives_the_last_result(any_lake: Lake) -> None:
    result = commit(any_lake, Stager(any_lake.settings)("SELECT 1 AS a"))
    nothing = StagedSync(job_id="later", source="shop", fingerprint=result.fingerprint, datasets=())
    assert commit(any_lake, nothing) == result.model_copy(update={"unchanged": True})
    assert any_lake.current_version() == result.version


def test_append_adds_and_follows_new_columns(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    append = {"sync_mode": "incremental_append"}
    commit(any_lake, stage("SELECT 1 AS a, 'x' AS gone", **append))
    result = commit(any_lake, stage("SELECT 2 AS a, DATE '2024-01-01' AS added", **append))
    assert query(any_lake, "FROM shop").columns == ("a", "gone", "added")
    assert rows(any_lake, "SELECT a, gone, added::VARCHAR FROM shop ORDER BY a") == [
        (1, "x", None),
        (2, None, "2024-01-01"),
    ]
    assert [(change.column, change.change) for change in result.datasets[0].schema_changes] == [("added", "added")]
    assert result.datasets[0].rows_total == 2


@pytest.mark.parametrize(
    ("before", "after", "kind", "values"),
    [
        ("1::INTEGER", "5000000000::BIGINT", "BIGINT", ["1", "5000000000"]),
        ("1.5::DECIMAL(4,1)", "1.234::DECIMAL(9,3)", "DECIMAL(9,3)", ["1.234", "1.500"]),
        ("9::BIGINT", "'n/a'", "VARCHAR", ["9", "n/a"]),
        ("'n/a'", "9::BIGINT", "VARCHAR", ["9", "n/a"]),
        ("9::BIGINT", "NULL::VARCHAR", "BIGINT", ["9", None]),
        ("9::BIGINT", "0.5::DOUBLE", "VARCHAR", ["0.5", "9"]),
    ],
)
def test_append_widens_a_type_without_loss(
    lake: Lake, stage: Stager, before: str, after: str, kind: str, values: list[str]
) -> None:
    commit(lake, stage(f"SELECT {before} AS a", sync_mode="incremental_append"))
    result = commit(lake, stage(f"SELECT {after} AS a", sync_mode="incremental_append"))
    assert result.datasets[0].columns[0].type == kind
    assert query(lake, "FROM shop").types == (kind,)
    assert [row[0] for row in rows(lake, "SELECT a::VARCHAR FROM shop ORDER BY ALL")] == values
    assert result.datasets[0].rows_total == 2


def test_upsert_replaces_by_key_and_takes_the_last_of_a_batch(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("id", "part")}
    base = "SELECT range AS id, NULL::INTEGER AS part, 'old' AS b FROM range(50)"
    commit(any_lake, stage(base, **upsert))
    staged = stage(
        "SELECT * FROM (VALUES (1, NULL, 'first'), (2, 7, 'other key')) t(id, part, b)",
        "SELECT * FROM (VALUES (1, NULL, 'last'), (99, NULL, 'new')) t(id, part, b)",
        **upsert,
    )
    result = commit(any_lake, staged)
    assert rows(any_lake, "SELECT id, part, b FROM shop WHERE b <> 'old' ORDER BY id") == [
        (1, None, "last"),
        (2, 7, "other key"),
        (99, None, "new"),
    ]
    (dataset,) = result.datasets
    assert (dataset.rows_committed, dataset.rows_superseded, dataset.rows_total) == (4, 1, 52)
    assert rows(any_lake, "SELECT count(*) FROM shop") == [(52,)]


def test_upsert_prefers_the_greatest_cursor(lake: Lake, stage: Stager) -> None:
    commit(
        lake,
        stage(
            "SELECT * FROM (VALUES (1, 9, 'late'), (1, 3, 'early')) t(id, seen, b)",
            sync_mode="incremental_upsert",
            primary_key=("id",),
            cursor="seen",
        ),
    )
    assert rows(lake) == [(1, 9, "late")]


def test_upsert_while_a_column_becomes_text(lake: Lake, stage: Stager) -> None:
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("id",)}
    commit(lake, stage("SELECT range AS id, 1::BIGINT AS b FROM range(30)", **upsert))
    result = commit(lake, stage("SELECT 3::BIGINT AS id, 'text' AS b", **upsert))
    assert result.datasets[0].rows_total == 30
    assert rows(lake, "SELECT count(*), count(DISTINCT id), count(*) FILTER (b = 'text') FROM shop") == [(30, 30, 1)]


def test_big_upsert_writes_and_keeps_deletions(lake: Lake, stage: Stager) -> None:
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("id",)}
    commit(lake, stage("SELECT range AS id, 0 AS b FROM range(1000)", **upsert))
    result = commit(lake, stage("SELECT range * 2 AS id, 1 AS b FROM range(400)", **upsert))
    assert result.datasets[0].rows_total == 1000
    assert rows(lake, "SELECT count(*), sum(b) FROM shop") == [(1000, 400)]


@pytest.mark.parametrize("wrong", [{"rows_read": 4}, {"rows_staged": 2}, {"rows_rejected": 1}])
def test_rows_unaccounted_for_stop_the_commit(lake: Lake, stage: Stager, wrong: dict[str, int]) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    with pytest.raises(UdbError) as caught:
        commit(lake, stage("SELECT range AS a FROM range(3)", **wrong))
    assert caught.value.code == "E_COUNT_MISMATCH"
    assert rows(lake) == [(1,)]


def test_green_but_empty_fails_unless_allowed(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    empty = "SELECT 1 AS a WHERE false"
    first = commit(any_lake, stage(empty))
    assert [finding.code for finding in first.datasets[0].findings] == ["W_NO_ROWS"]
    commit(any_lake, stage("SELECT 1 AS a"))
    refused = stage(empty)
    with pytest.raises(UdbError, match="had 1 rows and would have none") as caught:
        commit(any_lake, refused)
    assert caught.value.code == "E_EMPTY"
    assert rows(any_lake) == [(1,)]
    assert refused.datasets[0].parquet[0].exists(), "a refused commit gives the staged files back"
    allowed = commit(any_lake, stage(empty, options=SourceOptions(allow_empty=True)))
    assert (allowed.datasets[0].rows_total, rows(any_lake)) == (0, [])


def test_an_append_of_nothing_is_no_loss(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS a", sync_mode="incremental_append"))
    result = commit(lake, stage("SELECT 1 AS a WHERE false", sync_mode="incremental_append"))
    assert (result.datasets[0].rows_total, result.datasets[0].findings) == (1, ())


@pytest.mark.parametrize("mode", ["full_refresh_overwrite", "incremental_append"])
def test_freeze_keeps_the_columns(lake: Lake, stage: Stager, mode: str) -> None:
    freeze = {"options": SourceOptions(on_schema_change="freeze"), "sync_mode": mode}
    commit(lake, stage("SELECT 1::BIGINT AS a, 'x' AS b", **freeze))
    result = commit(lake, stage("SELECT 2::INTEGER AS a, 'ignored' AS new", **freeze))
    assert query(lake, "FROM shop").columns == ("a", "b")
    assert result.datasets[0].schema_changes == ()
    assert rows(lake)[-1] == (2, None)
    with pytest.raises(UdbError, match="a: BIGINT became VARCHAR") as caught:
        commit(lake, stage("SELECT 'text' AS a", **freeze))
    assert caught.value.code == "E_SCHEMA_CHANGE"


def test_fail_lists_every_change(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1::BIGINT AS a, 'x' AS b"))
    with pytest.raises(
        UdbError, match=r"a: BIGINT became VARCHAR; b: removed \(was VARCHAR\); c: added \(INTEGER\)"
    ) as caught:
        commit(lake, stage("SELECT 'x' AS a, 1 AS c", options=SourceOptions(on_schema_change="fail")))
    assert caught.value.code == "E_SCHEMA_CHANGE"
    assert rows(lake) == [(1, "x")]


def test_several_datasets_are_one_version_or_none(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    staged = stage("SELECT 1 AS a", dataset="shop__one")
    more = stage.dataset(staged.job_id, "SELECT 2 AS a", dataset="shop__two")
    result = commit(any_lake, staged.model_copy(update={"datasets": (*staged.datasets, more)}))
    assert {dataset.version for dataset in result.datasets} == {result.version}
    staged = stage("SELECT 10 AS a", dataset="shop__one")
    broken = stage.dataset(staged.job_id, "SELECT 20 AS a WHERE false", dataset="shop__two")
    with pytest.raises(UdbError):
        commit(any_lake, staged.model_copy(update={"datasets": (*staged.datasets, broken)}))
    assert rows(any_lake, "FROM shop__one UNION ALL FROM shop__two ORDER BY ALL") == [(1,), (2,)]


def test_unusual_names_and_types_survive(any_lake: Lake) -> None:
    query_text = (
        "SELECT 1 AS \"a \"\"b\", 'it''s' AS \"select\", [1, 2] AS l, {'q': 1} AS s, "
        "TIMESTAMPTZ '2024-01-01 00:00:00Z' AS tz, 1.50::DECIMAL(9,2) AS m, true AS bo, 'a'::BLOB AS bl, "
        "UUID '7116a11b-b8d8-4551-9ca9-f9b8f71108fe' AS u"
    )
    expected = duckdb.connect().execute(f"SET TimeZone='UTC'; {query_text}").fetchall()
    commit(any_lake, Stager(any_lake.settings)(query_text))
    assert rows(any_lake, "FROM shop") == expected


def test_staged_files_that_are_gone_are_told(lake: Lake, stage: Stager) -> None:
    staged = stage("SELECT 1 AS a")
    staged.datasets[0].parquet[0].unlink()
    with pytest.raises(UdbError) as caught:
        commit(lake, staged)
    assert caught.value.code == "E_VANISHED"


def test_the_warehouse_can_be_moved(lake: Lake, stage: Stager, tmp_path: Path) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    moved = tmp_path / "elsewhere"
    lake.settings.home.rename(moved)
    there = Lake(Settings(home=moved))
    assert rows(there) == [(1,)]
    commit(there, Stager(there.settings)("SELECT 2 AS a", sync_mode="incremental_append"))
    assert rows(there) == [(1,), (2,)]


def test_a_damaged_catalog_is_told_without_a_trace(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    for file in lake.settings.warehouse.glob("lake.sqlite*"):
        file.write_bytes(b"not a database" * 100)
    with pytest.raises(UdbError) as caught:
        rows(lake)
    assert caught.value.code == "E_WAREHOUSE"
