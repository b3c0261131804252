"""Commits that add to what is stored: no row twice, none lost, deletions followed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, last_state, last_sync, query, set_state
from udb_pipelines_tests.warehouse.staging import Stager

APPEND: dict[str, Any] = {"sync_mode": "incremental_append", "cursor": "seen"}
UPSERT: dict[str, Any] = {"sync_mode": "incremental_upsert", "primary_key": ("id",), "cursor": "seen"}


def rows(lake: Lake, sql: str = "FROM shop ORDER BY ALL") -> list[tuple[object, ...]]:
    return list(query(lake, sql).rows)


def values(*given: tuple[object, ...], columns: str = "id, seen, what") -> str:
    listed = ", ".join("(" + ", ".join("NULL" if v is None else repr(v) for v in row) + ")" for row in given)
    return f"SELECT * FROM (VALUES {listed}) t({columns})"


def test_rows_read_again_at_the_cursor_are_not_added_again(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    commit(any_lake, stage(values((1, 10, "a"), (2, 20, "b")), **APPEND))
    result = commit(any_lake, stage(values((2, 20, "b"), (3, 20, "late at the same moment"), (4, 30, "c")), **APPEND))
    assert [row[0] for row in rows(any_lake)] == [1, 2, 3, 4]
    (dataset,) = result.datasets
    assert (dataset.rows_read, dataset.rows_committed, dataset.rows_known, dataset.rows_total) == (3, 3, 1, 4)


def test_a_late_row_behind_the_cursor_is_added(lake: Lake, stage: Stager) -> None:
    commit(lake, stage(values((1, 10, "a"), (2, 20, "b")), **APPEND))
    commit(lake, stage(values((9, 15, "late"), (2, 20, "b")), **APPEND))
    assert [row[0] for row in rows(lake)] == [1, 2, 9]


def test_with_a_key_a_changed_row_is_another_state_of_it(lake: Lake, stage: Stager) -> None:
    append = {**APPEND, "primary_key": ("id",)}
    commit(lake, stage(values((1, 10, "a")), **append))
    commit(lake, stage(values((1, 10, "a, written otherwise"), (1, 20, "b")), **append))
    assert rows(lake) == [(1, 10, "a"), (1, 20, "b")]


def test_equal_rows_stay_as_many_as_the_source_has(lake: Lake, stage: Stager) -> None:
    commit(lake, stage(values((1, 10, "a"), (1, 10, "a")), **APPEND))
    result = commit(lake, stage(values((1, 10, "a"), (1, 10, "a"), (1, 10, "a")), **APPEND))
    assert result.datasets[0].rows_known == 2
    assert rows(lake) == [(1, 10, "a")] * 3


def test_a_row_in_a_renamed_file_and_one_without_cursor_are_the_same_rows(lake: Lake, stage: Stager) -> None:
    columns = "id, seen, what, _udb_file"
    commit(lake, stage(values((1, None, "a", "old.csv"), (2, 20, "b", "old.csv"), columns=columns), **APPEND))
    commit(lake, stage(values((1, None, "a", "new.csv"), (2, 20, "b", "new.csv"), columns=columns), **APPEND))
    assert [row[0] for row in rows(lake)] == [1, 2]


def test_known_rows_are_recognised_while_a_column_changes(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id, 10 AS seen, 7::INTEGER AS n", **APPEND))
    commit(lake, stage("SELECT 1 AS id, 10 AS seen, 7::BIGINT AS n, 'x' AS added", **APPEND))
    assert rows(lake, "SELECT count(*) FROM shop") == [(1,)]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from("ab")), max_size=8), max_size=4)
)
def test_any_sequence_of_overlapping_appends_holds_every_row_as_often_as_its_batch_at_most(
    batches: list[list[tuple[int, int, str]]],
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        given_settings = Settings(home=Path(folder) / "home")
        lake, stage = Lake(given_settings), Stager(given_settings)
        expected: Counter[tuple[object, ...]] = Counter()
        for batch in batches:
            if batch:
                commit(lake, stage(values(*batch), **APPEND))
                # What is stored of a row is what the batch that had it most often held.
                expected |= Counter(batch)
        assert Counter(rows(lake) if expected else []) == expected


def test_nothing_new_is_no_new_version(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    state = {"shop": {"cursor": "20"}}
    first = commit(any_lake, stage(values((1, 10, "a"), (2, 20, "b")), state=state, **UPSERT))
    again = commit(any_lake, stage(values((2, 20, "b")), state=state, **UPSERT))
    assert (again.unchanged, again.version) == (True, first.version)
    assert any_lake.current_version() == first.version
    changed = commit(any_lake, stage(values((2, 20, "b"), (1, 20, "a2")), state=state, **UPSERT))
    assert (changed.unchanged, changed.datasets[0].rows_known) == (False, 1)
    assert rows(any_lake) == [(1, 20, "a2"), (2, 20, "b")]


def test_a_state_that_was_set_is_what_the_next_sync_goes_on_from(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    with pytest.raises(UdbError) as caught:
        set_state(any_lake, "shop", {}, "job")
    assert caught.value.code == "E_STAGE"
    commit(any_lake, stage(values((1, 10, "a")), state={"shop": {"cursor": "10"}}, **UPSERT))
    set_state(any_lake, "shop", {"shop": {"cursor": "5"}}, "job")
    assert last_state(any_lake, "shop") == {"shop": {"cursor": "5"}}
    last = last_sync(any_lake, "shop")
    assert last is not None
    assert (last.fingerprint, last.datasets[0].rows_total) == ("", 1)
    # The sync after it writes its state down even if it finds nothing new.
    assert not commit(any_lake, stage(values((1, 10, "a")), state={"shop": {"cursor": "10"}}, **UPSERT)).unchanged
    assert last_state(any_lake, "shop") == {"shop": {"cursor": "10"}}


def test_tombstones_delete_and_are_not_stored(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    upsert = {**UPSERT, "tombstone": "gone"}
    columns = "id, seen, gone"
    commit(any_lake, stage(values((1, 10, False), (2, 10, False), (3, 10, None), columns=columns), **upsert))
    result = commit(any_lake, stage(values((1, 20, True), (2, 20, False), (8, 20, True), columns=columns), **upsert))
    assert rows(any_lake) == [(2, 20, False), (3, 10, None)]
    (dataset,) = result.datasets
    assert (dataset.rows_committed, dataset.rows_deleted, dataset.rows_total) == (3, 1, 2)


def test_a_tombstone_may_be_the_time_of_the_deletion(lake: Lake, stage: Stager) -> None:
    upsert = {**UPSERT, "tombstone": "deleted_at"}
    query_of = "SELECT {id} AS id, {seen} AS seen, {deleted}::TIMESTAMP AS deleted_at"
    commit(lake, stage(query_of.format(id=1, seen=1, deleted="NULL"), **upsert))
    commit(lake, stage(query_of.format(id=2, seen=1, deleted="NULL"), **upsert))
    commit(lake, stage(query_of.format(id=1, seen=2, deleted="'2024-05-01'"), **upsert))
    assert rows(lake, "SELECT id FROM shop") == [(2,)]


def test_the_last_state_of_a_batch_decides_whether_a_row_lives(lake: Lake, stage: Stager) -> None:
    upsert, columns = {**UPSERT, "tombstone": "gone"}, "id, seen, gone"
    commit(lake, stage(values((1, 30, False), (1, 20, True), (2, 10, False), (2, 40, True), columns=columns), **upsert))
    assert rows(lake) == [(1, 30, False)]


def test_rows_that_the_source_no_longer_holds_are_deleted(any_lake: Lake, tmp_path: Path) -> None:
    stage, keys = Stager(any_lake.settings), tmp_path / "keys.parquet"
    duckdb.sql("SELECT unnest([2, 3, 4]) AS id").write_parquet(str(keys))
    commit(any_lake, stage(values((1, 1, "a"), (2, 1, "b"), (3, 1, "c")), **UPSERT))
    result = commit(any_lake, stage(values((3, 2, "c again"), (4, 2, "d")), keys=keys, **UPSERT))
    assert rows(any_lake) == [(2, 1, "b"), (3, 2, "c again"), (4, 2, "d")]
    assert (result.datasets[0].rows_deleted, result.datasets[0].rows_total) == (1, 3)


def test_deletions_count_while_the_stored_rows_are_rewritten(lake: Lake, stage: Stager) -> None:
    upsert = {**UPSERT, "tombstone": "gone"}
    commit(lake, stage("SELECT range AS id, 1 AS seen, 5::BIGINT AS what, false AS gone FROM range(10)", **upsert))
    result = commit(lake, stage("SELECT 4::BIGINT AS id, 2 AS seen, 'text' AS what, true AS gone", **upsert))
    assert (result.datasets[0].rows_deleted, result.datasets[0].rows_total) == (1, 9)
    assert rows(lake, "SELECT count(*), any_value(typeof(what)) FROM shop") == [(9, "VARCHAR")]
