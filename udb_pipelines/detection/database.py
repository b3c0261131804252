"""Databases: their tables and views, with columns and row counts or estimates. Nothing is read from the tables."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.detection.naming import name_columns, unique_names
from udb_pipelines.engine import connect, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, DetectedStream, Format, SourceOptions
from udb_pipelines.secrets.references import resolve_address

CONNECT_SECONDS = 10

Table = tuple[str, str, tuple[ColumnSchema, ...], int | None]
"""Schema, name, columns, rows."""


def sqlite_tables(path: Path, name: str, options: SourceOptions) -> tuple[DetectedStream, ...]:
    """Tables and views of an SQLite file; ``member`` is ``main.<table>``.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_EMPTY`` for a database without tables, ``E_NOT_FOUND`` for a pinned table.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            tables = connection.execute(_SQLITE_TABLES).fetchall()
            found = [_sqlite_table(connection, table) for (table,) in tables]
    except sqlite3.DatabaseError:
        raise UdbError("E_CORRUPT", f"{name} begins like an SQLite database, but cannot be read") from None
    return _streams(found, str(path), name, "sqlite", options)


_SQLITE_TABLES = """
SELECT name FROM sqlite_master
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
ORDER BY name
"""


def _sqlite_table(connection: sqlite3.Connection, table: str) -> Table:
    quoted = quote_identifier(table)
    info = connection.execute(f"PRAGMA table_info({quoted})").fetchall()
    count = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]
    columns = name_columns([row[1] for row in info], [_sqlite_type(row[2]) for row in info])
    return "main", table, columns, int(count)


def _sqlite_type(declared: str) -> str:
    """The DuckDB type of a declared SQLite type, by SQLite's own rules of affinity; values may differ from it."""
    declared = declared.upper()
    for part, kind in (("INT", "BIGINT"), ("REAL", "DOUBLE"), ("FLOA", "DOUBLE"), ("DOUB", "DOUBLE"), ("BLOB", "BLOB")):
        if part in declared:
            return kind
    return "VARCHAR"


def duckdb_tables(path: Path, name: str, options: SourceOptions, settings: Settings) -> tuple[DetectedStream, ...]:
    """Tables and views of a DuckDB file; ``member`` is ``<schema>.<table>``.

    Raises:
        UdbError: ``E_CORRUPT`` (also for a file of a newer version), ``E_EMPTY``, ``E_NOT_FOUND``.
    """
    try:
        with connect(settings) as connection:
            connection.execute(f"ATTACH {quote_literal(path)} AS source (READ_ONLY)")
            rows = connection.execute(
                "SELECT c.schema_name, c.table_name, c.column_name, c.data_type, t.estimated_size "
                "FROM duckdb_columns() c LEFT JOIN duckdb_tables() t USING (database_name, schema_name, table_name) "
                "WHERE c.database_name = 'source' AND NOT c.internal ORDER BY 1, 2, c.column_index"
            ).fetchall()
    except duckdb.Error:
        raise UdbError("E_CORRUPT", f"{name} begins like a DuckDB database, but cannot be opened") from None
    return _streams(_tables(rows), str(path), name, "duckdb", options)


def postgres_tables(uri: str, shown: str, options: SourceOptions, settings: Settings) -> tuple[DetectedStream, ...]:
    """Tables and views the user may read; ``member`` is ``<schema>.<table>``; rows are the planner's estimate.

    Raises:
        UdbError: ``E_AUTH`` for refused credentials, ``E_CONNECT`` for a host or database that is not there.
    """
    import psycopg2

    try:
        with closing(psycopg2.connect(resolve_address(uri, settings), connect_timeout=CONNECT_SECONDS)) as connection:
            connection.set_session(readonly=True)
            with connection.cursor() as cursor:
                cursor.execute(_POSTGRES_COLUMNS)
                rows = cursor.fetchall()
    except psycopg2.OperationalError as error:
        raise _refusal(str(error), shown) from None
    except psycopg2.Error as error:
        raise UdbError("E_CONNECT", f"{shown} answered with error {error.pgcode or 'unknown'}") from None
    typed = [(schema, table, column, _postgres_type(kind), size) for schema, table, column, kind, size in rows]
    return _streams(_tables(typed), shown, shown, "database", options)


_POSTGRES_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples::bigint END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2, a.attnum
"""


_POSTGRES_TYPES = {
    "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "FLOAT", "double precision": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "time without time zone": "TIME", "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE", "interval": "INTERVAL", "uuid": "UUID", "bytea": "BLOB",
}  # fmt: skip


def _postgres_type(kind: str) -> str:
    """The DuckDB type of a PostgreSQL type as ``format_type`` prints it; text where DuckDB has none.

    >>> _postgres_type("numeric(10,2)"), _postgres_type("integer[]"), _postgres_type("timestamp(3) without time zone")
    ('DECIMAL(10,2)', 'INTEGER[]', 'TIMESTAMP')
    """
    if kind.endswith("[]"):
        return f"{_postgres_type(kind[:-2])}[]"
    if kind.startswith("numeric("):
        return kind.replace("numeric", "DECIMAL")
    return _POSTGRES_TYPES.get(re.sub(r"\(\d+\)", "", kind), "VARCHAR")


def _refusal(message: str, shown: str) -> UdbError:
    """Words are all by which libpq tells refused credentials and missing hosts apart."""
    words = message.lower()
    if any(word in words for word in ("password", "authentication", "role", "pg_hba", "no encryption")):
        return UdbError("E_AUTH", f"{shown} refused the credentials")
    if "database" in words and "does not exist" in words:
        return UdbError("E_NOT_FOUND", f"{shown}: there is no such database")
    return UdbError("E_CONNECT", f"{shown} cannot be reached")


def _tables(rows: Sequence[tuple[str, str, str, str, int | None]]) -> list[Table]:
    """Rows of (schema, table, column, type, rows), ordered, as tables."""
    grouped: dict[tuple[str, str], list[tuple[str, str, int | None]]] = {}
    for schema, table, column, kind, size in rows:
        grouped.setdefault((schema, table), []).append((column, kind, size))
    return [
        (schema, table, name_columns([c[0] for c in columns], [c[1] for c in columns]), columns[0][2])
        for (schema, table), columns in grouped.items()
    ]


def _streams(
    tables: Sequence[Table], file: str, name: str, format_: Format, options: SourceOptions
) -> tuple[DetectedStream, ...]:
    if not tables:
        raise UdbError("E_EMPTY", f"{name} holds no table")
    chosen = _wanted(tables, options.tables, name)
    several = len({schema for schema, *_ in chosen}) > 1
    labels = [f"{schema}_{table}" if several else table for schema, table, *_ in chosen]
    return tuple(
        DetectedStream(
            name=stream, format=format_, files=(file,), member=f"{schema}.{table}", columns=columns, row_estimate=rows
        )
        for stream, (schema, table, columns, rows) in zip(unique_names(labels), chosen, strict=True)
    )


def _wanted(tables: Sequence[Table], names: tuple[str, ...], source: str) -> list[Table]:
    """The pinned tables, given as ``table`` or ``schema.table``; all without a pin."""
    if not names:
        return list(tables)
    chosen = [table for table in tables if table[1] in names or f"{table[0]}.{table[1]}" in names]
    found = {table[1] for table in chosen} | {f"{table[0]}.{table[1]}" for table in chosen}
    missing = [name for name in names if name not in found]
    if missing:
        raise UdbError("E_NOT_FOUND", f"{source} has no table {', '.join(missing)}")
    return chosen
