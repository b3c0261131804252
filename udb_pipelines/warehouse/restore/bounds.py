"""Smallest and largest values of columns that took another type after the version restored.

DuckLake keeps bounds per column over all versions and only ever widens them. Bounds that are too wide are no harm,
so those of a catalog that was cut off stay; but where the column had a narrower type, bounds of later values may not
be values of it. They are made anew from those of the files that are left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from udb_pipelines.engine import quote_literal, quote_value
from udb_pipelines.warehouse.restore.drafting import Draft

_TYPES = {
    "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "int128": "HUGEINT",
    "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT", "uint128": "UHUGEINT",
    "float32": "FLOAT", "float64": "DOUBLE", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP",
    "timestamp_s": "TIMESTAMP_S", "timestamp_ms": "TIMESTAMP_MS", "timestamp_ns": "TIMESTAMP_NS",
    "timestamptz": "TIMESTAMPTZ", "varchar": "VARCHAR", "boolean": "BOOLEAN",
}  # fmt: skip
"""DuckDB's names of DuckLake's types."""


@dataclass(frozen=True)
class Retyped:
    """A column that has another type in a later version."""

    table_id: int
    column_id: int
    type: str
    """Its type in the version restored, as DuckLake calls it."""


def retyped(draft: Draft, version: int) -> tuple[Retyped, ...]:
    """The columns of ``version`` that changed later; to be asked before the catalog is cut."""
    rows = draft.rows(
        "SELECT table_id, column_id, column_type "
        f"FROM {draft.schema}ducklake_column c WHERE begin_snapshot <= {version:d} AND end_snapshot > {version:d} "
        f"AND EXISTS (SELECT 1 FROM {draft.schema}ducklake_column n WHERE n.table_id = c.table_id "
        f"AND n.column_id = c.column_id AND n.begin_snapshot > {version:d} AND n.column_type <> c.column_type)"
    )
    return tuple(Retyped(int(table), int(column), str(kind)) for table, column, kind in rows)


def renewed(draft: Draft, columns: tuple[Retyped, ...]) -> Iterator[str]:
    """Statements that give the columns the bounds of the files that are left, once the catalog is cut."""
    for column in columns:
        rows = draft.rows(
            f"SELECT min_value, max_value, null_count FROM {draft.schema}ducklake_file_column_stats "
            f"WHERE table_id = {column.table_id:d} AND column_id = {column.column_id:d}"
        )
        least, most = _bounds(column.type, [row[:2] for row in rows])
        nulls = any(row[2] for row in rows)
        yield (
            f"UPDATE {draft.schema}ducklake_table_column_stats SET min_value = {quote_value(least)}, "
            f"max_value = {quote_value(most)}, contains_null = {_truth(draft, nulls)} "
            f"WHERE table_id = {column.table_id:d} AND column_id = {column.column_id:d}"
        )


def _truth(draft: Draft, value: bool) -> str:
    """As the catalog's database writes it: SQLite knows no booleans."""
    return str(value).lower() if draft.schema else str(int(value))


def _bounds(kind: str, values: list[tuple[str | None, str | None]]) -> tuple[str | None, str | None]:
    """The smallest and the largest of the files' bounds, by the order of the type.

    >>> _bounds("int64", [("9", "10"), ("-3", "7")])
    ('-3', '10')
    """
    known = kind if re.fullmatch(r"decimal\(\d+,\s*\d+\)", kind) else _TYPES.get(kind)
    if known is None or not values or any(bound is None for pair in values for bound in pair):
        return None, None
    rows = ", ".join(f"({quote_literal(least or '')}, {quote_literal(most or '')})" for least, most in values)
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT min(CAST(least AS {known}))::VARCHAR, max(CAST(most AS {known}))::VARCHAR "
            f"FROM (VALUES {rows}) AS files(least, most)"
        ).fetchall()
    return found[0][0], found[0][1]
