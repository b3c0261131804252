"""Which reader takes which kind of stream. Readers are imported when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

from udb_pipelines.config import Settings
from udb_pipelines.connectors.reading import Held, Reader, Rows, Task
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, DetectedStream

PACKAGE = "udb_pipelines.connectors"

BY_FORMAT = {
    "airbyte": "airbyte.loading",
    "airbyte_server": "airbyte_server.loading",
    "arrow": "columnar",
    "avro": "columnar",
    "database": "databases.server",
    "delimited": "delimited.reader",
    "duckdb": "databases.duckdb_file",
    "fixed_width": "fixed_width",
    "json": "documents",
    "log": "log",
    "mongodb": "databases.mongo",
    "ndjson": "documents",
    "orc": "columnar",
    "parquet": "columnar",
    "spreadsheet": "spreadsheet",
    "sqlite": "databases.sqlite_file",
    "xml": "markup",
}
"""Module below this package whose ``read`` takes the format."""

SHARED = ("database", "mongodb")
"""Formats whose module has ``held``, too: one connection for all streams of a source."""


def held(connection: Connection, settings: Settings) -> AbstractContextManager[Held | None]:
    """What all streams of ``connection`` share while they are read; None when there is nothing.

    Raises:
        UdbError: as the module of the format raises it when it connects.
    """
    shared = {stream.detected.format for stream in connection.streams}.intersection(SHARED)
    if not shared:
        return nullcontext()
    opened: Callable[[Connection, Settings], AbstractContextManager[Held]]
    opened = import_module(f"{PACKAGE}.{BY_FORMAT[shared.pop()]}").held
    return opened(connection, settings)


def reader_for(stream: DetectedStream) -> Reader:
    """The reader of ``stream``.

    Raises:
        UdbError: ``E_UNSUPPORTED``.
    """
    module = BY_FORMAT.get(stream.format)
    if module is None:
        raise UdbError("E_UNSUPPORTED", f"{stream.name}: {stream.format} cannot be loaded by this version")
    reader: Reader = import_module(f"{PACKAGE}.{module}").read
    return _placed(reader, stream.area.byte_offset) if stream.area and stream.area.byte_offset else reader


def _placed(reader: Reader, offset: int) -> Reader:
    """``reader`` for a part of a file that begins at ``offset``: rejects tell where they are in the file."""

    def read(task: Task) -> Rows:
        rows = reader(task)
        task.rejects.shift(offset)
        return rows

    return read
