"""Moving files so that they survive a power cut: data synced, then the folder entries that name it."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

_COPY_BYTES = 1 << 20
"""Small enough to stay in a processor's cache between reading, hashing and writing."""


def sync_file(path: Path) -> None:
    """Wait until the file's content is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the folder's entries are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create the folder and its parents, durably."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def move(source: Path, target: Path) -> None:
    """Rename, or copy where the target is on another file system. Both must be synced by the caller."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(source, target)
        source.unlink()


def sync_all(paths: Iterable[Path]) -> None:
    """Sync files and then, once each, the folders that hold them."""
    folders = set()
    for path in paths:
        sync_file(path)
        folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)


def tree_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(item.lstat().st_size for item in path.rglob("*") if item.is_file() or item.is_symlink())


def copy_with_sha256(source: Path, target: Path, moved: Callable[[int], None]) -> str:
    """Copy a file and sync it, reading it once; returns the checksum of what was copied.

    Args:
        source: what to copy.
        target: replaced if it exists; its folder is synced by the caller.
        moved: told how many bytes more have been copied.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_COPY_BYTES))
    with source.open("rb", buffering=0) as read, target.open("wb", buffering=0) as write:
        while size := read.readinto(buffer):
            digest.update(buffer[:size])
            written = 0
            while written < size:  # an unbuffered write may take less than it is given
                written += write.write(buffer[written:size])
            moved(size)
        os.fsync(write.fileno())
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """Checksum of a file's content, as hexadecimal digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
