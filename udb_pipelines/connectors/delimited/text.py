"""A file as plain UTF-8 on the local disk, and where its records begin and end.

A plain UTF-8 file is read where it is. Anything else is unpacked and transcoded into staging, as a stream.
"""

from __future__ import annotations

import codecs
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from udb_pipelines.detection.comments import label_of
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream, Dialect

CHUNK = 1 << 22
PLAIN = ("utf-8", "ascii", "utf-8-sig")
WINDOW = 32 << 20
"""Bytes of a mapped file that are looked at before their pages are given back."""
BOM = codecs.BOM_UTF8
LINE_ENDS = (b"\n", b"\r")
PADDING = b"\x00\x1a"
LINE_LIMIT = 1 << 26
"""Longest physical line, in bytes: beyond it a file is not lines of text."""


@dataclass(frozen=True)
class PlainText:
    """UTF-8 text on disk.

    Records are the bytes from ``start`` to ``end``; ``exact`` tells whether offsets in it are offsets in the
    unpacked source.
    """

    path: Path
    start: int
    end: int
    head_lines: int
    """Physical lines before ``start``."""
    footer: tuple[str, ...] = ()
    exact: bool = True
    header: str = ""
    """Text of the header records."""

    @property
    def names_in_comment(self) -> bool:
        """Whether the columns are named by a comment with a label: programs that start again write it again."""
        return any(label_of(tuple(line.split())) for line in self.header.splitlines())

    def header_line(self, dialect: Dialect, width: int) -> str:
        """The header as a line that may come again below, where files were put together; empty if it could be data."""
        line = self.header.strip("\r\n")
        return line if dialect.header_rows == 1 and width > 1 and "\n" not in line and "\r" not in line else ""

    def repeats_header(self, dialect: Dialect, width: int) -> bool:
        """Whether the header, or a comment like the one it stands in, comes again among the records."""
        line = b"#" if self.names_in_comment else self.header_line(dialect, width).encode()
        if not line or self.start >= self.end:
            return False
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = _find(content, line, self.start, self.end)
            while at >= 0:
                after = content[at + len(line) : at + len(line) + 1]
                begin = at - len(BOM) if content[at - len(BOM) : at] == BOM else at
                if content[begin - 1 : begin] in LINE_ENDS and (line == b"#" or after in (*LINE_ENDS, b"")):
                    return True
                at = _find(content, line, at + len(line), self.end)
        return False


def _find(content: mmap.mmap, what: bytes, start: int, end: int) -> int:
    """As ``content.find``, by windows whose pages are given back: a large file would count as memory of the process."""
    for at in range(start - start % mmap.ALLOCATIONGRANULARITY, end, WINDOW):
        found = content.find(what, max(at, start), min(at + WINDOW + len(what), end))
        if hasattr(mmap, "MADV_DONTNEED"):
            content.madvise(mmap.MADV_DONTNEED, at, min(WINDOW, end - at))
        if found >= 0:
            return found
    return -1


def transcoded(
    file: Path, stream: DetectedStream, folder: Path, *, replace: bool, limit_bytes: int
) -> tuple[Path, bool]:
    """``file`` as plain UTF-8: itself, or a copy in ``folder``; and whether byte offsets are the same.

    Raises:
        UdbError: ``E_UTF8_INVALID`` with the offset of the first byte that is not in the encoding, unless
            ``replace``; ``E_CORRUPT`` or ``E_TOO_LARGE`` from unpacking.
    """
    name = codecs.lookup(stream.encoding).name
    plain = name in PLAIN and not replace
    if plain and stream.compression == "none":
        return file, True
    target = folder / f"{file.name}.utf8"
    with open_stream(file, stream.compression, stream.member, limit_bytes) as source, target.open("wb") as out:
        for chunk in _chunks(source) if plain else _decoded(source, name, file.name, replace=replace):
            out.write(chunk)
    return target, plain


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk


def _decoded(source: BinaryIO, encoding: str, name: str, *, replace: bool) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace" if replace else "strict")
    seen = 0
    while True:
        chunk = source.read(CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise invalid_byte(name, encoding, seen - pending + error.start) from None
        seen += len(chunk)
        # A lone surrogate is not text; UTF-8 cannot say it.
        yield text.encode("utf-8", "replace")
        if not chunk:
            return


def invalid_byte(name: str, encoding: str, offset: int) -> UdbError:
    """The failure for a byte that the encoding does not know."""
    return UdbError(
        "E_UTF8_INVALID",
        f"{name}: the byte at offset {offset} is not {encoding}",
        remedy="declare the encoding with --encoding, or allow replacement with encoding_errors: replace",
    )


def located(path: Path, dialect: Dialect, *, exact: bool) -> PlainText:
    """Find where the records of a plain UTF-8 file begin and end: after preamble and header, before the footer."""
    with path.open("rb") as file:
        start = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(start)
        lines = physical_lines(file, dialect.newline)
        taken = [next(lines, b"") for _ in range(dialect.skip_rows)]
        header = _header(lines, dialect)
    body = start + sum(map(len, taken)) + sum(map(len, header))
    size = _text_end(path, body)
    footer = _footer(path, body, size, dialect.footer_rows)
    end = size - sum(map(len, footer))
    return PlainText(
        path,
        min(body, end),
        end,
        sum(1 for line in (*taken, *header) if line),
        tuple(line.decode("utf-8", "replace").rstrip("\r\n") for line in footer if line.strip(b"\r\n")),
        exact,
        b"".join(header).decode("utf-8", "replace"),
    )


def _text_end(path: Path, start: int) -> int:
    """Where the text ends: before the NULs or the end mark (0x1A) that old programs fill up with."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(start, size - CHUNK))
        tail = file.read()
    return size - (len(tail) - len(tail.rstrip(PADDING)))


def physical_lines(file: BinaryIO, newline: str) -> Iterator[bytes]:
    r"""Physical lines with their ends. ``\r`` alone ends a line where the dialect says so."""
    if newline in ("\n", "\r\n"):
        while line := file.readline(LINE_LIMIT):
            yield line
        return
    rest = b""
    while chunk := file.read(CHUNK):
        *lines, rest = (rest + chunk).splitlines(keepends=True)
        yield from lines
    yield from rest.splitlines(keepends=True)


def _header(lines: Iterator[bytes], dialect: Dialect) -> list[bytes]:
    """Physical lines of the header records, blank and comment lines among them included."""
    quote = dialect.quote.encode()
    comment = dialect.comment.encode()
    taken: list[bytes] = []
    records = 0
    while records < dialect.header_rows:
        line = next(lines, b"")
        if not line:
            break
        record = line
        taken.append(line)
        if not line.strip() or (comment and line.startswith(comment)):
            continue
        while quote and record.count(quote) % 2 and (more := next(lines, b"")):
            record += more
            taken.append(more)
        records += 1
    return taken


def _footer(path: Path, start: int, size: int, rows: int) -> list[bytes]:
    """The last ``rows`` lines that are not blank, with the blank ones after and among them."""
    if not rows:
        return []
    with path.open("rb") as file:
        file.seek(max(start, size - CHUNK))
        lines = file.read(size - file.tell()).splitlines(keepends=True)
    taken: list[bytes] = []
    found = 0
    while lines and found < rows:
        taken.insert(0, lines.pop())
        # A line of blanks is a record to who counts records.
        found += bool(taken[0].strip(b"\r\n"))
    return taken
