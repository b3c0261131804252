"""Requests to an SFTP server over one connection. Used by one thread at a time."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from udb_pipelines.detection.remote.sftp.wire import (
    LONGEST_PACKET,
    OPEN_READ,
    VERSION,
    Attributes,
    Fields,
    Kind,
    Status,
    broken,
    packet,
    read_packet,
)
from udb_pipelines.errors import UdbError

_BLOCK = 32_768
"""Every server sends as much at once."""
_UNDER_WAY = 64
"""Blocks asked for before the first has come, so that a distant server is not waited for block by block."""


class BrokenError(Exception):
    """The connection ended, or nothing came in time; ``late`` says which."""

    def __init__(self, *, late: bool = False) -> None:
        super().__init__("late" if late else "ended")
        self.late = late


class Session:
    """A connection on which the protocol is spoken."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Greet the server at the other end of the process, whose silence is borne for ``seconds`` at a time.

        Raises:
            BrokenError: the process ended, or nothing came in time.
            UdbError: ``E_HTTP`` when what comes is not SFTP.
        """
        self._process, self._seconds = process, seconds
        self._requests, self._answers = _pipes(process)
        self._waiting = select.poll()
        self._waiting.register(self._answers, select.POLLIN)
        self._number = 0
        self._kept: dict[int, tuple[int, Fields]] = {}
        self._write(packet(Kind.INIT, VERSION))
        if self._packet()[0] != Kind.VERSION:
            raise broken()

    def close(self) -> None:
        """End the connection."""
        for pipe in (self._requests, self._answers):
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        self._process.kill()
        self._process.wait()

    # --- what can be asked ------------------------------------------------------------------------------

    def attributes(self, path: str) -> Attributes:
        """Of what is there under that name, links followed.

        Raises:
            UdbError: ``E_NOT_FOUND``, ``E_UNREADABLE``, ``E_HTTP``.
            BrokenError: the connection ended.
        """
        return self._asked(Kind.STAT, path, expected=Kind.ATTRS).attributes()

    def folder(self, path: str) -> Iterator[tuple[str, Attributes]]:
        """Names in a folder, and what they are; links are told as links.

        Raises:
            UdbError: as :meth:`attributes`.
            BrokenError: the connection ended.
        """
        handle = self._asked(Kind.OPENDIR, path, expected=Kind.HANDLE).content()
        while True:
            kind, answer = self._answer(self._send(Kind.READDIR, handle))
            if kind != Kind.NAME:
                _check_ended(kind, answer)
                break
            for _ in range(answer.number()):
                name = answer.content().decode("utf-8", "surrogateescape")
                answer.content()  # a line for people
                attributes = answer.attributes()
                if name not in (".", ".."):
                    yield name, attributes
        self._answer(self._send(Kind.CLOSE, handle))

    def download(self, path: str, expected: Attributes, offset: int, take: Callable[[bytes], None]) -> bool:
        """Hand the content from ``offset`` on to ``take``; whether it was as ``expected`` before and after.

        Nothing is handed over when it was not before.

        Raises:
            UdbError: as :meth:`attributes`.
            BrokenError: the connection ended.
        """
        handle = self._asked(Kind.OPEN, path, OPEN_READ, 0, expected=Kind.HANDLE).content()
        if not self._is(handle, expected):
            return False
        for block in self._blocks(handle, offset, expected.size):
            if not block:
                return False
            take(block)
        same = self._is(handle, expected)
        self._answer(self._send(Kind.CLOSE, handle))
        return same

    def _is(self, handle: bytes, expected: Attributes) -> bool:
        now = self._asked(Kind.FSTAT, handle, expected=Kind.ATTRS).attributes()
        return (now.size, now.modified) == (expected.size, expected.modified)

    def _blocks(self, handle: bytes, at: int, end: int) -> Iterator[bytes]:
        """The bytes from ``at`` to ``end``; an empty block where the file ends before."""
        waiting: deque[tuple[int, int, int]] = deque()
        while at < end or waiting:
            while at < end and len(waiting) < _UNDER_WAY:
                length = min(_BLOCK, end - at)
                waiting.append((self._read(handle, at, length), at, length))
                at += length
            number, offset, length = waiting.popleft()
            kind, answer = self._answer(number)
            if kind != Kind.DATA:
                _check_ended(kind, answer)
                yield b""
                return
            block = answer.content()
            yield block
            if len(block) < length:  # a server may send less than it is asked for
                rest, left = offset + len(block), length - len(block)
                waiting.appendleft((self._read(handle, rest, left), rest, left))

    # --- packets ----------------------------------------------------------------------------------------

    def _asked(self, kind: Kind, *parts: int | str | bytes, expected: Kind) -> Fields:
        found, answer = self._answer(self._send(kind, *parts))
        if found == Kind.STATUS:
            raise _refused(answer.number())
        if found != expected:
            raise broken()
        return answer

    def _send(self, kind: Kind, *parts: int | str | bytes) -> int:
        self._number += 1
        self._write(packet(kind, self._number, *parts))
        return self._number

    def _read(self, handle: bytes, offset: int, length: int) -> int:
        self._number += 1
        self._write(read_packet(handle, self._number, offset, length))
        return self._number

    def _write(self, content: bytes) -> None:
        try:
            self._requests.write(content)
            self._requests.flush()
        except OSError:
            raise BrokenError from None

    def _answer(self, number: int) -> tuple[int, Fields]:
        """The answer to one request; a server may answer others before."""
        while number not in self._kept:
            kind, answer = self._packet()
            self._kept[answer.number()] = (kind, answer)
        return self._kept.pop(number)

    def _packet(self) -> tuple[int, Fields]:
        length = int.from_bytes(self._received(4), "big")
        if not 1 <= length <= LONGEST_PACKET:
            raise broken()
        content = self._received(length)
        return content[0], Fields(content[1:])

    def _received(self, length: int) -> bytes:
        found, until = bytearray(), time.monotonic() + self._seconds
        while len(found) < length:
            if not self._waiting.poll(max(0, until - time.monotonic()) * 1000):
                raise BrokenError(late=True)
            chunk = os.read(self._answers.fileno(), length - len(found))
            if not chunk:
                raise BrokenError
            found += chunk
            until = time.monotonic() + self._seconds
        return bytes(found)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process must be started with pipes")
    return process.stdin, process.stdout


def _check_ended(kind: int, answer: Fields) -> None:
    """Whether a STATUS says that there is no more.

    Raises:
        UdbError: it says something else.
    """
    if kind != Kind.STATUS:
        raise broken()
    status = answer.number()
    if status != Status.END:
        raise _refused(status)


def _refused(status: int) -> UdbError:
    if status == Status.ABSENT:
        return UdbError("E_NOT_FOUND", "the server has no file or folder of that name")
    if status == Status.REFUSED:
        return UdbError(
            "E_UNREADABLE", "the server does not let this user read that", remedy="grant the user read permission there"
        )
    return UdbError("E_HTTP", f"the server refused (SFTP status {status})", remedy="try the same with the sftp command")
