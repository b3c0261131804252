"""Formats that carry their own schema: Parquet, Arrow/Feather, Avro, ORC. Only footers and headers are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.detection import long_rows
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.engine import Extension, connect, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Format

if TYPE_CHECKING:
    import pyarrow

VERIFIED_BYTES = 4 << 20

Described = tuple[tuple[ColumnSchema, ...], int | None]


def describe_columnar(path: Path, name: str, format_: Format, settings: Settings) -> Described:
    """Columns with their DuckDB types, and the number of rows where the file says it.

    Raises:
        UdbError: ``E_CORRUPT`` when the file cannot be read as what its first bytes announce, ``E_MEMORY`` when a
            part that has to be read at once does not fit into memory.
    """
    readers: dict[str, Callable[[Path, Settings], Described]] = {
        "parquet": _parquet, "avro": _avro, "arrow": _arrow, "orc": _orc,
    }  # fmt: skip
    try:
        columns, rows = readers[format_](path, settings)
    except duckdb.OutOfMemoryException:
        raise UdbError("E_MEMORY", f"{name} has pages that do not fit into {settings.memory_limit} of memory") from None
    except (duckdb.Error, OSError, ValueError, OverflowError, MemoryError):
        raise UdbError("E_CORRUPT", f"{name} begins like {format_}, but cannot be read as it") from None
    if not columns:
        raise UdbError("E_EMPTY", f"{name} has no columns")
    return columns, rows


def _parquet(path: Path, settings: Settings) -> Described:
    file = quote_literal(path)
    columns = _duckdb(settings, f"read_parquet({file})")
    with connect(settings) as connection:
        found = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({file})").fetchone()
        rows = long_rows.rows_that_fit(long_rows.row_bytes(connection, path))
        if rows < long_rows.AT_A_TIME:
            long_rows.decode(path, rows, whole=False)
        else:
            # Damage is often inside the pages and not in the footer.
            connection.execute(f"SELECT * FROM read_parquet({file}) LIMIT 100").fetchall()
    if path.stat().st_size <= VERIFIED_BYTES:
        # A small file is decoded by a second reader: DuckDB's reads some damaged levels without complaint.
        long_rows.decode(path, rows, whole=True)
    return columns, int(found[0]) if found else None


def _avro(path: Path, settings: Settings) -> Described:
    return _duckdb(settings, f"read_avro({quote_literal(path)})", ("avro",)), None


def _duckdb(settings: Settings, relation: str, extensions: tuple[Extension, ...] = ()) -> tuple[ColumnSchema, ...]:
    with connect(settings, extensions) as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return name_columns([row[0] for row in described], [row[1] for row in described])


def _arrow(path: Path, settings: Settings) -> Described:
    import pyarrow as pa
    from pyarrow import feather, ipc

    with pa.memory_map(str(path)) as source:
        try:
            reader = ipc.open_file(source)
        except pa.ArrowInvalid:
            table = feather.read_table(str(path), memory_map=True)
            return _from_arrow(table.schema, settings), table.num_rows
        rows = sum(reader.get_batch(index).num_rows for index in range(reader.num_record_batches))
        return _from_arrow(reader.schema, settings), rows


def _orc(path: Path, settings: Settings) -> Described:
    from pyarrow import orc

    file = orc.ORCFile(str(path))
    return _from_arrow(file.schema, settings), file.nrows


def _from_arrow(schema: pyarrow.Schema, settings: Settings) -> tuple[ColumnSchema, ...]:
    empty = schema.empty_table()
    with connect(settings) as connection:
        connection.register("described", empty)
        described = connection.execute("DESCRIBE described").fetchall()
    return name_columns([row[0] for row in described], [row[1] for row in described])
