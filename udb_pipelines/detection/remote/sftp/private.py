"""Handing secrets to a process that takes them as files, without writing them to disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from udb_pipelines.config import Settings

_READER = '#!/bin/sh\nexec cat "$UDB_ANSWER"\n'
ANSWER = "UDB_ANSWER"
"""Variable that tells the reader where the secret is."""


class Handed:
    """Files that only this user can read, for as long as the process needs them. Made by :func:`handing`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack

    def public(self, name: str, text: str) -> Path:
        """A file with what everybody may know."""
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def secret(self, name: str, text: str) -> Path:
        """A file in memory that ends with this process; on disk only where the system has no such files."""
        if not hasattr(os, "memfd_create"):
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
            return path
        number = os.memfd_create(name)
        self._stack.callback(os.close, number)
        os.fchmod(number, 0o600)
        with os.fdopen(os.dup(number), "w", encoding="utf-8") as out:
            out.write(text)
        return Path(f"/proc/{os.getpid()}/fd/{number}")

    def asking(self, secret: str) -> dict[str, str]:
        """Variables that make OpenSSH ask a program instead of a person, and get ``secret``."""
        reader = self._folder / "answer"
        reader.write_text(_READER, encoding="utf-8")
        reader.chmod(0o700)
        answer = self.secret("asked", secret)
        return {"SSH_ASKPASS": str(reader), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":", ANSWER: str(answer)}


@contextmanager
def handing(settings: Settings) -> Iterator[Handed]:
    """A place for what a process is handed; gone afterwards."""
    settings.spill.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.spill, prefix="ssh-") as folder, ExitStack() as stack:
        yield Handed(Path(folder), stack)
