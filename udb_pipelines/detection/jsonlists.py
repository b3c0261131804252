"""JSON records that are lists instead of objects: how wide they are, and what their places are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from udb_pipelines.detection.header import find_layout

Json = None | bool | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Places:
    """The names of a list's places; all empty where nothing names them."""

    names: tuple[str, ...]
    header_rows: int
    """1 when the first list holds them."""
    beside: int = 0
    """How many of them stand in a list beside the records."""


def row_width(rows: Sequence[Json]) -> int:
    """Values of each of ``rows`` when all are lists of equally many plain values, two or more; else 0.

    >>> row_width([["id", "name"], ["1", "ann"]]), row_width([["1"], ["2"]]), row_width([["1", ["2"]], ["3", "4"]])
    (2, 0, 0)
    """
    widths = {len(row) if isinstance(row, list) and not _nests(row) else 0 for row in rows}
    width = widths.pop() if len(widths) == 1 else 0
    return width if width > 1 and len(rows) > 1 else 0


def places(rows: Sequence[Json], width: int, document: Mapping[str, Json] | None) -> Places:
    """Name the places: by a list of texts beside the records, else by the first list if it is a header."""
    for names in _lists(document or {}):
        if len(names) == width and len(set(names)) == width:
            return Places(tuple(names), 0, width)
    shown = [tuple("" if cell is None else str(cell) for cell in row) for row in rows if isinstance(row, list)]
    layout = find_layout(shown, width, start=0, whole=False)
    named = layout.header_rows == 1 and isinstance(rows[0], list) and all(isinstance(cell, str) for cell in rows[0])
    return Places(layout.names if named else ("",) * width, int(named))


def _nests(row: Sequence[Json]) -> bool:
    return any(isinstance(value, list | dict) for value in row)


def _lists(document: Mapping[str, Json]) -> Iterator[list[str]]:
    """Lists of texts in a document, at any depth of objects."""
    for value in document.values():
        if isinstance(value, dict):
            yield from _lists(value)
        elif isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            yield [item for item in value if isinstance(item, str)]
