"""The warehouse, or a part of it, as one plain DuckDB file for people and tools that want one file.

The file holds ordinary tables and needs neither UDB nor the lake. It is written beside its place and renamed when
every table has been counted, so that nobody ever opens a half-written one. What an export that was killed has left
there is removed by the next one into the same folder.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.operations import progress
from udb_pipelines.operations.stages import translate
from udb_pipelines.warehouse import drafts, steps
from udb_pipelines.warehouse.files import sync_all
from udb_pipelines.warehouse.history import DatasetInfo, datasets
from udb_pipelines.warehouse.lake import Lake, version_of

_LOOK_SECONDS = 0.5
_DRAFT = ".udb-export"


class ExportedTable(Model):
    """A table of the file."""

    dataset: str
    version: int
    """The version of the lake that changed it last."""
    rows: int


class Exported(Model):
    """What the file holds."""

    file: Path
    version: int
    bytes: int
    tables: tuple[ExportedTable, ...]


def export(
    lake: Lake,
    file: Path,
    *,
    as_of: datetime | int | None = None,
    names: tuple[str, ...] = (),
    replace: bool = False,
) -> Exported:
    """Write datasets into a DuckDB file.

    Args:
        lake: read at one version throughout, while others go on writing.
        file: made, or replaced if ``replace``.
        as_of: a version or a time; the newest when absent.
        names: the datasets; all when empty.
        replace: overwrite a file that exists.

    Raises:
        UdbError: ``E_NAME`` when the file exists, ``E_NOT_FOUND`` when its folder does not or there is no such
            dataset, ``E_NO_DATA_FILES`` when there is nothing to export, ``E_VERSION``, ``E_COUNT_MISMATCH`` when a
            table has other rows than its commit recorded, ``E_DISK_FULL``.
    """
    _may_write(file, replace)
    chosen = _chosen(datasets(lake, as_of), names)
    drafts.sweep(file.parent, f".*{_DRAFT}")
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}{_DRAFT}")
    with drafts.held(draft):
        with _translated(file), lake.reader(as_of, threads=lake.settings.threads) as connection:
            version = version_of(connection)
            connection.execute(f"ATTACH {quote_literal(draft)} AS export")
            with _watched(draft):
                tables = tuple(_copy(connection, info) for info in chosen)
                connection.execute("CHECKPOINT export; USE memory; DETACH export")
        steps.reached("export written")
        sync_all([draft])
        draft.replace(file)
        sync_all([file])
    return Exported(file=file, version=version, bytes=file.stat().st_size, tables=tables)


def _may_write(file: Path, replace: bool) -> None:
    if not file.parent.is_dir():
        raise UdbError("E_NOT_FOUND", f"there is no folder {file.parent}", remedy="create it, or name another")
    if file.is_dir():
        raise UdbError("E_NAME", f"{file} is a folder", remedy="name a file, such as warehouse.duckdb")
    if file.exists() and not replace:
        raise UdbError(
            "E_NAME", f"{file} exists already", kept="the file is as it was",
            remedy="name another file, or replace it with --force",
        )  # fmt: skip


def _chosen(known: tuple[DatasetInfo, ...], names: tuple[str, ...]) -> tuple[DatasetInfo, ...]:
    if not known:
        raise UdbError("E_NO_DATA_FILES", "the warehouse held nothing then", remedy="run a job first: udb run FILE")
    by_name = {info.dataset: info for info in known}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise UdbError(
            "E_NOT_FOUND", f"the warehouse has no dataset {', '.join(missing)}", remedy=f"it has: {', '.join(by_name)}"
        )
    return tuple(by_name[name] for name in dict.fromkeys(names)) or known


def _copy(connection: duckdb.DuckDBPyConnection, info: DatasetInfo) -> ExportedTable:
    table = quote_identifier(info.dataset)
    connection.execute(f"CREATE TABLE export.main.{table} AS FROM lake.main.{table}")
    rows = int(connection.execute(f"SELECT count(*) FROM export.main.{table}").fetchall()[0][0])
    if rows != info.rows_total:
        raise UdbError(
            "E_COUNT_MISMATCH",
            f"{info.dataset} has {rows} rows, and its commit recorded {info.rows_total}",
            kept="no file was made",
            remedy="run: udb doctor",
        )
    note = f"version {info.version} of UDB's warehouse, committed {info.committed_at:%Y-%m-%d %H:%M:%S} UTC"
    connection.execute(f"COMMENT ON TABLE export.main.{table} IS {quote_literal(note)}")
    return ExportedTable(dataset=info.dataset, version=info.version, rows=rows)


@contextmanager
def _watched(draft: Path) -> Iterator[None]:
    """Report how much has been written while DuckDB writes."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            if draft.exists():
                progress.report("export", draft.stat().st_size, None, "bytes")

    watcher = threading.Thread(target=look, name="export-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        problem = translate(error)
    else:
        return
    if problem.code == "E_DISK_FULL":
        problem = UdbError("E_DISK_FULL", f"no space is left to write {file}")
    raise problem.located(kept="no file was made")
