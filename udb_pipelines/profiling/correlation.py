"""Numbers two at a time: Pearson's coefficient in one scan of the table, Spearman's from the ranks.

Every column is taken about its mean and from -1 to 1, which is what sums of products need to be accurate, and not to
overflow. Where both columns are complete one compensated sum a pair is enough; where one has gaps, the rows that
count are the pair's own, and DuckDB's ``corr`` takes their means anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from udb_pipelines.models import ColumnProfile, NumericStats, PairStat
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.session import Session, double
from udb_pipelines.profiling.storage import FLOATS, Column

MOST_KEPT = 500
"""Pairs kept of each method."""
PER_QUERY = 400
_DIGITS = 12
"""Digits kept: the last ones of a parallel sum depend on who added first."""

Method = Literal["pearson", "spearman", "cramers_v", "nullity"]
Place = tuple[int, int]


@dataclass(frozen=True)
class Item:
    """A column that is paired with others."""

    column: Column
    profile: ColumnProfile

    @property
    def varies(self) -> bool:
        """Whether it has numbers that differ, within what a double holds."""
        numbers = self.profile.numeric
        return numbers is not None and bool(numbers.stddev) and math.isfinite(_reach(numbers))

    @property
    def is_complete(self) -> bool:
        """Whether every row has a number."""
        return self.profile.nulls == 0 and self.profile.invalid == 0

    @property
    def number(self) -> str:
        """SQL of the number of a row, as DOUBLE."""
        name = self.column.identifier
        if self.column.is_text:
            # Nothing in a column without invalid values has to be told from a number once more.
            return sql.number(name) if self.profile.invalid else f"TRY_CAST({name} AS DOUBLE)"
        value = f"{name}::DOUBLE"
        return f"CASE WHEN isfinite({value}) THEN {value} END" if self.column.storage_type in FLOATS else value

    @property
    def centred(self) -> str:
        """SQL of the number about its mean and from -1 to 1."""
        numbers = self.profile.numeric
        if numbers is None:
            return self.number
        return f"(({self.number}) - {double(numbers.mean or 0.0)}) / {double(_reach(numbers))}"


def _reach(numbers: NumericStats) -> float:
    """The greatest distance to the mean; infinite where a double does not hold it."""
    if numbers.mean is None or numbers.min is None or numbers.max is None:
        return math.inf
    return max(numbers.max - numbers.mean, numbers.mean - numbers.min)


def pearson(session: Session, items: Sequence[Item]) -> list[PairStat]:
    """The coefficient of all pairs of columns."""
    return _correlations(session, "pearson", items, _source(session, [item.centred for item in items]))


def spearman(session: Session, items: Sequence[Item], most_cells: int) -> list[PairStat]:
    """Pearson's coefficient of the ranks, ties at their middle; exact where both columns are complete.

    With gaps the ranks are those within the rows both columns have: such pairs are ranked on their own, together as
    many as make ``most_cells``.
    """
    complete = [item for item in items if item.is_complete]
    ranks = _source(session, [_rank(item.number) for item in complete])
    found = _correlations(session, "spearman", complete, ranks)
    broken = [pair for pair in _pairs(items) if not _are_complete(items, pair)]
    source = _source(session, [item.number for item in items])
    for batch in batches(broken, most_cells // max(session.rows, 1)):
        ranked = f"SELECT p, {_rank('a', 'p')} AS a, {_rank('b', 'p')} AS b FROM {side_by_side(batch, source)}"
        for p, value, rows in session.rows_of(f"SELECT p, corr(a, b), count(*) FROM ({ranked}) GROUP BY p ORDER BY p"):
            found += pair_stat("spearman", items[batch[p][0]], items[batch[p][1]], value, rows)
    return strongest(found)


def _source(session: Session, values: Sequence[str]) -> str:
    """SQL that may stand after FROM: the values as columns ``x0``, ``x1`` ..."""
    named = ", ".join(f"{value} AS x{i}" for i, value in enumerate(values)) or "1"
    return f"(SELECT {named} FROM {session.table})"


def _correlations(session: Session, method: Method, items: Sequence[Item], source: str) -> list[PairStat]:
    """Pearson's coefficient of all pairs of the columns ``x0``, ``x1`` ... of ``source``, one for each item."""
    whole = [pair for pair in _pairs(items) if _are_complete(items, pair)]
    broken = [pair for pair in _pairs(items) if not _are_complete(items, pair)]
    found: list[PairStat] = []
    for batch in batches(whole, PER_QUERY):
        found += _of_complete(session, method, items, batch, source)
    for batch in batches(broken, PER_QUERY):
        aggregates = ", ".join(f"corr(x{a}, x{b}), count(x{a} + x{b})" for a, b in batch)
        row = session.rows_of(f"SELECT {aggregates} FROM {source}")[0]
        for (a, b), value, rows in zip(batch, row[::2], row[1::2], strict=True):
            found += pair_stat(method, items[a], items[b], value, rows)
    return strongest(found)


def _of_complete(
    session: Session, method: Method, items: Sequence[Item], pairs: Sequence[Place], source: str
) -> Iterable[PairStat]:
    """From sums alone: of every column, of its squares, of the products of every pair."""
    places = sorted({place for pair in pairs for place in pair})
    products = [(place, place) for place in places] + list(pairs)
    selected = [f"fsum(x{place})" for place in places] + [f"fsum(x{a} * x{b})" for a, b in products]
    row = session.rows_of(f"SELECT {', '.join(selected)} FROM {source}")[0]
    sums = dict(zip(places, row, strict=False))
    moments = {
        (a, b): total - sums[a] * (sums[b] / session.rows)
        for (a, b), total in zip(products, row[len(places) :], strict=True)
    }
    for a, b in pairs:
        spread = math.sqrt(max(moments[a, a], 0.0)) * math.sqrt(max(moments[b, b], 0.0))
        yield from pair_stat(method, items[a], items[b], moments[a, b] / spread if spread else None, session.rows)


def _pairs(items: Sequence[Item]) -> list[Place]:
    return list(combinations(range(len(items)), 2))


def _are_complete(items: Sequence[Item], pair: Place) -> bool:
    return all(items[place].is_complete for place in pair)


def batches(pairs: Sequence[Place], size: int) -> Iterable[Sequence[Place]]:
    """The pairs, so many at once, at least one."""
    size = max(size, 1)
    return (pairs[at : at + size] for at in range(0, len(pairs), size))


def pair_stat(method: Method, left: Item, right: Item, value: float | None, rows: int) -> list[PairStat]:
    """A figure of two columns, rounded to what is certain; nothing where it is not defined."""
    if value is None or not math.isfinite(value):
        return []
    rounded = round(min(max(value, -1.0), 1.0), _DIGITS)
    return [PairStat(left=left.column.name, right=right.column.name, method=method, value=rounded, rows=rows)]


def strongest(stats: list[PairStat]) -> list[PairStat]:
    """The pairs that are kept."""
    return sorted(stats, key=lambda pair: -abs(pair.value))[:MOST_KEPT]


def side_by_side(pairs: Sequence[Place], source: str, extra: str = "") -> str:
    """The rows of ``source`` once for each pair ``p`` of its columns ``x0``, ``x1`` ..., as ``a`` and ``b``.

    Rows where one of the two is missing are left out.
    """
    lefts, rights = (", ".join(f"x{pair[side]}" for pair in pairs) for side in (0, 1))
    listed = f"unnest(range({len(pairs)})) AS p, unnest([{lefts}]) AS a, unnest([{rights}]) AS b"
    return f"(FROM (SELECT {listed}{extra} FROM {source}) WHERE a IS NOT NULL AND b IS NOT NULL)"


def _rank(value: str, within: str = "") -> str:
    """The rank of a value, ties at their middle; ``within`` the rows that share another, if one is given."""
    group = f"PARTITION BY {within} " if within else ""
    ties = f"{within}, {value}" if within else value
    return f"rank() OVER ({group}ORDER BY {value}) + (count(*) OVER (PARTITION BY {ties}) - 1) / 2"
