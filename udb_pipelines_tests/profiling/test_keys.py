"""Key candidates against brute force on small tables."""

from __future__ import annotations

from itertools import combinations

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.profiling import profile_table
from udb_pipelines_tests.profiling.conftest import ProfileSql

rows_of_three = st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=2, max_size=14)


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_of_three)
def test_unique_columns_and_pairs_equal_brute_force(
    connection: duckdb.DuckDBPyConnection, settings: Settings, rows: list[tuple[int, int, int]]
) -> None:
    values = ", ".join(f"('k{a}', 'm{b}', 'o{c}')" for a, b, c in rows)
    profile = profile_table(connection, f"(VALUES {values}) t(a, b, c)", settings)
    columns = dict(zip("abc", zip(*rows, strict=True), strict=True))
    singles = {(name,) for name, held in columns.items() if len(set(held)) == len(rows)}
    pairs = {
        pair
        for pair in combinations("abc", 2)
        if len(set(zip(columns[pair[0]], columns[pair[1]], strict=True))) == len(rows)
        and all(len(set(columns[name])) > 1 for name in pair)
    }
    varied = all(len(set(held)) > 1 for held in columns.values())
    triple = {("a", "b", "c")} if varied and len(set(rows)) == len(rows) else set()
    found = {key.columns for key in profile.keys if key.score == 1}
    assert found == (singles or pairs or triple)


def test_the_score_is_lowered_by_nulls_and_repeats(profile_sql: ProfileSql) -> None:
    profile = profile_sql(
        "SELECT 'id' || i AS id, nullif('n' || i, 'n5') AS gaps, 'r' || i // 2 * 2 AS pairs, "
        "CASE WHEN i = 7 THEN 'x' || 6 ELSE 'x' || i END AS once, i / 7 AS measure FROM range(100) t(i)"
    )
    assert [key.columns for key in profile.keys] == [("id",), ("gaps",), ("once",)]
    scores = {key.columns[0]: key.score for key in profile.keys}
    assert scores == pytest.approx({"id": 1.0, "gaps": 0.99, "once": 0.99})


def test_a_compound_key_of_a_long_table_is_confirmed_over_all_rows(profile_sql: ProfileSql) -> None:
    """The last row repeats a pair, far beyond the rows that are looked at first."""
    sql = "SELECT 'o' || i // 10 AS \"order\", 'l' || i % 10 AS line FROM range(30000) t(i)"
    assert [key.columns for key in profile_sql(sql).keys] == [("order", "line")]
    assert profile_sql(f"{sql} UNION ALL SELECT 'o0', 'l0'").keys == ()
