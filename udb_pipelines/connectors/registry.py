"""Which reader takes which kind of stream. Readers are imported when they are needed."""

from __future__ import annotations

from importlib import import_module

from udb_pipelines.connectors.reading import Reader
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, DetectedStream

PACKAGE = "udb_pipelines.connectors"

BY_FORMAT = {
    "arrow": "columnar",
    "avro": "columnar",
    "delimited": "delimited.reader",
    "json": "documents",
    "ndjson": "documents",
    "orc": "columnar",
    "parquet": "columnar",
    "spreadsheet": "spreadsheet",
    "xml": "markup",
}
"""Module below this package whose ``read`` takes the format."""

BY_CONNECTOR: dict[str, str] = {}
"""Connectors whose streams are not files."""


def reader_for(connection: Connection, stream: DetectedStream) -> Reader:
    """The reader of ``stream``.

    Raises:
        UdbError: ``E_UNSUPPORTED``.
    """
    module = BY_CONNECTOR.get(connection.connector) or BY_FORMAT.get(stream.format)
    if module is None:
        raise UdbError("E_UNSUPPORTED", f"{stream.name}: {stream.format} cannot be loaded by this version")
    reader: Reader = import_module(f"{PACKAGE}.{module}").read
    return reader
