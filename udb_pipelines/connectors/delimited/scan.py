"""Counting and checking delimited text without a parser.

One streaming pass over the bytes with NumPy: where quotes open and close, which line ends are outside of them, how
many records that makes, whether every byte is UTF-8. The count is independent of the parser that loads the rows,
and ``regular`` says whether that parser can be trusted with the file.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from udb_pipelines.connectors.delimited.text import PlainText, invalid_byte
from udb_pipelines.models import Dialect

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Positions = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

WINDOW = 1 << 19
"""Bytes looked at together; larger windows leave the processor's cache and cost twice as much."""
LF, CR = 10, 13
NULL = rb"\N"
EDGE = 1 << 10
"""Bytes before a window in which a line may begin that is looked at as a whole."""


@dataclass
class Scan:
    """What the pass saw. ``records`` does not contain blank lines; ``blank`` only those before the last record."""

    records: int = 0
    blank: int = 0
    lines: int = 0
    """Physical lines, those inside quotes included, blank ones not."""
    lf: int = 0
    crlf: int = 0
    cr: int = 0
    stray_cr: int = 0
    """Carriage returns outside of quotes that end no line."""
    quoted_line_ends: int = 0
    nul: int = 0
    longest: int = 0
    """Bytes of the longest record."""
    quotes_regular: bool = True
    """Every quote opens at the start of a field and closes at its end."""
    escapes: bool = False
    """The escape character, where it is not the quote, occurs."""
    nulls: bool = False
    r"""``\N`` occurs, as databases write NULL."""
    hollow: bool = False
    """A line seems to hold nothing but delimiters, two or more."""
    first_blank: int | None = None
    """Offset of the first blank line before the last record."""
    ordinals: list[int] = field(default_factory=list)

    @property
    def line_ends(self) -> int:
        """Kinds of line ends outside of quotes."""
        return sum(1 for count in (self.lf, self.crlf, self.cr) if count)

    @property
    def regular(self) -> bool:
        """A strict parser reads the file as it was meant."""
        return self.quotes_regular and not self.escapes and not self.stray_cr and self.line_ends <= 1


def scan(text: PlainText, dialect: Dialect, offsets: tuple[int, ...] = ()) -> Scan:
    """Pass over the records of ``text``.

    ``offsets`` (ascending) are answered in ``ordinals``: the number, from 1, of the record that starts there.

    Raises:
        UdbError: ``E_UTF8_INVALID`` with the exact offset.
    """
    scanner = _Scanner(text, dialect, offsets)
    for window in _windows(text):
        scanner.feed(window)
    return scanner.finish()


def starts(text: PlainText, dialect: Dialect, records: Iterable[int]) -> tuple[list[int], Scan]:
    """Offsets of the records with these numbers, from 1 and ascending, and what was seen up to the last of them.

    Fewer offsets than numbers: there are no more records.

    Raises:
        UdbError: ``E_UTF8_INVALID`` with the exact offset.
    """
    scanner = _Scanner(text, dialect, (), records)
    for window in _windows(text):
        if scanner.placed:
            return scanner.starts, scanner.found
        scanner.feed(window)
    return scanner.starts, scanner.finish()


def _windows(text: PlainText) -> Iterator[bytes]:
    with text.path.open("rb") as file:
        file.seek(text.start)
        left = text.end - text.start
        while left > 0 and (window := file.read(min(WINDOW, left))):
            left -= len(window)
            yield window


class _Scanner:
    """State between windows. The last byte of a window waits for the next one, so that its successor is known."""

    def __init__(
        self, text: PlainText, dialect: Dialect, offsets: tuple[int, ...], records: Iterable[int] = ()
    ) -> None:
        self.found = Scan()
        self.starts: list[int] = []
        self._records = deque(records)
        self._name = text.path.name
        self._quote = ord(dialect.quote) if len(dialect.quote.encode()) == 1 else -1
        self._escape = dialect.escape.encode() if dialect.escape and dialect.escape != dialect.quote else b""
        delimiter = dialect.delimiter.encode()
        self._opens_after = {delimiter[-1], LF, CR, self._quote}
        self._closes_before = {delimiter[0], LF, CR, self._quote}
        self._position = text.start
        self._record_start = text.start
        self._inside = 0
        self._before = bytes((LF, LF))
        self._waiting = b""
        self._blank_run = 0
        self._blank_run_start = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._decoded = text.start
        self._offsets = list(offsets)
        self._cr_ends = dialect.newline in ("\r", "mixed")
        self._edge = b"\n"
        self._delimits = delimiter[0]
        self._empty_first = False
        line_ends = b"\n\r" if self._cr_ends else b"\n"
        self._hollow = re.compile(rb"[%b](?:%b){2,}[\r\n]" % (line_ends, re.escape(delimiter)))
        self._hollow_marks = tuple(bytes((end,)) + 2 * delimiter for end in line_ends)
        if len(dialect.quote.encode()) > 1:
            self.found.quotes_regular = False

    @property
    def placed(self) -> bool:
        """Whether the start of every record asked for is known."""
        return not self._records

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._check_utf8(chunk)
        self.found.nul += chunk.count(0)
        if self._escape and self._escape in chunk:
            self.found.escapes = True
        data = self._waiting + chunk
        # One byte is found thirty times as fast as two.
        if NULL[0] in data and NULL in data:
            self.found.nulls = True
        self._window(data[:-1], data[-1])
        self._waiting = data[-1:]
        self._look_for_hollow(chunk)

    def _look_for_hollow(self, chunk: bytes) -> None:
        """Look where the chunks meet; at a whole chunk only if a line in it begins with a delimiter."""
        if self.found.hollow:
            return
        joint = self._edge + chunk[:EDGE]
        for part in (joint, chunk) if self._empty_first else (joint,):
            if any(mark in part for mark in self._hollow_marks) and self._hollow.search(part):
                self.found.hollow = True
        self._empty_first = False
        self._edge = (self._edge + chunk[-EDGE:])[-EDGE:]

    def finish(self) -> Scan:
        """Close the last record."""
        self._look_for_hollow(b"\n")
        self._check_utf8(b"", final=True)
        self._window(self._waiting, CR)
        if self._inside:
            self.found.quotes_regular = False
        last = self._before[1]
        line_ended = last == LF or (last == CR and self._cr_ends)
        if not line_ended or self._inside:
            self._confirm_blank(None, 0)
            self._place([self._record_start])
            self.found.records += 1
            self.found.lines += not line_ended
            self.found.longest = max(self.found.longest, self._position - self._record_start)
        self._answer(self._position + 1, None)
        return self.found

    def _check_utf8(self, chunk: bytes, *, final: bool = False) -> None:
        pending = self._decoder.getstate()[0]
        if pending or final or not chunk.isascii():
            try:
                self._decoder.decode(chunk, final)
            except UnicodeDecodeError as error:
                raise invalid_byte(self._name, "utf-8", self._decoded - len(pending) + error.start) from None
        self._decoded += len(chunk)

    def _window(self, window: bytes, following: int) -> None:
        if not window:
            return
        import numpy as np

        padded = np.frombuffer(self._before + window + bytes((following,)), dtype=np.uint8)
        body = padded[2:-1]
        quotes = (
            np.flatnonzero(body == self._quote)
            if self._quote >= 0 and self._quote in window
            else np.empty(0, dtype=np.int64)
        )
        if len(quotes):
            self._check_quotes(padded, quotes)
        self._count_records(*self._line_ends(padded, body, quotes, has_cr=CR in window))
        self._inside = (self._inside + len(quotes)) & 1
        self._position += len(window)
        self._before = (self._before + window)[-2:]

    def _check_quotes(self, padded: Bytes, quotes: Positions) -> None:
        import numpy as np

        if not self.found.quotes_regular:
            return
        opening = quotes[self._inside :: 2]
        closing = quotes[1 - self._inside :: 2]
        self.found.quotes_regular = bool(
            np.isin(padded[opening + 1], list(self._opens_after)).all()
            and np.isin(padded[closing + 3], list(self._closes_before)).all()
        )

    def _line_ends(self, padded: Bytes, body: Bytes, quotes: Positions, *, has_cr: bool) -> tuple[Positions, Flags]:
        """Positions of the line ends outside of quotes, and which of them end a blank line."""
        import numpy as np

        candidates = body == LF
        if has_cr:
            candidates |= (body == CR) & (padded[3:] != LF)
        ends = np.flatnonzero(candidates)
        if has_cr and not self._cr_ends:
            ends = self._without_lone_cr(body, ends, quotes)
        self._empty_first |= bool((padded[ends + 3] == self._delimits).any())
        blank = self._ends_blank_line(padded, ends)
        self.found.lines += len(ends) - int(blank.sum())
        if len(quotes) or self._inside:
            outside = ((np.searchsorted(quotes, ends) + self._inside) & 1) == 0
            self.found.quoted_line_ends += len(ends) - int(outside.sum())
            ends, blank = ends[outside], blank[outside]
        is_lf = body[ends] == LF
        after_cr = padded[ends + 1] == CR
        crlf = int((is_lf & after_cr).sum())
        self.found.crlf += crlf
        self.found.lf += int(is_lf.sum()) - crlf
        self.found.cr += len(ends) - int(is_lf.sum())
        return ends, blank

    def _without_lone_cr(self, body: Bytes, ends: Positions, quotes: Positions) -> Positions:
        """Where lines end in LF, a lone CR is a character like any other, but not one for a strict parser."""
        import numpy as np

        is_cr = body[ends] == CR
        outside = ((np.searchsorted(quotes, ends[is_cr]) + self._inside) & 1) == 0
        self.found.stray_cr += int(outside.sum())
        kept: Positions = ends[~is_cr]
        return kept

    def _ends_blank_line(self, padded: Bytes, ends: Positions) -> Flags:
        before, second = padded[ends + 1], padded[ends]
        is_lf = padded[ends + 2] == LF
        after_cr = is_lf & (before == CR)
        blank: Flags = (~after_cr & (before == LF)) | (after_cr & (second == LF))
        if self._cr_ends:
            blank |= (~after_cr & (before == CR)) | (after_cr & (second == CR))
        return blank

    def _count_records(self, ends: Positions, blank: Flags) -> None:
        import numpy as np

        full = ends[~blank]
        absolute = ends + self._position
        self._answer(self._position + (int(ends[-1]) + 1 if len(ends) else 0), full + self._position)
        if len(ends):
            starts = np.concatenate(([self._record_start], absolute[:-1] + 1))
            self.found.longest = max(self.found.longest, int((absolute - starts).max()))
            self._place(starts[~blank])
            self._record_start = int(absolute[-1]) + 1
        self._count_blank(absolute, blank)
        if len(full):
            self.found.records += len(full)

    def _count_blank(self, absolute: Positions, blank: Flags) -> None:
        """Blank lines count once a record follows them."""
        import numpy as np

        if not len(absolute):
            return
        blanks = np.flatnonzero(blank)
        records = np.flatnonzero(~blank)
        if len(records):
            last = int(records[-1])
            inside = int((blanks < last).sum())
            self._confirm_blank(int(absolute[blanks[0]]) if inside else None, inside)
            blanks = blanks[blanks > last]
        if len(blanks):
            if not self._blank_run:
                self._blank_run_start = int(absolute[blanks[0]])
            self._blank_run += len(blanks)

    def _confirm_blank(self, first: int | None, more: int) -> None:
        if self._blank_run:
            first = self._blank_run_start
        if first is not None and self.found.first_blank is None:
            self.found.first_blank = first
        self.found.blank += self._blank_run + more
        self._blank_run = 0

    def _place(self, begins: Sequence[int] | Positions) -> None:
        """Note where the records asked for begin; ``begins`` are those of records not counted yet."""
        after = self.found.records + 1
        while self._records and self._records[0] < after + len(begins):
            self.starts.append(int(begins[self._records.popleft() - after]))

    def _answer(self, upto: int, ends: Positions | None) -> None:
        """Number the asked-for offsets before ``upto``; ``ends`` are ends of records not counted yet."""
        import numpy as np

        while self._offsets and self._offsets[0] < upto:
            offset = self._offsets.pop(0)
            before = 0 if ends is None else int(np.searchsorted(ends, offset))
            self.found.ordinals.append(self.found.records + before + (ends is not None))
