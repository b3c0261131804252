"""DuckDB's CSV reader with every option given, for text that the scan has found regular."""

from __future__ import annotations

from pathlib import Path

import duckdb

from udb_pipelines.connectors.delimited.careful import HOLLOW_WIDTH, FieldSplitter
from udb_pipelines.connectors.delimited.scan import Scan, scan
from udb_pipelines.connectors.delimited.text import PlainText
from udb_pipelines.connectors.rejects import Reject
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.models import Dialect

DEFAULT_LINE = 2 << 20
CODES = {
    "MISSING COLUMNS": "E_JAGGED_ROW",
    "TOO MANY COLUMNS": "E_JAGGED_ROW",
}
"""DuckDB's rejects that the careful reader would make as well; any other sends the file there."""


class NotRegularError(Exception):
    """DuckDB read the file otherwise than the scan expected."""


def usable(text: PlainText, found: Scan, dialect: Dialect) -> bool:
    """Whether the file may be given to DuckDB's reader.

    Its comment option also cuts values, its ``skip`` is not for quoted line ends, and it takes delimiters of
    up to four bytes.
    """
    return (
        found.regular
        and not dialect.comment
        and not dialect.padded
        and not dialect.bordered
        and not dialect.short_rows
        and not dialect.dump
        and len(dialect.delimiter.encode()) <= 4
        and text.end == text.path.stat().st_size
        and (not dialect.quote or dialect.quote not in text.header or _one_line_each(text, dialect))
    )


def is_hollow(found: Scan, columns: tuple[str, ...]) -> bool:
    """Whether lines may hold delimiters and nothing else: they count as blank ones."""
    return found.hollow and len(columns) >= HOLLOW_WIDTH


def _one_line_each(text: PlainText, dialect: Dialect) -> bool:
    lines = [line for line in text.header.splitlines() if line]
    return len(lines) == dialect.header_rows and all(line.count(dialect.quote) % 2 == 0 for line in lines)


def hollow_lines(
    connection: duckdb.DuckDBPyConnection, text: PlainText, found: Scan, dialect: Dialect, columns: tuple[str, ...]
) -> int:
    """Lines that hold delimiters and nothing else, where they count as blank ones."""
    if not is_hollow(found, columns):
        return 0
    lines = f"FROM ({_read(text, found, dialect, columns, 'ignore_errors = true')})"
    return int(connection.execute(f"SELECT count(*) {lines} WHERE {_filled(columns)} IS NULL").fetchall()[0][0])


def _filled(columns: tuple[str, ...]) -> str:
    return f"coalesce({', '.join(map(quote_identifier, columns))})"


def relation(text: PlainText, found: Scan, dialect: Dialect, columns: tuple[str, ...], *, sample: bool = False) -> str:
    r"""``SELECT`` of all records as text; DuckDB notes rejects in ``reject_errors``, or skips them in a ``sample``.

    Line ends are not named: DuckDB 1.5 reads nothing at all in strict mode when told ``\r\n``, and finds
    them right when not told.
    """
    on_error = "ignore_errors = true" if sample else "store_rejects = true, rejects_limit = 0"
    # In a file of one column DuckDB takes a blank line for a row without value.
    blank = f" WHERE {_filled(columns)} IS NOT NULL" if len(columns) == 1 or is_hollow(found, columns) else ""
    return _read(text, found, dialect, columns, on_error) + blank


def _read(text: PlainText, found: Scan, dialect: Dialect, columns: tuple[str, ...], on_error: str) -> str:
    names = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in columns)
    line = max(DEFAULT_LINE, found.longest + 1024)
    return f"""SELECT * FROM read_csv({quote_literal(text.path)}, auto_detect = false, columns = {{{names}}},
        delim = {quote_literal(dialect.delimiter)}, quote = {quote_literal(dialect.quote)},
        escape = {quote_literal(dialect.quote)}, skip = {text.head_lines}, header = false, strict_mode = true,
        null_padding = false, allow_quoted_nulls = false, {on_error},
        max_line_size = {line}, buffer_size = {max(32 << 20, 16 * line)}, compression = 'none',
        parallel = {found.quoted_line_ends == 0})"""


def rejected(
    connection: duckdb.DuckDBPyConnection, text: PlainText, dialect: Dialect, width: int, label: str
) -> list[Reject]:
    """The rows of this file that DuckDB did not load, in order.

    Raises:
        NotRegularError: one of them is of a kind that a regular file cannot have.
    """
    rows = connection.execute(
        f"""SELECT line_byte_position - 1, any_value(csv_line), list(DISTINCT error_type)
            FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
            WHERE file_path = {quote_literal(text.path)} GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    if not rows:
        return []
    splitter = FieldSplitter(dialect)
    found = [_reject(offset, raw, kinds, splitter, width) for offset, raw, kinds in rows]
    offsets = tuple(reject.byte_offset or 0 for reject in found)
    ordinals = scan(text, dialect, offsets).ordinals
    if len(ordinals) != len(found):
        raise NotRegularError
    return [
        Reject(number, reject.byte_offset if text.exact else None, reject.code, label + reject.message, reject.raw)
        for reject, number in zip(found, ordinals, strict=True)
    ]


def _reject(offset: int, raw: str, kinds: list[str], splitter: FieldSplitter, width: int) -> Reject:
    codes = {CODES.get(kind) for kind in kinds}
    if None in codes or len(codes) != 1:
        raise NotRegularError
    # After CRLF DuckDB counts the line feed to the next line.
    shift = len(raw) - len(raw.lstrip("\r\n"))
    record = raw.strip("\r\n")
    try:
        actual = len(splitter.split(record))
    except ValueError:
        raise NotRegularError from None
    return Reject(0, offset + shift, "E_JAGGED_ROW", f"{actual} fields instead of {width}", record)


def forget_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty DuckDB's reject tables, so that the next pass starts anew."""
    for table in ("reject_errors", "reject_scans"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def sample(text: PlainText, target: Path, chunks: int, size: int) -> PlainText:
    """Pieces from all over the file, cut at line ends, as a small file: for a first idea of the types."""
    length = text.end - text.start
    if length <= chunks * size:
        return text
    with text.path.open("rb") as source, target.open("wb") as out:
        for index in range(chunks):
            source.seek(text.start + index * (length - size) // (chunks - 1))
            piece = source.read(size)
            cut = piece.find(b"\n") + 1 if index else 0
            out.write(piece[cut : piece.rfind(b"\n") + 1])
    return PlainText(target, 0, target.stat().st_size, 0)
