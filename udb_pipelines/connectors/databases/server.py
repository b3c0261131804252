"""Tables, views and queries of database servers, through DuckDB's scanners.

Rows go from the server into typed Parquet. Columns whose type only their values tell (numbers without a precision,
times beyond a day ...) come as text into a first file, from which the typed one is made: the server is asked once.
All streams of a source share one connection, and see one moment where the server can hold one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines import engine
from udb_pipelines.config import Settings
from udb_pipelines.connectors import casting
from udb_pipelines.connectors.cursors import ALL, later
from udb_pipelines.connectors.databases.dialect import Dialect
from udb_pipelines.connectors.progress import watched
from udb_pipelines.connectors.reading import Rows, Task
from udb_pipelines.detection.location import mask, scheme_of
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Connection
from udb_pipelines.secrets.references import resolve_address


def dialect_of(uri: str) -> Dialect:
    """The dialect of the server that ``uri`` names.

    Raises:
        UdbError: ``E_UNSUPPORTED``.
    """
    scheme = scheme_of(uri)
    if scheme in ("mysql", "mariadb"):
        from udb_pipelines.connectors.databases.mysql import MySQL

        return MySQL()
    if scheme in ("postgres", "postgresql"):
        from udb_pipelines.connectors.databases.postgres import Postgres

        return Postgres()
    raise UdbError("E_UNSUPPORTED", f"{scheme}:// is no database server that can be read")


@contextmanager
def held(connection: Connection, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """One connection to the server of ``connection`` for all of its streams; None when there is no server.

    Raises:
        UdbError: as :meth:`Dialect.attach`.
    """
    if not any(stream.detected.format == "database" for stream in connection.streams):
        yield None
        return
    dialect = dialect_of(connection.uri)
    with closing(engine.connect(settings)) as duck:
        _attach(dialect, duck, connection.uri, settings)
        if dialect.holds:
            duck.execute("BEGIN TRANSACTION")
        yield duck


def read(task: Task) -> Rows:
    """Read one table, view or query over the connection that :func:`held` made.

    Raises:
        UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_VANISHED``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    dialect, dataset = dialect_of(task.connection.uri), task.stream.dataset
    try:
        columns = _columns(dialect, task)
        part = _part(dialect, task, columns)
        state = _state_after(dialect, task, columns)
        counted = _count(dialect, task, part) if dialect.holds else None
        staged = _write(dialect, task, columns, part, task.target, counted)
        keys = [column for column in columns if column.name in task.stream.primary_key] if task.wants_keys else []
        if keys:
            _write(dialect, task, keys, _relation(dialect, task), task.keys, None)
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    except duckdb.Error as error:
        raise dialect.refusal(error, mask(task.connection.uri), dataset) from None
    if counted is not None and staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{dataset}: {counted} rows were counted, {staged} loaded")
    return Rows((task.target,), stored, staged, staged, state=state, keys=task.keys if keys else None)


def relation_of(task: Task) -> str:
    """Connect; SQL of the stream's rows, what is not exact as text."""
    dialect = dialect_of(task.connection.uri)
    _attach(dialect, task.duck, task.connection.uri, task.settings)
    try:
        return _rows_of(dialect, _columns(dialect, task), _relation(dialect, task))
    except duckdb.Error as error:
        raise dialect.refusal(error, mask(task.connection.uri), task.stream.dataset) from None


def _attach(dialect: Dialect, duck: duckdb.DuckDBPyConnection, uri: str, settings: Settings) -> None:
    dialect.attach(duck, resolve_address(uri, settings), mask(uri))


def _write(dialect: Dialect, task: Task, columns: list[ColumnSchema], part: str, target: Path, rows: int | None) -> int:
    """Write ``columns`` of the rows of ``part``, a relation with or without a condition; the number of rows."""
    source = _rows_of(dialect, columns, part)
    typed = tuple(dialect.stored(column, task.options.null_markers) for column in columns)
    plain = all(column.allowed == () and column.source is None for column in typed)
    first = target if plain else target.with_suffix(".text.parquet")
    with watched(task.duck, task.what, rows):
        written = task.duck.execute(f"COPY ({source}) TO {quote_literal(first)} ({casting.PARQUET})").fetchall()
    if not plain:
        relation = casting.TextRelation(
            sql=f"FROM read_parquet({quote_literal(first)})", sample_sql=casting.sample_of(first), columns=typed
        )
        # Apart from the transaction of the server: a value that a sample did not foresee would end it.
        with task.duck.cursor() as beside:
            beside.execute("SET TimeZone = 'UTC'")
            casting.write_typed(beside, relation, target, what=task.what, rows=rows)
        first.unlink()
    return int(written[0][0])


def _count(dialect: Dialect, task: Task, part: str) -> int:
    return int(task.duck.execute(dialect.remote(f"SELECT count(*) FROM {part}")).fetchall()[0][0])


def _rows_of(dialect: Dialect, columns: list[ColumnSchema], part: str) -> str:
    asked = ", ".join(f"{dialect.asked(column)} AS {dialect.identifier(column.name)}" for column in columns)
    names = ", ".join(quote_identifier(column.name) for column in columns)
    return f"SELECT {names} {dialect.remote(f'SELECT {asked} FROM {part}')}"


def _relation(dialect: Dialect, task: Task) -> str:
    """The server's SQL of all rows of the stream."""
    detected = task.stream.detected
    return dialect.derived(detected.query) if detected.query else dialect.table(_member(task))


def _member(task: Task) -> str:
    return task.stream.detected.member or f"public.{task.stream.detected.name}"


def _part(dialect: Dialect, task: Task, columns: list[ColumnSchema]) -> str:
    """The stream, and the condition of what is to be read of it."""
    relation = _relation(dialect, task)
    if task.window == ALL:
        return relation
    cursor = _cursor(task, columns)
    return f"{relation} WHERE {task.window.condition(dialect.compared(cursor), dialect.literal(cursor))}"


def _state_after(dialect: Dialect, task: Task, columns: list[ColumnSchema]) -> dict[str, Any] | None:
    """The state once every row that is there now is read; asked for before the rows are."""
    if task.stream.cursor is None:
        return None
    greatest = dialect.greatest(_cursor(task, columns))
    query = dialect.remote(f"SELECT {greatest} AS greatest FROM {_relation(dialect, task)}")
    return later(task.state, task.stream.cursor, task.duck.execute(query).fetchall()[0][0])


def _cursor(task: Task, columns: list[ColumnSchema]) -> ColumnSchema:
    found = next((column for column in columns if column.name == task.stream.cursor), None)
    if found is None:
        raise UdbError("E_VANISHED", f"{task.stream.dataset}: the cursor column is no longer in the table")
    return found


def _columns(dialect: Dialect, task: Task) -> list[ColumnSchema]:
    """The columns as they are now, with the server's own types, under the names that detection chose."""
    detected = task.stream.detected
    found = (
        dialect.columns_of_query(task.duck, detected.query)
        if detected.query
        else dialect.columns(task.duck, _member(task))
    )
    if not found:
        raise UdbError("E_VANISHED", f"{task.stream.dataset} is no longer in the database as it was detected")
    names = {column.original_name or column.name: column.name for column in detected.columns}
    return [
        ColumnSchema(name=names.get(column.name, column.name), type=column.type, original_name=column.name)
        for column in found
    ]
