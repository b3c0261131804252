"""Workbooks: one table per sheet that holds one, found by the same rules as tables in text.

Which rows are preamble and header is said in the stream's dialect: ``skip_rows`` counts the rows, blank ones
included, from the top of the used area (what calamine returns by default, without empty rows and columns before
the first cell). Delimiter and quote mean nothing for a sheet.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from udb_pipelines.detection.celltypes import cell_type
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.header import MAX_FOOTER_ROWS, find_layout
from udb_pipelines.detection.naming import name_columns, name_findings, unit_findings
from udb_pipelines.detection.stacked import find_areas
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Area, ColumnSchema, Dialect, Finding, SourceOptions

SAMPLED_ROWS = 1000
NOTED = 3
"""Columns from which on a row of one cell is a note, if it stands apart below the table."""
MEMORY_BYTES = 3 << 30
"""Address space the probe may take; a million rows of twenty columns need about one gigabyte."""
PROBE_SECONDS = 180
PROBE = Path(__file__).with_name("workbook_probe.py")


@dataclass(frozen=True)
class Sheet:
    """A sheet that holds a table."""

    name: str
    dialect: Dialect
    columns: tuple[ColumnSchema, ...]
    rows: int
    findings: tuple[Finding, ...]
    area: Area | None = None


@dataclass(frozen=True)
class _Probed:
    """A sheet as the probe prints it."""

    name: str
    kind: str
    visible: bool
    height: int
    rows: list[list[str]]


def detect_sheets(path: Path, name: str, options: SourceOptions) -> tuple[tuple[Sheet, ...], tuple[Finding, ...]]:
    """The tables of a workbook, and what was left out.

    Raises:
        UdbError: ``E_ENCRYPTED``, ``E_CORRUPT``, ``E_TOO_LARGE`` when it needs too much memory, or ``E_EMPTY`` when
            no sheet holds a table.
    """
    sheets: list[Sheet] = []
    skipped: list[Finding] = []
    for probed in _probe(path, name):
        if options.tables and probed.name not in options.tables:
            continue
        if probed.kind != "WorkSheet":
            skipped.append(_skipped(f"sheet {probed.name} is a chart, a macro or a dialog"))
        elif not probed.visible and not options.tables:
            skipped.append(_skipped(f"sheet {probed.name} is hidden (--table loads it)"))
        elif found := _tables(probed, options):
            sheets.extend(found)
            if len(found) > 1:
                message = f"a sheet holds {len(found)} tables: {', '.join(map(_place, found))}"
                skipped.append(told("W_TABLES_SPLIT", message, count=len(found)))
        else:
            skipped.append(_skipped(f"sheet {probed.name} is empty"))
    if not sheets:
        raise UdbError("E_EMPTY", f"{name} has no sheet that holds a table")
    return tuple(sheets), tuple(skipped)


def _probe(path: Path, name: str) -> list[_Probed]:
    command = [sys.executable, "-I", str(PROBE), str(path), str(SAMPLED_ROWS), str(MEMORY_BYTES)]
    try:
        # The command is ours and the path is one argument, not a shell's text.
        done = subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise UdbError("E_TOO_LARGE", f"{name} takes more than {PROBE_SECONDS} seconds to open") from None
    if done.returncode:
        raise UdbError(
            "E_TOO_LARGE",
            f"{name} is damaged or hostile: it takes more than {MEMORY_BYTES >> 30} GB of memory to open",
            remedy="save the workbook anew without far-away cells, or export its sheets as CSV",
        )
    answer = json.loads(done.stdout)
    if answer.get("error") == "protected":
        raise UdbError("E_ENCRYPTED", f"{name} is protected by a password")
    if "error" in answer:
        raise UdbError("E_CORRUPT", f"{name} cannot be read as a workbook")
    return [_Probed(**sheet) for sheet in answer["sheets"]]


def _skipped(what: str) -> Finding:
    return told("W_STREAM_SKIPPED", f"{what}; it was left out")


def _tables(sheet: _Probed, options: SourceOptions) -> list[Sheet]:
    """The tables of a sheet: several where they are clear, and all of it was seen."""
    width = max((len(row) for row in sheet.rows), default=0)
    grid = [(*row, *[""] * (width - len(row))) for row in sheet.rows]
    open_ = options.skip_rows is None and options.header == "auto" and sheet.height <= len(sheet.rows)
    areas, clear = find_areas(grid) if open_ else ((), False)
    if clear:
        found = [_within(sheet, grid, area, options) for area in areas]
        if all(found):
            return [table for table in found if table]
    alone = _sheet(sheet, options)
    if alone and areas:
        message = f"the sheet may hold {len(areas)} tables; it was read as one"
        alone = replace(alone, findings=(*alone.findings, told("W_SEVERAL_TABLES", message, count=len(areas))))
    return [alone] if alone else []


def _within(sheet: _Probed, grid: Sequence[tuple[str, ...]], area: Area, options: SourceOptions) -> Sheet | None:
    rows = [list(row[area.first_column : area.end_column]) for row in grid[area.first_row : area.end_row]]
    found = _sheet(replace(sheet, rows=rows, height=len(rows)), options)
    return replace(found, area=area) if found else None


def _place(table: Sheet) -> str:
    area = table.area or Area(first_row=0, end_row=0)
    return f"rows {area.first_row + 1} to {area.end_row} from column {area.first_column + 1}"


def _sheet(sheet: _Probed, options: SourceOptions) -> Sheet | None:
    texts = [tuple(row) for row in sheet.rows]
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
        gaps = {c.name for i, c in enumerate(columns) if not any(row[i] for row in rows[layout.start :])}
        findings += [item for item in name_findings(layout.names, columns) if item.column not in gaps]
        findings += unit_findings(layout.units, columns)
    else:
        findings.append(told("W_HEADER_GUESSED", "no header was found; columns are named by position"))
    blank = sum(1 for row in texts[skip:] if not any(row))
    notes = _notes(numbered, layout.start + layout.header_rows, width) if sheet.height <= len(texts) else 0
    if notes:
        findings.append(told("W_FOOTER", f"{notes} rows after the table", count=notes))
    data = max(len(texts), sheet.height) - skip - layout.header_rows - blank - notes
    dialect = Dialect(delimiter=",", header_rows=layout.header_rows, skip_rows=skip, footer_rows=notes)
    return Sheet(sheet.name, dialect, columns, max(0, data), tuple(findings))


def _notes(numbered: Sequence[tuple[int, tuple[str, ...]]], first: int, width: int) -> int:
    """Rows at the end that a blank row sets apart and that hold nothing but a text in their first cell."""
    count = 0
    for at in range(len(numbered) - 1, first + 1, -1):
        number, row = numbered[at]
        if width < NOTED or _width(row) != 1 or cell_type(row[0]) not in ("word", "text", "odd"):
            break
        if number > numbered[at - 1][0] + 1:
            count = len(numbered) - at
    return count if count <= MAX_FOOTER_ROWS else 0


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
