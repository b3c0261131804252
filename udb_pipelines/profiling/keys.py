"""Columns that may identify a row: single columns first, then pairs, then three. Exact, never from a sketch.

A measure that happens to be unique is no key, so numbers with a fraction, amounts, mixed and empty columns are
left out. Pairs are looked at only when no single column identifies every row, three columns only when no pair
does, and only those combinations that could: their distinct values multiplied must reach the number of rows, and a
prefix of the table must not refute them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

from udb_pipelines.models import ColumnProfile, KeyCandidate
from udb_pipelines.profiling.repeats import any_repetition
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column

MOST_CANDIDATES = 5
LEAST_SCORE = 0.95
"""A column below this score is not worth proposing."""
MOST_COMBINED = 30
"""Columns that are combined, those with most values."""
MOST_REFUTED = 400
"""Combinations that are tried on the prefix, the most promising first."""
MOST_COUNTED = 20
"""Combinations that are counted over the whole table."""
PREFIX_ROWS = 10_000
"""A combination that repeats among the first rows is not unique: cheap refutation, never acceptance."""


def candidate_keys(
    session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]
) -> tuple[KeyCandidate, ...]:
    """At most five candidates, single columns before combinations, each in order of score."""
    if not session.rows:
        return ()
    eligible = [(column, found) for column, found in zip(columns, profiles, strict=True) if _may_identify(found)]
    singles = sorted((_single(found) for _, found in eligible), key=lambda key: -key.score)
    found = [key for key in singles if key.score >= LEAST_SCORE][:MOST_CANDIDATES]
    if any(key.score == 1 for key in found):
        return tuple(found)
    pairs = _compounds(session, eligible, 2)
    # Three columns are worth counting only where two do not do.
    return tuple((found + (pairs or _compounds(session, eligible, 3)))[:MOST_CANDIDATES])


def _may_identify(profile: ColumnProfile) -> bool:
    if profile.type in ("unknown", "money") or profile.distinct < 2 <= profile.rows:
        return False
    return profile.numeric is None or profile.numeric.integers_pct == 100


def _single(profile: ColumnProfile) -> KeyCandidate:
    non_null = profile.rows - profile.nulls
    return _scored(
        (profile.name,),
        profile.distinct / non_null if non_null else 0.0,
        profile.null_pct / 100,
        profile.invalid,
        profile.rows,
    )


def _scored(names: tuple[str, ...], distinct: float, nulls: float, invalid: int, rows: int) -> KeyCandidate:
    score = distinct * (1 - nulls) / (1 + invalid / rows)
    return KeyCandidate(
        columns=names, distinct_ratio=distinct, null_ratio=nulls, invalid_ratio=invalid / rows, score=score
    )


def _compounds(session: Session, eligible: Sequence[tuple[Column, ColumnProfile]], size: int) -> list[KeyCandidate]:
    """Combinations of ``size`` columns without nulls that identify every row."""
    complete = sorted((item for item in eligible if not item[1].nulls), key=lambda item: -item[1].distinct)
    room = [item[1].distinct for item in complete]
    possible = [
        places
        for places in combinations(range(len(complete[:MOST_COMBINED])), size)
        if prod(room[place] for place in places) >= session.rows
    ]
    possible.sort(key=lambda places: -prod(room[place] for place in places))
    found: list[KeyCandidate] = []
    counted = 0
    for places in possible[:MOST_REFUTED]:
        items = sorted((complete[place] for place in places), key=lambda item: item[0].position)
        columns = [column for column, _ in items]
        if not _unique(session, columns, PREFIX_ROWS):
            continue
        counted += 1
        if session.rows <= PREFIX_ROWS or _unique(session, columns, session.rows):
            invalid = sum(profile.invalid for _, profile in items)
            found.append(_scored(tuple(profile.name for _, profile in items), 1.0, 0.0, invalid, session.rows))
        if counted == MOST_COUNTED or len(found) == MOST_CANDIDATES:
            break
    return found


def _unique(session: Session, columns: Sequence[Column], rows: int) -> bool:
    values = ", ".join(f"{column.value_sql} AS k{place}" for place, column in enumerate(columns))
    looked_at = session.table if rows >= session.rows else f"(FROM {session.table} LIMIT {rows})"
    names = [f"k{place}" for place in range(len(columns))]
    return not any_repetition(session.connection, f"(SELECT {values} FROM {looked_at})", names)
