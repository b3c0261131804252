"""A download on its way: what has come stays when the connection breaks, and the next attempt goes on there.

The unfinished file is named after what exactly is being fetched, so only bytes of the same content are ever put
behind each other. Of several processes that fetch the same, one does and the others wait for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from udb_pipelines.warehouse.steps import reached

_CHUNK = 1 << 20


class Partial:
    """The bytes that have come so far; made by :func:`opened`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self.bytes = 0
        self._kept = False
        self._digest = hashlib.sha256()
        file.seek(0)
        while chunk := file.read(_CHUNK):
            self._digest.update(chunk)
            self.bytes += len(chunk)

    def append(self, chunk: bytes) -> None:
        """Put ``chunk`` behind what is there."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.bytes += len(chunk)

    def restart(self) -> None:
        """Forget what has come: it belongs to other content."""
        self._file.flush()
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """Of what has come."""
        return self._digest.hexdigest()

    def keep(self, target: Path) -> None:
        """All has come: it becomes ``target``, whole and synced, and is no unfinished file any more."""
        self._file.flush()
        os.fsync(self._file.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        reached("download-complete")
        self._path.replace(target)
        self._kept = True

    def drop(self) -> None:
        """Nobody will be able to go on with it; nothing, when it was kept."""
        if not self._kept:
            self._path.unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[Partial]:
    """The unfinished file at ``path``, made if it is not there; no other process writes it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _locked(path)
    try:
        yield Partial(path, file)
    finally:
        file.close()


def _locked(path: Path) -> BinaryIO:
    while True:
        file = path.open("a+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except FileNotFoundError:
            pass
        file.close()  # whoever had the lock has finished the file; it is called otherwise now
