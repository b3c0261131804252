"""Pairs of columns against SciPy, dependencies against brute force, and the sufficiency score."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from udb_pipelines.config import Settings
from udb_pipelines.models import Profile
from udb_pipelines.profiling import association, pairs, profile_table
from udb_pipelines.profiling.sufficiency import sufficiency
from udb_pipelines_tests.profiling.conftest import ProfileSql

MIXED = """
SELECT i AS id, sin(i) AS wave, i * i % 97 AS square, CASE WHEN i % 7 <> 0 THEN sqrt(i) + cos(i) END AS root,
    ['red', 'green', 'blue'][1 + i % 3] AS colour,
    CASE WHEN i % 5 <> 0 THEN ['s', 'm', 'l', 'xl'][1 + i * i % 4] END AS size,
    CASE WHEN i % 35 <> 0 THEN 'x' || i % 2 END AS flag, CASE WHEN i % 2 = 0 THEN ' ' ELSE 'text ' || i END AS note,
    (i % 211)::VARCHAR AS text_number
FROM range(1, 2001) t(i)
"""


def by_method(profile: Profile, method: str) -> dict[tuple[str, str], tuple[float, int]]:
    return {(p.left, p.right): (p.value, p.rows) for p in profile.pairs if p.method == method}


def arrays(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> tuple[np.ndarray, np.ndarray]:
    rows = connection.execute(f"SELECT {left}, {right} FROM subject WHERE {left} || {right} IS NOT NULL").fetchall()
    a, b = zip(*rows, strict=True)
    return np.array(a), np.array(b)


def test_numbers_correlate_as_scipy_says(profile_sql: ProfileSql, connection: duckdb.DuckDBPyConnection) -> None:
    profile = profile_sql(MIXED)
    pearson, spearman = by_method(profile, "pearson"), by_method(profile, "spearman")
    assert pearson.keys() == spearman.keys()
    assert len(pearson) == 10
    for (left, right), (value, rows) in pearson.items():
        a, b = (array.astype(float) for array in arrays(connection, left, right))
        assert rows == len(a)
        assert value == pytest.approx(scipy_stats.pearsonr(a, b).statistic, rel=1e-9, abs=1e-11)
        assert spearman[left, right][0] == pytest.approx(scipy_stats.spearmanr(a, b).statistic, rel=1e-9, abs=1e-11)


def test_codes_are_associated_as_scipy_says(profile_sql: ProfileSql, connection: duckdb.DuckDBPyConnection) -> None:
    found = by_method(profile_sql(MIXED), "cramers_v")
    assert {name for pair in found for name in pair} == {"colour", "size", "flag"}
    for (left, right), (value, rows) in found.items():
        a, b = arrays(connection, left, right)
        table = scipy_stats.contingency.crosstab(a, b).count
        assert rows == table.sum()
        assert value == pytest.approx(scipy_stats.contingency.association(table, method="cramer"), abs=1e-9)


def test_codes_of_which_too_many_combinations_occur_are_counted_pair_by_pair(
    profile_sql: ProfileSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = by_method(profile_sql(MIXED), "cramers_v")
    monkeypatch.setattr(association, "MOST_EXPANDED", 1)
    assert by_method(profile_sql(MIXED), "cramers_v") == together


def test_gaps_of_more_columns_than_a_number_has_bits(profile_sql: ProfileSql) -> None:
    gaps = ", ".join(f"CASE WHEN hash(i * 70 + {c}) % 3 = 0 THEN 1 END AS c{c}" for c in range(69))
    found = by_method(profile_sql(f"SELECT {gaps}, c68 AS c69 FROM range(200) t(i)"), "nullity")
    assert found["c68", "c69"] == (1.0, 200)
    assert sum(value == 1 for value, _ in found.values()) == 1


def test_columns_that_are_empty_together(profile_sql: ProfileSql, connection: duckdb.DuckDBPyConnection) -> None:
    found = by_method(profile_sql(MIXED), "nullity")
    frame = connection.execute(
        "SELECT root IS NULL, size IS NULL, flag IS NULL, trim(note) = '' FROM subject"
    ).fetchnumpy()
    empty = dict(zip(("root", "size", "flag", "note"), frame.values(), strict=True))
    assert len(found) == 6
    for (left, right), (value, _) in found.items():
        assert value == pytest.approx(np.corrcoef(empty[left], empty[right])[0, 1], abs=1e-11)


def test_what_is_left_out_is_told(profile_sql: ProfileSql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MOST_RANKED_CELLS", 10)
    monkeypatch.setattr(pairs, "MOST_NUMBERS", 3)
    profile = profile_sql(MIXED)
    assert not by_method(profile, "spearman")
    assert len(by_method(profile, "pearson")) == 3
    assert [note.split(":")[0] for note in profile.pair_notes] == ["Pearson", "Spearman"]


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", "c", None])] * 3), min_size=6, max_size=24))
def test_dependencies_equal_brute_force(
    connection: duckdb.DuckDBPyConnection, settings: Settings, rows: list[tuple[str | None, ...]]
) -> None:
    connection.execute("CREATE OR REPLACE TABLE subject (x VARCHAR, y VARCHAR, z VARCHAR)")
    connection.executemany("INSERT INTO subject VALUES (?, ?, ?)", rows)
    profile = profile_table(connection, "subject", settings)
    columns = {c.name: c for c in profile.columns if c.distinct >= 2 and 2 * c.distinct <= c.rows - c.nulls}
    expected = set()
    for left, right in permutations(columns, 2):
        known: dict[str, set[str | None]] = {}
        for row in rows:
            values = dict(zip("xyz", row, strict=True))
            if values[left] is not None:
                known.setdefault(values[left], set()).add(values[right])
        if columns[right].distinct <= columns[left].distinct and all(len(others) == 1 for others in known.values()):
            expected.add((left, right))
    assert {(d.left, d.right) for d in profile.dependencies} == expected


def test_a_full_score_and_what_lowers_it(profile_sql: ProfileSql) -> None:
    fresh = profile_sql("SELECT i AS id, now()::TIMESTAMP AS at FROM range(100000) t(i)").sufficiency
    assert fresh is not None
    assert fresh.score == pytest.approx(1.0, abs=1e-3)
    assert fresh.missing == ()
    poor = profile_sql("SELECT NULL AS a, 'x' AS b FROM range(20)").sufficiency
    assert poor is not None
    assert (poor.cleanliness, poor.joinability, poor.freshness) == (0.5, 0.0, 0.5)
    assert len(poor.missing) == 4


def test_freshness_halves_in_three_days(profile_sql: ProfileSql) -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    columns = profile_sql(
        "SELECT DATE '2026-03-01' - i::INT AS day, DATE '2027-01-01' AS due FROM range(9) t(i)"
    ).columns
    assert sufficiency(9, columns, (), now).freshness == 0.5
    assert sufficiency(9, columns, (), now + timedelta(days=3)).freshness == 0.25
    assert sufficiency(0, (), (), now).score == pytest.approx(0.1)


def test_numbers_whose_squares_no_double_holds_correlate(profile_sql: ProfileSql) -> None:
    rows = (
        "SELECT CASE WHEN i = 7 THEN 1e300 ELSE i END AS huge, i * 1e-300 AS tiny, i + 1e9 AS far FROM range(50) t(i)"
    )
    found = {(pair.left, pair.right): pair for pair in profile_sql(rows).pairs if pair.method == "pearson"}
    i = np.arange(50.0)
    assert found["tiny", "far"].value == pytest.approx(1.0)
    assert found["huge", "far"].value == pytest.approx(np.corrcoef(np.where(i == 7, 1e10, 0), i)[0, 1], rel=1e-9)
    assert profile_sql("SELECT unnest([-1.7e308, 1.7e308]) AS a, unnest([1.0, 2.0]) AS b").verdict
