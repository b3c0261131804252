"""A confirmed key against brute force, and what becomes of it in a profile."""

from __future__ import annotations

import duckdb
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.models import KeyCheck
from udb_pipelines.profiling.confirmed import check_key, key_findings

Cell = str | None
rows_of_two = st.lists(st.tuples(*[st.sampled_from([None, "", " ", "a", "b", "c"])] * 2), min_size=1, max_size=40)


def brute_force(rows: list[tuple[Cell, Cell]]) -> tuple[int, int, int, list[list[int]]]:
    """Empty rows, groups, repeated rows, and the rows of the first groups."""
    groups: dict[tuple[Cell, Cell], list[int]] = {}
    empty = 0
    for number, row in enumerate(rows, 1):
        if any(cell is None or not cell.strip() for cell in row):
            empty += 1
        else:
            groups.setdefault(row, []).append(number)
    several = [found for found in groups.values() if len(found) > 1]
    return empty, len(several), sum(len(found) - 1 for found in several), [found[:10] for found in several[:10]]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_of_two)
def test_duplicates_are_those_of_brute_force(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[Cell, Cell]]
) -> None:
    connection.execute("CREATE OR REPLACE TABLE subject (a VARCHAR, b VARCHAR)")
    connection.executemany("INSERT INTO subject VALUES (?, ?)", rows)
    found = check_key(connection, "subject", ("a", "b"), ())
    empty, groups, repeated, first = brute_force(rows)
    assert (found.empty_rows, found.duplicate_groups, found.duplicate_rows) == (empty, groups, repeated)
    assert [list(group.rows) for group in found.first_groups] == first
    assert [group.values for group in found.first_groups] == [rows[group.rows[0] - 1] for group in found.first_groups]


def test_many_groups_are_counted_and_ten_are_listed(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "(SELECT 'p' || (i % 500) AS person, i % 500 AS number FROM range(15000) t(i))"
    found = check_key(connection, sql, ("person", "number"), {"person"})
    assert (found.rows, found.distinct, found.duplicate_groups, found.duplicate_rows) == (15000, 500, 500, 14500)
    assert len(found.first_groups) == 10
    assert found.first_groups[1].rows == tuple(range(2, 5000, 500))
    assert found.first_groups[1].values == ("A9", "1")
    assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall() == [(0,)]


def check(**changes: object) -> KeyCheck:
    plain = KeyCheck(
        columns=("id",), rows=100, empty_rows=0, distinct=100, duplicate_groups=0, duplicate_rows=0, first_groups=()
    )
    return plain.model_copy(update=changes)


def test_a_key_that_holds_is_no_news() -> None:
    assert key_findings(check(), "t") == ()
    assert key_findings(check(rows=0, distinct=0), "t") == ()


def test_what_breaks_a_key_is_counted_with_its_first_row(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "(SELECT CASE WHEN i = 5 THEN NULL WHEN i = 9 THEN 3 ELSE i END AS id FROM range(100) t(i))"
    (found,) = key_findings(check_key(connection, sql, ("id",), ()), "t")
    assert (found.code, found.count, found.row, found.column, found.pct) == ("E_KEY_DUPLICATE", 2, 6, "id", 2.0)
    assert "1 rows repeat" in found.message


def test_a_key_of_few_values_is_told_apart() -> None:
    codes = [found.code for found in key_findings(check(distinct=20, duplicate_groups=20, duplicate_rows=80), "t")]
    assert codes == ["E_KEY_DUPLICATE", "W_KEY_LOW_CARDINALITY"]
