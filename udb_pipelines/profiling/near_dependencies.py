"""Dependencies that nearly hold: rows whose value does not go with another column's as nearly all others do.

Where a postcode comes with one town in ninety-seven rows of a hundred, the other three are worth a look. A column that
is nearly constant goes with everything, so a dependency counts only where it explains most of what the column varies.
Which of the two values is wrong no table can say: the row is found, and the column that another one determines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from udb_pipelines.errors import CODES
from udb_pipelines.models import ColumnProfile, Finding
from udb_pipelines.profiling.dependencies import MOST_COLUMNS
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column, Family

LEAST_ROWS = 100
PREFIX_ROWS = 5_000
"""Of the beginning of a long table: refutes what holds nowhere near, and accepts nothing."""
SLACK = 1.5
"""Times the exceptions that are allowed there: a beginning is not the whole."""
MOST_EXCEPTIONS = 0.1
"""Of the rows; with more, nothing nearly holds."""
MOST_UNEXPLAINED = 0.2
"""Exceptions, as a share of the rows that do not have the column's most frequent value."""
LEAST_GROUP, LEAST_MAJORITY = 4, 0.8
"""Rows with one value of the left column, and the share of them that must agree, for the others to be exceptions."""
MOST_DISTINCT = PREFIX_ROWS // LEAST_GROUP
MOST_LEFTS = 2
"""Columns by which one column is judged, those with the fewest exceptions."""

Item = tuple[Column, ColumnProfile]


def near_findings(
    session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]
) -> tuple[Finding, ...]:
    """A finding for each column that nearly depends on another, with the number of rows that break it. Exact."""
    found = (_finding(session, right, lefts) for right, lefts in judged(session, columns, profiles))
    return tuple(sorted((finding for finding in found if finding), key=lambda finding: finding.column or ""))


def judged(
    session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]
) -> list[tuple[Column, list[Column]]]:
    """Columns that nearly depend on others, each with those, at most :data:`MOST_LEFTS`."""
    if session.rows < LEAST_ROWS:
        return []
    items = sorted(
        (item for item in zip(columns, profiles, strict=True) if _eligible(*item)), key=lambda item: item[1].distinct
    )[:MOST_COLUMNS]
    lefts: dict[int, list[tuple[int, Column]]] = {}
    for left in items:
        for place, exceptions in _near(session, left, items).items():
            lefts.setdefault(place, []).append((exceptions, left[0]))
    best = {place: sorted(choices, key=lambda choice: choice[0])[:MOST_LEFTS] for place, choices in lefts.items()}
    return [(items[place][0], [left for _, left in choices]) for place, choices in sorted(best.items())]


def _eligible(column: Column, profile: ColumnProfile) -> bool:
    repeats = profile.distinct * LEAST_GROUP <= profile.rows - profile.nulls
    return repeats and 2 <= profile.distinct <= MOST_DISTINCT and column.family not in (Family.NUMBER, Family.OTHER)


def _near(session: Session, left: Item, items: Sequence[Item]) -> Mapping[int, int]:
    """Places of the columns that nearly depend on ``left``, with the rows that break it; those that fully do not."""
    rights = [place for place, item in enumerate(items) if item[0] is not left[0]]
    counted: dict[int, int] = {}
    for rows, slack in ((PREFIX_ROWS, SLACK), (session.rows, 1.0)):
        if rows > session.rows:
            continue
        if not rights:
            return {}
        counted = _exceptions(session, left[0], [items[place][0] for place in rights], rights, rows)
        rights = [place for place in rights if counted.get(place, 0) <= slack * rows * _allowed(items[place][1])]
    return {place: counted[place] for place in rights if counted.get(place, 0)}


def _allowed(profile: ColumnProfile) -> float:
    """Share of the rows that may be exceptions."""
    most = max((entry.count for entry in profile.top_values), default=0)
    return min(MOST_EXCEPTIONS, MOST_UNEXPLAINED * (profile.rows - profile.nulls - most) / profile.rows)


def _exceptions(
    session: Session, left: Column, rights: Sequence[Column], places: Sequence[int], rows: int
) -> dict[int, int]:
    """Rows, among the first, that do not have the most frequent value of their group of ``left``, by place."""
    source = session.table if rows >= session.rows else f"(FROM {session.table} LIMIT {rows})"
    values = ", ".join(f"{right.value_sql}::VARCHAR" for right in rights)
    pairs = (
        f"SELECT {left.value_sql} AS l, unnest({list(places)}) AS p, unnest([{values}]) AS v FROM {source} "
        f"WHERE {left.value_sql} IS NOT NULL"
    )
    counted = f"SELECT p, l, v, count(*) AS k FROM ({pairs}) WHERE v IS NOT NULL AND trim(v) <> '' GROUP BY p, l, v"
    found = session.rows_of(
        f"SELECT p, sum(s - m)::BIGINT FROM (SELECT p, l, sum(k) AS s, max(k) AS m FROM ({counted}) GROUP BY p, l) "
        "GROUP BY p"
    )
    return {int(place): int(exceptions) for place, exceptions in found}


def _finding(session: Session, column: Column, lefts: Sequence[Column]) -> Finding | None:
    odd = odd_rows(session, column, lefts)
    count, first = session.rows_of(f"SELECT count(*), min(number) FROM ({odd})")[0]
    if not count:
        return None
    info, pct = CODES["W_DEPENDENCY"], 100 * count / session.rows
    told = " and ".join(left.name for left in lefts)
    return Finding(
        code="W_DEPENDENCY",
        severity=info.severity,
        message=f"{info.meaning}: {told}, {count:,} of {session.rows:,} rows ({pct:.2f} %)",
        remedy=info.remedy,
        column=column.name,
        count=count,
        pct=pct,
        row=first,
    )


def odd_rows(session: Session, right: Column, lefts: Sequence[Column]) -> str:
    """SQL of the numbers of the rows that one of ``lefts`` speaks against."""
    return " UNION ".join(_odd_rows(session, left, right) for left in lefts)


def _odd_rows(session: Session, left: Column, right: Column) -> str:
    """SQL of the numbers of the rows whose value is not that of nearly all others with the same ``left``."""
    value = f"{right.value_sql}::VARCHAR"
    numbered = f"SELECT row_number() OVER () AS number, {left.value_sql} AS l, {value} AS v FROM {session.table}"
    filled = "l IS NOT NULL AND v IS NOT NULL AND trim(v) <> ''"
    groups = (
        f"SELECT l, arg_max(v, k) AS usual FROM (SELECT l, v, count(*) AS k FROM ({numbered}) WHERE {filled} "
        f"GROUP BY l, v) GROUP BY l HAVING sum(k) >= {LEAST_GROUP} AND max(k) >= {LEAST_MAJORITY} * sum(k)"
    )
    return f"SELECT number FROM ({numbered}) JOIN ({groups}) USING (l) WHERE {filled} AND v <> usual"
