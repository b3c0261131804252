"""Leases: which old versions somebody is reading, so that thinning the history leaves them alone.

A reader of a version by name holds a file ``<version>-<random>`` under an operating-system lock for as long as it
reads. The kernel drops the lock of a process that dies, so a lease that anybody can lock is nobody's and is removed.
Readers of the newest version need none: for days it is not thinned.

Resolving a version and taking its lease happen under the gate, shared; expiring looks at the leases and commits
under the gate, alone. So a version is either leased before it could be expired, or not found by its reader. That
commit, a few milliseconds once a night, is the only thing that such a reader ever waits for. Leases are seen on one
machine; where several share a catalog, a reader elsewhere has the days for which every version is kept.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def gate(folder: Path, *, alone: bool) -> Iterator[None]:
    """Pass together with other readers, or ``alone``."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def take(folder: Path, version: int) -> tuple[Path, int]:
    """Lease a version; the caller is inside the gate and gives the result to :func:`give_back`."""
    path = folder / f"{version}-{secrets.token_hex(8)}.lease"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return path, descriptor


def give_back(lease: tuple[Path, int]) -> None:
    """End a lease."""
    path, descriptor = lease
    path.unlink(missing_ok=True)
    os.close(descriptor)


def leased(folder: Path) -> frozenset[int]:
    """The versions under lease; leases of processes that died are removed. The caller is alone inside the gate."""
    versions = set()
    for path in folder.glob("*.lease") if folder.is_dir() else ():
        if _abandoned(path):
            path.unlink(missing_ok=True)
        else:
            versions.add(int(path.name.partition("-")[0]))
    return frozenset(versions)


def _abandoned(path: Path) -> bool:
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
    return True
