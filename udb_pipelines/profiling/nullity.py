"""Columns that are empty in the same rows: Pearson's coefficient of their being empty, of every two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from udb_pipelines.models import PairStat
from udb_pipelines.profiling.association import present
from udb_pipelines.profiling.correlation import PER_QUERY, Item, batches, pair_stat, strongest
from udb_pipelines.profiling.session import Session, count_where

_GROUPED = "udb_profile_emptiness"
_BITS = 60
"""Columns whose emptiness is told by the bits of one number: numbers, unlike text, are grouped on disk if need be."""


def nullity(session: Session, items: Sequence[Item]) -> list[PairStat]:
    """The coefficient of all pairs of columns, from one scan of the table."""
    if len(items) < 2:
        return []
    _lay_down(session, items)
    found: list[PairStat] = []
    try:
        for batch in batches(list(combinations(range(len(items)), 2)), PER_QUERY):
            aggregates = ", ".join(count_where(f"{_empty(a)} AND {_empty(b)}") for a, b in batch)
            counts = session.rows_of(f"SELECT {aggregates} FROM {_GROUPED}")[0]
            for (a, b), both in zip(batch, counts, strict=True):
                value = _phi(both, items[a].profile.nulls, items[b].profile.nulls, session.rows)
                found += pair_stat("nullity", items[a], items[b], value, session.rows)
    finally:
        session.drop(_GROUPED)
    return strongest(found)


def _lay_down(session: Session, items: Sequence[Item]) -> None:
    """Rows with the same gaps become one, ``n`` telling how many."""
    bits = [
        f"CASE WHEN {present(item.column)} IS NULL THEN {1 << place % _BITS} ELSE 0 END::UBIGINT"
        for place, item in enumerate(items)
    ]
    numbers = [" + ".join(bits[at : at + _BITS]) for at in range(0, len(bits), _BITS)]
    selected = ", ".join(f"{number} AS w{i}" for i, number in enumerate(numbers))
    session.drop(_GROUPED)
    session.connection.execute(
        f"CREATE TEMP TABLE {_GROUPED} AS SELECT {selected}, count(*) AS n FROM {session.table} GROUP BY ALL"
    )


def _empty(place: int) -> str:
    """SQL: whether the column at this place is empty."""
    return f"(w{place // _BITS} & {1 << place % _BITS}) > 0"


def _phi(both: int, left: int, right: int, rows: int) -> float | None:
    """Pearson's coefficient of two yes-or-no columns, from counts."""
    spread = math.sqrt(left * (rows - left)) * math.sqrt(right * (rows - right))
    return (both * rows - left * right) / spread if spread else None
