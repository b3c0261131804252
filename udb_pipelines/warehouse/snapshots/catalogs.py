"""A copy of the lake catalog as one SQLite file, from wherever the catalog is, while others read and write it.

SQLite copies itself with its online backup. From PostgreSQL the catalog's tables are read in one REPEATABLE READ
transaction into a fresh SQLite catalog: DuckLake keeps the same tables in both, so that the copy is a lake that needs
no server, and no dump program of the server's version is needed. Its own types differ: what SQLite lacks, DuckLake
writes there as text, and so does the copy.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.engine import connect, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.catalog import SqliteCatalog
from udb_pipelines.warehouse.files import sync_all
from udb_pipelines.warehouse.lake import Lake

_TABLES = """
SELECT table_name FROM duckdb_tables()
WHERE database_name = {database} AND table_name LIKE 'ducklake\\_%' ESCAPE '\\' ORDER BY table_name
"""
_COLUMNS = """
SELECT column_name, data_type FROM duckdb_columns()
WHERE database_name = {database} AND table_name = {table} ORDER BY column_index
"""
_WHOLE_NUMBERS = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


def copy_catalog(lake: Lake, file: Path) -> None:
    """Write a consistent copy of the lake catalog into ``file``, an SQLite lake catalog.

    Raises:
        UdbError: ``E_NO_DATA_FILES`` when nothing was ever committed, ``E_WAREHOUSE``.
    """
    if lake.current_version() == 0:
        raise _nothing_yet()
    file.unlink(missing_ok=True)
    if isinstance(lake.catalog, SqliteCatalog):
        lake.catalog.copy_to(file)
    else:
        _convert(lake, file)


def lake_on(lake: Lake, file: Path, files: Path | None = None) -> Lake:
    """A lake to read on the copied catalog, with the limits of ``lake``'s settings.

    Args:
        lake: whose settings and, unless ``files`` are given, whose data files are used.
        file: the catalog.
        files: the folder of the data files.
    """
    copy = Lake(lake.settings)
    copy.catalog = SqliteCatalog(file, files or lake.catalog.files)
    return copy


def identity(lake: Lake) -> str:
    """What distinguishes this lake from every other: DuckLake's UUID of the schema ``main``."""
    (uuid,) = _row(lake, "SELECT schema_uuid FROM catalog.ducklake_schema WHERE schema_id = 0")
    return str(uuid)


def newest_commit(lake: Lake) -> tuple[int, datetime]:
    """The newest version and when it was committed."""
    query = (
        "SELECT snapshot_id, CAST(snapshot_time AS TIMESTAMPTZ) FROM catalog.ducklake_snapshot "
        "ORDER BY snapshot_id DESC LIMIT 1"
    )
    version, moment = _row(lake, query)
    return int(version), moment


def _row(lake: Lake, query: str) -> tuple[Any, ...]:
    with lake.raw_catalog() as connection:
        if connection is None:
            raise _nothing_yet()
        return tuple(connection.execute(query).fetchall()[0])


def _nothing_yet() -> UdbError:
    return UdbError("E_NO_DATA_FILES", "the warehouse holds nothing yet", remedy="run a job first: udb run FILE")


def _convert(lake: Lake, file: Path) -> None:
    fresh = connect(lake.settings, ("sqlite_scanner", "ducklake"), threads=1)
    try:
        # An empty lake, for its tables in the types that DuckLake gives them in SQLite.
        SqliteCatalog(file, lake.catalog.files).attach(fresh)
    finally:
        fresh.close()
    with lake.raw_catalog(("sqlite_scanner",)) as connection:
        if connection is None:
            raise _nothing_yet()
        connection.execute(f"ATTACH {quote_literal(file)} AS copy (TYPE sqlite)")
        connection.execute("BEGIN")
        _copy_tables(connection)
        connection.execute("COMMIT; DETACH copy")
    sync_all([file])


def _copy_tables(connection: duckdb.DuckDBPyConnection) -> None:
    known = {name for (name,) in connection.execute(_TABLES.format(database="'copy'")).fetchall()}
    for (name,) in connection.execute(_TABLES.format(database="'catalog'")).fetchall():
        columns = connection.execute(_COLUMNS.format(database="'catalog'", table=quote_literal(name))).fetchall()
        table = quote_identifier(name)
        if name not in known:
            typed = ", ".join(f"{quote_identifier(column)} {_sqlite_type(kind)}" for column, kind in columns)
            connection.execute(f"CREATE TABLE copy.{table} ({typed})")
        names = ", ".join(quote_identifier(column) for column, _ in columns)
        values = ", ".join(_as_sqlite(quote_identifier(column), kind) for column, kind in columns)
        connection.execute(f"DELETE FROM copy.{table}")
        connection.execute(f"INSERT INTO copy.{table} ({names}) SELECT {values} FROM catalog.{table}")


def _sqlite_type(kind: str) -> str:
    return "BIGINT" if kind in _WHOLE_NUMBERS else "VARCHAR"


def _as_sqlite(column: str, kind: str) -> str:
    """What DuckLake would have stored in SQLite.

    >>> _as_sqlite("dropped", "BOOLEAN"), _as_sqlite("job_id", "BLOB"), _as_sqlite("path", "VARCHAR")
    ('CAST(dropped AS BIGINT)', 'decode(job_id)', 'CAST(path AS VARCHAR)')
    """
    if kind == "BLOB":  # text, which may hold U+0000 where PostgreSQL's own text may not
        return f"decode({column})"
    return f"CAST({column} AS {_sqlite_type(kind)})"
