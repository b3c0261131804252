"""A key that somebody confirmed, checked over all rows: how often it repeats, and where. Exact.

A row that lacks a value in any column of the key is identified by nothing; such rows are counted on their own and
not compared with each other, as in SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import duckdb

from udb_pipelines.errors import CODES
from udb_pipelines.models import DuplicateGroup, Finding, KeyCheck
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.keys import LEAST_SCORE
from udb_pipelines.profiling.repeats import lay_down_groups, repeated_hashes
from udb_pipelines.profiling.semantics import masked
from udb_pipelines.profiling.session import shown
from udb_pipelines.profiling.storage import Column

GROUPS_SHOWN = 10
ROWS_SHOWN = 10
"""Row numbers per group."""
_GROUPS = "udb_key_groups"


def missing_columns(key: Sequence[str], columns: Collection[str]) -> tuple[str, ...]:
    """The columns of ``key`` that a table does not have."""
    return tuple(name for name in key if name not in columns)


def check_key(
    connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str], personal: Collection[str]
) -> KeyCheck:
    """Look for rows of ``table`` (SQL that may stand after FROM) with the same values in the columns ``key``.

    Args:
        connection: where the table is; a temporary table is made and dropped.
        table: the rows, numbered from 1 in their order.
        key: columns of the table, all of them there.
        personal: columns whose values may be shown as shapes only.
    """
    types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {table}").fetchall()}
    columns = [Column(name, types[name], place) for place, name in enumerate(key, 1)]
    values = ", ".join(f"{column.value_sql} AS k{column.position}" for column in columns)
    names = [f"k{column.position}" for column in columns]
    complete = " AND ".join(_present(column) for column in columns)
    numbered = f"(SELECT row_number() OVER () AS number, {values} FROM {table})"
    rows, present = connection.execute(
        f"SELECT count(*), count(CASE WHEN {complete} THEN 1 END) FROM (SELECT {values} FROM {table})"
    ).fetchall()[0]
    whole = f"(FROM {numbered} WHERE {complete})"
    with repeated_hashes(connection, f"(SELECT {', '.join(names)} FROM {whole})", names):
        lay_down_groups(connection, _GROUPS, whole, names)
    try:
        # What is not among the groups has values that no other row has.
        distinct, compared, groups = connection.execute(
            f"SELECT count(*), coalesce(sum(n), 0)::BIGINT, count(CASE WHEN n > 1 THEN 1 END) FROM {_GROUPS}"
        ).fetchall()[0]
        first_groups = _first_groups(connection, numbered, columns, set(personal)) if groups else ()
    finally:
        connection.execute(f"DROP TABLE IF EXISTS temp.{_GROUPS}")
    return KeyCheck(
        columns=tuple(key),
        rows=rows,
        empty_rows=rows - present,
        distinct=present - compared + distinct,
        duplicate_groups=groups,
        duplicate_rows=compared - distinct,
        first_empty_row=_first_empty(connection, numbered, complete) if present < rows else None,
        first_groups=first_groups,
    )


def _first_empty(connection: duckdb.DuckDBPyConnection, numbered: str, complete: str) -> int:
    found = connection.execute(f"SELECT number FROM {numbered} WHERE NOT ({complete}) LIMIT 1").fetchall()
    return int(found[0][0])


def _present(column: Column) -> str:
    value = f"k{column.position}"
    return f"{value} IS NOT NULL AND NOT {sql.blank(value)}" if column.is_text else f"{value} IS NOT NULL"


def _first_groups(
    connection: duckdb.DuckDBPyConnection, numbered: str, columns: Sequence[Column], personal: set[str]
) -> tuple[DuplicateGroup, ...]:
    """The groups whose first row comes first, with the numbers of their rows."""
    # Looked up once the groups are known: lists of the rows of every group would be as large as the table.
    names = ", ".join(f"k{column.position}" for column in columns)
    texts = ", ".join(f"any_value(g.k{column.position})::VARCHAR" for column in columns)
    first = f"(FROM {_GROUPS} WHERE n > 1 ORDER BY first LIMIT {GROUPS_SHOWN})"
    found = connection.execute(
        f"SELECT any_value(g.n), min(t.number, {ROWS_SHOWN}), {texts} "
        f"FROM {first} g JOIN {numbered} t USING ({names}) GROUP BY g.first ORDER BY g.first"
    ).fetchall()
    return tuple(
        DuplicateGroup(
            rows=tuple(rows),
            count=count,
            values=tuple(
                shown(masked(value) if column.name in personal else value)
                for column, value in zip(columns, values, strict=True)
            ),
        )
        for count, rows, *values in found
    )


def key_findings(check: KeyCheck, dataset: str) -> tuple[Finding, ...]:
    """What is wrong with a confirmed key: it repeats, or has so few values that it was never one."""
    found = []
    wrong = check.duplicate_rows + check.empty_rows
    if wrong:
        second = check.first_groups[0].rows[1] if check.first_groups else None
        first = min((row for row in (second, check.first_empty_row) if row is not None), default=None)
        found.append(_finding("E_KEY_DUPLICATE", check, dataset, _told(check), wrong, first))
    if check.rows and check.distinct < LEAST_SCORE * check.rows:
        said = f"{check.distinct:,} values in {check.rows:,} rows"
        found.append(_finding("W_KEY_LOW_CARDINALITY", check, dataset, said, 0, None))
    return tuple(found)


def missing_finding(key: Sequence[str], missing: Sequence[str], dataset: str) -> Finding:
    """A confirmed key that cannot be checked any more."""
    info = CODES["E_KEY_MISSING"]
    said = f"{info.meaning}: {', '.join(missing)} of the key {' + '.join(key)}"
    return Finding(
        code="E_KEY_MISSING", severity=info.severity, message=said, remedy=info.remedy, dataset=dataset, pct=100.0
    )


def _told(check: KeyCheck) -> str:
    parts = []
    if check.duplicate_rows:
        parts.append(f"{check.duplicate_rows:,} rows repeat the values of {check.duplicate_groups:,} others")
    if check.empty_rows:
        parts.append(f"{check.empty_rows:,} rows lack a value")
    return ", ".join(parts)


def _finding(code: str, check: KeyCheck, dataset: str, said: str, count: int, row: int | None) -> Finding:
    info = CODES[code]
    return Finding(
        code=code,
        severity=info.severity,
        message=f"{info.meaning}: {' + '.join(check.columns)}, {said}",
        remedy=info.remedy,
        column=check.columns[0] if len(check.columns) == 1 else None,
        count=count,
        pct=100 * count / check.rows if check.rows else 0.0,
        row=row,
        dataset=dataset,
    )
