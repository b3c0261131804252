"""A folder of files that appears complete, or not at all.

Everything is written into a hidden sibling ``.<name>.partial``, each file synced to disk; one rename
publishes it. A process that dies leaves a hidden folder that nobody reads, and the next writer removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from udb_pipelines.errors import UdbError

PARTIAL = ".partial"
REPLACED = ".replaced"
CHUNK = 1 << 20
LOCK_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Written:
    """A file that is on the disk: its path relative to the folder, its size and its SHA-256."""

    path: str
    bytes: int
    sha256: str


def digest(path: Path) -> Written:
    """Size and SHA-256 of a file, read in blocks; ``path`` of the result is the file's name."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Written(path.name, file.tell(), sha256)


class PendingFolder:
    """The hidden folder while it is filled. Use through :func:`pending_folder`."""

    def __init__(self, hidden: Path) -> None:
        self.hidden = hidden

    def write(self, path: str, text: str) -> Written:
        """Write a text file as UTF-8 and sync it; folders in ``path`` are made."""
        content = text.encode()
        with self._target(path).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Written(path, len(content), hashlib.sha256(content).hexdigest())

    def copy(self, path: str, original: Path) -> Written:
        """Copy a file, sync the copy and return what was written.

        Raises:
            FileNotFoundError: ``original`` does not exist; nothing is written then.
        """
        sha256, size = hashlib.sha256(), 0
        with original.open("rb") as source, self._target(path).open("xb") as file:
            while block := source.read(CHUNK):
                file.write(block)
                sha256.update(block)
                size += len(block)
            file.flush()
            os.fsync(file.fileno())
        return Written(path, size, sha256.hexdigest())

    def _target(self, path: str) -> Path:
        target = self.hidden / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


@contextmanager
def pending_folder(folder: Path) -> Iterator[PendingFolder]:
    """Fill a folder that takes the place ``folder`` when the block ends without an exception.

    The caller holds :func:`sole_writer` of the parent. What ``folder`` held before is replaced; after an
    exception it stays as it was.
    """
    hidden = folder.with_name(f".{folder.name}{PARTIAL}")
    hidden.mkdir()
    try:
        yield PendingFolder(hidden)
        for inner in sorted((path for path in hidden.rglob("*") if path.is_dir()), reverse=True):
            sync_folder(inner)
        sync_folder(hidden)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    _put_in_place(hidden, folder)


def _put_in_place(hidden: Path, folder: Path) -> None:
    """Rename; a folder cannot be renamed onto a filled one, so the old one steps aside first."""
    replaced = folder.with_name(f".{folder.name}{REPLACED}")
    if folder.exists():
        folder.rename(replaced)
    hidden.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def sole_writer(parent: Path, timeout_seconds: float) -> Iterator[None]:
    """Make ``parent``, hold its lock during the block, and remove what writers that died left in it.

    The lock is on the folder itself and goes with the process, so a crashed holder never blocks the next.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT`` when another process holds it for longer than ``timeout_seconds``.
    """
    make_folder(parent)
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, time.monotonic() + timeout_seconds)
        _tidy(parent)
        yield
    finally:
        os.close(handle)


def _tidy(parent: Path) -> None:
    """Remove unfinished folders; put back one that stepped aside for a successor that never came."""
    for unfinished in parent.glob(f".*{PARTIAL}"):
        shutil.rmtree(unfinished)
    for replaced in parent.glob(f".*{REPLACED}"):
        folder = replaced.with_name(replaced.name.removeprefix(".").removesuffix(REPLACED))
        if folder.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(folder)


def _lock(handle: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise UdbError(
                    "E_LOCK_TIMEOUT",
                    "another job is still publishing artifacts of this source",
                    stage="publish",
                    kept="the rows in the warehouse and the artifacts published before",
                ) from None
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return


def make_folder(path: Path) -> None:
    """Make a folder and its parents, each synced into the one above it, so that none is lost with the power."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names inside a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
