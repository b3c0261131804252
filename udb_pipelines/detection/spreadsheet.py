"""Workbooks: one table per sheet that holds one, found by the same rules as tables in text.

Which rows are preamble and header is said in the stream's dialect: ``skip_rows`` counts the rows, blank ones
included, from the top of the used area (what calamine returns by default, without empty rows and columns before
the first cell). Delimiter and quote mean nothing for a sheet.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from udb_pipelines.detection.findings import told
from udb_pipelines.detection.header import find_layout
from udb_pipelines.detection.naming import name_columns, name_findings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Dialect, Finding, SourceOptions

SAMPLED_ROWS = 1000


@dataclass(frozen=True)
class Sheet:
    """A sheet that holds a table."""

    name: str
    dialect: Dialect
    columns: tuple[ColumnSchema, ...]
    rows: int
    findings: tuple[Finding, ...]


def detect_sheets(path: Path, name: str, options: SourceOptions) -> tuple[tuple[Sheet, ...], tuple[Finding, ...]]:
    """The tables of a workbook, and what was left out.

    Raises:
        UdbError: ``E_ENCRYPTED``, ``E_CORRUPT``, or ``E_EMPTY`` when no sheet holds a table.
    """
    sheets: list[Sheet] = []
    skipped: list[Finding] = []
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            for meta in book.sheets_metadata:
                if options.tables and meta.name not in options.tables:
                    continue
                if meta.typ != SheetTypeEnum.WorkSheet:
                    skipped.append(_skipped("a sheet that is a chart, a macro or a dialog"))
                elif meta.visible != SheetVisibleEnum.Visible and not options.tables:
                    skipped.append(_skipped("a hidden sheet"))
                else:
                    found = _sheet(book.get_sheet_by_name(meta.name), options)
                    if found:
                        sheets.append(found)
                    else:
                        skipped.append(_skipped("an empty sheet"))
    except PasswordError:
        raise UdbError("E_ENCRYPTED", f"{name} is protected by a password") from None
    except (CalamineError, ValueError, OverflowError, MemoryError, OSError):
        raise UdbError("E_CORRUPT", f"{name} cannot be read as a workbook") from None
    if not sheets:
        raise UdbError("E_EMPTY", f"{name} has no sheet that holds a table")
    return tuple(sheets), tuple(skipped)


def _skipped(what: str) -> Finding:
    return told("W_STREAM_SKIPPED", f"{what} was left out")


def _sheet(sheet: CalamineSheet, options: SourceOptions) -> Sheet | None:
    values = sheet.to_python(nrows=SAMPLED_ROWS)
    texts = [tuple(_as_text(value) for value in row) for row in values]
    numbered = [(number, row) for number, row in enumerate(texts) if any(row)]
    if not numbered:
        return None
    width = max(_width(row) for _, row in numbered)
    rows = [row[:width] + ("",) * (width - len(row)) for _, row in numbered]
    pinned = None if options.header == "auto" else 0 if options.header == "none" else options.header
    start = _start(rows) if options.skip_rows is None else _nth(numbered, options.skip_rows)
    layout = find_layout(rows, width, pinned, start)
    skip = numbered[layout.start][0] if options.skip_rows is None else options.skip_rows
    columns = name_columns(layout.names)
    findings = [told("W_PREAMBLE", f"{skip} rows above the header", count=skip)] if skip and layout.start else []
    if layout.header_rows:
        findings += name_findings(layout.names, columns)
    else:
        findings.append(told("W_HEADER_GUESSED", "no header was found; columns are named by position"))
    blank = sum(1 for row in texts[skip:] if not any(row))
    data = max(len(texts), sheet.height) - skip - layout.header_rows - blank
    dialect = Dialect(delimiter=",", header_rows=layout.header_rows, skip_rows=skip)
    return Sheet(sheet.name, dialect, columns, max(0, data), tuple(findings))


def _width(row: Sequence[str]) -> int:
    return max((index + 1 for index, cell in enumerate(row) if cell), default=0)


def _start(rows: Sequence[tuple[str, ...]]) -> int:
    """The first row that is as full as the rows of the table are."""
    filled = [sum(1 for cell in row if cell) for row in rows]
    typical = Counter(count for count in filled if count > 1)
    if not typical:
        return 0
    usual = max(typical, key=lambda count: (typical[count], count))
    enough = max(2, (usual + 1) // 2)
    return next((index for index, count in enumerate(filled) if count >= enough), 0)


def _nth(numbered: Sequence[tuple[int, object]], skip: int) -> int:
    return next((index for index, (number, _) in enumerate(numbered) if number >= skip), 0)


def _as_text(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()
