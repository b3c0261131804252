"""Reading compressed files and archives as streams, never past a limit.

Belongs here: decompression, archive members, the guard against expansion without bound. What the bytes
mean is decided elsewhere.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Compression

DAMAGE = (
    EOFError,
    ValueError,
    struct.error,
    zlib.error,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zstandard.ZstdError,
    zipfile.BadZipFile,
)
BUFFER = 1 << 18


class _Unpacking(io.RawIOBase):
    """A decompressing reader that stops at a limit and tells damage in our own words."""

    def __init__(self, inner: BinaryIO, name: str, limit: int, closers: tuple[Callable[[], None], ...]) -> None:
        super().__init__()
        self._inner = inner
        self._name = name
        self._left = limit
        self._closers = closers

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed asks for any writable buffer
        try:
            data = self._inner.read(len(buffer))
        except (*DAMAGE, tarfile.TarError) as error:
            raise UdbError("E_CORRUPT", f"{self._name} is damaged or cut off ({type(error).__name__})") from None
        except OSError as error:
            if not _is_damage(error):
                raise
            raise UdbError("E_CORRUPT", f"{self._name} is damaged or cut off") from None
        self._left -= len(data)
        if self._left < 0:
            raise UdbError("E_TOO_LARGE", f"{self._name} unpacks to more than the limit")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            for closer in self._closers:
                closer()


def open_stream(path: Path, compression: Compression, member: str | None, limit_bytes: int) -> BinaryIO:
    """Open ``path`` (or ``member`` of it, for an archive) as a stream of its unpacked bytes.

    ``member`` may be None for an archive that holds one file. The limit holds for unpacked bytes; a file
    that is not compressed has none. The caller closes the stream.

    Raises:
        UdbError: ``E_CORRUPT`` on damage and ``E_TOO_LARGE`` past the limit (both also while reading),
            ``E_ENCRYPTED`` for a protected member, ``E_NOT_FOUND`` for an unknown one, ``E_UNSUPPORTED``
            for a compression method nobody here can undo.
    """
    if compression == "none":
        return path.open("rb")
    opened = {"zip": _open_zip, "tar": _open_tar}.get(compression)
    if opened is not None:
        inner, closers = opened(path, member)
        name = f"{path.name}/{member}" if member else path.name
    else:
        inner = _SINGLE[compression](path)
        closers = (inner.close,)
        name = path.name
    raw = _Unpacking(inner, name, limit_bytes, closers)
    return cast(BinaryIO, io.BufferedReader(raw, BUFFER))


def _is_damage(error: OSError) -> bool:
    """bz2 reports damage as an OSError without an errno; damaged offsets of an archive make a seek invalid."""
    return error.errno in (None, errno.EINVAL)


Opened = tuple[BinaryIO, tuple[Callable[[], None], ...]]


class _ZstdReader(io.RawIOBase):
    """All frames of a zstd file. The library's own reader takes a frame that is cut off for the end of the data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._pending = b""
        self._started = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; fewer do not mean the end, none do."""
        while not self._pending:
            chunk = self._next_input()
            if not chunk:
                if self._started and not self._frame.eof:
                    raise EOFError
                return b""
            self._started = True
            self._pending = self._frame.decompress(chunk)
        out, self._pending = (self._pending, b"") if size < 0 else (self._pending[:size], self._pending[size:])
        return out

    def _next_input(self) -> bytes:
        if not self._frame.eof:
            return self._file.read(BUFFER)
        chunk = self._frame.unused_data or self._file.read(BUFFER)
        if chunk:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        return chunk

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()


def _open_xz(path: Path) -> BinaryIO:
    return cast(BinaryIO, lzma.LZMAFile(path))


_SINGLE: dict[Compression, Callable[[Path], BinaryIO]] = {
    "gzip": lambda path: cast(BinaryIO, gzip.GzipFile(path)),
    "bz2": lambda path: cast(BinaryIO, bz2.BZ2File(path)),
    "xz": _open_xz,
    "zstd": lambda path: cast(BinaryIO, _ZstdReader(path)),
}


def _open_zip(path: Path, member: str | None) -> Opened:
    archive = _zip_archive(path)
    try:
        info = archive.getinfo(member if member is not None else _only(path, zip_members(path)))
        if info.flag_bits & 1:
            raise UdbError("E_ENCRYPTED", f"a member of {path.name} is protected by a password")
        stream = cast(BinaryIO, archive.open(info))
    except KeyError:
        archive.close()
        raise UdbError("E_NOT_FOUND", f"{path.name} has no such member") from None
    except NotImplementedError:
        archive.close()
        raise UdbError("E_UNSUPPORTED", f"{path.name} uses a compression method that cannot be read") from None
    except (*DAMAGE, OSError) as error:
        archive.close()
        if isinstance(error, OSError) and not _is_damage(error):
            raise
        raise UdbError("E_CORRUPT", f"{path.name} is damaged or cut off") from None
    except UdbError:
        archive.close()
        raise
    return stream, (stream.close, archive.close)


def _open_tar(path: Path, member: str | None) -> Opened:
    archive = _tar_archive(path)
    try:
        found = archive.extractfile(member if member is not None else _only(path, tar_members(path)))
    except KeyError:
        archive.close()
        raise UdbError("E_NOT_FOUND", f"{path.name} has no such member") from None
    except UdbError:
        archive.close()
        raise
    if found is None:
        archive.close()
        raise UdbError("E_NOT_FOUND", f"that member of {path.name} is not a file")
    stream = cast(BinaryIO, found)
    return stream, (stream.close, archive.close)


def _only(path: Path, members: tuple[str, ...]) -> str:
    if len(members) != 1:
        raise UdbError("E_NOT_FOUND", f"{path.name} holds {len(members)} files; name the one to read")
    return members[0]


def _zip_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (NotImplementedError, *DAMAGE):
        # The first for a version of the format that nobody has written yet: a flipped bit.
        raise UdbError("E_CORRUPT", f"{path.name} is damaged or cut off") from None


def _tar_archive(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:*")
    except (tarfile.TarError, *DAMAGE):
        raise UdbError("E_CORRUPT", f"{path.name} is damaged or cut off") from None


def zip_members(path: Path) -> tuple[str, ...]:
    """Names of the files in a zip archive, as stored.

    Raises:
        UdbError: ``E_CORRUPT``.
    """
    with _zip_archive(path) as archive:
        return tuple(info.filename for info in archive.infolist() if not info.is_dir())


def tar_members(path: Path) -> tuple[str, ...]:
    """Names of the regular files in a tar archive, itself compressed or not. Links and devices are left out.

    Raises:
        UdbError: ``E_CORRUPT``.
    """
    with _tar_archive(path) as archive:
        try:
            return tuple(info.name for info in archive if info.isreg())
        except (tarfile.TarError, *DAMAGE):
            raise UdbError("E_CORRUPT", f"{path.name} is damaged or cut off") from None


def unpack_to(path: Path, compression: Compression, member: str | None, target: Path, limit_bytes: int) -> int:
    """Write the unpacked bytes to ``target`` through a temporary neighbour; bytes written.

    Raises:
        UdbError: as :func:`open_stream`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    written = 0
    try:
        with open_stream(path, compression, member, limit_bytes) as stream, partial.open("wb") as out:
            while chunk := stream.read(BUFFER):
                written += out.write(chunk)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return written
