"""Files that are being written, each beside a lock of its writer.

The lock goes with the process, in whichever container or on whichever machine that runs: names of machines and numbers
of processes do not tell containers apart. So what nobody holds was left by a writer that died.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def held(draft: Path) -> Iterator[None]:
    """Hold a lock while the file is written. What is left of both goes at the end."""
    lock = draft.with_name(f"{draft.name}{_LOCK}")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with suppress(OSError):  # where the file system has no locks, nobody else gets one either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        _remove(draft)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(folder: Path, pattern: str = "*") -> None:
    """Remove drafts that no process holds; what may not be removed stays, for it is in nobody's way."""
    for lock in folder.glob(f"{pattern}{_LOCK}"):
        with suppress(OSError):
            _remove_abandoned(lock)


def _remove_abandoned(lock: Path) -> None:
    descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(lock.with_name(lock.name.removesuffix(_LOCK)))
        lock.unlink()
    finally:
        os.close(descriptor)


def _remove(draft: Path) -> None:
    """The file, and DuckDB's log of it if it is a database."""
    for path in (draft, draft.with_name(f"{draft.name}.wal")):
        path.unlink(missing_ok=True)
