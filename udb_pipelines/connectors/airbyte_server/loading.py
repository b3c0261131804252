"""The rows of one stream, from Airbyte's destination into typed Parquet, and whether all have come.

The reader is that of PostgreSQL; Airbyte's own columns (``_airbyte_...``) are left out. What the server says that it
wrote is held against what is read.
"""

from __future__ import annotations

from dataclasses import replace

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.airbyte_server import address
from udb_pipelines.connectors.airbyte_server.fetching import Landed
from udb_pipelines.connectors.airbyte_server.upkeep import OVERWRITE
from udb_pipelines.connectors.cursors import ALL
from udb_pipelines.connectors.databases import server
from udb_pipelines.connectors.reading import FETCHED, Rows, Task
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError


def read(task: Task) -> Rows:
    """Load what the server has copied of one stream.

    Raises:
        UdbError: ``E_COUNT_MISMATCH`` when less or more has come than the server wrote, and what PostgreSQL's reader
            raises.
    """
    file = task.folder.parent / FETCHED / f"{task.stream.dataset}.json"
    landed = Landed.model_validate_json(file.read_text(encoding="utf-8"))
    if landed.query is None:
        return _nothing(task, landed)
    own = _of_database(task, landed)
    with server.held(own.connection, task.settings) as held:
        rows = server.read(replace(own, duck=held.duck or task.duck, held=held))
    if own.window == ALL:
        _reconcile(task.stream.dataset, landed, rows.read)
    return rows


def _of_database(task: Task, landed: Landed) -> Task:
    """The task as one of the destination's database."""
    url = address.destination_url(task.options.config, task.settings)
    detected = task.stream.detected.model_copy(
        update={"format": "database", "files": (), "query": landed.query, "columns": landed.columns}
    )
    stream = task.stream.model_copy(update={"detected": detected})
    connection = task.connection.model_copy(update={"connector": "postgres", "uri": url, "streams": (stream,)})
    return replace(task, connection=connection, stream=stream)


def _reconcile(dataset: str, landed: Landed, rows: int) -> None:
    """A table that was written anew has what was written; another one has, at the least, something."""
    if landed.committed is None:
        return
    wrong = rows != landed.committed if landed.sync_mode == OVERWRITE else bool(landed.committed) and not rows
    if wrong:
        raise UdbError(
            "E_COUNT_MISMATCH",
            f"{dataset}: Airbyte says that it wrote {landed.committed} records, {rows} are in its destination",
            remedy="check that no other connection writes to the same tables, then run again",
        )


def _nothing(task: Task, landed: Landed) -> Rows:
    """A table with the columns that the source declares, and no rows."""
    columns = ", ".join(f"NULL::{column.type} AS {quote_identifier(column.name)}" for column in landed.columns)
    if not columns:
        raise UdbError("E_EMPTY", f"{task.stream.dataset}: nothing has come, and no column is known")
    task.duck.execute(f"COPY (SELECT {columns} WHERE false) TO {quote_literal(task.target)} ({casting.PARQUET})")
    stored = casting.stored_columns(task.duck, task.target, task.originals)
    return Rows((task.target,), stored, 0, 0)
