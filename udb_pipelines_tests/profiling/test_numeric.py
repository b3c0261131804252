"""Statistics against NumPy, SciPy and the certified NIST series."""

from __future__ import annotations

import json
import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
import pytest
import scipy.stats
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.models import NumericStats
from udb_pipelines.profiling import profile_table

TOLERANCE = 1e-9
numbers = st.one_of(
    st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    st.integers(-1000, 1000).map(float),
)


def stats_of(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[float], **changes: object
) -> NumericStats:
    connection.execute("CREATE OR REPLACE TABLE subject (x DOUBLE)")
    connection.execute("INSERT INTO subject SELECT unnest(?::DOUBLE[])", [values])
    (column,) = profile_table(connection, "subject", settings.model_copy(update=changes)).columns
    assert column.numeric is not None
    return column.numeric


def close(found: float | None, expected: float, scale: float = 0.0) -> bool:
    return found is not None and math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE * scale)


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(numbers, min_size=1, max_size=60))
def test_order_statistics_and_counts_equal_numpy(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[float]
) -> None:
    found, array = stats_of(connection, settings, values), np.array(values)
    scale = float(np.abs(array).max())
    assert (found.min, found.max) == (array.min(), array.max())
    assert close(found.sum, math.fsum(values), scale)
    assert close(found.mean, math.fsum(values) / len(values), scale)
    for name, value in found.quantiles.items():
        assert close(value, float(np.quantile(array, int(name[1:]) / 100)), scale)
    assert close(found.median, float(np.median(array)), scale)
    assert found.zeros == int((array == 0).sum())
    assert found.negatives == int((array < 0).sum())
    assert close(found.integers_pct, 100 * float(np.mean(array == np.trunc(array))))
    q1, q3 = found.quantiles["p25"], found.quantiles["p75"]
    fences = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    assert found.outliers == int(((array < fences[0]) | (array > fences[1])).sum())
    assert close(found.mad, float(scipy.stats.median_abs_deviation(array)), scale)
    most = max(Counter(values).values())
    modes = [value for value, count in Counter(values).items() if count == most]
    assert found.mode == (min(modes) if most > 1 or len(values) == 1 else None)


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(numbers, min_size=8, max_size=60))
def test_moments_and_normality_equal_scipy(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[float]
) -> None:
    array = np.array(values)
    # Next to a constant column SciPy itself loses the digits that are compared.
    assume(np.ptp(array) > 1e-3 * max(1.0, float(np.abs(array).max())))
    found = stats_of(connection, settings, values)
    assert close(found.variance, float(array.var(ddof=1)))
    assert close(found.stddev, float(array.std(ddof=1)))
    assert close(found.skewness, float(scipy.stats.skew(array)), 1)
    assert close(found.kurtosis, float(scipy.stats.kurtosis(array)), 1)
    assert close(found.iqr, float(scipy.stats.iqr(array)), 1e6)
    if abs(array.mean()) > 1e-3:
        assert close(found.cv, float(scipy.stats.variation(array, ddof=1)), 1e3)
    expected = scipy.stats.normaltest(array)
    assert found.normality_test == "dagostino"
    assert close(found.normality_statistic, float(expected.statistic), 1)
    assert close(found.normality_p_value, float(expected.pvalue), 1e-3)


@pytest.mark.parametrize("draw", ["normal", "exponential", "uniform", "binomial"])
def test_the_three_tests_of_normality_equal_scipy(
    connection: duckdb.DuckDBPyConnection, settings: Settings, draw: str
) -> None:
    generator = np.random.default_rng(7)
    array = {
        "normal": generator.normal(10, 3, 3000),
        "exponential": generator.exponential(2, 3000),
        "uniform": generator.uniform(-1, 1, 3000),
        "binomial": generator.binomial(20, 0.3, 3000).astype(float),
    }[draw]
    fitted = scipy.stats.norm(array.mean(), array.std(ddof=1))
    expected = {
        "dagostino": scipy.stats.normaltest(array),
        "jarque_bera": scipy.stats.jarque_bera(array),
        "ks": scipy.stats.kstest(array, fitted.cdf, method="asymp"),
    }
    for test, (statistic, p_value) in expected.items():
        found = stats_of(connection, settings, array.tolist(), gaussian_test=test)
        assert found.normality_test == test
        assert close(found.normality_statistic, float(statistic))
        assert close(found.normality_p_value, float(p_value), 1e-290)


def test_fewer_than_eight_values_have_no_test_of_normality(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    found = stats_of(connection, settings, [1, 2, 4, 8, 16, 32, 64])
    assert (found.normality_test, found.normality_p_value) == (None, None)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.one_of(numbers, st.floats(-1, 1), st.integers(0, 10).map(lambda i: i / 10)), min_size=1))
def test_every_number_is_in_the_bin_whose_edges_hold_it(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[float]
) -> None:
    bins = stats_of(connection, settings, values).histogram
    assert (bins[0].low, bins[-1].high) == (min(values), max(values))
    for bin_ in bins[:-1]:
        assert bin_.count == sum(bin_.low <= value < bin_.high for value in values)
    assert bins[-1].count == sum(bins[-1].low <= value <= bins[-1].high for value in values)
    assert sum(bin_.count for bin_ in bins) == len(values)
    assert len(bins) in ((10, 1) if min(values) < max(values) else (1,))


def test_numbers_at_the_limits_of_a_double_are_survived(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    values = [-1.7e308, 1.7e308, 1e-308, 0.0, 5.0, 1e308, 1.5e308, 1.6e308]
    found = stats_of(connection, settings, values)
    assert (found.min, found.max) == (-1.7e308, 1.7e308)
    assert sum(bin_.count for bin_ in found.histogram) == 8
    assert found.sum is None, "no double holds it"
    assert close(found.mean, math.fsum(value / 8 for value in values))
    assert close(found.skewness, float(scipy.stats.skew(np.array(values) / 1e308)))


def test_nan_and_infinity_are_counted_and_left_out(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    connection.execute(
        "CREATE TABLE subject AS SELECT unnest(['1', '2', '3', 'nan', 'inf', '-inf', NULL]::VARCHAR[])::DOUBLE AS x"
    )
    (column,) = profile_table(connection, "subject", settings).columns
    assert (column.nulls, column.distinct, column.invalid) == (1, 6, 3)
    assert column.numeric is not None
    assert (column.numeric.min, column.numeric.max, column.numeric.mean) == (1, 3, 2)
    assert [(finding.code, finding.count, finding.row) for finding in column.findings] == [("E_NUMERIC_FORMAT", 3, 4)]


@pytest.mark.parametrize("series", ["Lew", "Lottery", "NumAcc1", "NumAcc2", "PiDigits"])
def test_nist_series_to_their_certified_digits(
    connection: duckdb.DuckDBPyConnection, settings: Settings, corpora: Path, series: str
) -> None:
    certified = json.loads((corpora / "statistics" / "certified.json").read_text())[series]
    source = f"read_csv('{corpora / 'statistics' / series}.csv', all_varchar = true)"
    (column,) = profile_table(connection, source, settings).columns
    assert column.numeric is not None
    assert column.rows == certified["n"]
    assert math.isclose(column.numeric.mean or 0, certified["mean"], rel_tol=1e-14)
    assert math.isclose(column.numeric.stddev or 0, certified["standardDeviation"], rel_tol=1e-13)


@pytest.mark.parametrize(("middle", "digits"), [(1_000_000.2, 9), (10_000_000.2, 8)])
def test_the_harder_series_of_nist_to_the_digits_their_doubles_hold(
    connection: duckdb.DuckDBPyConnection, settings: Settings, middle: float, digits: int
) -> None:
    """NumAcc3 and NumAcc4: one value, then 500 times a tenth below and above it. Certified: it, and exactly 0.1."""
    found = stats_of(connection, settings, [middle, *[middle - 0.1, middle + 0.1] * 500])
    assert math.isclose(found.mean or 0, middle, rel_tol=1e-14)
    assert math.isclose(found.stddev or 0, 0.1, rel_tol=10**-digits)


def test_many_repeated_and_many_unique_numbers_have_exact_quantiles(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    generator = np.random.default_rng(3)
    array = np.concatenate([generator.integers(0, 50, 200_000).astype(float), generator.normal(0, 1, 200_000)])
    connection.register("numbers", pyarrow.table({"x": array}))
    (column,) = profile_table(connection, "numbers", settings).columns
    assert column.numeric is not None
    for name, value in column.numeric.quantiles.items():
        assert close(value, float(np.quantile(array, int(name[1:]) / 100)))
    assert close(column.numeric.skewness, float(scipy.stats.skew(array)))
    assert close(column.numeric.kurtosis, float(scipy.stats.kurtosis(array)))
    assert close(column.numeric.mad, float(scipy.stats.median_abs_deviation(array)))


odd = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-310, 1.7976931348623157e308, -1.7976931348623157e308, 1e154, 1e16]),
    st.just(2.5),
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.one_of(st.none(), odd), min_size=1, max_size=30), repeat=st.integers(1, 3))
def test_whatever_a_double_may_be_is_survived_and_counted_as_numpy_counts(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[float | None], repeat: int
) -> None:
    values = values * repeat
    # A list that is bound as a parameter would turn NaN into NULL.
    columns = {name: pyarrow.array(given, pyarrow.float64()) for name, given in (("x", values), ("y", values[::-1]))}
    connection.register("odd", pyarrow.table(columns))
    connection.execute("CREATE OR REPLACE TABLE subject AS FROM odd")
    profile = profile_table(connection, "subject", settings)
    json.loads(profile.model_dump_json(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    column, present = profile.columns[0], [value for value in values if value is not None]
    finite = np.array([value for value in present if math.isfinite(value)])
    assert (column.nulls, column.invalid) == (len(values) - len(present), len(present) - len(finite))
    if not len(finite):
        assert column.numeric is None
        return
    found = column.numeric
    assert found is not None
    assert (found.min, found.max) == (finite.min(), finite.max())
    assert (found.zeros, found.negatives) == (int((finite == 0).sum()), int((finite < 0).sum()))
    assert found.median is None or finite.min() <= found.median <= finite.max()
    assert sum(entry.count for entry in found.histogram) == len(finite)
    if found.mean is not None:
        assert found.mean == pytest.approx(
            float(sum(map(Fraction, finite)) / len(finite)),
            rel=1e-9,
            abs=max(1e-300, 1e-9 * float(np.abs(finite).max())),
        )


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.decimals(min_value="-1e25", max_value="1e25", places=8), min_size=2, max_size=30))
def test_decimals_of_many_digits_have_the_statistics_of_their_doubles(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[Decimal]
) -> None:
    connection.execute("CREATE OR REPLACE TABLE subject (x DECIMAL(38, 8))")
    connection.execute("INSERT INTO subject SELECT unnest(?::DECIMAL(38, 8)[])", [values])
    (column,) = profile_table(connection, "subject", settings).columns
    array = np.array([float(value) for value in values])
    scale = float(np.abs(array).max())
    assert column.distinct == len(set(values))
    assert column.numeric is not None
    assert close(column.numeric.median, float(np.median(array)), scale)
    assert close(column.numeric.stddev, float(array.std(ddof=1)), scale)


@pytest.mark.parametrize("values", [[3.5], [3.5] * 9, [0.0] * 9, [1e300] * 9], ids=["one", "equal", "zeros", "huge"])
def test_what_needs_a_spread_is_absent_without_one(
    connection: duckdb.DuckDBPyConnection, settings: Settings, values: list[float]
) -> None:
    found = stats_of(connection, settings, values)
    assert (found.min, found.median, found.max, found.iqr, found.mad) == (values[0], values[0], values[0], 0, 0)
    assert (found.skewness, found.kurtosis, found.normality_statistic) == (None, None, None)
    assert found.stddev in ((None,) if len(values) == 1 else (0.0,))
    assert (found.outliers, sum(entry.count for entry in found.histogram)) == (0, len(values))
