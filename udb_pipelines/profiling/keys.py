"""Columns that may identify a row: single columns first, then pairs. Exact, never from a sketch.

A measure that happens to be unique is no key, so numbers with a fraction, amounts, mixed and empty columns are
left out. Pairs are looked at only when no single column identifies every row, and only those pairs that could:
their distinct values multiplied must reach the number of rows, and a prefix of the table must not refute them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from udb_pipelines.models import ColumnProfile, KeyCandidate
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column

MOST_CANDIDATES = 5
LEAST_SCORE = 0.95
"""A column below this score is not worth proposing."""
MOST_PAIRS = 20
"""Pairs that are counted over the whole table, the most promising first."""
PREFIX_ROWS = 10_000
"""A pair that repeats among the first rows is not unique: cheap refutation, never acceptance."""


def candidate_keys(
    session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]
) -> tuple[KeyCandidate, ...]:
    """At most five candidates, single columns before pairs, each in order of score."""
    if not session.rows:
        return ()
    eligible = [(column, found) for column, found in zip(columns, profiles, strict=True) if _may_identify(found)]
    singles = sorted((_single(found) for _, found in eligible), key=lambda key: -key.score)
    found = [key for key in singles if key.score >= LEAST_SCORE][:MOST_CANDIDATES]
    if any(key.score == 1 for key in found):
        return tuple(found)
    return tuple((found + _pairs(session, eligible))[:MOST_CANDIDATES])


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


def _pairs(session: Session, eligible: Sequence[tuple[Column, ColumnProfile]]) -> list[KeyCandidate]:
    """Pairs without nulls that identify every row."""
    complete = [item for item in eligible if not item[1].nulls]
    possible = [pair for pair in combinations(complete, 2) if pair[0][1].distinct * pair[1][1].distinct >= session.rows]
    possible.sort(key=lambda pair: -pair[0][1].distinct * pair[1][1].distinct)
    unrefuted = [pair for pair in possible if _unique(session, pair[0][0], pair[1][0], PREFIX_ROWS)][:MOST_PAIRS]
    unique = [pair for pair in unrefuted if _unique(session, pair[0][0], pair[1][0], session.rows)]
    return [_scored((a[1].name, b[1].name), 1.0, 0.0, a[1].invalid + b[1].invalid, session.rows) for a, b in unique]


def _unique(session: Session, first: Column, second: Column, rows: int) -> bool:
    looked_at = min(rows, session.rows)
    distinct = session.rows_of(
        f"SELECT count(*) FROM (SELECT DISTINCT {first.value_sql}, {second.value_sql} FROM "
        f"(FROM {session.table} LIMIT {looked_at}))"
    )
    return bool(distinct[0][0] == looked_at)
