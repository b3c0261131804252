"""Sheets of workbooks (xls, xlsx, xlsb, ods) into typed Parquet.

A cell is shown as text as a person would write it (ISO dates, whole numbers without a fraction) and then cast by
the same rules as any other text. Rows without any value are no records. Cells that hold an error have no value.
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import Rows, Task, finding, relative_names
from udb_pipelines.connectors.rejects import Reject
from udb_pipelines.connectors.staging import Row, cast_staged, stage_text
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Area, Dialect

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

BATCH = 8_192
EXACT = 1e15
"""Beyond it a float does not tell neighbouring whole numbers apart."""


@dataclass
class _Sheet:
    """One sheet on its way into text Parquet."""

    path: Path
    names: tuple[str, ...]
    """Columns found by detection, and one for every further column of the used area."""
    rows: int = 0
    blank: int = 0
    footer: list[Row] = field(default_factory=list)
    """Rows after the table, which are no records."""
    moments: dict[int, set[type]] = field(default_factory=dict)
    """Columns that hold dates or timestamps, by index, with which of the two."""


def read(task: Task) -> Rows:
    """Read one sheet of every file of the stream.

    Raises:
        UdbError: ``E_ENCRYPTED``, ``E_CORRUPT``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    detected = task.stream.detected
    sheets = [_stage(task, index, Path(file)) for index, file in enumerate(detected.files)]
    # A column that nobody named may have no values either: then it is a gap in the sheet.
    known = {column.name for column in detected.columns if column.original_name != ""}
    with told(task.stream.dataset):
        names = [name for name in _all_names(sheets) if name in known or _has_values(task, sheets, name)]
        columns = [casting.TextColumn(name, task.options.null_markers, source=_source(sheets, name)) for name in names]
        rows = sum(sheet.rows for sheet in sheets)
        staged = cast_staged(
            task,
            [(s.path, name) for s, name in zip(sheets, relative_names(detected.files), strict=True)],
            columns,
            rows,
        )
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    if staged != rows:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {rows} rows were counted, {staged} loaded")
    for sheet in sheets:
        texts = (" ".join(cell for cell in row if cell) for row in sheet.footer)
        task.rejects.extend(Reject(0, None, "W_FOOTER", "after the data", text) for text in texts)
    blank = sum(sheet.blank for sheet in sheets)
    findings = (finding("E_ROW_EMPTY", f"{blank} rows without any value", count=blank, rows=rows),) if blank else ()
    return Rows((task.target,), stored, rows, staged, findings)


def _stage(task: Task, index: int, file: Path) -> _Sheet:
    detected = task.stream.detected
    dialect = detected.dialect or Dialect(delimiter=",")
    with told(base_name(file)), opened_sheet(file, detected.member) as sheet:
        found = [column.name for column in detected.columns]
        taken = set(found)
        width = len(found) if detected.area else sheet.width
        extra = [f"column_{number}" for number in range(len(found) + 1, width + 1)]
        names = (*found, *(name if name not in taken else f"{name}_more" for name in extra))
        staged = _Sheet(task.folder / f"{index}.text.parquet", names)
        stage_text(staged.path, names, _batches(sheet, staged, dialect, detected.area))
    return staged


@contextmanager
def opened_sheet(file: Path, name: str | None) -> Iterator[CalamineSheet]:
    """The sheet called ``name``, or the first.

    Raises:
        UdbError: ``E_ENCRYPTED``, ``E_CORRUPT`` (also from inside the block).
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with CalamineWorkbook.from_path(str(file)) as book:
            yield book.get_sheet_by_name(name) if name is not None else book.get_sheet_by_index(0)
    except PasswordError:
        raise UdbError("E_ENCRYPTED", f"{base_name(file)} is protected by a password") from None
    except (CalamineError, ValueError, OverflowError, MemoryError) as error:
        raise UdbError("E_CORRUPT", f"{base_name(file)} cannot be read ({type(error).__name__})") from None


def first_rows(task: Task, rows: int) -> list[Row]:
    """The first rows of the first file's sheet that are not blank."""
    detected = task.stream.detected
    dialect = detected.dialect or Dialect(delimiter=",")
    staged = _Sheet(task.folder, tuple(column.name for column in detected.columns))
    with opened_sheet(Path(detected.files[0]), detected.member) as sheet:
        found = _batches(sheet, staged, dialect, detected.area)
        return list(islice((row for batch in found for row in batch), rows))


def _batches(sheet: CalamineSheet, staged: _Sheet, dialect: Dialect, area: Area | None) -> Iterator[list[Row]]:
    """Rows of text below the header, inside the area; counts rows, and the blank ones among them, in ``staged``."""
    top, left = (area.first_row, area.first_column) if area else (0, 0)
    skip = top + dialect.skip_rows + dialect.header_rows
    width = len(staged.names)
    batch: list[Row] = []
    held: deque[Row] = deque()
    waiting = 0
    # Rows are iterated from the top of the sheet, and counted from the top of its used area.
    for number, row_cells in enumerate(sheet.iter_rows(), start=-(sheet.start or (0, 0))[0]):
        if number < skip:
            continue
        if area and number >= area.end_row:
            break
        cells = row_cells[left : left + width]
        row = [_text(cell) for cell in cells]
        if not any(row):
            waiting += 1
            continue
        staged.blank += waiting
        waiting = 0
        _note_moments(cells, staged)
        held.append(row + [None] * (width - len(row)))
        if len(held) <= dialect.footer_rows:
            continue
        staged.rows += 1
        batch.append(held.popleft())
        if len(batch) >= BATCH:
            yield batch
            batch = []
    staged.footer.extend(held)
    if batch:
        yield batch


def _note_moments(cells: Sequence[object], staged: _Sheet) -> None:
    for index, cell in enumerate(cells):
        if isinstance(cell, datetime.date):
            staged.moments.setdefault(index, set()).add(type(cell))


def _text(cell: object) -> str | None:
    """A cell as a person would write it; None when it is empty.

    >>> _text(3.0), _text(3.5), _text(True), _text(datetime.datetime(2024, 1, 2, 3, 4)), _text("")
    ('3', '3.5', 'true', '2024-01-02 03:04:00', None)
    """
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, datetime.timedelta):
        return _duration(cell)
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return None if cell is None else str(cell)


def _duration(cell: datetime.timedelta) -> str:
    """Hours, minutes and seconds; hours may pass 24.

    >>> _duration(datetime.timedelta(days=1, minutes=5))
    '24:05:00'
    """
    seconds = cell.total_seconds()
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        f"{sign}{hours:02d}:{minutes:02d}:{rest:02.0f}"
        if rest == int(rest)
        else f"{sign}{hours:02d}:{minutes:02d}:{rest}"
    )


def _all_names(sheets: list[_Sheet]) -> list[str]:
    return list(dict.fromkeys(name for sheet in sheets for name in sheet.names))


def _has_values(task: Task, sheets: list[_Sheet], name: str) -> bool:
    column = quote_identifier(name)
    return any(
        task.duck.execute(f"SELECT count({column}) FROM read_parquet({quote_literal(sheet.path)})").fetchall()[0][0]
        for sheet in sheets
        if name in sheet.names
    )


def _source(sheets: list[_Sheet], name: str) -> str | None:
    """SQL of a column's text: where timestamps stand, a date is the timestamp of its midnight."""
    seen: set[type] = set()
    for sheet in sheets:
        if name in sheet.names:
            seen |= sheet.moments.get(sheet.names.index(name), set())
    if seen != {datetime.date, datetime.datetime}:
        return None
    column = quote_identifier(name)
    return (
        f"CASE WHEN regexp_full_match({column}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') "
        f"THEN {column} || ' 00:00:00' ELSE {column} END"
    )
