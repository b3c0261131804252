"""What changed between two profiles of a dataset, and how much it matters. Pure: profiles in, drift out.

The rows of the previous version are not read again. Distributions of numbers are therefore rebuilt from their
quantiles and histograms, straight lines between known points, and the figures made of them say so. Codes are
compared by the values that both profiles keep, the rest as one; that is exact while nothing is left out.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from udb_pipelines.models import ColumnDrift, ColumnProfile, Drift, NumericStats, Profile
from udb_pipelines.profiling.order import QUANTILES

Verdict = Literal["stable", "moved", "changed"]
_ORDER: tuple[Verdict, ...] = ("stable", "moved", "changed")

PSI_MOVED, PSI_CHANGED = 0.1, 0.25
NULLS_MOVED, NULLS_CHANGED = 5.0, 20.0
"""Percentage points."""
DISTINCT_MOVED = 2.0
"""Times as many, or as few, distinct values per row."""
_REBUILT = "rebuilt from quantiles and histograms"
_SMALLEST_SHARE = 1e-4
"""An empty class counts as this share: its logarithm has to be finite."""
_RUNNING = 0.99


@dataclass
class _Weighed:
    """Reasons gathered, and the worst verdict among them."""

    verdict: Verdict = "stable"
    reasons: list[str] = field(default_factory=list)

    def add(self, amount: float, moved: float, changed: float, reason: str) -> None:
        """Count a reason that is of ``amount``, if that is much."""
        if amount >= moved:
            found: Verdict = "changed" if amount >= changed else "moved"
            self.verdict = max(self.verdict, found, key=_ORDER.index)
            self.reasons.append(reason)


def compare(previous: Profile, current: Profile) -> Drift:
    """Every column of either profile, what changed most first."""
    before = {column.name: column for column in previous.columns}
    after = {column.name: column for column in current.columns}
    found = [_compared(before[name], column) if name in before else _added(column) for name, column in after.items()]
    found += [_removed(column) for name, column in before.items() if name not in after]
    found.sort(key=lambda drift: (-_ORDER.index(drift.verdict), -(drift.psi or 0.0)))
    return Drift(
        previous_version=previous.version,
        previous_job_id=previous.job_id,
        previous_profiled_at=previous.profiled_at,
        rows_before=previous.rows,
        rows_after=current.rows,
        columns=tuple(found),
        verdict=max((drift.verdict for drift in found), key=_ORDER.index, default="stable"),
    )


def _added(column: ColumnProfile) -> ColumnDrift:
    return ColumnDrift(
        column=column.name,
        change="added",
        type_after=column.type,
        null_pct_after=column.null_pct,
        distinct_after=column.distinct,
        verdict="changed",
        reasons=("new column",),
    )


def _removed(column: ColumnProfile) -> ColumnDrift:
    return ColumnDrift(
        column=column.name,
        change="removed",
        type_before=column.type,
        null_pct_before=column.null_pct,
        distinct_before=column.distinct,
        verdict="changed",
        reasons=("column is gone",),
    )


def _compared(before: ColumnProfile, after: ColumnProfile) -> ColumnDrift:
    weighed = _Weighed()
    retyped = before.type != after.type and "unknown" not in (before.type, after.type)
    weighed.add(float(retyped), 1, 1, f"type was {before.type}")
    nulls = abs(after.null_pct - before.null_pct)
    weighed.add(nulls, NULLS_MOVED, NULLS_CHANGED, f"empty cells by {nulls:.1f} percentage points")
    ratio = _ratio(before.uniqueness, after.uniqueness)
    weighed.add(ratio, DISTINCT_MOVED, math.inf, f"distinct values per row by a factor of {ratio:.1f}")
    figures = _Figures() if retyped else _figures(before, after)
    if figures.psi is not None:
        weighed.add(figures.psi, PSI_MOVED, PSI_CHANGED, f"distribution, PSI {figures.psi:.2f}")
    return ColumnDrift(
        column=after.name,
        change="retyped" if retyped else "same",
        type_before=before.type,
        type_after=after.type,
        null_pct_before=before.null_pct,
        null_pct_after=after.null_pct,
        distinct_before=before.distinct,
        distinct_after=after.distinct,
        quantile_shift=figures.quantile_shift,
        psi=figures.psi,
        ks=figures.ks,
        chi_squared=figures.chi_squared,
        chi_squared_p_value=figures.p_value,
        verdict=weighed.verdict,
        reasons=tuple(weighed.reasons),
        approximate=figures.approximate,
    )


def _ratio(before: float, after: float) -> float:
    """How many times as much, whichever is more; 1 when one of them is nothing.

    Where every value is unique, or hardly any repeats, the share says how many rows there are, and no more.
    """
    return max(before / after, after / before) if before > 0.05 and after > 0.05 else 1.0


@dataclass(frozen=True)
class _Figures:
    quantile_shift: float | None = None
    psi: float | None = None
    ks: float | None = None
    chi_squared: float | None = None
    p_value: float | None = None
    approximate: tuple[str, ...] = ()


def _figures(before: ColumnProfile, after: ColumnProfile) -> _Figures:
    if before.numeric and after.numeric:
        if _counts_up(before) and _counts_up(after):
            return _Figures()
        return _of_numbers(before.numeric, after.numeric)
    if "code" in (before.type, after.type) and not (before.masked or after.masked):
        return _of_codes(before, after)
    return _Figures()


def _counts_up(column: ColumnProfile) -> bool:
    """Whole numbers of which none repeats: numbers of rows, whose range grows with the table."""
    return column.numeric is not None and column.numeric.integers_pct == 100 and column.uniqueness >= _RUNNING


def _of_numbers(before: NumericStats, after: NumericStats) -> _Figures:
    known_before, known_after = _distribution(before), _distribution(after)
    if not known_before or not known_after:
        return _Figures()
    knots = sorted({x for x, _ in (*known_before, *known_after)})
    distance = max(abs(_share_below(known_before, x) - _share_below(known_after, x)) for x in knots)
    edges = sorted({before.quantiles[name] for name in QUANTILES})
    classes = [[_share_below(known, x) for x in edges] for known in (known_before, known_after)]
    shares = [[b - a for a, b in zip([0.0, *below], [*below, 1.0], strict=True)] for below in classes]
    return _Figures(
        quantile_shift=_shift(before, after),
        psi=round(_stability(*shares), 6),
        ks=round(distance, 6),
        approximate=(f"psi ({_REBUILT})", f"ks ({_REBUILT}: the distance is at least this)"),
    )


def _shift(before: NumericStats, after: NumericStats) -> float | None:
    if not before.iqr:
        return None
    names = ("p5", "p25", "p50", "p75", "p95")
    return round(max(abs(after.quantiles[n] - before.quantiles[n]) for n in names) / before.iqr, 6)


def _distribution(stats: NumericStats) -> list[tuple[float, float]]:
    """Known points ``(x, share of the values up to x)``, both rising; empty where the quantiles are not kept."""
    if stats.min is None or stats.max is None or not all(name in stats.quantiles for name in QUANTILES):
        return []
    points = [(stats.min, 0.0), *((stats.quantiles[name], share) for name, share in QUANTILES.items())]
    total, upto = sum(entry.count for entry in stats.histogram), 0
    for entry in stats.histogram:
        upto += entry.count
        points.append((entry.high, upto / total))
    known: dict[float, float] = {}
    highest = 0.0
    for x, share in sorted([*points, (stats.max, 1.0)]):
        highest = known[x] = max(highest, share)
    return sorted(known.items())


def _share_below(known: Sequence[tuple[float, float]], x: float) -> float:
    """Share of the values up to ``x``, on a straight line between the known points."""
    at = bisect_left(known, (x, -1.0))
    if at == len(known):
        return 1.0
    right, upper = known[at]
    if right == x:
        return upper
    if at == 0:
        return 0.0
    left, lower = known[at - 1]
    return lower + (upper - lower) * (x - left) / (right - left)


def _of_codes(before: ColumnProfile, after: ColumnProfile) -> _Figures:
    one, other = _counts(before), _counts(after)
    shared = set(one) & set(other)
    complete = all(len(column.top_values) == column.distinct for column in (before, after))
    # A value that only one profile lists may be among the rest of the other: then it belongs to the rest of both.
    kept = set(one) | set(other) if complete else shared
    table = [[counts.get(value, 0) for value in sorted(kept)] for counts in (one, other)]
    for counts, column, row in zip((one, other), (before, after), table, strict=True):
        rest = column.rows - column.nulls - sum(count for value, count in counts.items() if value in kept)
        row.append(rest)
    totals = [sum(row) for row in table]
    if not all(totals):
        return _Figures()
    shares = [[count / total for count in row] for row, total in zip(table, totals, strict=True)]
    statistic, freedom = _chi_squared(table)
    return _Figures(
        psi=round(_stability(*shares), 6),
        chi_squared=round(statistic, 6),
        p_value=chi_squared_tail(statistic, freedom) if freedom else None,
        approximate=()
        if complete
        else tuple(f"{n} (values beyond the most frequent as one)" for n in ("psi", "chi_squared")),
    )


def _counts(column: ColumnProfile) -> dict[str, int]:
    return {entry.value: entry.count for entry in column.top_values}


def _stability(before: Sequence[float], after: Sequence[float]) -> float:
    """Population stability index of two rows of shares."""
    pairs = [(max(a, _SMALLEST_SHARE), max(b, _SMALLEST_SHARE)) for a, b in zip(before, after, strict=True) if a or b]
    return math.fsum((b - a) * math.log(b / a) for a, b in pairs)


def _chi_squared(table: Sequence[Sequence[int]]) -> tuple[float, int]:
    """Pearson's statistic of homogeneity and its degrees of freedom."""
    columns = [sum(column) for column in zip(*table, strict=True)]
    whole = sum(columns)
    statistic = math.fsum(
        (count - sum(row) * total / whole) ** 2 / (sum(row) * total / whole)
        for row in table
        for count, total in zip(row, columns, strict=True)
        if total
    )
    return statistic, sum(total > 0 for total in columns) - 1


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """Upper tail of the chi-squared distribution: the incomplete gamma function, as a sum of finitely many terms.

    For an even number of degrees a Poisson sum; for an odd one the error function and a sum of half steps.
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    tail, at = (math.exp(-half), 1.0) if freedom % 2 == 0 else (math.erfc(math.sqrt(half)), 0.5)
    while at < freedom / 2:
        tail += math.exp(at * math.log(half) - half - math.lgamma(at + 1))
        at += 1
    return min(tail, 1.0)
