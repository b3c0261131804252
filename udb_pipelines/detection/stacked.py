"""Several tables in one text or sheet, one below the other or side by side: where each begins and ends.

Only what is clear is told apart: tables that something blank or a title separates, each under names that contrast with
the values below them, and none the continuation of the one before. Anything else stays one table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from udb_pipelines.detection.header import find_layout
from udb_pipelines.detection.tablestart import Cells
from udb_pipelines.models import Area

SURE = 0.8
"""How sure a header must be to begin a table of its own."""
REGULAR = 0.9
COVERED = 0.9
MAX_TABLES = 50
FORM_ROWS = 2
LABELLED = 2
"""Columns of what is no table but labels, each with its value."""


@dataclass(frozen=True)
class Row:
    """Cells, and the physical lines ``first`` to ``end`` (not included) that they stand on, counted from 0."""

    cells: Cells
    first: int
    end: int

    @property
    def filled(self) -> int:
        """Cells that hold something."""
        return sum(bool(cell.strip()) for cell in self.cells)


@dataclass(frozen=True)
class Block:
    """Rows of a table of its own, header included."""

    first: int
    end: int
    width: int
    names: tuple[str, ...]
    rows: int
    sure: bool
    """Its header leaves no doubt."""


@dataclass(frozen=True)
class Stack:
    """What was found: ``clear`` when the tables can be told apart."""

    blocks: tuple[Block, ...]
    clear: bool


def find_stack(rows: Sequence[Row]) -> Stack | None:
    """The tables among ``rows``; None when there is one, or none."""
    blocks: list[Block] = []
    covered = several = 0
    for part in _parts(rows):
        several += len(part) if len(part) > 1 else 0
        block = _block(part)
        if block is None:
            continue
        covered += len(part)
        if blocks and _continues(blocks[-1], block):
            blocks[-1] = _joined(blocks[-1], block)
        else:
            blocks.append(block)
    if sum(block.rows > 1 for block in blocks) < 2:
        return None
    clear = len(blocks) <= MAX_TABLES and all(block.sure and block.rows for block in blocks)
    clear = clear and covered >= COVERED * several
    return Stack(tuple(blocks), clear)


def _parts(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows without anything blank, or a title, between them."""
    parts: list[list[Row]] = [[]]
    for index, row in enumerate(rows):
        apart = index == 0 or row.first > rows[index - 1].end
        if apart or not row.filled:
            parts.append([])
        if _is_title(rows, index, apart):
            parts.append([])
        elif row.filled:
            parts[-1].append(row)
    return [part for part in parts if part]


def _is_title(rows: Sequence[Row], index: int, apart: bool) -> bool:
    """Whether a row of one field stands above a table, and is no damaged row of the table it is in."""
    if len(rows[index].cells) != 1 or index + 1 == len(rows):
        return False
    above, below = rows[index - 1], rows[index + 1]
    return apart or (len(below.cells) != len(above.cells) and below.first == rows[index].end)


def _block(part: Sequence[Row]) -> Block | None:
    """The rows as a table; None for rows of a single field, a single row, and labels with their values."""
    wide = [row for row in part if len(row.cells) > 1]
    widths = Counter(len(row.cells) for row in wide)
    width, count = widths.most_common(1)[0] if wide else (0, 0)
    damaged = len(wide) - count
    if len(wide) < 2 or damaged > max(1 if count > 3 else 0, (1 - REGULAR) * len(wide)) or 2 * len(wide) < len(part):
        return None
    cells = [row.cells for row in part if len(row.cells) == width]
    if width == LABELLED and all(row[0].rstrip().endswith(":") for row in cells):
        return None
    layout = find_layout(cells, width, None, 0, whole=False)
    names = layout.names if layout.header_rows else ()
    sure = layout.header_rows > 0 and layout.confidence >= SURE and len(set(names)) == len(names)
    return Block(part[0].first, part[-1].end, width, names, len(part) - layout.header_rows, sure)


def _continues(above: Block, below: Block) -> bool:
    """Whether the block goes on with the one above it: as wide, and without names, or with the same ones."""
    return above.width == below.width and (not below.names or not below.sure or below.names == above.names)


def _joined(above: Block, below: Block) -> Block:
    return Block(above.first, below.end, above.width, above.names, above.rows + below.rows, above.sure)


# --- sheets ---------------------------------------------------------------------------------------------


def find_areas(grid: Sequence[Cells]) -> tuple[tuple[Area, ...], bool]:
    """The tables of a sheet, side by side or one below the other, and whether they are clear; none when there is one.

    ``grid`` are all rows of the used area, equally long.
    """
    areas: list[Area] = []
    clear = True
    for first, end in _column_groups(grid):
        rows = _grid_rows(grid, first, end)
        stack = find_stack(rows) or _single(rows)
        clear = clear and stack is not None and stack.clear
        areas += [
            Area(first_row=block.first, end_row=block.end, first_column=first, end_column=first + block.width)
            for block in (stack.blocks if stack else ())
        ]
    # A row or two of a form have gaps as well.
    clear = clear and all(area.end_row - area.first_row > FORM_ROWS for area in areas)
    return (tuple(areas), clear) if len(areas) > 1 else ((), False)


def _single(rows: Sequence[Row]) -> Stack | None:
    blocks = [block for part in _parts(rows) if (block := _block(part)) is not None]
    return Stack(tuple(blocks), blocks[0].sure) if len(blocks) == 1 else None


def _column_groups(grid: Sequence[Cells]) -> list[tuple[int, int]]:
    """Stretches of columns that hold something, parted by columns that hold nothing."""
    used = [any(cells) for cells in zip(*grid, strict=True)]
    starts = [index for index, use in enumerate(used) if use and not (index and used[index - 1])]
    return [(start, next((i for i in range(start, len(used)) if not used[i]), len(used))) for start in starts]


def _grid_rows(grid: Sequence[Cells], first: int, end: int) -> list[Row]:
    """The rows of a stretch of columns, each as wide as the rows it stands among; a title has one cell."""
    rows: list[Row] = []
    block: list[tuple[int, Cells]] = []
    for index, cells in enumerate([*grid, ()]):
        own = tuple(cells[first:end])
        if any(own):
            block.append((index, own))
            continue
        width = max((len(_trimmed(row)) for _, row in block), default=0)
        for number, row in block:
            title = len(_trimmed(row)) == 1 and width > 1 and number == block[0][0]
            rows.append(Row(row[:1] if title else row[:width], number, number + 1))
        block = []
    return rows


def _trimmed(row: Cells) -> Cells:
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return row[:end]
