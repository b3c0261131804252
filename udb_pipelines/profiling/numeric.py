"""Statistics of numbers: moments, order statistics, histogram, normality.

The values are laid down once, sorted, as ``(x, n)``; every figure then comes from that table. Sums are taken
per storage chunk in storage order and added up exactly, so that the result is the same to the last bit however
many threads work, and is more accurate than one running sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from udb_pipelines.models import Bin, NumericStats
from udb_pipelines.profiling.normal import normal_cdf
from udb_pipelines.profiling.normality import Normality, dagostino, jarque_bera, kolmogorov_smirnov
from udb_pipelines.profiling.session import VALUES, Session, count_where, double

SORTED = "udb_profile_sorted"
"""Temporary table of the column at hand: numbers ``x``, ascending, and how many rows have each, ``n``."""

CHUNK = 122_880
"""Rows of a DuckDB row group: one thread reads it from first to last, so a sum within it has one order."""

QUANTILES = {"p1": 0.01, "p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
BINS = 10
SKEWED = 1.0
"""Skewness from which positive numbers get a logarithmic histogram beside the plain one."""
DISTANCE_BINS = 1024
"""Bins in which the median distance is looked for; more of them leave less to sort."""


@dataclass(frozen=True)
class _Basics:
    """What one pass over the sorted numbers says."""

    n: int
    most: int
    """Rows of the most frequent entry; when 1, a number's rank is its row id."""
    low: float
    high: float
    total: float
    zeros: int
    negatives: int
    integers: int


def numeric_stats(session: Session, number_sql: str) -> NumericStats | None:
    """Statistics of the numbers ``number_sql`` makes of the values ``v`` of the distinct-value pass.

    Values for which it is NULL are left out. None when no number remains.
    """
    _lay_down(session, number_sql)
    try:
        basics = _basics(session)
        return _assemble(session, basics, _interpolated(session, basics, QUANTILES)) if basics else None
    finally:
        session.drop(SORTED)


def _lay_down(session: Session, number_sql: str) -> None:
    # Adding zero makes the negative zero a plain one. Equal numbers written differently (1, 1.0) stay beside
    # each other: every figure is right without the price of merging them.
    numbers = f"(SELECT ({number_sql}) + 0::DOUBLE AS x, n FROM {VALUES}) WHERE x IS NOT NULL"
    session.connection.execute(f"CREATE TEMP TABLE {SORTED} AS SELECT x, n FROM {numbers} ORDER BY x")


def _chunked(session: Session, sums: str) -> list[tuple[Any, ...]]:
    return session.rows_of(f"SELECT {sums} FROM {SORTED} GROUP BY rowid // {CHUNK}")


def _basics(session: Session) -> _Basics | None:
    rows = _chunked(
        session,
        f"sum(n)::BIGINT, max(n), min(x), max(x), sum(x * n), "
        f"{count_where('x = 0')}, {count_where('x < 0')}, {count_where('x = trunc(x)')}",
    )
    if not rows:
        return None
    n, most, low, high, total, zeros, negatives, integers = zip(*rows, strict=True)
    return _Basics(sum(n), max(most), min(low), max(high), _fsum(total), sum(zeros), sum(negatives), sum(integers))


def _fsum(values: tuple[float, ...]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.nan


def _interpolated(session: Session, basics: _Basics, shares: dict[str, float]) -> dict[str, float]:
    """Quantiles with linear interpolation between the two nearest ranks."""
    positions = {name: share * (basics.n - 1) for name, share in shares.items()}
    ranks = [(math.floor(at), math.ceil(at)) for at in positions.values()]
    found = _at_ranks(session, basics, ranks)
    return {
        name: _between(found[math.floor(at)], found[math.ceil(at)], at - math.floor(at))
        for name, at in positions.items()
    }


def _at_ranks(session: Session, basics: _Basics, pairs: list[tuple[int, int]]) -> dict[int, float]:
    """The numbers at pairs of neighbouring ranks, from 0, of the sorted column with repetitions."""
    ranks = {rank for pair in pairs for rank in pair}
    if basics.most == 1:
        wanted = ", ".join(map(str, sorted(ranks)))
        return {int(rank): x for rank, x in session.rows_of(f"SELECT rowid, x FROM {SORTED} WHERE rowid IN ({wanted})")}
    hit = " OR ".join(f"(upto > {low} AND upto - n <= {high})" for low, high in pairs)
    rows = session.rows_of(
        f"SELECT x, upto - n, upto FROM "
        f"(SELECT x, n, sum(n) OVER (ROWS UNBOUNDED PRECEDING)::BIGINT AS upto FROM {SORTED}) WHERE {hit}"
    )
    return {rank: x for x, before, upto in rows for rank in ranks if before <= rank < upto}


def _between(low: float, high: float, share: float) -> float:
    """Linear interpolation that never leaves the interval and does not overflow (NumPy's formula)."""
    if low == high:
        return low
    step = high - low
    if math.isinf(step):
        return low * (1 - share) + high * share
    return high - step * (1 - share) if share >= 0.5 else low + step * share


@dataclass(frozen=True)
class _Spread:
    """What the second pass adds: it needs mean and quartiles."""

    residue: float
    second: float
    third: float
    fourth: float
    outliers: int
    histogram: tuple[Bin, ...]


def _spread(session: Session, basics: _Basics, centre: float, scale: float, iqr: float, q: dict[str, float]) -> _Spread:
    edges = _edges(basics)
    low_fence, high_fence = q["p25"] - 1.5 * iqr, q["p75"] + 1.5 * iqr
    beyond = f"x < {double(low_fence)} OR x > {double(high_fence)}"
    centred = f"(SELECT rowid, x, n, (x - {double(centre)}) / {double(scale)} AS e FROM {SORTED})"
    rows = session.rows_of(
        f"SELECT {_bin_sql(edges)} AS bin, sum(n)::BIGINT, {count_where(beyond)}, sum(n * e), sum(n * e * e), "
        f"sum(n * e * e * e), sum(n * e * e * e * e) FROM {centred} GROUP BY bin, rowid // {CHUNK}"
    )
    counts = [0] * BINS
    for row in rows:
        counts[row[0]] += row[1]
    _, _, outliers, e1, e2, e3, e4 = zip(*rows, strict=True)
    histogram = tuple(Bin(low=a, high=b, count=c) for (a, b), c in zip(pairwise(edges), counts, strict=False))
    return _Spread(_fsum(e1), _fsum(e2), _fsum(e3), _fsum(e4), sum(outliers), histogram)


def _edges(basics: _Basics) -> list[float]:
    """Edges of equal-width bins; those of one value, or of a range a double cannot hold, are a single bin."""
    width = (basics.high - basics.low) / BINS
    edges = [basics.low + i * width for i in range(BINS)] + [basics.high]
    strictly_rising = all(a < b for a, b in pairwise(edges))
    return edges if math.isfinite(width) and strictly_rising else [basics.low, basics.high]


def _bin_sql(edges: list[float]) -> str:
    """The bin of ``x``, by comparing with the edges themselves: a division would be off by one next to them."""
    inner = list(enumerate(edges[1:-1], start=1))
    branches = " ".join(f"WHEN x >= {double(edge)} THEN {bin_}" for bin_, edge in reversed(inner))
    return f"CASE {branches} ELSE 0 END" if inner else "0"


def _assemble(session: Session, basics: _Basics, q: dict[str, float]) -> NumericStats:
    mean = basics.total / basics.n
    if not math.isfinite(mean):
        mean = basics.low / 2 + basics.high / 2
    mean = min(max(mean, basics.low), basics.high)
    scale = max(basics.high - mean, mean - basics.low)
    if not 0 < scale < math.inf:
        scale = 1.0
    iqr = q["p75"] - q["p25"]
    spread = _spread(session, basics, mean, scale, iqr, q)
    moments = _moments(basics.n, mean, scale, spread, constant=basics.low == basics.high)
    normality = _normality(session, basics, moments)
    return NumericStats(
        min=basics.low,
        max=basics.high,
        sum=_finite(basics.total),
        mean=_finite(moments.mean),
        median=q["p50"],
        stddev=_finite(moments.stddev),
        variance=_finite(moments.variance),
        skewness=_finite(moments.skewness),
        kurtosis=_finite(moments.kurtosis),
        quantiles=q,
        iqr=_finite(iqr),
        zeros=basics.zeros,
        negatives=basics.negatives,
        integers_pct=100 * basics.integers / basics.n,
        outliers=spread.outliers,
        histogram=spread.histogram,
        log_histogram=_log_histogram(session, basics, moments.skewness),
        mode=_mode(session, basics),
        mad=_median_deviation(session, basics, q["p50"]),
        cv=_finite(moments.stddev / moments.mean) if moments.stddev is not None and moments.mean else None,
        normality_test=normality.test if normality else None,
        normality_statistic=_finite(normality.statistic) if normality else None,
        normality_p_value=_finite(normality.p_value) if normality else None,
    )


def _log_histogram(session: Session, basics: _Basics, skewness: float | None) -> tuple[Bin, ...]:
    if basics.low <= 0 or skewness is None or skewness < SKEWED or not math.isfinite(basics.high):
        return ()
    start, width = math.log(basics.low), (math.log(basics.high) - math.log(basics.low)) / BINS
    edges = [basics.low, *(math.exp(start + i * width) for i in range(1, BINS)), basics.high]
    if not all(a < b for a, b in pairwise(edges)):
        return ()
    counts = dict(session.rows_of(f"SELECT {_bin_sql(edges)} AS bin, sum(n)::BIGINT FROM {SORTED} GROUP BY bin"))
    return tuple(Bin(low=a, high=b, count=counts.get(i, 0)) for i, (a, b) in enumerate(pairwise(edges)))


def _mode(session: Session, basics: _Basics) -> float | None:
    repeated = session.rows_of(f"SELECT count(*) FROM (SELECT x = lag(x) OVER () AS again FROM {SORTED}) WHERE again")
    entries = SORTED
    if repeated[0][0]:
        entries = f"(SELECT x, sum(n) AS n FROM {SORTED} GROUP BY x)"
    elif basics.most == 1 < basics.n:
        return None
    return float(session.rows_of(f"SELECT x FROM {entries} ORDER BY n DESC, x LIMIT 1")[0][0])


def _median_deviation(session: Session, basics: _Basics, median: float) -> float | None:
    """Median of the distances to the median, found by counting: only the bins it lies in are sorted."""
    largest = max(basics.high - median, median - basics.low)
    if largest == 0 or not math.isfinite(largest):
        return 0.0 if largest == 0 else None
    distances = f"(SELECT n, y, floor(y / {double(largest / DISTANCE_BINS)})::INTEGER AS bin FROM "
    distances += f"(SELECT n, abs(x - {double(median)}) AS y FROM {SORTED}))"
    wanted = ((basics.n - 1) // 2, basics.n // 2)
    holding: list[str] = []
    before = upto = 0
    for bin_, count in session.rows_of(f"SELECT bin, sum(n)::BIGINT FROM {distances} GROUP BY bin ORDER BY bin"):
        if any(upto <= rank < upto + count for rank in wanted):
            before = before if holding else upto
            holding.append(str(bin_))
        upto += count
    hit = " OR ".join(f"(upto > {rank - before} AND upto - n <= {rank - before})" for rank in wanted)
    found = session.rows_of(
        f"SELECT min(y), max(y) FROM (SELECT y, n, sum(n) OVER (ORDER BY y, n ROWS UNBOUNDED PRECEDING) AS upto "
        f"FROM {distances} WHERE bin IN ({', '.join(holding)})) WHERE {hit}"
    )
    return float(found[0][0] / 2 + found[0][1] / 2)


@dataclass(frozen=True)
class _Moments:
    mean: float
    variance: float | None
    stddev: float | None
    skewness: float | None
    kurtosis: float | None


def _moments(n: int, centre: float, scale: float, spread: _Spread, *, constant: bool) -> _Moments:
    """Moments about the mean from sums about a centre close to it, in units of ``scale``."""
    shift = spread.residue / n
    mean = centre + shift * scale
    if constant:
        return _Moments(mean, 0.0 if n > 1 else None, 0.0 if n > 1 else None, None, None)
    m2 = spread.second / n - shift**2
    m3 = spread.third / n - 3 * shift * spread.second / n + 2 * shift**3
    m4 = spread.fourth / n - 4 * shift * spread.third / n + 6 * shift**2 * spread.second / n - 3 * shift**4
    deviation = math.sqrt(m2 * n / (n - 1)) * scale
    return _Moments(mean, deviation * deviation, deviation, m3 / m2**1.5, m4 / m2**2 - 3)


def _normality(session: Session, basics: _Basics, moments: _Moments) -> Normality | None:
    test = session.settings.gaussian_test
    if moments.skewness is None or moments.kurtosis is None or moments.stddev is None:
        return None
    if test == "ks":
        return kolmogorov_smirnov(basics.n, _ks_distance(session, basics.n, moments.mean, moments.stddev))
    return (dagostino if test == "dagostino" else jarque_bera)(basics.n, moments.skewness, moments.kurtosis)


def _ks_distance(session: Session, n: int, mean: float, deviation: float) -> float:
    """Greatest distance between the distribution and the normal one with its mean and standard deviation."""
    rows = session.rows_of(
        f"SELECT max(greatest(upto / {double(n)} - p, p - (upto - n) / {double(n)})) FROM (SELECT n, "
        f"{normal_cdf('z')} AS p, upto FROM (SELECT n, (x - {double(mean)}) / {double(deviation)} AS z, "
        f"sum(n) OVER (ROWS UNBOUNDED PRECEDING) AS upto FROM {SORTED}))"
    )
    return float(rows[0][0])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
