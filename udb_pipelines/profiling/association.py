"""Codes two at a time: Cramer's V, from how often each value of one comes with each of the other.

Where few combinations of all the codes occur, they are counted once and every pair is read from what remains. Where
there are too many for memory, each pair is counted by itself, all in one scan: a pair has a few thousand cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations

from udb_pipelines.models import PairStat
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling import grouping
from udb_pipelines.profiling.correlation import Item, Place, batches, pair_stat, side_by_side, strongest
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column

MOST_EXPANDED = 300_000
"""Rows that are laid down to count several tables of codes at once."""
_OF_A_VALUE = 16
"""Bytes that a value takes in a group, beside a long text's own."""
_GROUPED = "udb_profile_grouped"


def present(column: Column) -> str:
    """SQL of the value of a column, blank text being none."""
    if not column.is_text:
        return column.value_sql
    return f"CASE WHEN NOT {sql.blank(column.value_sql)} THEN {column.value_sql} END"


def cramers_v(session: Session, items: Sequence[Item]) -> list[PairStat]:
    """Cramer's V of all pairs of columns; one that has a single value where the other has any goes with none."""
    if len(items) < 2:
        return []
    found: list[PairStat] = []
    with _cells(session, items) as batched:
        for batch, cells in batched:
            for p, chi_squared, rows, lesser in _chi_squared(session, cells):
                value = math.sqrt(max(chi_squared, 0.0) / (rows * (lesser - 1))) if rows and lesser > 1 else None
                left, right = batch[p]
                found += pair_stat("cramers_v", items[left], items[right], value, rows)
    return strongest(found)


def _chi_squared(session: Session, cells: str) -> Iterator[tuple[int, float, int, int]]:
    """Of each pair: its place, chi-squared of its table, its rows, and the lesser number of values.

    ``cells`` is SQL of pairs ``p``, values ``a`` and ``b``, and rows ``n``.
    """
    sides = (
        "SELECT p, a, b, n, sum(n) OVER (PARTITION BY p, a) AS of_a, sum(n) OVER (PARTITION BY p, b) AS of_b "
        f"FROM ({cells})"
    )
    for p, share, rows, lesser in session.rows_of(
        "SELECT p, sum(n * n / of_a::DOUBLE / of_b ORDER BY a, b), sum(n)::BIGINT, "
        f"least(count(DISTINCT a), count(DISTINCT b)) FROM ({sides}) GROUP BY p ORDER BY p"
    ):
        yield p, rows * (share - 1), rows, lesser


@contextmanager
def _cells(session: Session, items: Sequence[Item]) -> Iterator[Iterable[tuple[Sequence[Place], str]]]:
    """Batches of pairs, each with the SQL of its cells; a temporary table behind it is gone after the block."""
    # As text, so that codes of different types can stand in one list.
    values = [f"({present(item.column)})::VARCHAR" for item in items]
    selected = ", ".join(f"{value} AS x{i}" for i, value in enumerate(values))
    rows = f"(SELECT {selected} FROM {session.table})"
    pairs = list(combinations(range(len(values)), 2))
    if not _few_combinations(session, items, rows):
        yield [(pairs, _each_by_itself(pairs, rows, len(values)))]
        return
    session.drop(_GROUPED)
    session.connection.execute(f"CREATE TEMP TABLE {_GROUPED} AS SELECT *, count(*) AS n FROM {rows} GROUP BY ALL")
    try:
        groups = int(session.rows_of(f"SELECT count(*) FROM {_GROUPED}")[0][0])
        yield [
            (batch, f"SELECT p, a, b, sum(n) AS n FROM {side_by_side(batch, _GROUPED, ', n')} GROUP BY ALL")
            for batch in batches(pairs, MOST_EXPANDED // max(groups, 1))
        ]
    finally:
        session.drop(_GROUPED)


def _few_combinations(session: Session, items: Sequence[Item], rows: str) -> bool:
    """Whether the combinations of all values that occur are few enough to be kept; estimated where they may not be."""

    def few(groups: float) -> bool:
        fits = grouping.parts_needed(groups, _OF_A_VALUE * len(items), session.memory) == 1
        return fits and groups <= MOST_EXPANDED

    if few(min(session.rows, math.prod(item.profile.distinct + 1 for item in items))):
        return True
    names = ", ".join(f"x{i}" for i in range(len(items)))
    return few(session.rows_of(f"SELECT approx_count_distinct(hash({names})) FROM {rows}")[0][0])


def _each_by_itself(pairs: Sequence[Place], rows: str, values: int) -> str:
    """SQL of the cells of all pairs, in one scan of ``rows``."""
    sets = ", ".join(f"(x{a}, x{b})" for a, b in pairs)
    # A bit for each column, the last one being the least: set where it is not of the pair.
    everything = (1 << values) - 1
    masks = [everything - (1 << (values - 1 - a)) - (1 << (values - 1 - b)) for a, b in pairs]
    place, left, right = (
        " ".join(f"WHEN {mask} THEN {chosen(p)}" for p, mask in enumerate(masks))
        for chosen in (str, lambda p: f"x{pairs[p][0]}", lambda p: f"x{pairs[p][1]}")
    )
    names = ", ".join(f"x{i}" for i in range(values))
    counted = f"SELECT grouping({names}) AS g, {names}, count(*) AS n FROM {rows} GROUP BY GROUPING SETS ({sets})"
    cells = f"SELECT CASE g {place} END AS p, CASE g {left} END AS a, CASE g {right} END AS b, n FROM ({counted})"
    return f"SELECT p, a, b, n FROM ({cells}) WHERE a IS NOT NULL AND b IS NOT NULL"
