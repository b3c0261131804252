"""What changed between two versions, against differences computed in plain Python."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import SourceOptions
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines.warehouse.compare import TableDiff, compare
from udb_pipelines_tests.warehouse.staging import Stager

Row = tuple[int, int | None, str | None]
ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.none() | st.integers(0, 2), st.none() | st.sampled_from(["x", "y"])), max_size=8
)


def committed(lake: Lake, rows: list[Row]) -> int:
    values = (
        ", ".join(
            f"({number}, {'NULL' if a is None else a}, {'NULL' if b is None else repr(b)})" for number, a, b in rows
        )
        or "(NULL, NULL, NULL)"
    )
    where = "" if rows else "WHERE false"
    staged = Stager(lake.settings)(
        f"SELECT id::BIGINT AS id, a::BIGINT AS a, b::VARCHAR AS b FROM (VALUES {values}) AS t(id, a, b) {where}",
        options=SourceOptions(allow_empty=True),
    )
    return commit(lake, staged).version


def by_key(before: list[Row], after: list[Row]) -> tuple[int, int, int, dict[str, int]]:
    """The oracle: rows are matched by their first value."""
    old, new = {row[0]: row for row in before}, {row[0]: row for row in after}
    columns: Counter[str] = Counter()
    changed = 0
    for number in old.keys() & new.keys():
        differing = [name for name, left, right in zip("?ab", old[number], new[number], strict=True) if left != right]
        columns.update(differing)
        changed += bool(differing)
    return len(new.keys() - old.keys()), len(old.keys() - new.keys()), changed, dict(columns)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """One lake for all examples: each commits two versions more."""
    return Lake(Settings(home=tmp_path_factory.mktemp("compare"), threads=1))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=ROWS, after=ROWS)
def test_equals_plain_python(shared: Lake, before: list[Row], after: list[Row]) -> None:
    old, new = committed(shared, before), committed(shared, after)
    with compare(shared, "shop", old, new) as difference:
        found = difference.summary
    assert found.key == ()
    assert (found.added, found.removed) == (
        (Counter(after) - Counter(before)).total(),
        (Counter(before) - Counter(after)).total(),
    )
    if len({row[0] for row in before}) < len(before) or len({row[0] for row in after}) < len(after):
        with pytest.raises(UdbError, match="does not identify"), compare(shared, "shop", old, new, key=("id",)):
            pass
        return
    with compare(shared, "shop", old, new, known_keys=[("nothing",), ("a", "nothing"), ("id",)]) as difference:
        found = difference.summary
    assert found.key == ("id",)
    assert (found.added, found.removed, found.changed, found.changed_columns) == by_key(before, after)
    assert (found.rows_before, found.rows_after) == (len(before), len(after))


def test_rows_before_and_after_and_files(lake: Lake, tmp_path: Path) -> None:
    old = committed(lake, [(1, 1, "x"), (2, 2, "y"), (3, None, None)])
    committed(lake, [(1, 1, "x"), (2, 5, "y"), (4, 4, None)])
    with compare(lake, "shop", old, key=("id",)) as difference:
        rows = difference.rows(10)
        for name in ("changes.parquet", "changes.csv"):
            difference.write(tmp_path / name)
        with pytest.raises(UdbError, match=r"neither .parquet nor .csv"):
            difference.write(tmp_path / "changes.xlsx")
    assert sorted(row[0] for row in rows) == ["added", "changed", "removed"]
    changed = next(row for row in rows if row[0] == "changed")
    assert changed[1:] == (("a",), {"id": 2, "a": 2, "b": "y"}, {"id": 2, "a": 5, "b": "y"})
    with duckdb.connect() as connection:
        for name in ("changes.parquet", "changes.csv"):
            answer = connection.sql(f"SELECT change FROM '{tmp_path / name}' ORDER BY change").fetchall()
            assert answer == [("added",), ("changed",), ("removed",)]


def test_columns_that_came_went_or_took_another_type(lake: Lake, stage: Stager) -> None:
    old = commit(lake, stage("SELECT range AS id, range AS n, 'x' AS gone FROM range(3)")).version
    commit(lake, stage("SELECT range AS id, (range % 2)::VARCHAR AS n, 1 AS fresh FROM range(3)"))
    with compare(lake, "shop", old, key=("id",)) as difference:
        found: TableDiff = difference.summary
    assert {(item.column, item.change) for item in found.schema_changes} == {
        ("n", "retyped"), ("gone", "removed"), ("fresh", "added")
    }  # fmt: skip
    assert (found.added, found.removed, found.changed, found.changed_columns) == (0, 0, 1, {"n": 1})


def test_a_table_or_version_that_is_not_there(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    with pytest.raises(UdbError, match="version 1 has no table shop"), compare(lake, "shop", 1):
        pass
    with pytest.raises(UdbError, match="no version 77"), compare(lake, "shop", 77):
        pass
    with pytest.raises(UdbError, match="does not have the column x") as unknown, compare(lake, "shop", 2, key=("x",)):
        pass
    assert unknown.value.remedy == "both have: id"
