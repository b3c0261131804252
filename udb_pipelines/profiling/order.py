"""Order statistics of the sorted numbers: quantiles, mode, median distance to the median. Exact, without a sketch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from udb_pipelines.profiling.numbers import SORTED, Basics
from udb_pipelines.profiling.session import Session, is_one_of, with_parameters

QUANTILES = {"p1": 0.01, "p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
BINS = 1024
"""Bins in which the median distance is looked for; more of them leave less to sort."""
MOST_SORTED = 100_000
"""Distances up to which they are sorted rather than counted: a window over more of them needs much memory."""


def quantiles(session: Session, basics: Mapping[int, Basics]) -> dict[int, dict[str, float]]:
    """Of each column, with linear interpolation between the two nearest ranks, as NumPy's default."""
    positions = {c: {name: share * (b.n - 1) for name, share in QUANTILES.items()} for c, b in basics.items()}
    found = _at_ranks(
        session, basics, {c: [(math.floor(at), math.ceil(at)) for at in p.values()] for c, p in positions.items()}
    )
    return {
        c: {
            name: _between(found[c, math.floor(at)], found[c, math.ceil(at)], at - math.floor(at))
            for name, at in places.items()
        }
        for c, places in positions.items()
    }


def _at_ranks(
    session: Session, basics: Mapping[int, Basics], wanted: Mapping[int, list[tuple[int, int]]]
) -> dict[tuple[int, int], float]:
    """The numbers at pairs of neighbouring ranks, from 0, of each sorted column with repetitions."""
    plain = {c: pairs for c, pairs in wanted.items() if basics[c].most == 1}
    repeating = {c: pairs for c, pairs in wanted.items() if basics[c].most > 1}
    return _of_plain(session, basics, plain) | _of_repeating(session, basics, repeating)


def _of_plain(
    session: Session, basics: Mapping[int, Basics], wanted: Mapping[int, list[tuple[int, int]]]
) -> dict[tuple[int, int], float]:
    if not wanted:
        return {}
    # Every number once: the rank is the row's id, less the entries of the columns before.
    places = {
        basics[c].entries_before + rank: (c, rank) for c, pairs in wanted.items() for pair in pairs for rank in pair
    }
    rows = session.rows_of(f"SELECT rowid, x FROM {SORTED} WHERE rowid IN ({', '.join(map(str, sorted(places)))})")
    return {places[place]: x for place, x in rows}


def _of_repeating(
    session: Session, basics: Mapping[int, Basics], wanted: Mapping[int, list[tuple[int, int]]]
) -> dict[tuple[int, int], float]:
    if not wanted:
        return {}
    hits = {
        c: " OR ".join(f"(upto > {low + basics[c].n_before} AND upto - n <= {high + basics[c].n_before})"
                       for low, high in pairs)
        for c, pairs in wanted.items()
    }  # fmt: skip
    rows = session.rows_of(
        f"SELECT c, x, upto - n, upto FROM "
        f"(SELECT c, x, n, sum(n) OVER (ROWS UNBOUNDED PRECEDING)::BIGINT AS upto FROM {SORTED}) "
        f"WHERE {_case(hits)}"
    )
    return {
        (c, rank): x
        for c, x, before, upto in rows
        for rank in {rank for pair in wanted[c] for rank in pair}
        if before <= rank + basics[c].n_before < upto
    }


def _case(conditions: Mapping[int, str]) -> str:
    """SQL: the condition of the row's column."""
    return "CASE c " + " ".join(f"WHEN {c} THEN {condition}" for c, condition in conditions.items()) + " END"


def _between(low: float, high: float, share: float) -> float:
    """Linear interpolation that never leaves the interval and does not overflow (NumPy's formula)."""
    if low == high:
        return low
    step = high - low
    if math.isinf(step):
        return low * (1 - share) + high * share
    return high - step * (1 - share) if share >= 0.5 else low + step * share


def modes(session: Session, basics: Mapping[int, Basics]) -> dict[int, float]:
    """The most frequent number of each column, of several the least; a column without repetitions has none."""
    repeated = session.rows_of(
        "SELECT DISTINCT c FROM "
        f"(SELECT c, c = lag(c) OVER () AND x = lag(x) OVER () AS again FROM {SORTED}) WHERE again"
    )
    merged = {c for (c,) in repeated}
    found: dict[int, float] = {}
    if merged:
        entries = f"(SELECT c, x, sum(n) AS n FROM {SORTED} WHERE {is_one_of(merged)} GROUP BY c, x)"
        found |= session.rows_of(f"SELECT c, -max({{'n': n, 'x': -x}}).x FROM {entries} GROUP BY c")
    most = {c: {"most": b.most} for c, b in basics.items() if c not in merged and (b.most > 1 or b.n == 1)}
    if most:
        found |= session.rows_of(f"SELECT c, min(x) FROM {with_parameters(SORTED, most)} WHERE n = most GROUP BY c")
    return found


@dataclass(frozen=True)
class _Search:
    """Where the median distance of a column lies."""

    median: float
    low: float
    high: float
    """No distance looked for is below or above; both are distances that occur, or their bounds."""
    before: int
    """Rows with a smaller distance than ``low``."""
    ranks: tuple[int, int]
    entries: int
    """Entries between."""

    @property
    def parameters(self) -> dict[str, float]:
        """What the query on the column needs."""
        return {"median": self.median, "low": self.low, "high": self.high, "width": (self.high - self.low) / BINS}

    @property
    def narrow(self) -> bool:
        """Whether what lies between may as well be sorted."""
        return self.entries <= MOST_SORTED or self.parameters["width"] == 0


def median_deviations(
    session: Session, basics: Mapping[int, Basics], medians: Mapping[int, float]
) -> dict[int, float | None]:
    """Median of the distances to the median, found by counting in ever finer bins: only a few of them are sorted."""
    found: dict[int, float | None] = {}
    searched: dict[int, _Search] = {}
    for c, b in basics.items():
        largest = max(b.high - medians[c], medians[c] - b.low)
        if largest == 0 or not math.isfinite(largest):
            found[c] = 0.0 if largest == 0 else None
        else:
            searched[c] = _Search(medians[c], 0.0, largest, 0, ((b.n - 1) // 2, b.n // 2), b.entries)
    while wide := {c: search for c, search in searched.items() if not search.narrow}:
        searched |= _narrowed(session, wide)
    found.update(_sorted_out(session, searched) if searched else {})
    return found


def _distances(searched: Mapping[int, _Search]) -> str:
    numbers = with_parameters(SORTED, {c: search.parameters for c, search in searched.items()})
    return f"(SELECT *, abs(x - median) AS y FROM {numbers}) WHERE y BETWEEN low AND high"


def _narrowed(session: Session, searched: Mapping[int, _Search]) -> dict[int, _Search]:
    """Each search in the bins that hold its ranks; the bins' bounds are distances that occur."""
    rows = session.rows_of(
        "SELECT c, floor((y - low) / width)::INTEGER AS bin, count(*), sum(n)::BIGINT, min(y), max(y) "
        f"FROM {_distances(searched)} GROUP BY c, bin ORDER BY c, bin"
    )
    return {
        c: _in_bins(searched[c], [tuple(bin_) for _, _, *bin_ in bins]) for c, bins in groupby(rows, key=itemgetter(0))
    }


def _in_bins(search: _Search, bins: Iterable[tuple[Any, ...]]) -> _Search:
    held: list[tuple[Any, ...]] = []
    before = upto = search.before
    for entries, rows, low, high in bins:
        if any(upto <= rank < upto + rows for rank in search.ranks):
            before = before if held else upto
            held.append((entries, low, high))
        upto += rows
    return replace(
        search, low=held[0][1], high=held[-1][2], before=before, entries=sum(entries for entries, _, _ in held)
    )


def _sorted_out(session: Session, searched: Mapping[int, _Search]) -> dict[int, float]:
    hits = {
        c: " OR ".join(f"(upto > {rank - s.before} AND upto - n <= {rank - s.before})" for rank in s.ranks)
        for c, s in searched.items()
    }
    rows = session.rows_of(
        "SELECT c, min(y), max(y) FROM (SELECT c, y, n, "
        "sum(n) OVER (PARTITION BY c ORDER BY y, n ROWS UNBOUNDED PRECEDING) AS upto "
        f"FROM {_distances(searched)}) WHERE {_case(hits)} GROUP BY c"
    )
    return {c: float(low / 2 + high / 2) for c, low, high in rows}
