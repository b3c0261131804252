"""Reading every stream of a connection into staging, and refusing what cannot be accounted for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from udb_pipelines import engine
from udb_pipelines.config import Settings
from udb_pipelines.connectors import stillness
from udb_pipelines.connectors.cursors import ALL, Request
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import FETCHED, Held, Rows, Task, finding
from udb_pipelines.connectors.registry import PACKAGE, held, reader_for
from udb_pipelines.connectors.rejects import RejectLog, RejectSummary
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import CODES, UdbError
from udb_pipelines.models import Connection, Finding, StagedDataset, StagedSync, Stream
from udb_pipelines.models.base import MOST_COLUMNS

_SMALL_BYTES = 8 << 20
_FETCHERS = {"airbyte": "airbyte.fetching", "airbyte_server": "airbyte_server.fetching"}
"""Module below this package whose ``fetch`` gets all streams of the connector, before each is loaded."""


def extract(
    connection: Connection,
    settings: Settings,
    job_id: str,
    last_fingerprint: str | None,
    request: Request | None = None,
) -> StagedSync:
    """Read all streams into typed Parquet below ``settings.staging / job_id``.

    Nothing is read when ``last_fingerprint`` is the connection's: the result then has no datasets. On a failure
    the job's staging folder is removed; rejected rows are kept.

    Args:
        connection: what to read.
        settings: where to.
        job_id: names the staging folder.
        last_fingerprint: of the last commit, None when there was none.
        request: from where to go on, or which part to read; everything when absent.

    Raises:
        UdbError: the source cannot be read (``E_VANISHED``, ``E_UNREADABLE``, ``E_CORRUPT``, ``E_UTF8_INVALID``,
            ``E_CONNECT``, ``E_AUTH`` ...), its rows do not add up (``E_COUNT_MISMATCH``), or more of them were
            rejected than the source allows (``E_REJECTS``).
    """
    wanted = request or Request()
    read: tuple[tuple[StagedDataset, Mapping[str, Any]], ...] = ()
    if wanted.partial or connection.fingerprint != last_fingerprint:
        folder = settings.staging / job_id
        try:
            if connection.connector in _FETCHERS:
                _fetch(connection, settings, folder, wanted)
            with held(connection, settings) as server:
                read = tuple(
                    _dataset(connection, stream, settings, job_id, folder, wanted, server)
                    for stream in map(wanted.applied, connection.streams)
                )
            stillness.check(connection)
            shutil.rmtree(folder / FETCHED, ignore_errors=True)
        except UdbError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise error.located(source=connection.source, stage="sync") from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return StagedSync(
        job_id=job_id,
        source=connection.source,
        fingerprint=connection.fingerprint,
        datasets=tuple(dataset for dataset, _ in read),
        state={dataset.dataset: dict(state) for dataset, state in read if state},
        options=connection.options,
    )


def _fetch(connection: Connection, settings: Settings, folder: Path, request: Request) -> None:
    """A connector reads all of its streams in one go, so that happens before each is loaded."""
    module = import_module(f"{PACKAGE}.{_FETCHERS[connection.connector]}")
    with told(connection.source):
        module.fetch(
            connection.model_copy(update={"streams": tuple(map(request.applied, connection.streams))}),
            settings,
            folder,
            request,
        )


def _dataset(
    connection: Connection,
    stream: Stream,
    settings: Settings,
    job_id: str,
    folder: Path,
    request: Request,
    server: Held | None,
) -> tuple[StagedDataset, Mapping[str, Any]]:
    """One stream, staged, and its state afterwards. ``server`` is the connection that all streams share, if any."""
    if (wide := len(stream.detected.columns)) > MOST_COLUMNS:
        raise UdbError("E_TOO_WIDE", f"{stream.dataset} has {wide} columns, and {MOST_COLUMNS} is the most")
    before = request.state_of(stream.dataset)
    reader = reader_for(stream.detected)
    scratch = folder / stream.dataset
    with told(stream.dataset):
        scratch.mkdir(parents=True, exist_ok=True)
    shared = server.duck if server else None
    own = nullcontext(shared) if shared else closing(engine.connect(settings, threads=_threads(stream)))
    with own as duck, told(stream.dataset):
        task = Task(duck, connection, stream, settings, scratch, RejectLog(duck), before, request.span, server)
        with _unchanged(stream):
            rows = reader(task)
        cursorless = tuple(_cursorless(task, rows))
        _keep_only(scratch, (*rows.parquet, *((rows.keys,) if rows.keys else ())))
        kept = task.rejects.write(settings.rejects / connection.source / job_id / f"{stream.dataset}.parquet")
        summary = task.rejects.summary()
    _check_rejects(stream.dataset, summary, rows.read, _limit(connection, settings), kept)
    if rows.read != rows.staged + summary.rows:
        raise UdbError(
            "E_COUNT_MISMATCH",
            f"{stream.dataset}: {rows.read} rows were read, {rows.staged} staged and {summary.rows} rejected",
        )
    staged = StagedDataset(
        dataset=stream.dataset,
        parquet=rows.parquet,
        columns=rows.columns,
        rows_read=rows.read,
        rows_staged=rows.staged,
        rows_rejected=summary.rows,
        rejects=kept,
        sync_mode=stream.sync_mode,
        primary_key=stream.primary_key,
        cursor=stream.cursor,
        tombstone=stream.tombstone,
        keys=rows.keys,
        findings=tuple(
            item.model_copy(update={"dataset": stream.dataset})
            for item in (*rows.findings, *_reject_findings(summary, rows.read), *_empty(rows), *cursorless)
        ),
    )
    # A part that was read again says nothing of what comes after the last one.
    after = before if request.span != ALL or rows.state is None else rows.state
    return staged, after


def _threads(stream: Stream) -> int | None:
    """One for files so small that a second only costs; None, the setting, for all else."""
    sizes = [Path(file).stat().st_size for file in stream.detected.files if Path(file).is_file()]
    return 1 if sizes and sum(sizes) < _SMALL_BYTES else None


def _limit(connection: Connection, settings: Settings) -> float:
    own = connection.options.max_reject_pct
    return settings.max_reject_pct if own is None else own


def _check_rejects(dataset: str, summary: RejectSummary, read: int, limit: float, kept: Path | None) -> None:
    """Refuse when more than ``limit`` percent of the rows were rejected."""
    pct = 100 * summary.rows / read if read else 0.0
    if pct <= limit:
        return
    code, _, row, offset = summary.by_code[0]
    where = f"row {row}" + (f", byte {offset}" if offset is not None else "")
    raise UdbError(
        "E_REJECTS",
        f"{dataset}: {summary.rows} of {read} rows were rejected ({pct:.3g} %, allowed {limit:g} %); "
        f"the first is {where}: {code}, {CODES[code].meaning}",
        kept=f"the rejected rows, in {kept}; the last published version stays",
    )


def _reject_findings(summary: RejectSummary, read: int) -> Iterator[Finding]:
    for code, count, row, offset in summary.by_code:
        yield finding(
            code, f"{CODES[code].meaning}; {count} rows rejected", count=count, rows=read, row=row, byte_offset=offset
        )


def _empty(rows: Rows) -> Iterator[Finding]:
    if not rows.staged:
        yield finding("W_NO_ROWS", CODES["W_NO_ROWS"].meaning)


def _cursorless(task: Task, rows: Rows) -> Iterator[Finding]:
    """Rows that no later sync will look at again: there is nothing to say whether they are new."""
    if rows.state is None or not task.stream.sync_mode.startswith("incremental"):
        return
    cursor = quote_identifier(task.stream.cursor or "")
    files = ", ".join(map(quote_literal, rows.parquet))
    query = f"SELECT count(*) FROM read_parquet([{files}]) WHERE {cursor} IS NULL"
    if count := int(task.duck.execute(query).fetchall()[0][0]):
        yield finding("W_CURSOR_NULL", CODES["W_CURSOR_NULL"].meaning, count=count, rows=rows.staged)


def _keep_only(folder: Path, parquet: tuple[Path, ...]) -> None:
    """Remove what the reader needed on its way."""
    for path in folder.iterdir():
        if path not in parquet:
            path.unlink()


# --- the source must hold still ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _State:
    size: int
    modified_ns: int
    inode: int


@contextmanager
def _unchanged(stream: Stream) -> Iterator[None]:
    """Fail when a file of the stream is another one, or gone, after it was read.

    A reader that fails is asked too: what it found damaged may only have been cut off under its hands.
    """
    files = [Path(file) for file in stream.detected.files if "://" not in file]
    before = {file: _state(file) for file in files}
    try:
        yield
    finally:
        for file in files:
            if _state(file) != before[file]:
                raise UdbError("E_VANISHED", f"{base_name(file)} changed while it was read") from None


def _state(file: Path) -> _State:
    with told(base_name(file)):
        found = file.stat()
    return _State(found.st_size, found.st_mtime_ns, found.st_ino)
