"""Databases: their tables, views and the user's queries, with columns, keys, row counts or estimates.

Nothing is read from the tables. Files are looked at here; for servers see :mod:`udb_pipelines.detection.servers`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.detection.naming import name_columns, qualified, unique_names
from udb_pipelines.engine import connect, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, DetectedStream, Format, SourceOptions


@dataclass(frozen=True)
class Table:
    """A table, view or query: ``rows`` counted or estimated, ``key`` as the database declares it."""

    schema: str
    name: str
    columns: tuple[ColumnSchema, ...]
    rows: int | None = None
    key: tuple[str, ...] = ()
    query: str | None = None


@dataclass(frozen=True)
class Listed:
    """One column of a table as a catalog lists it; ``place`` in the primary key, from 1, when it is part of it."""

    schema: str
    table: str
    column: str
    type: str
    rows: int | None
    place: int | None


def sqlite_tables(path: Path, name: str, options: SourceOptions) -> tuple[DetectedStream, ...]:
    """Tables and views of an SQLite file; ``member`` is ``main.<table>``.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_EMPTY`` for a database without tables, ``E_NOT_FOUND`` for a pinned table.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            tables = connection.execute(_SQLITE_TABLES).fetchall()
            found = [_sqlite_table(connection, table) for (table,) in tables]
            asked = [_sqlite_query(connection, *item) for item in options.queries.items()]
    except sqlite3.DatabaseError:
        raise UdbError("E_CORRUPT", f"{name} begins like an SQLite database, but cannot be read") from None
    return streams_of(found, asked, str(path), name, "sqlite", options)


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
    places = sorted((row[5], column.name) for row, column in zip(info, columns, strict=True) if row[5])
    return Table("main", table, columns, int(count), tuple(name for _, name in places))


def _sqlite_query(connection: sqlite3.Connection, name: str, query: str) -> Table:
    try:
        found = connection.execute(f"SELECT * FROM {derived(query)} LIMIT 0").description
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise refused(name, absent="no such" in str(error)) from None
    return Table("", name, name_columns([column[0] for column in found]), query=query)


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
            rows = connection.execute(_DUCKDB_COLUMNS).fetchall()
            asked = [_duckdb_query(connection, *item) for item in options.queries.items()]
    except duckdb.Error:
        raise UdbError("E_CORRUPT", f"{name} begins like a DuckDB database, but cannot be opened") from None
    return streams_of(tables_of([Listed(*row) for row in rows]), asked, str(path), name, "duckdb", options)


_DUCKDB_COLUMNS = """
SELECT c.schema_name, c.table_name, c.column_name, c.data_type, t.estimated_size,
       list_position(k.constraint_column_names, c.column_name)
FROM duckdb_columns() c
LEFT JOIN duckdb_tables() t USING (database_name, schema_name, table_name)
LEFT JOIN duckdb_constraints() k
  ON k.database_name = c.database_name AND k.schema_name = c.schema_name AND k.table_name = c.table_name
 AND k.constraint_type = 'PRIMARY KEY'
WHERE c.database_name = 'source' AND NOT c.internal ORDER BY 1, 2, c.column_index
"""


def _duckdb_query(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> Table:
    from udb_pipelines.warehouse.guard import check_reading

    connection.execute("USE source")
    checked = check_reading(connection, query)
    try:
        found = connection.execute(f"DESCRIBE SELECT * FROM {derived(checked)}").fetchall()
    except duckdb.Error as error:
        raise refused(name, absent=isinstance(error, duckdb.CatalogException)) from None
    return Table("", name, name_columns([row[0] for row in found], [row[1] for row in found]), query=checked)


def derived(query: str) -> str:
    """SQL of a query's rows. As a part of another one it can be nothing but a query."""
    return f"(\n{query.strip().rstrip(';')}\n) AS udb_query"


def member_of(schema: str, table: str) -> str:
    """How a stream names a table: ``schema.table``, with the schema in quotes where it holds a dot itself.

    >>> print(member_of("public", "order.items"), member_of("a.b", "c"))
    public.order.items "a.b".c
    """
    return f"{quote_identifier(schema) if '.' in schema or schema.startswith(chr(34)) else schema}.{table}"


def parts_of(member: str) -> tuple[str, str]:
    """Schema and table of what :func:`member_of` gave.

    >>> parts_of("public.order.items"), parts_of('"a.b".c')
    (('public', 'order.items'), ('a.b', 'c'))
    """
    quoted = re.match(r'"((?:[^"]|"")*)"\.', member)
    if quoted:
        return quoted[1].replace('""', '"'), member[quoted.end() :]
    schema, _, table = member.partition(".")
    return schema, table


def refused(name: str, *, absent: bool = False) -> UdbError:
    """The database does not take the query called ``name``, for want of a table or column when ``absent``."""
    if absent:
        return UdbError("E_SQL", f"the query {name} names a table or column that the database does not have")
    return UdbError("E_SQL", f"the database does not take the query {name} as one that only reads")


def tables_of(columns: Sequence[Listed]) -> list[Table]:
    """Columns in order, grouped into the tables they belong to."""
    grouped: dict[tuple[str, str], list[Listed]] = {}
    for column in columns:
        grouped.setdefault((column.schema, column.table), []).append(column)
    return [
        _table(schema, table, columns, name_columns([c.column for c in columns], [c.type for c in columns]))
        for (schema, table), columns in grouped.items()
    ]


def _table(schema: str, table: str, listed: list[Listed], columns: tuple[ColumnSchema, ...]) -> Table:
    places = sorted((found.place, column.name) for found, column in zip(listed, columns, strict=True) if found.place)
    return Table(schema, table, columns, listed[0].rows, tuple(name for _, name in places))


def streams_of(
    tables: Sequence[Table], queries: Sequence[Table], file: str, name: str, format_: Format, options: SourceOptions
) -> tuple[DetectedStream, ...]:
    """The streams of a database: the tables that are wanted, and the queries.

    Raises:
        UdbError: ``E_EMPTY`` for a database without tables, ``E_NOT_FOUND`` for a table that it does not have.
    """
    if not tables and not queries:
        remedy = None if format_ in ("sqlite", "duckdb") else "check the database's name, and what its user may read"
        raise UdbError("E_EMPTY", f"{name} holds no table that can be read", remedy=remedy)
    chosen = [] if queries and not options.tables else _wanted(tables, options.tables, name)
    labels = [*qualified([(table.schema, table.name) for table in chosen]), *(query.name for query in queries)]
    return tuple(
        DetectedStream(
            name=stream,
            format=format_,
            files=(file,),
            member=None if table.query else member_of(table.schema, table.name),
            query=table.query,
            columns=table.columns,
            primary_key=table.key,
            row_estimate=table.rows,
        )
        for stream, table in zip(unique_names(labels), [*chosen, *queries], strict=True)
    )


def _wanted(tables: Sequence[Table], names: tuple[str, ...], source: str) -> list[Table]:
    """The pinned tables, given as ``table`` or ``schema.table``; all without a pin."""
    if not names:
        return list(tables)
    chosen = [table for table in tables if table.name in names or f"{table.schema}.{table.name}" in names]
    found = {table.name for table in chosen} | {f"{table.schema}.{table.name}" for table in chosen}
    missing = [name for name in names if name not in found]
    if missing:
        there = ", ".join(f"{table.schema}.{table.name}" for table in tables[:20])
        raise UdbError(
            "E_NOT_FOUND",
            f"{source} has no table {', '.join(missing)}; it has: {there}{', …' if len(tables) > 20 else ''}",
            remedy="correct the names given with --table; a table that is there may be hidden from the user",
        )
    return chosen
