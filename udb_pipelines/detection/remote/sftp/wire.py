"""The packets of SFTP version 3 that reading needs. Nothing here reads or writes a connection."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from udb_pipelines.errors import UdbError

VERSION = 3
LONGEST_PACKET = 1 << 20
"""More than any server sends; greater lengths are text that a shell wrote into the connection."""


class Kind(IntEnum):
    """The first byte of a packet."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    LSTAT = 7
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    STAT = 17
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105


class Status(IntEnum):
    """What a STATUS packet says, as far as it makes a difference."""

    OK = 0
    END = 1
    ABSENT = 2
    REFUSED = 3


OPEN_READ = 1
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES = 1, 2, 4, 8
_KIND_BITS, _FOLDER, _FILE, _LINK = 0o170000, 0o040000, 0o100000, 0o120000


@dataclass(frozen=True)
class Attributes:
    """What a server tells of a file."""

    size: int = 0
    mode: int = 0
    modified: int = 0
    """Seconds since 1970."""

    @property
    def is_folder(self) -> bool:
        """Whether it holds others."""
        return self.mode & _KIND_BITS == _FOLDER

    @property
    def is_file(self) -> bool:
        """Whether it holds content."""
        return self.mode & _KIND_BITS == _FILE

    @property
    def is_link(self) -> bool:
        """Whether it stands for another."""
        return self.mode & _KIND_BITS == _LINK


def packet(kind: Kind, *parts: int | str | bytes) -> bytes:
    """A packet with its length: integers in four bytes, texts and bytes with their length before them."""
    body = bytes([kind]) + b"".join(map(_written, parts))
    return struct.pack(">I", len(body)) + body


def _written(part: int | str | bytes) -> bytes:
    if isinstance(part, int):
        return struct.pack(">I", part)
    content = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
    return struct.pack(">I", len(content)) + content


def read_packet(handle: bytes, number: int, offset: int, length: int) -> bytes:
    """The request for ``length`` bytes of an open file from ``offset`` on."""
    body = bytes([Kind.READ]) + _written(number) + _written(handle) + struct.pack(">QI", offset, length)
    return struct.pack(">I", len(body)) + body


class Fields:
    """The fields of a received packet, taken one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self) -> int:
        """Four bytes."""
        return int(self._unpacked(">I", 4))

    def long(self) -> int:
        """Eight bytes."""
        return int(self._unpacked(">Q", 8))

    def content(self) -> bytes:
        """Bytes with their length before them."""
        length = self.number()
        self._at += length
        if self._at > len(self._content):
            raise broken()
        return self._content[self._at - length : self._at]

    def attributes(self) -> Attributes:
        """What is told of a file; what is left out is zero."""
        flags = self.number()
        size = self.long() if flags & _HAS_SIZE else 0
        if flags & _HAS_OWNER:
            self.long()
        mode = self.number() if flags & _HAS_MODE else 0
        modified = self.long() & 0xFFFFFFFF if flags & _HAS_TIMES else 0
        if flags & 0x80000000:
            for _ in range(self.number()):
                self.content()
                self.content()
        return Attributes(size, mode, modified)

    def _unpacked(self, form: str, length: int) -> int:
        self._at += length
        if self._at > len(self._content):
            raise broken()
        return int(struct.unpack_from(form, self._content, self._at - length)[0])


def broken() -> UdbError:
    """The answer is no packet of the protocol."""
    return UdbError(
        "E_HTTP",
        "the server's answer is not SFTP",
        remedy="let the server's shell print nothing for this user, or ask its operator for SFTP",
    )
