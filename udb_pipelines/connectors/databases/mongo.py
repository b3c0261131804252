"""Collections, views and queries of MongoDB, through ``pymongo``.

Documents are taken apart some megabytes at a time, key by key: each batch becomes a Parquet file of texts, a column per
key, and all of them the typed file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from udb_pipelines.config import Settings
from udb_pipelines.connectors import casting
from udb_pipelines.connectors.cursors import ALL, later
from udb_pipelines.connectors.databases.mongo_client import Server, connected, told
from udb_pipelines.connectors.databases.mongo_queries import Part, of_collection, of_query
from udb_pipelines.connectors.databases.mongo_values import as_text, as_texts, column_of, typed
from udb_pipelines.connectors.reading import Held, Rows, Task
from udb_pipelines.detection.location import mask
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.engine import quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Connection
from udb_pipelines.operations.progress import report

KEY = "_id"
FEWEST, MOST, BYTES = 100, 20_000, 32 << 20
"""Documents that are taken apart together, and the text that they should have."""


@contextmanager
def held(connection: Connection, settings: Settings) -> Iterator[Held]:
    """One connection for all streams of a source.

    Raises:
        UdbError: as :func:`mongo_client.connected`.
    """
    with connected(connection.uri, connection.options.config, settings) as server:
        yield Held(server)


def read(task: Task) -> Rows:
    """Read one collection, view or query.

    Raises:
        UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_VANISHED``, ``E_SQL``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    with _server(task) as server, told(mask(task.connection.uri), task.stream.dataset):
        part = part_of(task)
        _check_there(server, part, task.stream.dataset)
        condition, state = _since(task, server, part)
        raw = _Raw(task.folder, "raw")
        with server.documents(part, *condition) as documents:
            for rows in raw.write(documents):
                report(task.what, rows, task.stream.detected.row_estimate)
        # A collection that is dropped meanwhile just ends.
        _check_there(server, part, task.stream.dataset)
        columns = columns_of(task, raw)
        staged = _typed(task, raw, columns, task.target)
        keys = _write_keys(task, server, part) if task.wants_keys else None
    stored = casting.stored_columns(task.duck, task.target, {column.name: column.original_name for column in columns})
    if staged != raw.rows:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {raw.rows} documents came, {staged} were loaded")
    return Rows((task.target,), stored, raw.rows, staged, state=state, keys=keys)


def _write_keys(task: Task, server: Server, part: Part) -> Path:
    """Write the key of every document that the source holds."""
    columns = [column for column in task.stream.detected.columns if column.name in task.stream.primary_key]
    raw = _Raw(task.folder, "raw_keys")
    with server.documents(part, {"$project": {KEY: 0} | {_key(column): 1 for column in columns}}) as documents:
        for rows in raw.write(documents):
            report(task.what, rows)
    _typed(task, raw, columns, task.keys)
    return task.keys


def first_rows(task: Task, rows: int) -> tuple[list[str], list[list[str | None]]]:
    """The names of the columns, and the first documents as text."""
    with (
        _server(task) as server,
        told(mask(task.connection.uri), task.stream.dataset),
        server.documents(part_of(task), {"$limit": rows}) as documents,
    ):
        found = list(documents)
    columns = task.stream.detected.columns
    keys = list(map(_key, columns))
    cells = [[None if document.get(key) is None else as_text(document[key]) for key in keys] for document in found]
    return [column.name for column in columns], cells


def part_of(task: Task) -> Part:
    """What the stream is of."""
    detected = task.stream.detected
    return of_query(detected.name, detected.query) if detected.query else of_collection(detected.member or "")


@contextmanager
def _server(task: Task) -> Iterator[Server]:
    """The connection that all streams share, or one for this task alone."""
    if task.held is not None and isinstance(task.held.server, Server):
        yield task.held.server
        return
    with connected(task.connection.uri, task.options.config, task.settings) as server:
        yield server


def _check_there(server: Server, part: Part, dataset: str) -> None:
    """A collection that is not there gives no documents, and no error."""
    there = server.collections(part.database or server.database or "")
    if part.collection not in (name for name, _ in there):
        raise UdbError("E_VANISHED", f"{dataset} is no longer in the database as it was detected")


def _since(task: Task, server: Server, part: Part) -> tuple[list[Mapping[str, Any]], dict[str, Any] | None]:
    """The stages that leave what is to be read, and the state once every document that is there now is read."""
    name = task.stream.cursor
    if name is None:
        return [], None
    key = {column.name: _key(column) for column in task.stream.detected.columns}.get(name, name)
    last = ({"$match": {key: {"$ne": None}}}, {"$sort": {key: -1}}, {"$limit": 1}, {"$project": {key: 1}})
    with server.documents(part, *last) as documents:
        greatest = next((document[key] for document in documents), None)
    state = later(task.state, name, None if greatest is None else as_text(greatest))
    if task.window == ALL or greatest is None:
        return [], state
    bounds = (("$gte", task.window.low), ("$lt", task.window.high))
    return [{"$match": {key: {word: typed(text, greatest) for word, text in bounds if text is not None}}}], state


@dataclass
class _Raw:
    """Documents as texts: Parquet files in ``folder``, whose columns are numbered by ``keys``."""

    folder: Path
    name: str
    rows: int = 0
    files: list[Path] = field(default_factory=list)
    keys: dict[str, set[str]] = field(default_factory=dict)
    """Every key that came, in order, with the kinds of its values."""

    def write(self, documents: Iterator[dict[str, Any]]) -> Iterator[int]:
        """Add all ``documents``, some at a time; after each time, tell how many there are."""
        some = FEWEST
        while batch := list(islice(documents, some)):
            size = self._write(batch)
            some = int(min(MOST, max(FEWEST, BYTES * len(batch) / max(1, size))))
            yield self.rows

    def _write(self, documents: list[dict[str, Any]]) -> int:
        """Add ``documents`` as a file; the bytes of their texts."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for document in documents:
            if not document.keys() <= self.keys.keys():
                self.keys.update({key: set() for key in document if key not in self.keys})
        columns = {
            f"c{number}": pa.array(as_texts([document.get(key) for document in documents], kinds), pa.large_string())
            for number, (key, kinds) in enumerate(self.keys.items())
        }
        if not columns:
            columns = {"c0": pa.nulls(len(documents), pa.large_string())}
        table = pa.table(columns)
        self.files.append(self.folder / f"{self.name}.{len(self.files)}.parquet")
        pq.write_table(table, self.files[-1], compression="zstd")
        self.rows += len(documents)
        return int(table.nbytes)


def columns_of(task: Task, raw: _Raw) -> tuple[ColumnSchema, ...]:
    """The columns of what came: those that detection saw first, in its order."""
    known = list(map(_key, task.stream.detected.columns))
    keys = raw.keys or dict.fromkeys(known[:1] or [KEY])
    return name_columns([key for key in known if key in keys] + [key for key in keys if key not in known])


def _key(column: ColumnSchema) -> str:
    """What documents call it."""
    return column.original_name or column.name


def _typed(task: Task, raw: _Raw, columns: Sequence[ColumnSchema], target: Path) -> int:
    """Write what came as typed Parquet; the number of rows."""
    numbers = {key: f"c{number}" for number, key in enumerate(raw.keys)}
    markers = task.options.null_markers
    texts = [
        column_of(column.name, numbers.get(key, "NULL::VARCHAR"), raw.keys.get(key, ()), markers)
        for column, key in zip(columns, map(_key, columns), strict=True)
    ]
    files = f"read_parquet([{', '.join(map(quote_literal, raw.files))}], union_by_name = true)"
    source = f"FROM {files}" if raw.rows else "SELECT NULL::VARCHAR AS c0 WHERE false"
    sample = f"{source} USING SAMPLE {casting.SAMPLE_ROWS} ROWS (reservoir, 1)" if raw.rows else source
    relation = casting.TextRelation(sql=source, sample_sql=sample, columns=tuple(texts))
    return casting.write_typed(task.duck, relation, target, what=task.what, rows=raw.rows)
