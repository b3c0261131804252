"""A table, view or query of a DuckDB file, attached read-only."""

from __future__ import annotations

from typing import Any

import duckdb

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.cursors import later
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.portable import stored_as
from udb_pipelines.connectors.progress import watched
from udb_pipelines.connectors.reading import Rows, Task
from udb_pipelines.detection.database import derived, parts_of
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError

ALIAS = "udb_source"


def read(task: Task) -> Rows:
    """Read one table with the types it has.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_UNREADABLE``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    file = task.stream.detected.files[0]
    with told(base_name(file)):
        table = relation_of(task)
        state = _state_after(task, table)
        cursor = quote_identifier(task.stream.cursor or "")
        relation = f"FROM ({table}) WHERE {task.window.condition(cursor, quote_literal)}"
        if task.wants_keys:
            _write_keys(task, table)
        counted = int(task.duck.execute(f"SELECT count(*) FROM ({relation})").fetchall()[0][0])
        with watched(task.duck, task.what, counted):
            written = task.duck.execute(
                f"COPY ({relation}) TO {quote_literal(task.target)} ({casting.PARQUET})"
            ).fetchall()
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    staged = int(written[0][0])
    if staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {counted} rows were counted, {staged} loaded")
    keys = task.keys if task.wants_keys else None
    return Rows((task.target,), stored, counted, staged, state=state, keys=keys)


def _state_after(task: Task, table: str) -> dict[str, Any] | None:
    """The state once every row that is there now is read; asked for before the rows are."""
    if task.stream.cursor is None:
        return None
    greatest = f"max({quote_identifier(task.stream.cursor)})"
    value = task.duck.execute(f"SELECT {greatest}::VARCHAR FROM ({table})").fetchall()[0][0]
    return later(task.state, task.stream.cursor, value)


def _write_keys(task: Task, table: str) -> None:
    keys = ", ".join(map(quote_identifier, task.stream.primary_key))
    task.duck.execute(f"COPY (SELECT {keys} FROM ({table})) TO {quote_literal(task.keys)} ({casting.PARQUET})")


def relation_of(task: Task) -> str:
    """Attach the file; SQL of the table's rows under the names that detection chose, in types that can be stored."""
    detected = task.stream.detected
    _attach(task.duck, detected.files[0])
    if detected.query:
        task.duck.execute(f"USE {ALIAS}")
    table = derived(detected.query) if detected.query else qualified(detected.member or detected.name, ALIAS)
    described = task.duck.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    names = {column.original_name: column.name for column in detected.columns}
    columns = ", ".join(stored_as(name, sql_type, names.get(name, name)) for name, sql_type, *_ in described)
    return f"SELECT {columns} FROM {table}"


def _attach(duck: duckdb.DuckDBPyConnection, file: str) -> None:
    try:
        duck.execute(f"ATTACH {quote_literal(file)} AS {ALIAS} (READ_ONLY)")
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise UdbError(
                "E_UNREADABLE",
                f"{base_name(file)} is open for writing in another program",
                remedy="close the other program, then run again",
            ) from None
        raise


def qualified(member: str, catalog: str) -> str:
    """A table of a database as an SQL name.

    >>> qualified("main.order.items", "src")
    'src."main"."order.items"'
    """
    schema, table = parts_of(member)
    return f"{catalog}.{quote_identifier(schema)}.{quote_identifier(table)}"
