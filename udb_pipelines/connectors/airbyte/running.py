"""A program of others at work: its output as it comes, its end, and the end that we put to it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from udb_pipelines.connectors.airbyte.environments import environment
from udb_pipelines.errors import UdbError

STOP_SECONDS = 5
PIECE = 1 << 18
"""Bytes that are read, and looked at, together."""
LINE_LIMIT = 256 << 20
_KEPT_ERRORS = 8_000


class Patience:
    """How long a connector may take: ``seconds`` in all, or, when it is renewed, from one word to the next."""

    def __init__(self, seconds: float, *, renewed: bool) -> None:
        self.seconds = seconds
        self.renewed = renewed
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until it ends, zero at the least."""
        return max(0.0, self._end - time.monotonic())

    def heard(self) -> None:
        """The connector said something."""
        if self.renewed:
            self._end = time.monotonic() + self.seconds


def output(process: subprocess.Popen[bytes], patience: Patience) -> Iterator[bytes]:
    """Standard output in pieces, as they come.

    Raises:
        TimeoutError: patience ended.
    """
    number = _asked_for(process.stdout).fileno()
    ready = select.poll()
    ready.register(number, select.POLLIN)
    while True:
        if not ready.poll(patience.left() * 1000):
            raise TimeoutError
        piece = os.read(number, PIECE)
        if not piece:
            return
        patience.heard()
        yield piece


def _asked_for(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the process was started without this pipe")
    return pipe


def whole_lines(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The same bytes, cut after line ends.

    Raises:
        UdbError: ``E_CONNECTOR`` for a line that does not end.
    """
    begun: list[bytes] = []
    size = 0
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join((*begun, piece[:end]))
            begun, size = [], 0
        if end < len(piece):
            begun.append(piece[end:])
            size += len(piece) - end
        if size > LINE_LIMIT:
            raise UdbError("E_CONNECTOR", f"{name} sent a message of more than {LINE_LIMIT >> 20} MB")
    if begun:
        yield b"".join(begun)


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """The process, in a group of its own that does not outlive the block; and what gives the end of its errors.

    ``folder`` is for what it needs on its way.
    """
    process = subprocess.Popen(  # noqa: S603 - the command of an environment that we made
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        env={**environment(), "TMPDIR": str(folder)}, start_new_session=True,
    )  # fmt: skip
    errors = _Tail(process)
    try:
        yield process, errors.text
    finally:
        _stop(process)
        errors.text()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


class _Tail:
    """Reads standard error, so that nobody waits for it, and keeps its end: a connector may say gigabytes there."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._kept = b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        number = _asked_for(self._process.stderr).fileno()
        while piece := os.read(number, PIECE):
            self._kept = (self._kept + piece)[-_KEPT_ERRORS:]

    def text(self) -> str:
        """What was said last, once the process has ended."""
        self._thread.join(STOP_SECONDS)
        return self._kept.decode(errors="replace")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _end(process, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process, signal.SIGKILL)
    process.wait()


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)
