"""What every target can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Stored:
    """One entry of a listing."""

    key: str
    bytes: int
    modified: datetime
    """When it was stored, in UTC, by the target's clock."""


Moved = Callable[[int], None]
"""Told how many bytes more have been moved."""


def unheard(_: int) -> None:
    """For a caller that does not want to know."""


class Target(Protocol):
    """A place for copies. Its methods may be called from several threads at once.

    Every method raises ``UdbError``: ``E_TARGET_DOWN`` when the target does not answer (later it may),
    ``E_TARGET`` when it refuses, ``E_DISK_FULL`` when it has no space.
    """

    @property
    def address(self) -> str:
        """Its address for people; holds no secret."""

    def put(self, source: Path, key: str, moved: Moved = unheard) -> None:
        """Store a file, replacing what is there; durable and whole when this returns.

        A folder on the same file system links the file instead of copying it, so ``source`` must never be written
        again; it may be removed.
        """

    def get(self, key: str, file: Path, moved: Moved = unheard, *, link: bool = False) -> str | None:
        """Fetch into ``file``, which appears whole and synced; its folder must exist and is synced by the caller.

        Args:
            key: what to fetch.
            file: replaced if it exists.
            moved: told of the progress.
            link: the file will never be written, so it may be a link to what the target holds.

        Returns:
            The SHA-256 of what was fetched, computed on the way; None for a link, which nobody has read.

        Raises:
            UdbError: ``E_SNAPSHOT`` when nothing is stored under ``key``.
        """

    def read(self, key: str) -> bytes | None:
        """The content, for what fits into memory; None when nothing is stored under ``key``."""

    def write(self, key: str, content: bytes) -> None:
        """Store ``content``, replacing what is there; durable and whole when this returns."""

    def list(self, prefix: str = "") -> Iterable[Stored]:
        """Everything whose key begins with ``prefix``, which is empty or ends with ``/``; sorted by key."""

    def size(self, key: str) -> int | None:
        """Bytes stored under ``key``; None when there is nothing."""

    def sha256(self, key: str, moved: Moved = unheard) -> str | None:
        """Checksum of what is stored under ``key``, read again; None when there is nothing."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what is stored under ``keys``; what is not there is no error."""

    def sweep(self) -> None:
        """Remove what writers that died left behind; the writes of living ones stay."""
