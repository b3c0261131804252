"""What readers are given and what they hand back.

A reader turns one stream into one typed Parquet file, says how many records it saw, and leaves the rows that
broke a rule in the :class:`RejectLog`.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.connectors.cursors import ALL, Window, window
from udb_pipelines.connectors.rejects import RejectLog
from udb_pipelines.errors import CODES, Severity
from udb_pipelines.models import ColumnSchema, Connection, Finding, SourceOptions, Stream

FETCHED = "fetched"
"""Folder below the job's staging folder: what a connector got for the readers. It goes once they have read it."""

FILE_COLUMN = "_udb_file"
"""Added when a stream has several files: which one a row came from, relative to their folder."""


@dataclass(frozen=True)
class Held:
    """What all streams of a server share while they are read: the connection, as its reader knows it."""

    server: object
    duck: duckdb.DuckDBPyConnection | None = None
    """The engine that is connected to it, where it is the engine that reads."""


@dataclass(frozen=True)
class Task:
    """One stream to be read. ``folder`` is the reader's own: what it leaves there beside ``target`` is removed."""

    duck: duckdb.DuckDBPyConnection
    connection: Connection
    stream: Stream
    settings: Settings
    folder: Path
    rejects: RejectLog
    state: Mapping[str, Any] = field(default_factory=dict)
    """What the last commit of this stream left to go on from."""
    span: Window = ALL
    """The part of the stream that was asked for, where one was."""
    held: Held | None = None
    """The connection that the source's streams share, where they do."""

    @property
    def window(self) -> Window:
        """What to read, for readers that can leave out what is known; others read everything.

        Raises:
            UdbError: ``E_OPTION`` when the lookback does not suit the cursor.
        """
        return window(self.stream, self.state, self.options.lookback, self.span)

    @property
    def keys(self) -> Path:
        """Where a reader writes every key that the source holds, when it is asked to."""
        return self.folder / "keys.parquet"

    @property
    def wants_keys(self) -> bool:
        """Whether rows that the source no longer holds are to be deleted, and this sync may not see all rows."""
        return self.options.delete_missing and self.stream.sync_mode == "incremental_upsert"

    @property
    def options(self) -> SourceOptions:
        """What the user pinned."""
        return self.connection.options

    @property
    def target(self) -> Path:
        """The Parquet file to write."""
        return self.folder / f"{self.stream.dataset}.parquet"

    @property
    def what(self) -> str:
        """For progress and messages."""
        return f"reading {self.stream.dataset}"

    @property
    def originals(self) -> dict[str, str | None]:
        """Names in the source of the columns that had to be renamed."""
        return {column.name: column.original_name for column in self.stream.detected.columns}


@dataclass(frozen=True)
class Rows:
    """What a reader did. ``read`` is counted without the parser that staged the rows, where the format allows."""

    parquet: tuple[Path, ...]
    columns: tuple[ColumnSchema, ...]
    read: int
    staged: int
    findings: tuple[Finding, ...] = ()
    state: Mapping[str, Any] | None = None
    """What the next sync goes on from; None where every sync reads everything."""
    keys: Path | None = None
    """Parquet with the key of every row in the source."""


Reader = Callable[[Task], Rows]


def finding(
    code: str, message: str, *, count: int = 0, rows: int = 0, row: int | None = None, byte_offset: int | None = None
) -> Finding:
    """A finding about rows that does not stop the job, hence a warning; ``pct`` is ``count`` of ``rows``."""
    return Finding(
        code=code,
        severity=Severity.WARNING,
        message=message,
        remedy=CODES[code].remedy,
        count=count,
        pct=100 * count / rows if rows else 0.0,
        row=row,
        byte_offset=byte_offset,
    )


def relative_names(files: tuple[str, ...]) -> tuple[str, ...]:
    """Each file's path below the folder that all of them share.

    >>> relative_names(("/data/2024/a.csv", "/data/2025/a.csv"))
    ('2024/a.csv', '2025/a.csv')
    """
    paths = [Path(file) for file in files]
    shared = len(Path(os.path.commonpath([str(path.parent) for path in paths])).parts)
    return tuple("/".join(path.parts[shared:]) for path in paths)
