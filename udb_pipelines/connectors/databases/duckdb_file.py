"""A table or view of a DuckDB file, attached read-only."""

from __future__ import annotations

import duckdb

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.portable import stored_as
from udb_pipelines.connectors.progress import watched
from udb_pipelines.connectors.reading import Rows, Task
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError

ALIAS = "udb_source"


def read(task: Task) -> Rows:
    """Read one table with the types it has.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_UNREADABLE``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    file = task.stream.detected.files[0]
    table = qualified(task.stream.detected.member or task.stream.detected.name, ALIAS)
    with told(base_name(file)):
        _attach(task.duck, file)
        described = task.duck.execute(f"DESCRIBE {table}").fetchall()
        counted = int(task.duck.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
        renames = {column.original_name: column.name for column in task.stream.detected.columns}
        columns = ", ".join(stored_as(name, sql_type, renames.get(name, name)) for name, sql_type, *_ in described)
        with watched(task.duck, task.what, counted):
            written = task.duck.execute(
                f"COPY (SELECT {columns} FROM {table}) TO {quote_literal(task.target)} ({casting.PARQUET})"
            ).fetchall()
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    staged = int(written[0][0])
    if staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {counted} rows were counted, {staged} loaded")
    return Rows((task.target,), stored, counted, staged)


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
    """``schema.table`` of a database as an SQL name; the table's name may hold dots.

    >>> qualified("main.order.items", "src")
    'src."main"."order.items"'
    """
    schema, _, table = member.partition(".")
    return f"{catalog}.{quote_identifier(schema)}.{quote_identifier(table)}"
