"""Tables, views and queries of database servers, through DuckDB's scanners or ODBC.

Rows go from the server into typed Parquet. Columns whose type only their values tell (numbers without a precision,
times beyond a day ...) come as text into a first file, from which the typed one is made: the server is asked once.
All streams of a source share one connection, and see one moment where the server can hold one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines import engine
from udb_pipelines.config import Settings
from udb_pipelines.connectors import casting
from udb_pipelines.connectors.cursors import ALL, later
from udb_pipelines.connectors.databases.admission import admitted
from udb_pipelines.connectors.databases.dialect import Dialect
from udb_pipelines.connectors.progress import watched
from udb_pipelines.connectors.reading import Held, Rows, Task
from udb_pipelines.detection.location import mask, scheme_of
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Connection
from udb_pipelines.secrets.references import resolve_address

_DIALECTS = {
    "mariadb": ("mysql", "MySQL"),
    "mssql": ("mssql", "SqlServer"),
    "mysql": ("mysql", "MySQL"),
    "odbc": ("odbc", "Odbc"),
    "postgres": ("postgres", "Postgres"),
    "postgresql": ("postgres", "Postgres"),
    "sqlserver": ("mssql", "SqlServer"),
}
"""By scheme: module and class."""


def dialect_of(uri: str) -> Dialect:
    """The dialect of the server that ``uri`` names, not connected yet.

    Raises:
        UdbError: ``E_UNSUPPORTED``.
    """
    scheme = scheme_of(uri)
    found = _DIALECTS.get(scheme)
    if found is None:
        raise UdbError("E_UNSUPPORTED", f"{scheme}:// is no database server that can be read")
    module, name = found
    made: Dialect = getattr(import_module(f"udb_pipelines.connectors.databases.{module}"), name)()
    return made


def connected(duck: duckdb.DuckDBPyConnection, uri: str, settings: Settings) -> Dialect:
    """The dialect of the server that ``uri`` names, connected to.

    Raises:
        UdbError: as :meth:`Dialect.attach`.
    """
    dialect = dialect_of(uri)
    dialect.attach(duck, admitted(resolve_address(uri, settings), settings), mask(uri))
    return dialect


@contextmanager
def held(connection: Connection, settings: Settings) -> Iterator[Held]:
    """One connection to the server for all streams of a source.

    Raises:
        UdbError: as :meth:`Dialect.attach`.
    """
    with closing(engine.connect(settings)) as duck:
        dialect = connected(duck, connection.uri, settings)
        if not dialect.holds:
            yield Held(dialect, duck)
            return
        duck.execute("BEGIN TRANSACTION")
        try:
            yield Held(dialect, duck)
        finally:
            # Closed in a transaction whose server has gone, DuckDB 1.5 ends the whole process.
            with suppress(duckdb.Error):
                duck.execute("ROLLBACK")


def read(task: Task) -> Rows:
    """Read one table, view or query over the connection that :func:`held` made.

    Raises:
        UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_VANISHED``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    dialect, dataset = _dialect(task), task.stream.dataset
    try:
        columns = _columns(dialect, task)
        part = _part(dialect, task, columns)
        state = _state_after(dialect, task, columns)
        counted, columns = _survey(dialect, task, part, columns)
        staged = _write(dialect, task, columns, part, task.target, counted)
        keys = [column for column in columns if column.name in task.stream.primary_key] if task.wants_keys else []
        if keys:
            _write(dialect, task, keys, _relation(dialect, task), task.keys, None)
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    except dialect.failures as error:
        raise dialect.refusal(error, mask(task.connection.uri), dataset) from None
    if counted is not None and staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{dataset}: {counted} rows were counted, {staged} loaded")
    return Rows((task.target,), stored, staged, staged, state=state, keys=task.keys if keys else None)


def relation_of(task: Task) -> str:
    """SQL of the stream's rows, what is not exact as text."""
    dialect = _dialect(task)
    try:
        return _rows_of(dialect, _columns(dialect, task), _relation(dialect, task))
    except dialect.failures as error:
        raise dialect.refusal(error, mask(task.connection.uri), task.stream.dataset) from None


def _dialect(task: Task) -> Dialect:
    """The one that all streams share, or one for this task alone."""
    if task.held is not None and isinstance(task.held.server, Dialect):
        return task.held.server
    return connected(task.duck, task.connection.uri, task.settings)


def _write(dialect: Dialect, task: Task, columns: list[ColumnSchema], part: str, target: Path, rows: int | None) -> int:
    """Write ``columns`` of the rows of ``part``, a relation with or without a condition; the number of rows."""
    typed = tuple(dialect.stored(column, task.options.null_markers) for column in columns)
    if all(column.allowed == () for column in typed):
        texts = ", ".join(f"{column.text} AS {quote_identifier(column.name)}" for column in typed)
        return _copy(dialect, task, columns, part, f"SELECT {texts}", target, rows)
    first = target.with_suffix(".text.parquet")
    written = _copy(dialect, task, columns, part, "SELECT *", first, rows)
    relation = casting.TextRelation(
        sql=f"FROM read_parquet({quote_literal(first)})", sample_sql=casting.sample_of(first), columns=typed
    )
    # Apart from the transaction of the server: a value that a sample did not foresee would end it.
    with task.duck.cursor() as beside:
        beside.execute("SET TimeZone = 'UTC'")
        casting.write_typed(beside, relation, target, what=task.what, rows=rows)
    first.unlink()
    return written


def _copy(
    dialect: Dialect,
    task: Task,
    columns: list[ColumnSchema],
    part: str,
    select: str,
    target: Path,
    rows: int | None,
) -> int:
    """Write what ``select`` makes of the rows as Parquet; the number of rows."""
    while True:
        source = _rows_of(dialect, columns, part)
        try:
            with watched(task.duck, task.what, rows):
                written = task.duck.execute(
                    f"COPY ({select} FROM ({source})) TO {quote_literal(target)} ({casting.PARQUET})"
                ).fetchall()
        except dialect.failures as error:
            if not dialect.fits(error):
                raise
        else:
            return int(written[0][0])


def _survey(
    dialect: Dialect, task: Task, part: str, columns: list[ColumnSchema]
) -> tuple[int | None, list[ColumnSchema]]:
    """How many rows there are, and the columns as all of their values can be had; where both stay as they are."""
    if not dialect.holds:
        return None, columns
    doubts = [(column, doubt) for column in columns if (doubt := dialect.doubt(column))]
    asked = "".join(f", bool_or({doubt}) AS d{number}" for number, (_, doubt) in enumerate(doubts))
    ((counted, *answers),) = task.duck.execute(dialect.remote(f"SELECT count(*) AS n{asked} FROM {part}")).fetchall()
    wrong = {column.name for (column, _), answer in zip(doubts, answers, strict=True) if answer}
    return int(counted), [dialect.doubtful(column) if column.name in wrong else column for column in columns]


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
