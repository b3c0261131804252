"""Which dialect a delimited text is written in.

Every plausible (delimiter, quote, escape) is tried on the whole sample and scored by how much of a table it makes:
rows of one length, and cells that look like values (after van den Burg, Nazábal and Sutton, "Wrangling messy CSV
files by detecting row and type patterns", 2019). Row lengths are weighed by their concentration instead of by the
number of patterns, so that a few damaged rows cannot turn the decision.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO

from udb_pipelines.detection.celltypes import cell_type

COMMON = (",", ";", "\t", "|")
PRIOR = {
    "\x1f": 1.0, "\x1e": 1.0, "\x01": 1.0, "¦": 0.9, "§": 0.9, "¬": 0.9, "^": 0.9, "~": 0.9, "#": 0.8, ":": 0.6,
    "\uff0c": 0.9, "\uff1b": 0.9, "\uff5c": 0.9,
    " ": 0.5, "*": 0.6, "!": 0.6, "&": 0.6, "%": 0.5, "$": 0.5, "=": 0.5, "/": 0.3, "_": 0.3, "-": 0.3,
}  # fmt: skip
"""How readily each uncommon delimiter is believed; common ones fully."""
SEVERAL = 0.9
"""How readily a delimiter of several characters is believed: what stands so regularly hardly stands by chance."""
DOUBTED = 0.6
"""Delimiters no more believed than this also part words: they need a column of numbers or dates to show for it."""
UNQUOTED_DOUBT = 0.6
QUOTES = ('"', "'", "`")
RUN = re.compile(r"[,;|\t~^:#*§¦¬!&=<>$%@_ -]{2,}")
"""What a delimiter of several characters may be made of; no letters, digits, quotes, brackets, dots or slashes."""
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}|\d{1,2}:\d{2}(?::\d{2})?")
"""Dates and times: their marks part no fields where a usual delimiter stands in the lines as well."""
QUOTED = re.compile('"[^"]*"')
LONGEST_RUN = 4
HOLLOW = 0.3
"""Doubled delimiters per column from which on a reading by a single one is suspect."""
COMMENTS = 0.05
"""Share of lines that begin with a hash from which on it marks comments and parts no fields."""
STAND_IN = "\ue000"
"""Stands for a delimiter of several characters where only one will do."""
SCORED_CHARACTERS = 64 << 10
SCORED_ROWS = 1500
TYPE_WEIGHT = {
    "empty": 0.9, "number": 1.0, "date": 1.0, "flag": 1.0, "special": 1.0, "word": 1.0, "text": 0.75, "odd": 0.0,
}  # fmt: skip

Row = list[str]


@dataclass(frozen=True)
class Trial:
    """One way to read the sample, and what came of it."""

    delimiter: str
    quote: str
    escape: str
    """The quote when doubled, a backslash, or empty without quotes."""
    score: float
    columns: int
    share: float
    """Share of the rows that have ``columns`` fields."""
    types: float
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    lines: tuple[int, ...] = field(repr=False)
    """Physical line after each row, counted from 1."""


def parse(text: str, delimiter: str, quote: str, escape: str) -> Iterator[tuple[Row, int]]:
    """Rows of ``text`` with the number of the physical line each ends on. A row that cannot be read ends it."""
    several = delimiter if len(delimiter) > 1 else ""
    reader = csv.reader(
        StringIO(text.replace(several, STAND_IN) if several else text, newline=""),
        delimiter=STAND_IN if several else delimiter or "\x00",
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        doublequote=True,
        escapechar=escape if escape not in ("", quote) else None,
        skipinitialspace=bool(quote) and delimiter != " ",
    )
    try:
        for row in reader:
            yield [cell.replace(STAND_IN, several) for cell in row] if several else row, reader.line_num
    except csv.Error:
        return


def sniff(
    text: str, delimiter: str | None = None, quote: str | None = None, escape: str | None = None
) -> tuple[Trial, ...]:
    """All ways to read ``text``, the best first. Pinned parts (not None) are kept.

    The text ends at a line end, or is whole.
    """
    sample = cut(text, SCORED_CHARACTERS)
    delimiters = (delimiter,) if delimiter is not None else tuple(_delimiters(sample))
    trials = [
        _attempt(sample, d, q, e)
        for d in delimiters
        for q in ((quote,) if quote is not None else _quotes(sample, d))
        for e in ((escape,) if escape is not None else _escapes(sample, d, q))
    ]
    trials = _without_hollow(trials)
    return tuple(sorted(trials, key=lambda trial: (trial.score, trial.quote != ""), reverse=True))


def belief(delimiter: str) -> float:
    """How readily a delimiter is believed, 0 to 1.

    >>> belief(","), belief("||"), belief("|;|"), belief("::")
    (1.0, 0.9, 0.9, 0.9)
    """
    return PRIOR.get(delimiter, 1.0) if len(delimiter) == 1 else SEVERAL


def _without_hollow(trials: list[Trial]) -> list[Trial]:
    """Leave out readings by one character of a doubled delimiter: they show an empty column at each of them."""
    doubled = {
        trial.delimiter[0]: trial.columns - 1
        for trial in trials
        if len(set(trial.delimiter)) == 1 < len(trial.delimiter)
    }
    return [
        trial
        for trial in trials
        if not HOLLOW * trial.columns < doubled.get(trial.delimiter, 0) <= _hollow_columns(trial)
    ]


def _hollow_columns(trial: Trial) -> int:
    rows = [row for row in trial.rows if len(row) == trial.columns]
    return sum(not any(cells) for cells in zip(*rows, strict=True))


def cut(text: str, size: int) -> str:
    """At most ``size`` characters of ``text``, in whole lines; the first line, if that alone is longer."""
    if len(text) <= size:
        return text
    end = max(text.rfind("\n", 0, size), text.rfind("\r", 0, size - 1))
    if end <= 0:
        ends = [at for at in (text.find("\n", size - 1), text.find("\r", size - 1)) if at >= 0]
        end = min(ends, default=len(text))
    return text[: end + 1]


def _delimiters(text: str) -> Iterable[str]:
    """The usual ones that occur; others only when most lines have them."""
    lines = [line for line in text.splitlines()[:500] if line.strip()]
    several, covered = _several(text, lines)
    yield from several
    for char in COMMON:
        if char in text and char not in covered:
            yield char
    if any(sum(char in line for line in lines) >= 0.7 * len(lines) for char in COMMON):
        lines = [MOMENT.sub("0", line) for line in lines]
    commented = sum(line.startswith("#") for line in lines) > COMMENTS * len(lines)
    for char in PRIOR:
        if char == "#" and commented:
            continue
        if char not in covered and sum(char in line for line in lines) >= 0.7 * len(lines):
            yield char


def _several(text: str, lines: list[str]) -> tuple[list[str], set[str]]:
    """Delimiters of several characters, and the characters that stand nowhere but in one of them.

    Its characters stand only in it (its inner one may also be part of values), or it is one character doubled, and
    most lines have it equally often.
    """
    # Between quotes blanks follow commas as in any text.
    text, lines = QUOTED.sub("q", text), [QUOTED.sub("q", line) for line in lines]
    runs = Counter(run for line in lines for run in set(RUN.findall(line)) if len(run) <= LONGEST_RUN)
    found: list[str] = []
    covered: set[str] = set()
    for run, count in sorted(runs.items(), key=lambda item: (-item[1], -len(item[0]))):
        marks = set(run) - {" "}
        if len(run.strip()) < 2 or marks & covered or count < 0.7 * len(lines) or len(lines) < 2:
            continue
        outer = marks if len(run) == 2 else {run[0], run[-1]} - {" "} or marks
        tiled = all(text.count(mark) == text.count(run) * run.count(mark) for mark in outer)
        per_line = Counter(line.count(run) for line in lines)
        most, lines_of_it = per_line.most_common(1)[0]
        if most and lines_of_it >= 0.7 * len(lines) and (tiled or len(set(run)) == 1):
            found.append(run)
            covered |= marks if tiled else set()
    return found, covered


def _quotes(text: str, delimiter: str) -> Iterable[str]:
    """No quote, and each quote that stands at the edge of a field."""
    yield ""
    edge = re.escape(delimiter)
    for quote in QUOTES:
        if quote in text and re.search(rf"(?:^|[{edge}\r\n]){quote}|{quote}(?:$|[{edge}\r\n])", text):
            yield quote


def _escapes(text: str, delimiter: str, quote: str) -> Iterable[str]:
    if not quote:
        yield ""
        if f"\\{delimiter}" in text:
            yield "\\"
        return
    yield quote
    if f"\\{quote}" in text:
        yield "\\"


def _attempt(text: str, delimiter: str, quote: str, escape: str) -> Trial:
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for row, line in parse(text, delimiter, quote, escape):
        if row:
            rows.append(tuple(row))
            lines.append(line)
        if len(rows) >= SCORED_ROWS:
            break
    columns, share, concentration = _lengths(rows)
    if delimiter not in COMMON and len(rows) < 2:
        concentration = 0.0
    if belief(delimiter) <= DOUBTED and not has_typed_column(rows, columns):
        concentration *= 0.2
    types = _types(rows)
    width = (columns - 1) / columns if columns > 1 else 0.001
    score = concentration * width * types * types * _quote_sense(text, delimiter, quote, escape)
    score *= belief(delimiter)
    return Trial(delimiter, quote, escape, score, columns, share, types, tuple(rows), tuple(lines))


def _lengths(rows: list[tuple[str, ...]]) -> tuple[int, float, float]:
    """The commonest row length, its share in the table, and how far the lengths agree (1 when all are equal).

    Rows before the first and after the last of that length are preamble and footer: they do not count as ragged,
    but cost belief by the root of their share.
    """
    counts = Counter(map(len, rows))
    total = sum(counts.values())
    if not total:
        return 0, 0.0, 0.0
    # A lone title line says nothing about the table; length 1 is the commonest only when it is the majority.
    # Of lengths that are equally common, the first row's counts: it may be the header.
    first = len(rows[0])
    columns = max(counts, key=lambda length: (counts[length] * (0.3 if length == 1 else 1), length == first, length))
    own = [index for index, row in enumerate(rows) if len(row) == columns]
    inside = Counter(len(row) for row in rows[own[0] : own[-1] + 1])
    size = sum(inside.values())
    concentration = sum((count / size) ** 2 for count in inside.values())
    return columns, inside[columns] / size, concentration * (size / total) ** 0.5


def has_typed_column(rows: list[tuple[str, ...]], columns: int) -> bool:
    """Whether a column holds numbers or dates in four of five rows below the first."""
    body = [row for row in rows[1:] if len(row) == columns]
    if len(body) < 2:
        return False
    return any(
        sum(cell_type(row[index]) in ("number", "date") for row in body) >= 0.8 * len(body) for index in range(columns)
    )


def _types(rows: list[tuple[str, ...]]) -> float:
    """Mean weight of the cells' types, every row counting the same."""
    cells = Counter(cell for row in rows for cell in row)
    total = sum(cells.values())
    return sum(TYPE_WEIGHT[cell_type(cell)] * count for cell, count in cells.items()) / total if total else 0.0


def _quote_sense(text: str, delimiter: str, quote: str, escape: str) -> float:
    """How far the quote characters in the text agree with ``quote``.

    Share of them that open, close or are escaped. Without a quote, a doubt when double quotes stand around fields:
    that hardly happens by chance.
    """
    if not quote:
        opening, closing, share = _quote_roles(text, delimiter, '"', '"')
        paired = min(opening, closing) > 0 and min(opening, closing) >= 0.5 * max(opening, closing)
        return UNQUOTED_DOUBT if paired and share > 0.9 else 1.0
    return _quote_roles(text, delimiter, quote, escape)[2]


def _quote_roles(text: str, delimiter: str, quote: str, escape: str) -> tuple[int, int, float]:
    """Quote characters that open a field, that close one, and the share of all that do either or are escaped."""
    edge = re.escape(delimiter)
    if f"={quote}" in text:
        # A formula keeps spreadsheets from taking a code for a number; its quotes are part of the value.
        text = re.sub(rf"((?:^|[{edge}\r\n]) *)={quote}[^{quote}\r\n]*{quote}(?=[{edge}\r\n]|\Z)", r"\1", text)
    total = text.count(quote)
    if not total:
        return 0, 0, 1.0
    opening = len(re.findall(rf"(?:[{edge}\r\n] *|\A *){quote}", text))
    closing = len(re.findall(rf"{quote}(?= *(?:[{edge}\r\n]|\Z))", text))
    inner = len(re.findall(rf"(?<![{edge}\r\n]){quote}{quote}(?![{edge}\r\n])", text)) * 2
    if escape == "\\":
        inner += text.count(f"\\{quote}")
    return opening, closing, min(1.0, (opening + closing + inner) / total)
