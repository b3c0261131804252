"""Functional dependencies with one column on the left: who knows ``left`` knows ``right``.

Looked for among columns that repeat: what a key determines says nothing. A prefix of the table refutes most of
them; what is left is confirmed over all rows. At most :data:`MOST_COLUMNS` columns are looked at, those with the
fewest values.
"""

from __future__ import annotations

from collections.abc import Sequence

from udb_pipelines.models import ColumnProfile, Dependency
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column, Family

MOST_COLUMNS = 16
MOST_DISTINCT = 20_000
LEAST_REPEATS = 2.0
"""Rows per distinct value of the left side, on average."""
PREFIX_ROWS = 10_000


def dependencies(
    session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]
) -> tuple[Dependency, ...]:
    """Exact dependencies among the columns that repeat, those with most rows per group first."""
    items = [item for item in zip(columns, profiles, strict=True) if _eligible(*item)]
    items = sorted(items, key=lambda item: item[1].distinct)[:MOST_COLUMNS]
    found = []
    for column, profile in items:
        # The right side has no more values than the left side, or there would be two for one of them.
        rights = [other for other in items if other[0] is not column and other[1].distinct <= profile.distinct]
        for rows in (PREFIX_ROWS, session.rows):
            rights = _unrefuted(session, column, rights, rows)
        found += [
            Dependency(
                left=column.name,
                right=other.name,
                groups=profile.distinct,
                rows_per_group=round((profile.rows - profile.nulls) / profile.distinct, 6),
            )
            for other, _ in rights
        ]
    return tuple(sorted(found, key=lambda dependency: -dependency.rows_per_group))


def _eligible(column: Column, profile: ColumnProfile) -> bool:
    repeats = profile.distinct * LEAST_REPEATS <= profile.rows - profile.nulls
    return repeats and 2 <= profile.distinct <= MOST_DISTINCT and column.family not in (Family.NUMBER, Family.OTHER)


def _unrefuted(
    session: Session, left: Column, rights: list[tuple[Column, ColumnProfile]], rows: int
) -> list[tuple[Column, ColumnProfile]]:
    """Those of which no group of ``left`` has two values among the first ``rows``."""
    if not rights:
        return []
    one_value = ", ".join(f"bool_and(l{i} IS NOT DISTINCT FROM h{i} AND c{i} IN (0, n))" for i in range(len(rights)))
    extremes = ", ".join(
        f"min({column.value_sql}) AS l{i}, max({column.value_sql}) AS h{i}, count({column.value_sql}) AS c{i}"
        for i, (column, _) in enumerate(rights)
    )
    source = session.table if rows >= session.rows else f"(FROM {session.table} LIMIT {rows})"
    hold = session.rows_of(
        f"SELECT {one_value} FROM (SELECT count(*) AS n, {extremes} FROM {source} "
        f"WHERE {left.value_sql} IS NOT NULL GROUP BY {left.value_sql})"
    )[0]
    return [right for right, holds in zip(rights, hold, strict=True) if holds]
