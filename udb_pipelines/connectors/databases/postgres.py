"""A table or view of a PostgreSQL server, through DuckDB's scanner, with exact types.

What the scanner would round or does not know (numbers without a precision, intervals, ranges, composites ...) is
asked for as text; numbers are then cast like any other text. The address is resolved here and never shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.cursors import ALL, later
from udb_pipelines.connectors.faults import from_duckdb
from udb_pipelines.connectors.reading import Rows, Task
from udb_pipelines.detection.location import mask
from udb_pipelines.engine import extension_file, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema
from udb_pipelines.secrets.references import resolve_address

ALIAS = "udb_source"
NATIVE = re.compile(
    r"(boolean|smallint|integer|bigint|real|double precision|text|character( varying)?(\(\d+\))?|bytea|date|uuid|json"
    r"|jsonb|time(\(\d\))? without time zone|timestamp(\(\d\))? with(out)? time zone)(\[\])?"
)
"""PostgreSQL types, as ``format_type`` names them, that the scanner reads exactly."""
DECIMAL = re.compile(r"numeric\((\d+),(\d+)\)")
WIDEST = 38
NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE")
REFUSED = ("password", "authentication", "pg_hba", "role ", "no encryption", "permission denied")
CONNECT_SECONDS = 10


def read(task: Task) -> Rows:
    """Read one table or view within one read-only transaction of the server.

    Raises:
        UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    shown = mask(task.connection.uri)
    _attach(task, shown)
    try:
        task.duck.execute("BEGIN TRANSACTION")
        columns = _columns(task)
        part = _part(task, columns)
        state = _state_after(task, columns)
        counted = int(task.duck.execute(_remote(f"SELECT count(*) FROM {part}")).fetchall()[0][0])
        staged = _write(task, columns, part, task.target, counted)
        keys = [column for column in columns if column.name in task.stream.primary_key] if task.wants_keys else []
        if keys:
            _write(task, keys, _table(task), task.keys, None)
        task.duck.execute("COMMIT")
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    except duckdb.Error as error:
        raise _refusal(error, shown, task.stream.dataset) from None
    if staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {counted} rows were counted, {staged} loaded")
    return Rows((task.target,), stored, counted, staged, state=state, keys=task.keys if keys else None)


def relation_of(task: Task) -> str:
    """Attach the database; SQL of the table's rows, what is not exact as text."""
    _attach(task, mask(task.connection.uri))
    return _rows_of(_columns(task), _table(task))


def _write(task: Task, columns: list[ColumnSchema], part: str, target: Path, rows: int | None) -> int:
    """Write ``columns`` of the rows of ``part``, a table with or without a condition; the number of rows."""
    source = _rows_of(columns, part)
    relation = casting.TextRelation(
        sql=source,
        sample_sql=f"{source} LIMIT {casting.SAMPLE_ROWS}",
        columns=tuple(_stored(column, task.options.null_markers) for column in columns),
    )
    return casting.write_typed(task.duck, relation, target, what=task.what, rows=rows)


def _rows_of(columns: list[ColumnSchema], part: str) -> str:
    return _remote(f"SELECT {', '.join(map(_asked, columns))} FROM {part}")


def _part(task: Task, columns: list[ColumnSchema]) -> str:
    """The table, and the condition of what is to be read of it."""
    condition = task.window.condition(_compared(_cursor(task, columns)), quote_literal) if task.window != ALL else ""
    return f"{_table(task)} WHERE {condition}" if condition else _table(task)


def _state_after(task: Task, columns: list[ColumnSchema]) -> dict[str, Any] | None:
    """The state once every row that is there now is read; asked for before the rows are."""
    if task.stream.cursor is None:
        return None
    cursor = _cursor(task, columns)
    greatest = f"max({_compared(cursor)})"
    text = (
        f"({greatest} AT TIME ZONE 'UTC')::text || '+00'"
        if cursor.type.endswith("with time zone")
        else f"{greatest}::text"
    )
    value = task.duck.execute(_remote(f"SELECT {text} FROM {_table(task)}")).fetchall()[0][0]
    return later(task.state, task.stream.cursor, value)


def _cursor(task: Task, columns: list[ColumnSchema]) -> ColumnSchema:
    found = next((column for column in columns if column.name == task.stream.cursor), None)
    if found is None:
        raise UdbError("E_VANISHED", f"{task.stream.dataset}: the cursor column is no longer in the table")
    return found


def _compared(column: ColumnSchema) -> str:
    """PostgreSQL's SQL of a column in the order that its text has elsewhere too: a collation is of one server."""
    name = quote_identifier(column.original_name or column.name)
    return f'{name} COLLATE "C"' if column.type.startswith(("text", "character")) else name


def _columns(task: Task) -> list[ColumnSchema]:
    """The table's columns as they are now, with PostgreSQL's own types, under the names that detection chose."""
    found = task.duck.execute(
        _remote(
            "SELECT attname::text AS n, format_type(atttypid, atttypmod) AS t FROM pg_attribute "
            f"WHERE attrelid = {quote_literal(_table(task))}::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum"
        )
    ).fetchall()
    names = {column.original_name or column.name: column.name for column in task.stream.detected.columns}
    return [ColumnSchema(name=names.get(name, name), type=kind, original_name=name) for name, kind in found]


def _attach(task: Task, shown: str) -> None:
    address = resolve_address(task.connection.uri, task.settings)
    if "connect_timeout" not in address:
        address += f"{'&' if '?' in address else '?'}connect_timeout={CONNECT_SECONDS}"
    try:
        task.duck.load_extension(str(extension_file("postgres_scanner")))
        task.duck.execute(f"ATTACH {quote_literal(address)} AS {ALIAS} (TYPE postgres, READ_ONLY)")
    except duckdb.Error as error:
        raise _refusal(error, shown, task.stream.dataset) from None


def _refusal(error: duckdb.Error, shown: str, dataset: str) -> UdbError:
    """Words are all by which the client library tells its failures apart; none of them is passed on."""
    text = str(error).lower()
    if "unable to connect" in text or "connection" in text or "server closed" in text:
        if any(word in text for word in REFUSED):
            return UdbError("E_AUTH", f"{shown} refused the credentials")
        if "does not exist" in text:
            return UdbError("E_NOT_FOUND", f"{shown}: there is no such database")
        return UdbError("E_CONNECT", f"{shown} cannot be reached")
    if "permission denied" in text:
        return UdbError("E_AUTH", f"{dataset}: the user may not read this table")
    if "does not exist" in text:
        return UdbError("E_VANISHED", f"{dataset} is no longer in the database as it was detected")
    return from_duckdb(error, dataset)


def _remote(query: str) -> str:
    return f"FROM postgres_query('{ALIAS}', {quote_literal(query)})"


def _table(task: Task) -> str:
    detected = task.stream.detected
    schema, _, table = (detected.member or f"public.{detected.name}").partition(".")
    return f"{quote_identifier(schema)}.{quote_identifier(table)}"


def _asked(column: ColumnSchema) -> str:
    """PostgreSQL's SQL of a column, under its warehouse name."""
    source = quote_identifier(column.original_name or column.name)
    return f"{source}{'' if _is_native(column.type) else '::text'} AS {quote_identifier(column.name)}"


def _stored(column: ColumnSchema, null_markers: tuple[str, ...]) -> casting.TextColumn:
    if _is_native(column.type):
        return casting.as_stored(column.name)
    allowed = NUMBERS if column.type.startswith("numeric") and not column.type.endswith("[]") else ()
    return casting.TextColumn(column.name, null_markers, allowed=allowed)


def _is_native(sql_type: str) -> bool:
    decimal = DECIMAL.fullmatch(sql_type)
    if decimal:
        return int(decimal.group(1)) <= WIDEST
    return NATIVE.fullmatch(sql_type) is not None
