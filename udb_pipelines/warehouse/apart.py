"""SQLite's own tools on a catalog that is in use: always in a process of their own.

DuckDB brings an SQLite of its own, and Python has another. When a process closes a file, the kernel drops every lock
that the process has on it. So if Python's SQLite looked at a catalog here, a commit that a thread of this process is
making by DuckDB would lose its lock, and another process could write at the same time.

This file is also the program of that process: it imports nothing but the standard library, and ends at once when
whoever started it is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_ROLLBACK_JOURNAL = b"\x01\x01"
"""At the offset 18 of an SQLite file (https://sqlite.org/fileformat2.html#file_format_version_numbers): it has no
write-ahead log."""


def integrity(file: Path, timeout_seconds: float) -> str:
    """SQLite's verdict on the file: ``ok``, or the first thing that is wrong.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    return _ask("integrity", file, timeout_seconds)


def copy(file: Path, target: Path, timeout_seconds: float) -> None:
    """Write a consistent copy of the file, while others read and write it; one file, synced.

    Raises:
        sqlite3.Error: the file cannot be read, or the copy not be written.
    """
    _ask("copy", file, timeout_seconds, target)


def _ask(what: str, file: Path, timeout_seconds: float, *more: Path) -> str:
    command = [sys.executable, "-I", "-S", __file__, what, str(timeout_seconds), str(file), *map(str, more)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - this file
        if process.stdout is None:
            raise sqlite3.OperationalError("no answer")
        told = process.stdout.read()
    answer: dict[str, str] = json.loads(told) if told else {"kind": "OperationalError", "error": "no answer"}
    if "error" in answer:
        raise getattr(sqlite3, answer["kind"])(answer["error"])
    return answer["answer"]


def _integrity(file: str, timeout: float) -> str:
    with closing(_open(file, timeout)) as connection:
        return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])


def _copy(file: str, timeout: float, target: str) -> str:
    with closing(_open(file, timeout)) as source, closing(sqlite3.connect(target)) as copied:
        # Half a copy is none, so it needs no journal; and one of a process that is late could be taken for that of
        # another file of this name.
        copied.execute("PRAGMA journal_mode = OFF")
        source.backup(copied)
    with Path(target).open("r+b", buffering=0) as written:
        os.pwrite(written.fileno(), _ROLLBACK_JOURNAL, 18)
        os.fsync(written.fileno())
    return target


def _open(file: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(file)}?mode=ro", uri=True, timeout=timeout)


def _end_with_parent() -> None:
    """Nobody writes to the standard input: that it can be read says that it was closed."""
    if select.select([sys.stdin], [], [], 0)[0]:
        os._exit(1)

    def wait() -> None:
        select.select([sys.stdin], [], [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _main(what: str, timeout: str, file: str, *more: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends whoever started it, and so this
    _end_with_parent()
    try:
        answer = {"answer": _copy(file, float(timeout), *more) if what == "copy" else _integrity(file, float(timeout))}
    except sqlite3.Error as error:
        answer = {"kind": type(error).__name__, "error": str(error)}
    except OSError as error:
        answer = {"kind": "OperationalError", "error": os.strerror(error.errno or 0)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main(*sys.argv[1:])
