"""Reading delimited text record by record, for files that a strict parser would misread.

Stray and unclosed quotes, mixed line ends, comments, escapes: every physical line ends either in a record of the
right width or, alone, in the rejects. A quote that is not closed costs its own line, not the rest of the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from udb_pipelines.connectors.delimited.text import PlainText, physical_lines
from udb_pipelines.connectors.rejects import Reject, RejectLog
from udb_pipelines.models import Dialect

BATCH = 16_384
BATCH_CELLS = 1_000_000
"""Rows and cells of a batch, at most."""
HOLLOW_WIDTH = 3
"""Columns from which on a line without any value is a blank line."""
RECORD_LINES = 10_000
RECORD_CHARACTERS = 1 << 23
"""How far the end of a quoted value is looked for."""

Fields = list[str | None]


@dataclass
class Tally:
    """What the careful reading saw; ``lines`` are physical lines that are not blank, comments left out."""

    rows: int = 0
    rejected: int = 0
    blank: int = 0
    comments: int = 0
    hollow: int = 0
    """Lines that hold delimiters and nothing else; they are no records."""
    headers: int = 0
    """Lines that repeat the header; they are no records."""
    lines: int = 0

    @property
    def read(self) -> int:
        """Records."""
        return self.rows + self.rejected


class _UnclosedError(ValueError):
    """A quoted value that the text at hand does not close."""


class _MalformedError(ValueError):
    """A quote where none may be."""


class FieldSplitter:
    """Splits one record. An empty field is None, a quoted empty one the empty string."""

    def __init__(self, dialect: Dialect) -> None:
        self._delimiter = dialect.delimiter
        self._dump = re.compile(rf"(?:[^\\{re.escape(dialect.delimiter)}]|\\.)*+", re.DOTALL) if dialect.dump else None
        self._quote = dialect.quote
        escape = dialect.escape if dialect.escape and dialect.escape != dialect.quote else ""
        self._escape = escape
        self._doubled = dialect.quote * 2
        self._padded = dialect.padded
        self._bordered = dialect.bordered
        if self._quote:
            quote, delimiter = re.escape(self._quote), re.escape(self._delimiter)
            escaped = f"{re.escape(escape)}.|" if escape else ""
            plain = f"[^{quote}{re.escape(escape)}]"
            body = f"((?:{escaped}{plain}++|{quote}{quote})*+)"
            blanks = "" if self._delimiter == " " else " *+"
            self._opening = re.compile(f"{blanks}{quote}")
            self._quoted = re.compile(f"{blanks}{quote}{body}({quote}?)({blanks})(?={delimiter}|\\Z)", re.DOTALL)
            self._body = re.compile(f"{blanks}{quote}{body}({quote}?)", re.DOTALL)
        if escape:
            special = "".join(map(re.escape, {self._quote, self._delimiter[:1], escape, "\n", "\r"} - {""}))
            self._unescape = re.compile(f"{re.escape(escape)}([{special}])")
            self._escaped = re.compile(f"(?:{re.escape(escape)}.|(?!{re.escape(self._delimiter)}).)*+", re.DOTALL)

    def split(self, record: str) -> Fields:
        """The fields of ``record``, whose line end is cut off.

        Raises:
            _UnclosedError: more lines may close the last value.
            _MalformedError: no line can mend it.
        """
        if self._dump:
            return [_undumped(field) for field in self._dumped(self._dump, record)]
        if (not self._quote or self._quote not in record) and (not self._escape or self._escape not in record):
            fields = [self._bare(field) or None for field in record.split(self._delimiter)]
        else:
            fields = list(self._fields(record))
        # A record without its borders keeps all its fields, hence has the wrong number of them.
        is_bordered = self._bordered and len(fields) > 2 and not _filled(fields[0]) and not _filled(fields[-1])
        return fields[1:-1] if is_bordered else fields

    def _dumped(self, field: re.Pattern[str], record: str) -> Iterator[str]:
        position = 0
        while (match := field.match(record, position)) is not None:
            yield match[0]
            position = match.end() + len(self._delimiter)
            if match.end() >= len(record):
                return

    def _bare(self, value: str) -> str:
        return value.strip(" \t") if self._padded else value

    def _fields(self, record: str) -> Iterator[str | None]:
        position = 0
        while True:
            if self._quote and self._opening.match(record, position):
                value, position = self._quoted_field(record, position)
                yield value
            else:
                value, position = self._bare_field(record, position)
                yield value or None
            if position >= len(record):
                return
            position += len(self._delimiter)
            if position == len(record):
                yield None
                return

    def _quoted_field(self, record: str, position: int) -> tuple[str, int]:
        match = self._quoted.match(record, position)
        if match is None or not match.group(2):
            body = self._body.match(record, position)
            if body is not None and not body.group(2):
                raise _UnclosedError
            raise _MalformedError
        return self._plain(match.group(1)), match.end()

    def _bare_field(self, record: str, position: int) -> tuple[str, int]:
        if self._escape:
            match = self._escaped.match(record, position)
            end = match.end() if match else len(record)
            return self._plain(self._bare(record[position:end])), end
        end = record.find(self._delimiter, position)
        end = len(record) if end < 0 else end
        return self._bare(record[position:end]), end

    def _plain(self, value: str) -> str:
        if self._quote:
            value = value.replace(self._doubled, self._quote)
        return self._unescape.sub(r"\1", value) if self._escape else value


_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0", "Z": "\x1a"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
DUMP_END = "\\."
"""The line with which PostgreSQL ends a table among commands."""


def _undumped(field: str) -> str | None:
    """The value of a field of a dump."""
    if field == "\\N":
        return None
    return _ESCAPED.sub(lambda match: _CONTROLS.get(match[1], match[1]), field) if "\\" in field else field


def _goes_on(text: str) -> bool:
    """Whether a line of a dump ends in a backslash that takes the line end for a character."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _filled(field: str | None) -> bool:
    return field is not None and bool(field.strip())


@dataclass
class _Line:
    text: str
    offset: int


class CarefulReader:
    """Reads one file; iterate over :meth:`batches`, then look at ``tally``."""

    def __init__(self, text: PlainText, dialect: Dialect, width: int, rejects: RejectLog, label: str = "") -> None:
        self.tally = Tally()
        self._text = text
        self._dialect = dialect
        self._width = width
        self._batch = max(1, min(BATCH, BATCH_CELLS // max(1, width)))
        self._rejects = rejects
        self._label = label
        self._splitter = FieldSplitter(dialect)
        # Where carriage returns end no line, a line that holds one is not blank.
        self._blank = ("\n", "\r\n", "\r") if dialect.newline in ("\r", "mixed") else ("\n", "\r\n")
        self._header = text.header_line(dialect, width)
        self._comment = dialect.comment or ("#" if text.names_in_comment else "")
        self._ahead: deque[_Line] = deque()

    def batches(self) -> Iterator[list[Fields]]:
        """Records in lists that fit into memory."""
        batch: list[Fields] = []
        lines = self._lines()
        while (line := self._next(lines)) is not None:
            fields = self._record(line, lines)
            if fields is not None:
                self.tally.rows += 1
                batch.append(fields)
                if len(batch) >= self._batch:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _lines(self) -> Iterator[_Line]:
        offset = self._text.start
        with self._text.path.open("rb") as file:
            file.seek(offset)
            for raw in physical_lines(file, self._dialect.newline):
                left = self._text.end - offset
                if left <= 0:
                    return
                yield _Line(raw[:left].decode("utf-8", "replace"), offset)
                offset += len(raw)

    def _next(self, lines: Iterator[_Line]) -> _Line | None:
        return self._ahead.popleft() if self._ahead else next(lines, None)

    def _record(self, line: _Line, lines: Iterator[_Line]) -> Fields | None:
        """The record that begins in ``line``; None when the line is blank, a comment or rejected."""
        if line.text in self._blank:
            self.tally.blank += 1
            return None
        text = line.text.rstrip("\r\n")
        if self._comment and text.startswith(self._comment):
            self.tally.comments += 1
            return None
        # Where files were put together, the byte order mark of each is still there.
        if self._header and text.removeprefix("\ufeff") == self._header:
            self._set_aside(line)
            return None
        if self._dialect.dump and text == DUMP_END:
            self.tally.comments += 1
            return None
        if self._dialect.dump and _goes_on(text):
            return self._dumped_lines(line, lines)
        try:
            fields = self._splitter.split(text)
        except _UnclosedError:
            return self._several_lines(line, lines)
        except _MalformedError:
            self._reject(line, "E_QUOTE_RULE", "a quote inside a quoted value is not doubled")
            return None
        fields = self._filled(fields)
        if len(fields) != self._width:
            self._reject(line, "E_JAGGED_ROW", f"{len(fields)} fields instead of {self._width}")
            return None
        self.tally.lines += 1
        if len(fields) >= HOLLOW_WIDTH and not any(field is not None for field in fields):
            self.tally.hollow += 1
            return None
        return fields

    def _filled(self, fields: Fields) -> Fields:
        """``fields`` with those that the dialect lets rows leave out at their end."""
        missing = self._width - len(fields)
        return [*fields, *[None] * missing] if missing > 0 and self._dialect.short_rows and len(fields) > 1 else fields

    def _several_lines(self, line: _Line, lines: Iterator[_Line]) -> Fields | None:
        """A record whose quoted value goes on. It must close with the right width, or its first line is rejected."""
        taken: list[_Line] = []
        text = line.text
        while len(taken) < RECORD_LINES and len(text) < RECORD_CHARACTERS:
            more, closes = self._up_to_quote(lines)
            taken.extend(more)
            text += "".join(part.text for part in more)
            if not closes:
                break
            try:
                fields = self._splitter.split(text.rstrip("\r\n"))
            except _UnclosedError:
                continue
            except _MalformedError:
                break
            fields = self._filled(fields)
            if len(fields) != self._width:
                break
            self.tally.lines += 1 + sum(1 for part in taken if part.text not in self._blank)
            return fields
        self._ahead.extendleft(reversed(taken))
        self._reject(line, "E_QUOTE_RULE", "a quoted value is not closed")
        return None

    def _dumped_lines(self, line: _Line, lines: Iterator[_Line]) -> Fields | None:
        """The record of a dump that goes on after an escaped line end, or its first line rejected."""
        taken = [line]
        while _goes_on(taken[-1].text.rstrip("\r\n")) and len(taken) < RECORD_LINES:
            more = self._next(lines)
            if more is None:
                break
            taken.append(more)
        fields = self._splitter.split("".join(part.text for part in taken).rstrip("\r\n"))
        if len(fields) == self._width:
            self.tally.lines += sum(1 for part in taken if part.text not in self._blank)
            return fields
        self._ahead.extendleft(reversed(taken[1:]))
        self._reject(line, "E_JAGGED_ROW", f"{len(fields)} fields instead of {self._width}")
        return None

    def _up_to_quote(self, lines: Iterator[_Line]) -> tuple[list[_Line], bool]:
        """The following lines up to the first that holds a quote, and whether there is one."""
        taken: list[_Line] = []
        size = 0
        while len(taken) < RECORD_LINES and size < RECORD_CHARACTERS:
            line = self._next(lines)
            if line is None:
                return taken, False
            taken.append(line)
            size += len(line.text)
            if self._dialect.quote in line.text:
                return taken, True
        return taken, False

    def _set_aside(self, line: _Line) -> None:
        self.tally.headers += 1
        self.tally.lines += 1
        offset = line.offset if self._text.exact else None
        text = line.text.rstrip("\r\n")
        self._rejects.add(Reject(self.tally.read, offset, "W_HEADER_REPEATED", self._label + "the header again", text))

    def _reject(self, line: _Line, code: str, message: str) -> None:
        self.tally.rejected += 1
        self.tally.lines += 1
        offset = line.offset if self._text.exact else None
        row = self.tally.read
        self._rejects.add(Reject(row, offset, code, self._label + message, line.text.rstrip("\r\n")))
