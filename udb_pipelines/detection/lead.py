r"""What people wrote above a table, where it is longer than the table, so that it would decide how the text is read.

Only what is clear: sentences above lines of numbers that the text ends with, or above the names of a delimited table
that a blank line sets apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from udb_pipelines.detection.celltypes import cell_type
from udb_pipelines.detection.dialect import COMMON

LEAST_LEAD = 10
LEAST_ROWS = 5
WORDY = 0.5
"""Share of the lines above that must read like prose."""
ALIKE = 0.2
"""Share of the lines above, at the most, that a delimiter cuts alike: more are a table."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_SENTENCE = re.compile(r"[^\W\d]{2,}[^,;|\t]* [^\W\d]{2,}|:\s")


@dataclass(frozen=True)
class Lead:
    """What stands above a table: ``lines`` to be skipped, and of lines of numbers, what their columns are."""

    lines: int
    widths: tuple[int, ...] = ()
    """Characters of each column of numbers; empty for a delimited table, which follows with its names."""
    names: tuple[str, ...] = ()
    """Names of the columns of numbers, where the last line that is skipped has one for each."""


def lead_of(lines: Sequence[str]) -> Lead | None:
    """What stands above the table; None where the text is better read as a whole.

    >>> prose = [f"This is sentence {n}, which says nothing." for n in range(20)]
    >>> lead_of([*prose, "Data: y  x", *["  1.5  2"] * 6]), lead_of([*prose, "", "id,name", *["1,ann"] * 6])
    (Lead(lines=21, widths=(5, 3), names=('y', 'x')), Lead(lines=21, widths=(), names=()))
    >>> lead_of(["id,name", *["1,ann"] * 30])
    """
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    found = _above_numbers(lines, end) or _above_names(lines, end)
    if found is None or found.lines < LEAST_LEAD:
        return None
    filled = [line for line in lines[: found.lines] if line.strip()]
    wordy = sum(_SENTENCE.search(line) is not None for line in filled)
    return found if wordy >= WORDY * len(filled) else None


def _above_numbers(lines: Sequence[str], end: int) -> Lead | None:
    """What stands above aligned lines of equally many numbers that the text ends with, their names included."""
    count = len(lines[end - 1].split()) if end else 0
    start = end
    while start and _are_numbers(lines[start - 1], count):
        start -= 1
    widths = _widths(lines[start:end]) if start and count and end - start >= LEAST_ROWS else ()
    if not widths:
        return None
    return Lead(start, widths, _names(lines[start - 1], count))


def _are_numbers(line: str, count: int) -> bool:
    cells = line.split()
    return len(cells) == count and all(map(_NUMBER.fullmatch, cells))


def _widths(lines: Sequence[str]) -> tuple[int, ...]:
    """Characters of each column, to where the longest number in it ends; empty where columns overlap."""
    places = [[match.span() for match in re.finditer(r"\S+", line)] for line in lines]
    columns = list(zip(*places, strict=True))
    ends = [max(end for _, end in column) for column in columns]
    starts = [min(start for start, _ in column) for column in columns]
    apart = all(start > end for start, end in zip(starts[1:], ends, strict=False))
    return tuple(end - before for before, end in zip([0, *ends], ends, strict=False)) if apart else ()


def _names(line: str, count: int) -> tuple[str, ...]:
    """The words of a line if there is one for each column, a label before them left out.

    >>> _names("Data:   y   x", 2), _names("y x", 2), _names("Observed y and x", 2)
    (('y', 'x'), ('y', 'x'), ())
    """
    words = line.split()
    words = words[1:] if len(words) == count + 1 and words[0].endswith(":") else words
    return tuple(words) if len(words) == count and all(re.match(r"[^\W\d]", word) for word in words) else ()


def _above_names(lines: Sequence[str], end: int) -> Lead | None:
    """What stands above the names of a delimited table that begins below the last blank line.

    The table is shorter than that: a longer one tells itself where it begins.
    """
    start = next((at for at in range(end - 1, 0, -1) if not lines[at - 1].strip()), 0)
    if not LEAST_ROWS < end - start < start:
        return None
    above = [line for line in lines[:start] if line.strip()]
    if any(_share_cut(above, mark) > ALIKE for mark in COMMON):
        return None
    for mark in COMMON:
        cells = lines[start].split(mark)
        even = len(cells) > 1 and all(line.count(mark) == len(cells) - 1 for line in lines[start:end])
        if even and all(cell_type(cell) in ("word", "text") for cell in cells):
            return Lead(start)
    return None


def _share_cut(lines: Sequence[str], mark: str) -> float:
    """Share of ``lines`` that ``mark`` cuts into the same number of parts; in sentences a blank follows it."""
    counts = Counter(len(re.findall(rf"{re.escape(mark)}(?! )", line)) for line in lines)
    del counts[0]
    return max(counts.values(), default=0) / len(lines)
