"""The numbers of the columns at hand, laid down once, sorted; every figure of numbers comes from that table."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from udb_pipelines.profiling.session import Session, among, count_where

SORTED = "udb_profile_sorted"
"""Temporary table: column ``c``, numbers ``x``, ascending within the column, and how many rows have each, ``n``."""

CHUNK = 122_880
"""Rows of a DuckDB row group: one thread reads it from first to last, so a sum within it has one order."""


@dataclass(frozen=True)
class Basics:
    """What one pass over the sorted numbers of a column says."""

    entries: int
    n: int
    most: int
    """Rows of the most frequent entry; when 1, a number's rank is its place among the entries."""
    low: float
    high: float
    total: float
    zeros: int
    negatives: int
    integers: int
    entries_before: int
    """Entries of the columns before this one in the table."""
    n_before: int
    """Their rows."""


def lay_down(session: Session, number_sql: str, columns: Collection[int]) -> None:
    """Make :data:`SORTED` of the numbers ``number_sql`` makes of the values ``v`` of the distinct-value pass."""
    # Adding zero makes the negative zero a plain one. Equal numbers written differently (1, 1.0) stay beside
    # each other: every figure is right without the price of merging them.
    numbers = f"(SELECT c, ({number_sql}) + 0::DOUBLE AS x, n FROM {among(columns)}) WHERE x IS NOT NULL"
    order = "x" if len(columns) == 1 else "c, x"
    session.drop(SORTED)
    session.connection.execute(f"CREATE TEMP TABLE {SORTED} AS SELECT c, x, n FROM {numbers} ORDER BY {order}")


def basics(session: Session) -> dict[int, Basics]:
    """One pass over the sorted numbers; a column that has none is left out."""
    rows = session.rows_of(
        f"SELECT c, count(*), sum(n)::BIGINT, max(n), min(x), max(x), sum(x * n), {count_where('x = 0')}, "
        f"{count_where('x < 0')}, {count_where('x = trunc(x)')} FROM {SORTED} GROUP BY c, rowid // {CHUNK} ORDER BY c"
    )
    found: dict[int, Basics] = {}
    entries_before = n_before = 0
    for c, chunks in groupby(rows, key=itemgetter(0)):
        _, entries, n, most, low, high, total, zeros, negatives, integers = zip(*chunks, strict=True)
        found[c] = Basics(
            sum(entries), sum(n), max(most), min(low), max(high), exact_sum(total), sum(zeros), sum(negatives),
            sum(integers), entries_before, n_before,
        )  # fmt: skip
        entries_before += found[c].entries
        n_before += found[c].n
    return found


def exact_sum(values: Iterable[float]) -> float:
    """The sum of chunks' sums, correctly rounded; NaN where it, or a chunk's, is beyond a double."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.nan
