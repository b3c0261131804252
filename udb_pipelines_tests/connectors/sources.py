"""Sources by hand, so that reading is tested apart from detection; and what was read, for comparing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines import originals
from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.engine import quote_identifier
from udb_pipelines.models import (
    ColumnSchema,
    DetectedStream,
    Detection,
    Dialect,
    Source,
    SourceOptions,
    StagedDataset,
    StagedSync,
)

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def source_of(uri: Path | str, **options: object) -> Source:
    return Source(name="shop", uri=str(uri), options=SourceOptions(**options), created_at=CREATED)


def detection_of(*streams: DetectedStream, fingerprint: str = "f1", connector: str = "file") -> Detection:
    return Detection(source="shop", uri="shop", connector=connector, streams=streams, bytes=1, fingerprint=fingerprint)


def delimited(
    files: Path | list[Path], names: list[str], dialect: Dialect | None = None, **more: object
) -> DetectedStream:
    paths = files if isinstance(files, list) else [files]
    return DetectedStream(
        name="orders",
        format="delimited",
        files=tuple(map(str, paths)),
        dialect=dialect or Dialect(delimiter=","),
        columns=tuple(ColumnSchema(name=name, type="VARCHAR") for name in names),
        **more,
    )


def read_streams(settings: Settings, *streams: DetectedStream, job: str = "job", **options: object) -> StagedSync:
    connection = provision(source_of("shop", **options), detection_of(*streams))
    return extract(connection, settings, job, None)


def read_text(
    settings: Settings, folder: Path, data: bytes, names: list[str], dialect: Dialect | None = None, **options: object
) -> StagedDataset:
    """Write ``data`` to a file and read it with the given dialect."""
    path = folder / "data.csv"
    path.write_bytes(data)
    return read_streams(settings, delimited(path, names, dialect), **options).datasets[0]


def read_detected(settings: Settings, uri: Path | str, job: str = "job", **options: object) -> StagedSync:
    """The whole way: detect, provision, extract."""
    source = source_of(uri, **options)
    return extract(provision(source, detect(source, settings)), settings, job, None)


def rows(dataset: StagedDataset) -> list[tuple[Any, ...]]:
    names = ", ".join(quote_identifier(column.name) for column in dataset.columns)
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {names} FROM read_parquet(?)", [[str(path) for path in dataset.parquet]]
        ).fetchall()


def texts(dataset: StagedDataset) -> list[tuple[str | None, ...]]:
    """Every cell as the text it was made from."""
    (file,) = dataset.parquet
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = originals.of_files(connection, [file])[str(file)]
        cells = ", ".join(found.text(column.name) for column in dataset.columns)
        return connection.execute(f"SELECT {cells} FROM read_parquet(?)", [str(file)]).fetchall()


def types(dataset: StagedDataset) -> dict[str, str]:
    return {column.name: column.type for column in dataset.columns}


def rejects(path: Path | None) -> list[tuple[object, ...]]:
    assert path is not None
    with duckdb.connect() as connection:
        return connection.execute('SELECT "row", byte_offset, code, raw FROM read_parquet(?)', [str(path)]).fetchall()
