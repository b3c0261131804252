"""The first row of a table, among what stands above it."""

from __future__ import annotations

from collections.abc import Sequence

from udb_pipelines.detection.celltypes import cell_type, dominant

Cells = tuple[str, ...]
BODY_ROWS = 300
MAX_CHANCE_ROWS = 10
"""Rows in which preamble is looked for below a row that has the table's width."""
SHORT_DATA = 0.7


def start_of(rows: Sequence[Cells], columns: int) -> int:
    """The first row of the table: as wide as the table and as full as a header is."""
    if columns < 2:
        return 0
    typical = sorted(filled(row) for row in rows if len(row) == columns)
    if not typical:
        return 0
    enough = max(2, min(typical[len(typical) // 2], columns) // 2)
    for index, row in enumerate(rows):
        if len(row) == columns and filled(row) >= enough and not _in_preamble(rows, index, columns):
            if _is_sentence(rows, index, columns):
                continue
            while index and _is_short_data(rows[index - 1], rows[index : index + BODY_ROWS], columns):
                index -= 1
            above = rows[index - 1] if index else ()
            odd = _is_odd_header(above, rows[index : index + BODY_ROWS], columns) or _names_groups(above, row, columns)
            return index - 1 if odd else index
    return 0


def _in_preamble(rows: Sequence[Cells], index: int, columns: int) -> bool:
    """Whether the row has the table's width by chance: lines of a single field are above and below it, then none."""
    if not index:
        return False
    narrow = [len(row) == 1 for row in rows[index : index + 1 + MAX_CHANCE_ROWS]]
    count = sum(narrow)
    if count < 2 or len(rows) < index + 3 * MAX_CHANCE_ROWS:
        return False
    last = len(narrow) - 1 - narrow[::-1].index(True)
    after = rows[index + last + 1 :][: 2 * MAX_CHANCE_ROWS]
    return count * 2 >= last + 1 and all(len(row) == columns for row in after)


def _is_short_data(row: Cells, below: Sequence[Cells], columns: int) -> bool:
    """Whether a row above the table is one of its rows that lacks a field or two: its cells are of the same types."""
    body = [other for other in below if len(other) == columns]
    if not max(2, SHORT_DATA * columns) <= len(row) < columns or len(body) < 3:
        return False
    kinds = [dominant(body, index) for index in range(len(row))]
    typed = [cell_type(cell) == kind for cell, kind in zip(row, kinds, strict=True) if kind in ("number", "date")]
    return len(typed) > 1 and all(typed)


def _is_sentence(rows: Sequence[Cells], index: int, columns: int) -> bool:
    """Whether the row is a sentence above the names: a blank follows its delimiter, and no other one below."""
    below = [row for row in rows[index + 1 : index + 1 + BODY_ROWS] if len(row) == columns]
    if not index or len(below) < 2 or len(rows[index - 1]) >= columns:
        return False
    apart = any(cell.startswith(" ") for cell in rows[index][1:])
    return apart and could_be_names(below[0]) and not any(cell.startswith(" ") for row in below for cell in row[1:])


def _names_groups(row: Cells, below: Cells, columns: int) -> bool:
    """A row that names groups of the columns named below it: texts or years, beginning after the first column."""
    cells = [(index, cell) for index, cell in enumerate(row) if cell.strip()]
    if len(row) != columns or columns < 3 or len(cells) < 2 or cells[0][0] == 0:
        return False
    named = all(cell_type(cell) in ("word", "text") for cell in below if cell.strip())
    return named and all(cell_type(cell) in ("word", "text", "number") for _, cell in cells)


def _is_odd_header(row: Cells, body: Sequence[Cells], columns: int) -> bool:
    """A header with one field more or less than its table: R leaves out the row names', others end in a delimiter."""
    if columns < 3 or abs(len(row) - columns) != 1:
        return False
    texts = [cell_type(cell) in ("word", "text") for cell in row if cell.strip()]
    if len(texts) < columns - 1 or not all(texts):
        return False
    ends_blank = len(row) < columns and len(body) > 2 and not any(line[-1] for line in body if len(line) == columns)
    return ends_blank or any(cell_type(cell) in ("number", "date") for cell in body[0])


def filled(row: Cells) -> int:
    """How many cells hold something."""
    return sum(1 for cell in row if cell.strip())


def could_be_names(row: Cells) -> bool:
    """Whether all cells are different words or texts."""
    cells = [cell.strip() for cell in row]
    named = all(cell and cell_type(cell) in ("word", "text", "odd") for cell in cells)
    return named and len(set(cells)) == len(cells)
