"""What surrounds every stage, whoever runs it: log context, a span, the time it took, and errors told to people.

No exception of another library leaves a stage: its text may hold data, so it is translated into an
:class:`UdbError`, and the log keeps its type and where it was raised.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from udb_pipelines.errors import UdbError
from udb_pipelines.operations import logging, progress, tracing

KEPT = {
    "detect": "nothing was changed",
    "provision": "nothing was changed",
    "sync": "the last committed version stays as it was",
    "analyze": "the committed rows stay; the last published report stays",
    "publish": "the committed rows stay; the last published report stays",
}
"""What a failure in a stage leaves in place."""

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DUCKDB_TEXTS = (
    ("max_temp_directory_size", "E_SPILL_FULL", "temporary files would exceed the limit"),
    ("no space left on device", "E_DISK_FULL", "the disk is full"),
    ("file too large", "E_DISK_FULL", "a file would exceed the size the system allows"),
    ("disk quota exceeded", "E_DISK_FULL", "the disk quota is used up"),
    ("permission denied", "E_NOT_WRITABLE", "a file may not be opened"),
    ("no such file or directory", "E_VANISHED", "a file is gone"),
    ("out of memory", "E_MEMORY", "the work needs more memory than it may use"),
    ("database is locked", "E_LOCK_TIMEOUT", "a database is locked by another process"),
)
"""Parts of DuckDB's and SQLite's messages, in lower case; the messages themselves may quote data."""

_notes: ContextVar[dict[str, str | float | bool] | None] = ContextVar("udb_stage_notes", default=None)


@contextmanager
def stage(name: str, *, job_id: str, source: str) -> Iterator[None]:
    """Run one stage of a job.

    Raises:
        UdbError: whatever went wrong, with ``source``, ``stage`` and ``kept`` filled in.
    """
    log = logging.get_logger()
    notes: dict[str, str | float | bool] = {}
    token = _notes.set(notes)
    started = time.perf_counter()
    try:
        with (
            logging.context(job_id=job_id, source=source, stage=name),
            tracing.span(name, job_id=job_id, source=source),
        ):
            log.info("stage.started", message=f"{name} started")
            progress.report(name, 0, None, "stage")
            failure = None
            try:
                yield
            except Exception as error:
                failure = translate(error).located(source=source, stage=name, kept=KEPT.get(name))
                log.error(
                    "stage.failed",
                    message=failure.message,
                    code=failure.code,
                    seconds=_since(started),
                    error_type=type(error).__name__,
                    where=logging.where(error.__traceback__),
                )
            except BaseException as error:
                log.warning(
                    "stage.interrupted", message=f"{name} was interrupted", error_type=type(error).__name__,
                    seconds=_since(started),
                )  # fmt: skip
                raise
            if failure:
                # Without the foreign exception as its context, or its text would appear in tracebacks.
                raise failure from None
            progress.report(name, 1, 1, "stage")
            log.info("stage.finished", message=f"{name} finished", seconds=_since(started), **notes)
    finally:
        _notes.reset(token)


def note(**facts: str | float | bool) -> None:
    """Put counts and names (see :data:`scrub.LOG_FIELDS`) on the running stage's span and its last log line."""
    tracing.annotate(**facts)
    notes = _notes.get()
    if notes is not None:
        notes.update(facts)


def translate(error: Exception) -> UdbError:
    """``error`` as one of ours, without its text. One of ours is returned as it is."""
    if isinstance(error, UdbError):
        return error
    driver_error = getattr(error, "orig", None)
    if isinstance(driver_error, Exception):  # SQLAlchemy wraps what its driver raises
        return translate(driver_error)
    if isinstance(error, MemoryError):
        return UdbError("E_MEMORY", "the work needs more memory than there is")
    if isinstance(error, OSError):
        return _from_os(error)
    return _from_database(error) or _internal(error)


def _from_os(error: OSError) -> UdbError:
    path = f": {os.fspath(error.filename)!s}" if isinstance(error.filename, (str, os.PathLike)) else ""
    if error.errno in _NO_SPACE:
        return UdbError("E_DISK_FULL", f"no space is left to write{path}")
    if isinstance(error, FileNotFoundError):
        return UdbError("E_VANISHED", f"the file is gone{path}")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        # A file that exists and cannot be read was to be read; anything else was to be written.
        if path and Path(error.filename).exists() and not os.access(error.filename, os.R_OK):
            return UdbError("E_UNREADABLE", f"the file may not be read{path}")
        return UdbError("E_NOT_WRITABLE", f"the file may not be written{path}")
    return _internal(error)


def _from_database(error: Exception) -> UdbError | None:
    duckdb = sys.modules.get("duckdb")
    kinds: tuple[type[Exception], ...] = (sqlite3.Error, *((duckdb.Error,) if duckdb else ()))
    if not isinstance(error, kinds):
        return None
    text = str(error).lower().replace("database or disk is full", "no space left on device")
    for part, code, message in _DUCKDB_TEXTS:
        if part in text:
            return UdbError(code, message)
    return None


def _internal(error: Exception) -> UdbError:
    return UdbError("E_INTERNAL", f"an unexpected {type(error).__name__}; the log says where")


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
