"""How things look: tables, numbers, durations. Colours and boxes on a terminal, plain aligned text otherwise."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
"""Exit code of a command that was stopped: 128 + SIGINT, as shells expect."""

KEY_LETTERS = 8
"""How much of an id is shown where there is no room for it."""

VERDICT_STYLES = {"PASS": "green", "WARN": "yellow", "FAIL": "red", "ERROR": "red"}
VERDICT_MARKS = {"PASS": "✓", "WARN": "▲", "FAIL": "✗", "ERROR": "✗"}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    ``styles`` gives a style for certain values; ``wrap`` lets long text break; ``key`` marks ids, whose first
    letters tell them apart where a terminal is too narrow for all of them.
    """

    title: str
    align: Literal["left", "right"] = "left"
    styles: dict[str, str] | None = None
    wrap: bool = False
    key: bool = False


def on_terminal() -> bool:
    """Whether somebody reads stdout as it is written."""
    return sys.stdout.isatty()


def console(stderr: bool = False) -> Console:
    """A rich console on stdout or stderr."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    print_line(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_line(text: str = "") -> None:
    """One plain line on stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """One plain line on stderr: about the answer, not part of it."""
    sys.stderr.write(text + "\n")


def print_paths(label: str, paths: Iterable[Path]) -> None:
    """One path per line behind ``label``, as short as it can be; to be clicked on a terminal.

    Never in a table: a path that is broken over two lines can be neither clicked nor copied.
    """
    for path in paths:
        shown = shortest(path)
        if on_terminal():
            shown = f"\x1b]8;;{path.absolute().as_uri()}\x1b\\{shown}\x1b]8;;\x1b\\"
        print_line(f"{label}  {shown}")


def shortest(path: Path) -> str:
    """``path`` from the current folder if that is shorter, else as it is."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return str(path)
    return relative if len(relative) < len(str(path)) else str(path)


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout."""
    content = [list(row) for row in rows]
    if not on_terminal():
        for line in plain_table(columns, content):
            print_line(line)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    screen = console()
    if _table_width(columns, content) > screen.width:
        content = [
            [cell[:KEY_LETTERS] if column.key else cell for column, cell in zip(columns, row, strict=True)]
            for row in content
        ]
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(
            column.title, justify=column.align, no_wrap=not column.wrap, overflow="fold" if column.wrap else "ellipsis"
        )
    for row in content:
        cells = zip(columns, row, strict=True)
        table.add_row(*(Text(cell, style=(column.styles or {}).get(cell, "")) for column, cell in cells))
    screen.print(table)


def _table_width(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """Cells of the whole table with three between the columns."""
    return sum(
        max(width(text) for text in (column.title, *(row[place] for row in rows))) + 3
        for place, column in enumerate(columns)
    )


def plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of aligned text, nothing cut off."""
    everything = [[column.title for column in columns], *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(width(row[index]) for row in everything) for index in range(len(columns))]
    return ["  ".join(map(_aligned, columns, row, widths)).rstrip() for row in everything]


def width(text: str) -> int:
    """Cells that ``text`` takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _aligned(column: Column, cell: str, wide: int) -> str:
    space = " " * (wide - width(cell))
    return space + cell if column.align == "right" else cell + space


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def number(count: float) -> str:
    """``1234567`` as ``1,234,567``."""
    return f"{count:,}"


def moment(time: datetime | None) -> str:
    """A point in time, in the reader's own zone."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""
