"""Tables that are drawn for the eye: blanks beside the delimiters, and borders around the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from udb_pipelines.detection.dialect import COMMON, QUOTED, SCORED_CHARACTERS, cut

PADDED = 0.95
ALIGNED = 0.85
BORDERED = 0.9


def is_padded(text: str, delimiter: str) -> bool:
    """Whether blanks set values apart and are no part of them.

    They stand beside nearly all delimiters, or fill values up so that the delimiters stand below each other.
    """
    if delimiter in (" ", "\t", "\x00"):
        return False
    bare = QUOTED.sub("q", cut(text, SCORED_CHARACTERS))
    mark = re.escape(delimiter)
    total = bare.count(delimiter) - len(re.findall(rf"{mark}[\r\n]", bare))
    beside = len(re.findall(rf"{mark}[ \t]", bare)), len(re.findall(rf"[ \t]{mark}(?![\r\n])", bare))
    return total > 1 and (
        max(beside) >= PADDED * total or (sum(beside) > 0 and _is_aligned(cut(text, SCORED_CHARACTERS), delimiter))
    )


def _is_aligned(text: str, delimiter: str) -> bool:
    """Whether the delimiters of nearly all lines that have some stand at the same places, blanks before them."""
    lines = [line for line in text.splitlines() if delimiter in line]
    places = Counter(tuple(found.start() for found in re.finditer(re.escape(delimiter), line)) for line in lines)
    (_, most), *_ = places.most_common(1)
    filled = sum(f" {delimiter}" in line for line in lines)
    return len(lines) > 2 and min(most, filled) >= ALIGNED * len(lines)


def is_bordered(rows: Iterable[tuple[str, ...]], columns: int, delimiter: str) -> bool:
    """Whether the rows have a delimiter before their first and after their last field, as tables are drawn.

    Nobody draws with commas, semicolons and tabs: there the fields are empty.
    """
    if delimiter in COMMON[:3]:
        return False
    full = [row for row in rows if len(row) == columns]
    return columns > 2 and len(full) > 1 and sum(inner(row) is not row for row in full) >= BORDERED * len(full)


def inner(row: tuple[str, ...]) -> tuple[str, ...]:
    """The fields between the borders of a row; all of one that has none.

    >>> inner(("", "a", "b", " ")), inner(("a", "b", ""))
    (('a', 'b'), ('a', 'b', ''))
    """
    return row[1:-1] if len(row) > 2 and not row[0].strip() and not row[-1].strip() else row
