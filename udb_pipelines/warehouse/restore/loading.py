"""A lake catalog in an SQLite file, brought into a schema of a PostgreSQL database.

DuckLake keeps the same tables in both, so an empty lake is made there by DuckLake itself and its tables are filled.
Tables of small commits exist only where there are such commits; they are created with the types that DuckLake 1.5
gives their columns in PostgreSQL. The opposite way is ``snapshots.catalogs``.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb

from udb_pipelines.engine import connect, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.catalog import PostgresCatalog
from udb_pipelines.warehouse.lake import Lake

_TYPES = {
    "boolean": "boolean", "int8": "smallint", "int16": "smallint", "int32": "integer", "int64": "bigint",
    "uint8": "integer", "uint16": "integer", "uint32": "bigint", "float32": "real", "float64": "double precision",
    "varchar": "bytea", "blob": "bytea", "json": "bytea", "time": "time", "timetz": "timetz", "interval": "interval",
    "uuid": "uuid",
}  # fmt: skip
"""What DuckLake makes of its own types; decimals stay what they are, and all others become ``varchar``."""

_TABLES = """
SELECT table_name FROM duckdb_tables()
WHERE database_name = {database} AND starts_with(table_name, 'ducklake_') ORDER BY table_name
"""
_COLUMNS = """
SELECT column_name, data_type FROM duckdb_columns()
WHERE database_name = {database} AND table_name = {table} ORDER BY column_index
"""
_SMALL_COMMITS = """
WITH small AS (
    SELECT i.table_name, i.table_id,
        (SELECT max(s.snapshot_id) FROM source.ducklake_snapshot s WHERE s.schema_version = i.schema_version) AS version
    FROM source.ducklake_inlined_data_tables i)
SELECT small.table_name, c.column_name, c.column_type
FROM small JOIN source.ducklake_column c USING (table_id)
WHERE c.parent_column IS NULL AND (small.version IS NULL
    OR c.begin_snapshot <= small.version AND (c.end_snapshot IS NULL OR c.end_snapshot > small.version))
ORDER BY c.begin_snapshot
"""
"""DuckLake's types of the columns of tables of small commits, as they were when such a table was begun. Where history
was thinned and holds no version with those columns, the newest type, which is at least as wide, stands last."""

_NUMBERS = frozenset({"row_id", "begin_snapshot", "end_snapshot", "file_id"})
"""Columns of such a table that are DuckLake's own."""


def load(lake: Lake, catalog: PostgresCatalog, file: Path) -> None:
    """Make the schema of ``catalog``, which must not exist, a copy of the lake catalog in ``file``.

    Raises:
        UdbError: ``E_WAREHOUSE`` when the database refuses; the schema is not complete then.
    """
    with closing(connect(lake.settings, (*catalog.extensions, "sqlite_scanner"), 1)) as connection:
        try:
            catalog.prepare(connection)
            catalog.attach(connection)  # DuckLake creates the schema and its tables
            connection.execute("DETACH lake")
            steps.reached("restore_schema_made")
            connection.execute(f"ATTACH {quote_literal(file)} AS source (TYPE sqlite, READ_ONLY)")
            catalog.attach_server(connection)
            _create_small(connection, catalog.schema)
            steps.reached("restore_tables_made")
            connection.execute("DETACH pg")
            catalog.attach_server(connection, catalog.schema)  # anew, as it now is
            connection.execute("BEGIN")
            for (table,) in connection.execute(_TABLES.format(database="'source'")).fetchall():
                _fill(connection, str(table))
                steps.reached("restore_table_filled")
            connection.execute("COMMIT")
            steps.reached("restore_loaded")
        except duckdb.Error as error:
            raise UdbError(
                "E_WAREHOUSE",
                f"the lake catalog of the snapshot could not be brought into PostgreSQL ({type(error).__name__})",
                kept="the current timeline, as it is",
            ) from error


def _create_small(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """The tables that an empty lake does not have."""
    there = {
        name
        for (name,) in connection.execute(
            "FROM postgres_query('pg', "
            + quote_literal(f"SELECT table_name::text FROM information_schema.tables WHERE table_schema = '{schema}'")
            + ")"
        ).fetchall()
    }
    kinds = {(table, column): kind for table, column, kind in connection.execute(_SMALL_COMMITS).fetchall()}
    for (table,) in connection.execute(_TABLES.format(database="'source'")).fetchall():
        if table in there:
            continue
        columns = ", ".join(
            f"{quote_identifier(column)} {postgres_type(kinds.get((table, column)) or _own_type(column))}"
            for column, _ in _columns(connection, "source", table)
        )
        statement = f"CREATE TABLE {schema}.{quote_identifier(table)} ({columns})"
        connection.execute(f"CALL postgres_execute('pg', {quote_literal(statement)})")


def _own_type(column: str) -> str:
    """Of a column that no version in the history has: DuckLake's own, or one that was dropped since."""
    return "int64" if column in _NUMBERS else "varchar"


def postgres_type(kind: str) -> str:
    """The type of a column of small commits in PostgreSQL, for a type as DuckLake names it.

    >>> postgres_type("varchar"), postgres_type("decimal(18,3)"), postgres_type("timestamptz")
    ('bytea', 'decimal(18,3)', 'varchar')
    """
    return kind if kind.startswith("decimal") else _TYPES.get(kind, "varchar")


def _fill(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    wanted = dict(_columns(connection, "pg", table))
    names = [column for column, _ in _columns(connection, "source", table)]
    values = ", ".join(_as_postgres(quote_identifier(name), wanted[name]) for name in names)
    listed = ", ".join(map(quote_identifier, names))
    connection.execute(f"DELETE FROM pg.{quote_identifier(table)}")
    connection.execute(
        f"INSERT INTO pg.{quote_identifier(table)} ({listed}) SELECT {values} FROM source.{quote_identifier(table)}"
    )


def _as_postgres(column: str, kind: str) -> str:
    """What DuckLake would have stored in PostgreSQL, from what it stored in SQLite.

    >>> _as_postgres("job_id", "BLOB"), _as_postgres("dropped", "BOOLEAN")
    ('encode(CAST(job_id AS VARCHAR))', 'CAST(dropped AS BOOLEAN)')
    """
    # Text is bytes there, because PostgreSQL's own text may not hold U+0000.
    return f"encode(CAST({column} AS VARCHAR))" if kind == "BLOB" else f"CAST({column} AS {kind})"


def _columns(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> list[tuple[str, str]]:
    query = _COLUMNS.format(database=quote_literal(database), table=quote_literal(table))
    return [(str(name), str(kind)) for name, kind in connection.execute(query).fetchall()]
