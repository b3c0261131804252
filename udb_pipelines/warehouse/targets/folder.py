"""A target in a folder: another disk, a network share, or the warehouse's own disk.

What is being written lies in ``.incoming`` under a lock of its writer and is renamed when it is whole and synced.
The lock goes with the process, so what nobody holds was left by a writer that died.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import drafts
from udb_pipelines.warehouse.files import copy_with_sha256, make_folder, sha256, sync_file, sync_folder
from udb_pipelines.warehouse.targets.base import Moved, Stored, unheard

INCOMING = ".incoming"
_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DOWN = {errno.EIO, errno.ESTALE, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENOTCONN, errno.ENODEV}


_ATTEMPTS = 20

COPIES_AT_ONCE = min(4, os.cpu_count() or 1)
"""Each keeps a processor busy, and a few of them the disk."""


class FolderTarget:
    """Files below ``root``; keys are their relative paths."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / INCOMING
        self._copying = threading.Semaphore(COPIES_AT_ONCE)

    @property
    def address(self) -> str:
        """The folder."""
        return str(self.root)

    def put(self, source: Path, key: str, moved: Moved = unheard) -> None:
        """Link the file, or copy it where the target is on another file system."""
        final = self._path(key)
        with self._told(key):
            with self._draft() as draft:
                if not _linked(source, draft):
                    shutil.copyfile(source, draft)
                    sync_file(draft)
                _place(draft, final)
            moved(final.stat().st_size)

    def get(self, key: str, file: Path, moved: Moved = unheard, *, link: bool = False) -> str | None:
        """Copy or link into a hidden neighbour of ``file``, then rename."""
        source = self._path(key)
        part = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
        try:
            if link and _linked(source, part):
                digest = None
                moved(part.stat().st_size)
            else:
                with self._copying:
                    digest = copy_with_sha256(source, part, moved)
                sync_file(part)
            part.replace(file)
            return digest
        except FileNotFoundError:
            raise UdbError("E_SNAPSHOT", f"{key} is missing in {self.address}") from None
        except OSError as error:
            if error.errno in _FULL:
                raise UdbError("E_DISK_FULL", f"no space is left to write {file}") from None
            raise self._translated(error, key) from None
        finally:
            part.unlink(missing_ok=True)

    def read(self, key: str) -> bytes | None:
        """The file's content."""
        with self._told(key), suppress(FileNotFoundError, NotADirectoryError):
            return self._path(key).read_bytes()
        return None

    def write(self, key: str, content: bytes) -> None:
        """Write beside, sync, rename."""
        final = self._path(key)
        with self._told(key), self._draft() as draft:
            draft.write_bytes(content)
            sync_file(draft)
            _place(draft, final)

    def list(self, prefix: str = "") -> Iterable[Stored]:
        """Regular files; links and unfinished ones are none of ours."""
        with self._told(prefix):
            return sorted(self._walk(self._path(prefix)), key=lambda entry: entry.key)

    def size(self, key: str) -> int | None:
        """The file's size."""
        with self._told(key), suppress(FileNotFoundError, NotADirectoryError):
            return self._path(key).stat().st_size
        return None

    def sha256(self, key: str, moved: Moved = unheard) -> str | None:
        """Of the file, as the disk gives it."""
        path = self._path(key)
        with self._told(key), suppress(FileNotFoundError, NotADirectoryError):
            digest = sha256(path)
            moved(path.stat().st_size)
            return digest
        return None

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files, and the folders that become empty."""
        for key in keys:
            path = self._path(key)
            with self._told(key):
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                for folder in path.parents:
                    if folder == self.root:
                        break
                    try:
                        folder.rmdir()
                    except OSError:
                        break

    def sweep(self) -> None:
        """Remove drafts that no process holds."""
        with self._told(INCOMING):
            drafts.sweep(self._incoming)

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/"):
            raise UdbError("E_TARGET", f"{key} is no key of a snapshot target")
        return self.root / key

    def _walk(self, folder: Path) -> Iterator[Stored]:
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name != INCOMING]
            for name in names:
                path = Path(parent, name)
                with suppress(FileNotFoundError):  # removed since the folder was read
                    facts = path.lstat()
                    if stat.S_ISREG(facts.st_mode):
                        key = path.relative_to(self.root).as_posix()
                        yield Stored(key, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        make_folder(self._incoming)
        draft = self._incoming / uuid.uuid4().hex
        with drafts.held(draft):
            yield draft

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._translated(error, key) from None

    def _translated(self, error: OSError, key: str) -> UdbError:
        where = f"{self.address} ({key})" if key else self.address
        if error.errno in _FULL:
            return UdbError(
                "E_DISK_FULL", f"no space is left in {where}", kept="what the target held before is whole",
                remedy="free space in the snapshot target: udb snapshot prune removes old snapshots",
            )  # fmt: skip
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        code = "E_TARGET_DOWN" if error.errno in _DOWN else "E_TARGET"
        return UdbError(code, f"{where} cannot be used: {reason}")


def _linked(source: Path, target: Path) -> bool:
    """Give the file a second name; false where the file system cannot."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        return False
    return True


def _place(draft: Path, final: Path) -> None:
    """Rename durably. Where the final name is the same file already, this does nothing, and the draft is left."""
    for attempt in range(_ATTEMPTS):
        try:
            make_folder(final.parent)
            draft.replace(final)
            sync_folder(final.parent)
            return
        except (FileNotFoundError, FileExistsError):
            # Somebody has removed the last file of the folder, and the folder, between two of these lines.
            if attempt == _ATTEMPTS - 1 or not draft.exists():
                raise
