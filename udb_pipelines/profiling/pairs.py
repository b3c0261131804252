"""How columns go together, two at a time: exact figures over all rows, at a bounded cost.

Numbers are correlated in one scan; codes and empty cells are first grouped, so that their pairs are counted on
what little remains. Limits, by which the cost stays linear in the rows, are told in the notes:

- Pearson for the first :data:`MOST_NUMBERS` numeric columns;
- Spearman, which has to sort every column, up to :data:`MOST_RANKED_CELLS` cells;
- Cramer's V for the :data:`MOST_CODES` codes with the fewest values, none above :data:`MOST_CODE_VALUES`;
- nullity for the :data:`MOST_INCOMPLETE` columns whose empty cells vary most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from udb_pipelines.models import ColumnProfile, NumericStats, PairStat
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.session import Session, count_where, double
from udb_pipelines.profiling.storage import FLOATS, Column

MOST_NUMBERS = 40
MOST_RANKED_CELLS = 2_000_000
MOST_CODES = 12
MOST_CODE_VALUES = 50
MOST_INCOMPLETE = 100
MOST_KEPT = 500
"""Pairs kept of each method."""
_PER_QUERY = 400
MOST_EXPANDED = 300_000
"""Rows that are laid down to count several tables of codes at once."""
_DIGITS = 12
"""Digits kept: the last ones of a parallel sum depend on who added first."""
_GROUPED = "udb_profile_grouped"

Method = Literal["pearson", "spearman", "cramers_v", "nullity"]
Item = tuple[Column, ColumnProfile]


@dataclass(frozen=True)
class Pairs:
    """The figures, and what was left out."""

    stats: tuple[PairStat, ...]
    notes: tuple[str, ...]


def pair_stats(session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]) -> Pairs:
    """Pearson, Spearman, Cramer's V and nullity of every pair of columns that has them, within the limits."""
    items = list(zip(columns, profiles, strict=True))
    notes: list[str] = []
    numbers = _limited(
        [i for i in items if _varies(i[1])], MOST_NUMBERS, "Pearson: the first {} numeric columns", notes
    )
    stats = _correlations(session, "pearson", numbers, f"(SELECT {_centred(numbers)} FROM {session.table})")
    if len(numbers) > 1 and session.rows * len(numbers) <= MOST_RANKED_CELLS:
        stats += _spearman(session, numbers)
    elif len(numbers) > 1:
        notes.append(f"Spearman: left out, for tables above {MOST_RANKED_CELLS:,} numeric cells")
    codes = sorted((i for i in items if _is_code(i[1])), key=lambda item: item[1].distinct)
    stats += _cramers(session, _limited(codes, MOST_CODES, "Cramer's V: the {} codes with the fewest values", notes))
    gaps = sorted((i for i in items if 0 < i[1].nulls < i[1].rows), key=lambda i: abs(i[1].null_pct - 50))
    stats += _nullity(session, _limited(gaps, MOST_INCOMPLETE, "nullity: the {} columns that vary most", notes))
    return Pairs(tuple(stats), tuple(notes))


def _limited(items: list[Item], most: int, note: str, notes: list[str]) -> list[Item]:
    if len(items) > most:
        notes.append(note.format(most) + f" of {len(items)}")
    return items[:most]


def _varies(profile: ColumnProfile) -> bool:
    return profile.numeric is not None and bool(profile.numeric.stddev) and math.isfinite(_reach(profile.numeric))


def _reach(numbers: NumericStats) -> float:
    """The greatest distance to the mean; infinite where a double does not hold it."""
    if numbers.mean is None or numbers.min is None or numbers.max is None:
        return math.inf
    return max(numbers.max - numbers.mean, numbers.mean - numbers.min)


def _is_code(profile: ColumnProfile) -> bool:
    return profile.type in ("code", "alpha") and 2 <= profile.distinct <= MOST_CODE_VALUES


def _numbers(items: Sequence[Item]) -> str:
    return ", ".join(f"{_number(column)} AS x{i}" for i, (column, _) in enumerate(items)) or "1"


def _centred(items: Sequence[Item]) -> str:
    """Every column about its mean and from -1 to 1: what sums of products need to be accurate, and not to overflow."""
    selected = (
        f"(({_number(column)}) - {double(profile.numeric.mean or 0.0)}) / {double(_reach(profile.numeric))} AS x{i}"
        for i, (column, profile) in enumerate(items)
        if profile.numeric
    )
    return ", ".join(selected) or "1"


def _number(column: Column) -> str:
    if column.is_text:
        return sql.number(column.identifier)
    value = f"{column.identifier}::DOUBLE"
    return f"CASE WHEN isfinite({value}) THEN {value} END" if column.storage_type in FLOATS else value


def _correlations(session: Session, method: Method, items: Sequence[Item], source: str) -> list[PairStat]:
    """Pearson's coefficient of all pairs of the columns ``x0``, ``x1`` ... of ``source``."""
    found: list[PairStat] = []
    for batch in _batches(list(combinations(range(len(items)), 2)), _PER_QUERY):
        aggregates = ", ".join(f"corr(x{a}, x{b}), count(x{a} + x{b})" for a, b in batch)
        row = session.rows_of(f"SELECT {aggregates} FROM {source}")[0]
        for (a, b), value, rows in zip(batch, row[::2], row[1::2], strict=True):
            found += _pair(method, items[a], items[b], value, rows)
    return _strongest(found)


def _batches(pairs: list[tuple[int, int]], size: int) -> Iterable[Sequence[tuple[int, int]]]:
    size = max(size, 1)
    return (pairs[at : at + size] for at in range(0, len(pairs), size))


def _pair(method: Method, left: Item, right: Item, value: float | None, rows: int) -> list[PairStat]:
    if value is None or not math.isfinite(value):
        return []
    rounded = round(min(max(value, -1.0), 1.0), _DIGITS)
    return [PairStat(left=left[0].name, right=right[0].name, method=method, value=rounded, rows=rows)]


def _strongest(stats: list[PairStat]) -> list[PairStat]:
    return sorted(stats, key=lambda pair: -abs(pair.value))[:MOST_KEPT]


def _spearman(session: Session, items: Sequence[Item]) -> list[PairStat]:
    """Pearson's coefficient of the ranks, ties at their middle; exact where both columns are complete.

    With gaps the ranks are those within the rows both columns have: such pairs are ranked on their own.
    """
    complete = [item for item in items if _is_complete(item)]
    found = _correlations(session, "spearman", complete, f"(SELECT {_ranks(complete)} FROM {session.table})")
    broken = [
        pair for pair in combinations(range(len(items)), 2) if not all(_is_complete(items[place]) for place in pair)
    ]
    source = f"(SELECT {_numbers(items)} FROM {session.table})"
    for batch in _batches(broken, MOST_RANKED_CELLS // max(session.rows, 1)):
        ranked = f"SELECT p, {_rank('a', 'p')} AS a, {_rank('b', 'p')} AS b FROM {_side_by_side(batch, source)}"
        for p, value, rows in session.rows_of(f"SELECT p, corr(a, b), count(*) FROM ({ranked}) GROUP BY p ORDER BY p"):
            found += _pair("spearman", items[batch[p][0]], items[batch[p][1]], value, rows)
    return _strongest(found)


def _side_by_side(pairs: Sequence[tuple[int, int]], source: str, extra: str = "") -> str:
    """The rows of ``source`` once for each pair ``p`` of its columns ``x0``, ``x1`` ..., as ``a`` and ``b``.

    Rows where one of the two is missing are left out.
    """
    lefts, rights = (", ".join(f"x{pair[side]}" for pair in pairs) for side in (0, 1))
    listed = f"unnest(range({len(pairs)})) AS p, unnest([{lefts}]) AS a, unnest([{rights}]) AS b"
    return f"(FROM (SELECT {listed}{extra} FROM {source}) WHERE a IS NOT NULL AND b IS NOT NULL)"


def _is_complete(item: Item) -> bool:
    return item[1].nulls == 0 and item[1].invalid == 0


def _ranks(items: Sequence[Item]) -> str:
    return ", ".join(f"{_rank(_number(column))} AS x{i}" for i, (column, _) in enumerate(items)) or "1"


def _rank(value: str, within: str = "") -> str:
    """The rank of a value, ties at their middle; ``within`` the rows that share another, if one is given."""
    group = f"PARTITION BY {within} " if within else ""
    ties = f"{within}, {value}" if within else value
    return f"rank() OVER ({group}ORDER BY {value}) + (count(*) OVER (PARTITION BY {ties}) - 1) / 2"


def _present(column: Column) -> str:
    """The value, blank text being none."""
    if not column.is_text:
        return column.value_sql
    return f"CASE WHEN NOT {sql.blank(column.value_sql)} THEN {column.value_sql} END"


def _cramers(session: Session, items: Sequence[Item]) -> list[PairStat]:
    found: list[PairStat] = []
    for left, right, chi_squared, rows, lesser in _contingency(session, [_present(c) for c, _ in items]):
        value = math.sqrt(max(chi_squared, 0.0) / (rows * (lesser - 1))) if rows and lesser > 1 else None
        found += _pair("cramers_v", items[left], items[right], value, rows)
    return _strongest(found)


def _contingency(session: Session, values: Sequence[str]) -> Iterable[tuple[int, int, float, int, int]]:
    """Of each pair: both places, chi-squared of their table, its rows, and the lesser number of values."""
    if len(values) < 2:
        return
    # As text, so that codes of different types can stand in one list.
    groups = _group(session, [f"({value})::VARCHAR" for value in values])
    try:
        for batch in _batches(list(combinations(range(len(values)), 2)), MOST_EXPANDED // max(groups, 1)):
            cells = f"SELECT p, a, b, sum(n) AS n FROM {_side_by_side(batch, _GROUPED, ', n')} GROUP BY ALL"
            sides = (
                "SELECT p, a, b, n, sum(n) OVER (PARTITION BY p, a) AS of_a, sum(n) OVER (PARTITION BY p, b) AS of_b "
                f"FROM ({cells})"
            )
            for p, share, rows, lesser in session.rows_of(
                "SELECT p, sum(n * n / of_a::DOUBLE / of_b ORDER BY a, b), sum(n)::BIGINT, "
                f"least(count(DISTINCT a), count(DISTINCT b)) FROM ({sides}) GROUP BY p ORDER BY p"
            ):
                yield *batch[p], rows * (share - 1), rows, lesser
    finally:
        session.drop(_GROUPED)


def _group(session: Session, values: Sequence[str]) -> int:
    """Rows with the same values in all columns at hand become one, ``n`` telling how many; how many remain."""
    selected = ", ".join(f"{value} AS x{i}" for i, value in enumerate(values))
    session.drop(_GROUPED)
    session.connection.execute(
        f"CREATE TEMP TABLE {_GROUPED} AS SELECT {selected}, count(*) AS n FROM {session.table} GROUP BY ALL"
    )
    return int(session.rows_of(f"SELECT count(*) FROM {_GROUPED}")[0][0])


def _nullity(session: Session, items: Sequence[Item]) -> list[PairStat]:
    if len(items) < 2:
        return []
    _group(session, [f"{_present(column)} IS NULL" for column, _ in items])
    found: list[PairStat] = []
    try:
        for batch in _batches(list(combinations(range(len(items)), 2)), _PER_QUERY):
            aggregates = ", ".join(count_where(f"x{a} AND x{b}") for a, b in batch)
            counts = session.rows_of(f"SELECT {aggregates} FROM {_GROUPED}")[0]
            for (a, b), both in zip(batch, counts, strict=True):
                value = _phi(both, items[a][1].nulls, items[b][1].nulls, session.rows)
                found += _pair("nullity", items[a], items[b], value, session.rows)
    finally:
        session.drop(_GROUPED)
    return _strongest(found)


def _phi(both: int, left: int, right: int, rows: int) -> float | None:
    """Pearson's coefficient of two yes-or-no columns, from counts."""
    spread = math.sqrt(left * (rows - left)) * math.sqrt(right * (rows - right))
    return (both * rows - left * right) / spread if spread else None
