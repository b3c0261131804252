"""How far the data goes: one number from volume, cleanliness, joinability and freshness, and what would raise it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from udb_pipelines.models import ColumnProfile, KeyCandidate, Sufficiency

VOLUME, CLEANLINESS, JOINABILITY, FRESHNESS = 0.30, 0.30, 0.20, 0.20
"""Weights; they add up to 1."""
HALF_LIFE = timedelta(hours=72)
UNKNOWN_FRESHNESS = 0.5
_PLENTY = 10**5


def sufficiency(
    rows: int, columns: Sequence[ColumnProfile], keys: Sequence[KeyCandidate], now: datetime
) -> Sufficiency:
    """Score a table of ``rows`` rows at the moment ``now``, an aware time."""
    cells = rows * len(columns)
    dirty = sum(column.nulls + column.invalid for column in columns)
    volume = min(math.log10(rows + 10) / 5, 1.0) if rows else 0.0
    cleanliness = 1 - dirty / cells if cells else 0.0
    joinability = math.fsum(key.distinct_ratio for key in keys) / len(keys) if keys else 0.0
    newest = _newest(columns, now)
    freshness = UNKNOWN_FRESHNESS if newest is None else 0.5 ** ((now - newest) / HALF_LIFE)
    score = VOLUME * volume + CLEANLINESS * cleanliness + JOINABILITY * joinability + FRESHNESS * freshness
    return Sufficiency(
        score=round(score, 4),
        volume=round(volume, 4),
        cleanliness=round(cleanliness, 4),
        joinability=round(joinability, 4),
        freshness=round(freshness, 4),
        missing=tuple(_missing(rows, cells, dirty, keys, newest, now)),
    )


def _newest(columns: Sequence[ColumnProfile], now: datetime) -> datetime | None:
    """The newest moment that is not in the future; birthdays are no events."""
    found = []
    for column in columns:
        if column.date is None or column.date.max is None or column.semantic_type == "date_of_birth":
            continue
        moment = _parsed(column.date.max)
        if moment is not None and moment <= now:
            found.append(moment)
    return max(found, default=None)


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None  # before the year 1 or after 9999: no event of ours


def _missing(
    rows: int, cells: int, dirty: int, keys: Sequence[KeyCandidate], newest: datetime | None, now: datetime
) -> list[str]:
    found = []
    if rows < _PLENTY:
        found.append(f"rows: {rows:,}, the part for volume is full at {_PLENTY:,}")
    if dirty:
        found.append(f"{dirty:,} of {cells:,} cells are empty or invalid")
    if not keys:
        found.append("no column or combination of columns identifies a row")
    if newest is None:
        found.append("no column tells when something happened")
    elif now - newest > HALF_LIFE:
        found.append(f"the newest event is {(now - newest).days:,} days old")
    return found
