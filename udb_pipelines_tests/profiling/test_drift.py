"""Drift: what changed is found and weighed, what did not is stable, and the figures are those of the data."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnDrift, Drift, SyncResult
from udb_pipelines.profiling import analyze, compare
from udb_pipelines.profiling.drift import chi_squared_tail
from udb_pipelines.warehouse import Lake, store_frame
from udb_pipelines_tests.profiling.conftest import ProfileSql

BEFORE = """
SELECT i AS id, sqrt(-2 * ln((i * 7919 % 10007 + 1) / 10008.0)) * cos(i) AS x, ['a', 'b', 'c'][1 + i % 3] AS code,
    CASE WHEN i % 10 = 0 THEN NULL ELSE 'text ' || i END AS note, i % 500 AS gone, (i % 90)::VARCHAR AS kind
FROM range(10000) t(i)
"""
AFTER = """
SELECT i AS id, 1 + sqrt(-2 * ln((i * 7919 % 10007 + 1) / 10008.0)) * cos(i) AS x,
    ['a', 'b', 'd'][1 + (i % 7) // 3] AS code, CASE WHEN i % 2 = 0 THEN NULL ELSE 'text ' || i END AS note,
    'k' || i % 90 AS kind, i AS fresh
FROM range(12000) t(i)
"""


def by_name(drift: Drift) -> dict[str, ColumnDrift]:
    return {column.column: column for column in drift.columns}


def test_the_same_data_is_stable(profile_sql: ProfileSql) -> None:
    drift = compare(profile_sql(BEFORE), profile_sql(BEFORE))
    assert drift.verdict == "stable"
    assert all(
        (c.change, c.verdict, c.psi or 0, c.ks or 0, c.reasons) == ("same", "stable", 0, 0, ()) for c in drift.columns
    )


def test_every_kind_of_change_is_found(profile_sql: ProfileSql) -> None:
    drift = compare(profile_sql(BEFORE), profile_sql(AFTER))
    found = by_name(drift)
    changes = {name: (column.change, column.verdict) for name, column in found.items()}
    assert changes == {
        "id": ("same", "stable"), "x": ("same", "changed"), "code": ("same", "changed"), "note": ("same", "changed"),
        "gone": ("removed", "changed"), "kind": ("retyped", "changed"), "fresh": ("added", "changed"),
    }  # fmt: skip
    assert (drift.rows_before, drift.rows_after, drift.verdict) == (10_000, 12_000, "changed")
    assert found["note"].reasons[0] == "empty cells by 40.0 percentage points"
    assert drift.columns[-1].column == "id"


def test_distances_of_numbers_are_close_to_those_of_the_rows(profile_sql: ProfileSql) -> None:
    before, after = profile_sql(BEFORE), profile_sql(AFTER)
    found = by_name(compare(before, after))["x"]
    rows = np.arange(10_000)
    one = np.sqrt(-2 * np.log((rows * 7919 % 10007 + 1) / 10008.0)) * np.cos(rows)
    more = np.arange(12_000)
    other = 1 + np.sqrt(-2 * np.log((more * 7919 % 10007 + 1) / 10008.0)) * np.cos(more)
    assert found.ks == pytest.approx(scipy_stats.ks_2samp(one, other).statistic, abs=0.02)
    assert found.quantile_shift is not None
    assert found.quantile_shift > 0.5
    assert [text.split(" ")[0] for text in found.approximate] == ["psi", "ks"]


def test_codes_are_compared_exactly(profile_sql: ProfileSql) -> None:
    found = by_name(compare(profile_sql(BEFORE), profile_sql(AFTER)))["code"]
    before, after = np.arange(10_000) % 3, np.array([0, 0, 0, 1, 1, 1, 3])[np.arange(12_000) % 7]
    table = [[int((side == value).sum()) for value in range(4)] for side in (before, after)]
    expected = scipy_stats.chi2_contingency(table)
    assert found.chi_squared == pytest.approx(expected.statistic, rel=1e-6)
    assert found.chi_squared_p_value == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.approximate == ()


@given(st.floats(0.001, 300), st.integers(1, 60))
def test_the_tail_of_chi_squared_is_scipy_s(statistic: float, freedom: int) -> None:
    assert chi_squared_tail(statistic, freedom) == pytest.approx(scipy_stats.chi2.sf(statistic, freedom), rel=1e-9)


def test_analyze_compares_with_the_previous_profile(settings: Settings) -> None:
    lake = Lake(settings)
    previous = None
    for number, values in enumerate(([1, 2, 3] * 50, [7, 8, 9] * 50), start=1):
        version = store_frame(lake, "shop", pyarrow.table({"x": values}), f"job-{number}")
        sync = SyncResult(
            job_id=f"job-{number}", source="shop", version=version.version, committed_at=datetime.now(UTC),
            fingerprint="f", datasets=(version,),
        )  # fmt: skip
        (profile,) = analyze(sync, (), settings, lake, {"shop": previous} if previous else None).profiles
        assert (profile.drift is None) == (previous is None)
        previous = profile
    assert previous is not None
    assert previous.drift is not None
    assert previous.drift.verdict == "changed"
    (again,) = analyze(sync, (), settings, lake, {"shop": previous}).profiles
    assert again.drift == previous.drift


def test_an_unchanged_version_is_profiled_again_only_under_other_settings(settings: Settings) -> None:
    lake = Lake(settings)
    version = store_frame(lake, "shop", pyarrow.table({"x": [1, 2, 3]}), "job")
    sync = SyncResult(
        job_id="job", source="shop", version=version.version, committed_at=datetime.now(UTC),
        fingerprint="f", datasets=(version,),
    )  # fmt: skip
    (first,) = analyze(sync, (), settings, lake).profiles
    unchanged = sync.model_copy(update={"unchanged": True})
    assert analyze(unchanged, (), settings, lake, {"shop": first}).profiles == (first,)
    others = settings.model_copy(update={"max_top_values": 1})
    (again,) = analyze(unchanged, (), others, lake, {"shop": first}).profiles
    assert (len(first.columns[0].top_values), len(again.columns[0].top_values)) == (3, 1)
