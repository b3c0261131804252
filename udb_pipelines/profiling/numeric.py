"""Statistics of numbers: moments, histogram, normality; order statistics come from :mod:`.order`.

Sums are taken per storage chunk in storage order and added up exactly, so that the result is the same to the last
bit however many threads work, and is more accurate than one running sum.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

from udb_pipelines.models import Bin, NumericStats
from udb_pipelines.profiling.normal import normal_cdf
from udb_pipelines.profiling.normality import Normality, dagostino, jarque_bera, kolmogorov_smirnov
from udb_pipelines.profiling.numbers import CHUNK, SORTED, Basics, basics, exact_sum, lay_down
from udb_pipelines.profiling.order import median_deviations, modes, quantiles
from udb_pipelines.profiling.session import Session, count_where, with_parameters

BINS = 10
SKEWED = 1.0
"""Skewness from which positive numbers get a logarithmic histogram beside the plain one."""


def numeric_stats(session: Session, number_sql: str, columns: Collection[int]) -> dict[int, NumericStats]:
    """Statistics of the numbers ``number_sql`` makes of the values ``v`` of some columns of the distinct-value pass.

    Values for which it is NULL are left out. A column of which no number remains has no statistics.
    """
    if not columns:
        return {}
    lay_down(session, number_sql, columns)
    try:
        known = basics(session)
        return _statistics(session, known) if known else {}
    finally:
        session.drop(SORTED)


def _statistics(session: Session, known: Mapping[int, Basics]) -> dict[int, NumericStats]:
    q = quantiles(session, known)
    moments, spreads = _moments_and_spreads(session, known, q)
    normality = _normality(session, known, moments)
    logarithmic = _log_histograms(session, known, moments)
    most_frequent = modes(session, known)
    deviations = median_deviations(session, known, {c: found["p50"] for c, found in q.items()})
    return {
        c: NumericStats(
            min=b.low,
            max=b.high,
            sum=_finite(b.total),
            mean=_finite(moments[c].mean),
            median=q[c]["p50"],
            stddev=_finite(moments[c].stddev),
            variance=_finite(moments[c].variance),
            skewness=_finite(moments[c].skewness),
            kurtosis=_finite(moments[c].kurtosis),
            quantiles=q[c],
            iqr=_finite(q[c]["p75"] - q[c]["p25"]),
            zeros=b.zeros,
            negatives=b.negatives,
            integers_pct=100 * b.integers / b.n,
            outliers=spreads[c].outliers,
            histogram=spreads[c].histogram,
            log_histogram=logarithmic.get(c, ()),
            mode=most_frequent.get(c),
            mad=deviations[c],
            cv=_finite(moments[c].cv),
            normality_test=normality[c].test if c in normality else None,
            normality_statistic=_finite(normality[c].statistic) if c in normality else None,
            normality_p_value=_finite(normality[c].p_value) if c in normality else None,
        )
        for c, b in known.items()
    }


@dataclass(frozen=True)
class _Spread:
    """What the second pass adds: it needs mean and quartiles."""

    residue: float
    second: float
    third: float
    fourth: float
    outliers: int
    histogram: tuple[Bin, ...]


@dataclass(frozen=True)
class _Moments:
    mean: float
    variance: float | None
    stddev: float | None
    skewness: float | None
    kurtosis: float | None

    @property
    def cv(self) -> float | None:
        return self.stddev / self.mean if self.stddev is not None and self.mean else None


def _moments_and_spreads(
    session: Session, known: Mapping[int, Basics], q: Mapping[int, Mapping[str, float]]
) -> tuple[dict[int, _Moments], dict[int, _Spread]]:
    centres = {c: _centre(b) for c, b in known.items()}
    scales = {c: _scale(b, centres[c]) for c, b in known.items()}
    spreads = _spreads(session, known, centres, scales, q)
    moments = {c: _moments(b.n, centres[c], scales[c], spreads[c], constant=b.low == b.high) for c, b in known.items()}
    return moments, spreads


def _centre(b: Basics) -> float:
    """The mean, but for the last bit, and always among the numbers."""
    mean = b.total / b.n
    if not math.isfinite(mean):
        mean = b.low / 2 + b.high / 2
    return min(max(mean, b.low), b.high)


def _scale(b: Basics, centre: float) -> float:
    scale = max(b.high - centre, centre - b.low)
    return scale if 0 < scale < math.inf else 1.0


def _spreads(
    session: Session,
    known: Mapping[int, Basics],
    centres: Mapping[int, float],
    scales: Mapping[int, float],
    q: Mapping[int, Mapping[str, float]],
) -> dict[int, _Spread]:
    edges = {c: _edges(b) for c, b in known.items()}
    parameters = {c: {"centre": centres[c], "scale": scales[c]} | _fences(q[c]) | _inner_edges(edges[c]) for c in known}
    numbers = with_parameters(f"(SELECT rowid // {CHUNK} AS chunk, c, x, n FROM {SORTED})", parameters)
    rows = session.rows_of(
        f"SELECT c, {_BIN} AS bin, sum(n)::BIGINT, {count_where('x < fence_low OR x > fence_high')}, sum(n * e), "
        f"sum(n * e * e), sum(n * e * e * e), sum(n * e * e * e * e) "
        f"FROM (SELECT *, (x - centre) / scale AS e FROM {numbers}) GROUP BY c, bin, chunk ORDER BY c"
    )
    found = {}
    for c, parts in groupby(rows, key=itemgetter(0)):
        counts = [0] * BINS
        _, bins, rows_in, outliers, e1, e2, e3, e4 = zip(*parts, strict=True)
        for bin_, count in zip(bins, rows_in, strict=True):
            counts[bin_] += count
        found[c] = _Spread(
            exact_sum(e1), exact_sum(e2), exact_sum(e3), exact_sum(e4), sum(outliers), _bins(edges[c], counts)
        )
    return found


def _bins(edges: list[float], counts: list[int]) -> tuple[Bin, ...]:
    return tuple(Bin(low=a, high=b, count=count) for (a, b), count in zip(pairwise(edges), counts, strict=False))


def _fences(q: Mapping[str, float]) -> dict[str, float]:
    """Tukey's: beyond them lie the outliers."""
    iqr = q["p75"] - q["p25"]
    return {"fence_low": q["p25"] - 1.5 * iqr, "fence_high": q["p75"] + 1.5 * iqr}


def _edges(b: Basics) -> list[float]:
    """Edges of equal-width bins; those of one value, or of a range a double cannot hold, are a single bin."""
    width = (b.high - b.low) / BINS
    edges = [b.low + i * width for i in range(BINS)] + [b.high]
    strictly_rising = all(low < high for low, high in pairwise(edges))
    return edges if math.isfinite(width) and strictly_rising else [b.low, b.high]


def _inner_edges(edges: list[float]) -> dict[str, float]:
    inner = edges[1:-1] or [math.inf] * (BINS - 1)
    return {f"edge{i}": edge for i, edge in enumerate(inner, start=1)}


_BIN = "CASE " + " ".join(f"WHEN x >= edge{i} THEN {i}" for i in range(BINS - 1, 0, -1)) + " ELSE 0 END"
"""The bin of ``x``, by comparing with the edges themselves: a division would be off by one next to them."""


def _log_histograms(
    session: Session, known: Mapping[int, Basics], moments: Mapping[int, _Moments]
) -> dict[int, tuple[Bin, ...]]:
    edges = {c: found for c, b in known.items() if (found := _log_edges(b, moments[c].skewness))}
    if not edges:
        return {}
    numbers = with_parameters(SORTED, {c: _inner_edges(found) for c, found in edges.items()})
    counts = {c: [0] * BINS for c in edges}
    for c, bin_, count in session.rows_of(f"SELECT c, {_BIN} AS bin, sum(n)::BIGINT FROM {numbers} GROUP BY c, bin"):
        counts[c][bin_] = count
    return {c: _bins(edges[c], counts[c]) for c in edges}


def _log_edges(b: Basics, skewness: float | None) -> list[float]:
    if b.low <= 0 or skewness is None or skewness < SKEWED:
        return []
    start, width = math.log(b.low), (math.log(b.high) - math.log(b.low)) / BINS
    edges = [b.low, *(math.exp(start + i * width) for i in range(1, BINS)), b.high]
    return edges if all(low < high for low, high in pairwise(edges)) else []


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


def _normality(session: Session, known: Mapping[int, Basics], moments: Mapping[int, _Moments]) -> dict[int, Normality]:
    test = session.settings.gaussian_test
    distances = _ks_distances(session, known, moments) if test == "ks" else {}
    found = {}
    for c, b in known.items():
        skewness, kurtosis = moments[c].skewness, moments[c].kurtosis
        if skewness is None or kurtosis is None:
            continue
        if test == "ks":
            result = kolmogorov_smirnov(b.n, distances[c])
        else:
            result = (dagostino if test == "dagostino" else jarque_bera)(b.n, skewness, kurtosis)
        if result:
            found[c] = result
    return found


def _ks_distances(session: Session, known: Mapping[int, Basics], moments: Mapping[int, _Moments]) -> dict[int, float]:
    """Greatest distance between each distribution and the normal one with its mean and standard deviation."""
    parameters = {
        c: {"mean": moments[c].mean, "deviation": deviation, "total": b.n, "before": b.n_before}
        for c, b in known.items()
        if (deviation := moments[c].stddev)
    }
    if not parameters:
        return {}
    running = f"(SELECT c, x, n, sum(n) OVER (ROWS UNBOUNDED PRECEDING) AS upto FROM {SORTED})"
    return dict(
        session.rows_of(
            "SELECT c, max(greatest(upto / total - p, p - (upto - n) / total)) FROM "
            f"(SELECT c, n, {normal_cdf('z')} AS p, upto, total FROM (SELECT c, n, (x - mean) / deviation AS z, "
            f"upto - before AS upto, total FROM {with_parameters(running, parameters)})) GROUP BY c"
        )
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
