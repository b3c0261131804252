"""Delimited text: from a sample to a decision, with its evidence, or to an honest refusal."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from udb_pipelines.config import Settings
from udb_pipelines.detection.celltypes import cell_type, dominant
from udb_pipelines.detection.choosing import ACCEPTED_SHARE, WHOLE_LINES, chosen
from udb_pipelines.detection.comments import after, labelled_layout, sniffed, without_comments
from udb_pipelines.detection.dialect import (
    Trial,
    cut,
    has_typed_column,
    parse,
)
from udb_pipelines.detection.drawing import inner, is_bordered, is_padded
from udb_pipelines.detection.dumps import is_dump, without_nulls
from udb_pipelines.detection.encoding import Encoding, decode, decode_slice
from udb_pipelines.detection.evidence import (
    AGREEMENT,
    candidates_of,
    dialect_findings,
    runner_up_of,
)
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.header import TYPED, Layout, find_layout, narrow_header, true_width, uncommented
from udb_pipelines.detection.naming import name_columns, name_findings, unit_findings
from udb_pipelines.detection.opinions import Opinion, second_opinions
from udb_pipelines.detection.sample import Sample
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Candidate, ColumnSchema, Dialect, Finding, SourceOptions

STRAY = 0.2
SHORT, SOME_SHORT, FEW_SHORT = 0.3, 0.1, 4
"""Shares and a number of short rows from which on they are the writer's way, not damage."""
SCANNED_BYTES = 256 << 20
"""Scanned for a first quote; memchr does a gigabyte in a fraction of a second."""
SEARCHED_BYTES = 1 << 20
"""Searched after it for one at the edge of a field; a regular expression is slower."""


@dataclass(frozen=True)
class Delimited:
    """What was found out about a delimited text."""

    dialect: Dialect
    columns: tuple[ColumnSchema, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]
    row_estimate: int | None
    score: float
    """Of the dialect: how much of a table it makes, 0 to 1; next to nothing for a single column."""
    regular: float
    """Share of all sampled rows, those around the table included, that have its width, 0 to 1."""
    typed: bool
    """Whether a column holds numbers or dates."""


def detect_delimited(
    path: Path, name: str, sample: Sample, encoding: Encoding, options: SourceOptions, settings: Settings
) -> Delimited:
    """Decide how the text of ``path`` is delimited. ``name`` is what people call the file.

    Raises:
        UdbError: ``E_DIALECT`` when only one column is found although a delimiter is plausible,
            ``E_NOT_A_TABLE`` for prose, ``E_EMPTY`` for a text without content.
    """
    text = decode(sample.head, encoding)
    text = text.rstrip("\x00\x1a") if sample.whole else cut(text, len(text) - 1)
    if not text.strip("\ufeff\x00 \t\r\n"):
        raise UdbError("E_EMPTY", f"{name} holds no data")
    comment, body, trials = sniffed(text, options)
    opinions: tuple[Opinion, ...] = ()
    if options.delimiter is None:
        opinions = second_opinions(cut(body, 64 << 10), settings)
        trials = _weighed(trials, opinions)
    best = chosen(_without_false_quotes(trials), text, name, options)
    return _described(path, name, sample, encoding, options, text, comment, best, trials, opinions)


def _without_false_quotes(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """``trials`` with the same reading without quotes first, where quotes only make an even table uneven.

    Line ends and delimiters that are quoted would leave rows of other lengths without the quotes. Quotes that mostly
    stand around values are quotes, of which one may not be closed.
    """
    if not trials or not trials[0].quote:
        return trials
    best = trials[0]
    plain = next((t for t in trials if t.delimiter == best.delimiter and not t.quote and not t.escape), None)
    if plain is None or plain.columns < 2 or any(len(row) != plain.columns for row in plain.rows):
        return trials
    merged = len(best.rows) * plain.lines[-1] < len(plain.rows) * best.lines[-1]
    marked = [cell for row in plain.rows for cell in row if best.quote in cell]
    around = sum(len(cell) > 1 and cell[0] == best.quote == cell[-1] for cell in marked)
    return (plain, *(t for t in trials if t is not plain)) if merged and 2 * around < len(marked) else trials


def _weighed(trials: tuple[Trial, ...], opinions: tuple[Opinion, ...]) -> tuple[Trial, ...]:
    """A little more for what a second sniffer found too: enough to decide close calls, not to overrule evidence."""

    def weight(trial: Trial) -> float:
        agreeing = sum(opinion.delimiter == trial.delimiter and opinion.columns > 1 for opinion in opinions)
        return trial.score * (1 + AGREEMENT * agreeing)

    return tuple(sorted(trials, key=lambda trial: (weight(trial), trial.quote != ""), reverse=True))


def _described(
    path: Path, name: str, sample: Sample, encoding: Encoding, options: SourceOptions,
    text: str, comment: str, best: Trial, trials: Sequence[Trial], opinions: Sequence[Opinion],
) -> Delimited:  # fmt: skip
    delimiter = "," if best.delimiter == "\x00" else best.delimiter
    quote = best.quote
    undecided = options.quote is None and not any(t.quote == '"' and t.delimiter == delimiter for t in trials)
    if undecided and not quote and _quotes_follow(path, delimiter, sample, encoding):
        quote = '"'
    escape = best.escape if best.escape not in ("", best.quote) else quote
    dump = is_dump(text, best, options)
    if dump:
        text, best, escape = without_nulls(text, delimiter), replace(best, escape="\\"), "\\"
    rows, lines = _table_rows(text, comment, best, options)
    bordered = is_bordered(rows, best.columns, delimiter)
    width = best.columns - 2 if bordered else best.columns
    rows = [inner(row) for row in rows] if bordered else rows
    rows = [row[1:] if row[0] == "#" and len(row) == width + 1 else row for row in rows]
    columns = true_width(rows, width) if width > 1 else width
    top = 0 if options.skip_rows is not None else None
    header = _pinned_header(options)
    if header is None and delimiter == WHOLE_LINES and rows and "," in rows[0][0]:
        header = 0
    labelled = labelled_layout(rows, columns) if options.header == "auto" and top is None else None
    layout = labelled or find_layout(rows, columns, header, top, whole=sample.whole, apart=_apart(rows, lines))
    narrow = options.header == "auto" and top is None and narrow_header(rows, layout.start, columns)
    if narrow:
        layout = find_layout(rows, columns, 0, layout.start, whole=sample.whole, apart=_apart(rows, lines))
    skip = options.skip_rows if options.skip_rows is not None else (lines[layout.start - 1] if layout.start else 0)
    dialect = Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        newline=newline_of(text, best.quote),
        header_rows=layout.header_rows,
        skip_rows=skip,
        comment=comment,
        footer_rows=_comments_at_end(sample, encoding) if labelled else len(rows) - layout.end,
        short_rows=bool(layout.header_rows) and not dump and _has_short_rows(rows[layout.start : layout.end], columns),
        padded=best.columns > 1 and is_padded(without_comments(text, comment) if comment else text, delimiter),
        bordered=bordered,
        dump=dump,
    )
    names = uncommented(layout.names, rows[: layout.start])
    schema = name_columns(names)
    is_list = delimiter == WHOLE_LINES and width == 1
    runner_up = None if is_list else runner_up_of(best, trials)
    elsewhere = _share_elsewhere(sample, encoding, best)
    findings = dialect_findings(dialect, name, layout, best, runner_up, opinions)
    if elsewhere is not None and elsewhere < ACCEPTED_SHARE:
        message = f"only {elsewhere:.0%} of the rows in the middle and at the end of {name} have {best.columns} fields"
        findings.append(told("W_DIALECT_AMBIGUOUS", message))
    if narrow:
        message = "the line above the rows has fewer names than they have fields: values may hold delimiters unquoted"
        findings.append(told("W_DIALECT_AMBIGUOUS", message))
    if is_list:
        message = "each line was read as one name (last, first); pin --delimiter , if they are two columns"
        findings.append(told("W_DIALECT_AMBIGUOUS", message))
    if _may_be_decimals(dialect, rows[layout.start : layout.end]):
        findings.append(told("W_DIALECT_AMBIGUOUS", "each line may be one number with a decimal comma"))
    if layout.header_rows:
        findings += [*name_findings(names, schema), *unit_findings(layout.units, schema)]
    return Delimited(
        dialect, schema, candidates_of(dialect, best, runner_up, opinions, elsewhere), tuple(findings),
        _row_estimate(sample, encoding, text, rows, layout), best.score,
        sum(len(row) == width for row in rows) / len(rows) if rows else 0.0,
        has_typed_column([(), *rows[layout.start + layout.header_rows : layout.end]], columns),
    )  # fmt: skip


def _apart(rows: Sequence[tuple[str, ...]], lines: Sequence[int]) -> frozenset[int]:
    """Rows that stand below a blank line; ``lines`` are those that the rows end on."""
    inside = [sum(cell.count("\n") or cell.count("\r") for cell in row) for row in rows]
    return frozenset(at for at in range(1, len(rows)) if lines[at] - inside[at] > lines[at - 1] + 1)


def _comments_at_end(sample: Sample, encoding: Encoding) -> int:
    """Comments that a text ends with."""
    end = decode(sample.head, encoding) if sample.whole else decode_slice(sample.tail, encoding)
    lines = [line for line in end.splitlines() if line.strip()]
    return next((count for count, line in enumerate(reversed(lines)) if not line.startswith("#")), 0)


def _may_be_decimals(dialect: Dialect, rows: Sequence[tuple[str, ...]]) -> bool:
    """Whether a comma parts nothing but two whole numbers that have no names."""
    return (
        dialect.delimiter == ","
        and not dialect.header_rows
        and bool(rows)
        and all(len(row) == 2 and all(re.fullmatch(r"-?\d+|\d+", cell) for cell in row) for row in rows[:1000])
    )


def _has_short_rows(rows: Sequence[tuple[str, ...]], columns: int) -> bool:
    """Whether the writer left out empty fields at the end: many rows are shorter than the header, none is longer."""
    lengths = [len(row) for row in rows]
    short = [row for row in rows if len(row) < columns]
    if not short or min(lengths) == 1 or max(lengths) > columns:
        return False
    if len(short) > SHORT * len(rows):
        return True
    # Who leaves out empty fields writes no row that ends in one, and no field in another's place.
    full = [row for row in rows[1:] if len(row) == columns]
    kinds = [dominant(full, index) for index in range(columns)]
    trimmed = all(row[-1].strip() for row in full) and len(short) > max(FEW_SHORT, SOME_SHORT * len(rows))
    return trimmed and all(
        cell_type(cell) in (kind, "empty")
        for row in short
        for cell, kind in zip(row, kinds, strict=False)
        if kind in TYPED
    )


def _share_elsewhere(sample: Sample, encoding: Encoding, best: Trial) -> float | None:
    """Share of the rows of the middle and the tail that have the fields of the head; None without such slices.

    A slice may begin inside a quoted field, so this can raise a doubt, but decides nothing.
    """
    rows = [
        row
        for part in (sample.middle, sample.tail)
        for row, _ in parse(decode_slice(part, encoding), best.delimiter, best.quote, best.escape)
        if row
    ]
    return sum(len(row) == best.columns for row in rows) / len(rows) if rows else None


def _pinned_header(options: SourceOptions) -> int | None:
    if options.header == "auto":
        return None
    return 0 if options.header == "none" else options.header


def _table_rows(
    text: str, comment: str, best: Trial, options: SourceOptions
) -> tuple[list[tuple[str, ...]], list[int]]:
    """The rows that are neither blank nor comments, with the physical lines they end on."""
    source = after(text, options.skip_rows or 0)
    if comment:
        source = without_comments(source, comment)
    parsed = [(tuple(row), line) for row, line in parse(source, best.delimiter, best.quote, best.escape) if row]
    return [row for row, _ in parsed], [line for _, line in parsed]


def _quotes_follow(path: Path, delimiter: str, sample: Sample, encoding: Encoding) -> bool:
    """Whether quotes may come after the part that was scored: seen at a field's edge, or beyond what was looked at."""
    edge = re.escape(delimiter.encode("utf-8"))
    pattern = re.compile(b"(?:\\A|[\r\n]|" + edge + b')[ ]*"')
    if sample.whole:
        return pattern.search(sample.head) is not None
    if sample.size is None or encoding.name.startswith(("utf-16", "utf-32")):
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        first = content.find(b'"', 0, SCANNED_BYTES)
        if first < 0:
            return len(content) > SCANNED_BYTES
        return pattern.search(content, max(0, first - 64), first + SEARCHED_BYTES) is not None


def newline_of(text: str, quote: str) -> Literal["\n", "\r\n", "\r", "mixed"]:
    """The line end of the records; line ends inside quotes are values."""
    if quote:
        mark = re.escape(quote)
        text = re.sub(f"{mark}[^{mark}]*{mark}", "", text)
    crlf = text.count("\r\n")
    if text.count("\r") == text.count("\n") == crlf:
        return "\r\n" if crlf else "\n"
    lone = text.count("\r") - crlf
    if "\r" not in text:
        return "\n"
    if "\n" not in text:
        return "\r"
    # A few carriage returns among many line ends are characters of values.
    return "\n" if 0 < lone <= STRAY * text.count("\n") else "mixed"


def _row_estimate(
    sample: Sample, encoding: Encoding, text: str, rows: Sequence[tuple[str, ...]], layout: Layout
) -> int | None:
    """Rows of the table: exact for a whole sample, else by the density of lines; unknown for a long compressed file."""
    counted = max(0, layout.end - layout.start - layout.header_rows)
    if sample.whole or not text:
        return counted
    if sample.size is None:
        return None
    lines = max(1, len(text.splitlines()))
    slices = [decode_slice(part, encoding) for part in (sample.middle, sample.tail)]
    others = "".join(slices) or text
    bytes_per_line = len(others.encode(encoding.name, errors="replace")) / max(1, len(others.splitlines()))
    used = len(text.encode(encoding.name, errors="replace"))
    return counted + round((sample.size - used) / max(1.0, bytes_per_line) * len(rows) / lines)
