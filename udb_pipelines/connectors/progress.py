"""Progress of a running DuckDB statement, for whoever started the job."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from udb_pipelines.operations.progress import report

INTERVAL_SECONDS = 0.5


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection, what: str, rows: int | None) -> Iterator[None]:
    """Report the progress of the statement that runs inside, twice a second, in rows where their number is known."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(INTERVAL_SECONDS):
            share = connection.query_progress() / 100
            if 0 <= share <= 1:
                if rows is None:
                    report(what, int(share * 100), 100, "%")
                else:
                    report(what, int(share * rows), rows)

    watcher = threading.Thread(target=watch, daemon=True, name="udb-progress")
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
    if rows is not None:
        report(what, rows, rows)
