"""Columns of fixed width: where each begins and ends, found by what stays blank all the way down.

A gap of two blanks and more parts columns; a single blank does where the text beside it begins, or ends, at the same
place in nearly every line. A line of dashes below the header says it outright.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from udb_pipelines.detection.celltypes import cell_type
from udb_pipelines.detection.dialect import TYPE_WEIGHT
from udb_pipelines.detection.header import find_layout
from udb_pipelines.detection.tablestart import Cells

Span = tuple[int, int | None]

MOST = 0.9
FILLED = 0.6
OFTEN = 0.2
GLANCE = 200
"""Lines that tell where a table begins."""
TOLERATED = 40
"""Of so many lines, one may have text where the others have a gap."""
FEW = 8
"""Lines below which words of one length stand below each other by chance."""
MAX_PREAMBLE = 12
MAX_FOOTER = 5
LOOKED_AT = 1000
BELIEF = 0.95
"""A delimiter that explains the text as well is believed rather."""
ACCEPTED_SCORE = 0.25
RULER = re.compile(r"\s*[-=_]{2,}(?:[ +|]+[-=_]{2,})*\s*")
"""A line of dashes; also as it stands below or above a whole table. Python's and RE2's in one."""
PARTED = re.compile(r"\S {2,}\S")
GAP = re.compile(r"[^ ]* +[^ ]*")
"""What may stand between two columns: blanks, and text that touches one of them."""
COUNT_LINE = re.compile(r"\(?\d+ (?:rows?|records?|lines?|entries)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class FixedWidth:
    """A reading of lines as columns of fixed width."""

    spans: tuple[Span, ...]
    skip_rows: int
    """Physical lines before the header."""
    header_rows: int
    footer_rows: int
    """Lines with text after the table."""
    names: tuple[str, ...]
    rows: int
    """Records among the lines."""
    share: float
    """Share of the lines that no boundary cuts through."""
    types: float
    """Mean weight of the cells' types, 0 to 1."""
    score: float
    """Comparable with that of a delimited reading."""
    ruled: bool
    """Said by a line of dashes."""
    units: tuple[str, ...] = ()
    """One per column, where a row below the names holds units."""


def find_fixed_width(
    lines: Sequence[str], *, header_rows: int | None = None, skip_rows: int | None = None, whole: bool = True
) -> FixedWidth | None:
    """The columns of ``lines`` (all physical lines of a text), or None when no boundaries hold all the way down."""
    lines = [line.rstrip() for line in lines[:LOOKED_AT]]
    ruled = any(_is_parted_ruler(line) for line in lines[: MAX_PREAMBLE + 4])
    if not ruled and sum(bool(PARTED.search(line)) for line in lines) < OFTEN * len(lines):
        return None
    start = skip_rows if skip_rows is not None else _first(lines)
    if start is None or any("\t" in line for line in lines[start:]):
        return None
    ruler = next((index for index in range(start, min(start + 4, len(lines))) if _is_parted_ruler(lines[index])), None)
    end = _end(lines, start) if whole else len(lines)
    body = [line for line in lines[start:end] if line.strip() and not RULER.fullmatch(line)]
    if len(body) < 2:
        return None
    if ruler is not None:
        spans = _spans_of_ruler(lines[ruler])
        header_rows = header_rows if header_rows is not None else _named_by_rulers(lines, start, ruler)
    else:
        spans = _named(_aligned(_runs(body), body), body)
    if len(spans) < 2 or _is_parted(body, spans):
        return None
    return read_as(lines, spans, header_rows=header_rows, skip_rows=start, end=end, ruled=ruler is not None)


def read_as(
    lines: Sequence[str],
    spans: tuple[Span, ...],
    *,
    header_rows: int | None = None,
    skip_rows: int = 0,
    end: int | None = None,
    ruled: bool = False,
) -> FixedWidth:
    """``lines`` cut at known places: what that makes of them."""
    end = len(lines) if end is None else end
    body = [line for line in lines[skip_rows:end] if line.strip() and not RULER.fullmatch(line)]
    rows = [cut(line, spans) for line in body]
    layout = find_layout(rows, len(spans), header_rows, 0, whole=False)
    data = body[layout.header_rows :]
    share = sum(not straddles(line, spans) for line in data) / len(data) if data else 1.0
    types = _types(rows[layout.header_rows :])
    width = (len(spans) - 1) / len(spans)
    return FixedWidth(
        spans, skip_rows, layout.header_rows, sum(bool(line.strip()) for line in lines[end:]), layout.names, len(data),
        share, types, BELIEF * share * share * width * types * types, ruled, layout.units,
    )  # fmt: skip


def spans_of(widths: Sequence[int]) -> tuple[Span, ...]:
    """Adjoining columns of these widths.

    >>> spans_of((3, 5))
    ((0, 3), (3, 8))
    """
    ends = [sum(widths[: index + 1]) for index in range(len(widths))]
    return tuple(zip([0, *ends[:-1]], ends, strict=True))


def cut(line: str, spans: Sequence[Span]) -> Cells:
    """The cells of a line, without the blanks around them. Text in a gap belongs to the column it touches.

    >>> cut("ann  12345 x", ((0, 4), (7, 10), (11, None)))
    ('ann', '12345', 'x')
    """
    cells = []
    left = ""
    for (start, end), (following, _) in pairwise([*spans, (len(line) if spans[-1][1] is None else spans[-1][1], None)]):
        stop = len(line) if end is None else end
        gap = line[stop:following]
        mine, _, others = gap.partition(" ") if " " in gap else (gap, "", "")
        cells.append((left + line[start:stop] + mine).strip())
        left = others.rpartition(" ")[2]
    return tuple(cells)


def straddles(line: str, spans: Sequence[Span]) -> bool:
    """Whether text crosses a boundary of ``line``: a gap without a blank, or with text that touches no column.

    >>> straddles("ann 12345", ((0, 3), (4, None))), straddles("annabelle", ((0, 3), (4, None)))
    (False, True)
    """
    for (_, end), (start, _) in pairwise(spans):
        if end is not None and start > end and len(line) > start and not GAP.fullmatch(line[end:start]):
            return True
    last = spans[-1][1]
    return last is not None and bool(line[last:].strip())


# --- where the table begins and ends ----------------------------------------------------------------------


def _first(lines: Sequence[str]) -> int | None:
    """The first line of the table: it has text in most of the columns that the lines below it make."""
    for index, line in enumerate(lines[: MAX_PREAMBLE + 1]):
        below = [
            other for other in lines[index + 1 : index + 1 + GLANCE] if other.strip() and not RULER.fullmatch(other)
        ]
        if not line.strip() or not below:
            continue
        if _is_parted_ruler(line) or _is_parted_ruler(next(filter(str.strip, lines[index + 1 :]))):
            return index
        runs = _joined_below(line, _aligned(_runs(below), below))
        spans: list[Span] = [(0, runs[0][1]), *runs[1:-1], (runs[-1][0], None)]
        if len(runs) > 1 and not straddles(line, spans) and sum(map(bool, cut(line, spans))) >= FILLED * len(runs):
            return index
    return None


def _joined_below(line: str, runs: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """``runs`` joined where a name of ``line`` stands over the single blank between them.

    Words of one length leave such blanks. The line must name all columns that are left, with wide gaps between.
    """
    joined = [runs[0]]
    for start, end in runs[1:]:
        last = joined[-1]
        if start - last[1] == 1 and line[last[1] : start].strip():
            joined[-1] = (last[0], end)
        else:
            joined.append((start, end))
    names = re.split(r" {2,}", line.strip())
    return joined if 1 < len(joined) == len(names) else runs


def _end(lines: Sequence[str], start: int) -> int:
    """The line after the table: notes that stand apart, or say how many rows there were, are no rows."""
    last = len(lines)
    while last > start and not lines[last - 1].strip():
        last -= 1
    end = last
    while end > start + 2 and last - end < MAX_FOOTER and COUNT_LINE.fullmatch(lines[end - 1].strip()):
        end -= 1
    for index in range(max(start + 2, end - MAX_FOOTER), end):
        if not lines[index].strip() and all(not PARTED.search(line) for line in lines[index:end]):
            return index
    return end


def _is_parted_ruler(line: str) -> bool:
    return RULER.fullmatch(line) is not None and " " in line.strip()


def _named_by_rulers(lines: Sequence[str], start: int, ruler: int) -> int:
    """Header rows of a table with a ruler: lines above it, or between it and the next one where it is the first."""
    if any(lines[start:ruler]):
        return 1
    again = next((index for index in range(ruler + 2, min(ruler + 4, len(lines))) if RULER.fullmatch(lines[index])), 0)
    return sum(bool(line) for line in lines[ruler + 1 : again]) if again and any(lines[again + 1 :]) else 0


def _spans_of_ruler(line: str) -> tuple[Span, ...]:
    found: list[Span] = [match.span() for match in re.finditer(r"[-=_]+", line)]
    found[0] = (0, found[0][1])
    found[-1] = (found[-1][0], None)
    return tuple(found)


# --- what stays blank -------------------------------------------------------------------------------------


def _runs(body: Sequence[str]) -> list[tuple[int, int]]:
    """Stretches of positions at which lines have characters: more lines than a few, or the first."""
    counts = Counter(position for line in body for position, character in enumerate(line) if character != " ")
    counts.update(dict.fromkeys((i for i, character in enumerate(body[0]) if character != " "), len(body)))
    few = len(body) // TOLERATED
    filled = bytes(counts[position] > few for position in range(max(map(len, body))))
    return [match.span() for match in re.finditer(rb"\x01+", filled)]


def _aligned(runs: Sequence[tuple[int, int]], body: Sequence[str]) -> list[tuple[int, int]]:
    """``runs`` joined where a single blank parts them by chance.

    It does not where text begins or ends beside it in nearly all lines, or where the text to its left begins and the
    text to its right ends at one place each.
    """
    joined = [runs[0]]
    for run in runs[1:]:
        left = joined[-1]
        meet = max(_share(body, left[1] - 1), _share(body, run[0]))
        lean = min(_share(body, left[0]), _share(body, run[1] - 1))
        if run[0] - left[1] == 1 and max(meet, lean) < MOST:
            joined[-1] = (joined[-1][0], run[1])
        else:
            joined.append(run)
    return joined


def _share(body: Sequence[str], position: int) -> float:
    """Share of the lines that reach there and have a character at ``position``."""
    reaching = [line for line in body if len(line) > position]
    return sum(line[position] != " " for line in reaching) / len(body)


def _named(runs: Sequence[tuple[int, int]], body: Sequence[str]) -> tuple[Span, ...]:
    """Columns without a name, or without a value, joined with the neighbour that a single blank parts them from."""
    names = cut(body[0], runs)
    headed = find_layout([cut(line, runs) for line in body], len(runs), None, 0, whole=False).header_rows > 0
    few = not headed and len(body) < FEW
    joined: list[tuple[int, int]] = []
    pending: int | None = None
    last_named = max((index for index, name in enumerate(names) if name), default=len(runs) - 1)
    for index, (start, end) in enumerate(runs):
        begin = start if pending is None else pending
        pending = None
        near_left = bool(joined) and start - joined[-1][1] <= 1
        by_chance = few and near_left and not (_is_typed(body, joined[-1]) or _is_typed(body, (start, end)))
        near_right = index + 1 < len(runs) and runs[index + 1][0] - end <= 1
        hollow = headed and not any(line[start:end].strip() for line in body[1:])
        unnamed = headed and bool(joined) and (index > last_named or (near_left and (hollow or not names[index])))
        if unnamed or by_chance:
            joined[-1] = (joined[-1][0], end)
        elif hollow and near_right:
            pending = begin
        else:
            joined.append((begin, end))
    spans: list[Span] = list(joined)
    spans[0] = (0, joined[0][1])
    last = joined[-1]
    # Numbers that all end at one place say where the lines end; one that goes beyond has been pushed there.
    closed = len(body) >= FEW and {len(line) for line in body[1:]} == {last[1]} and _is_typed(body[1:], last)
    spans[-1] = (last[0] if len(joined) > 1 else 0, last[1] if closed else None)
    return tuple(spans)


def _is_typed(body: Sequence[str], run: tuple[int, int]) -> bool:
    kinds = [cell_type(line[run[0] : run[1]]) for line in body]
    return all(kind in ("number", "date", "flag", "special", "empty") for kind in kinds)


def _is_parted(lines: Sequence[str], spans: Sequence[Span]) -> bool:
    """Whether wide gaps are left inside a column in half of the lines; in the last one, also in its name."""
    columns = list(zip(*(cut(line, spans) for line in lines), strict=True))
    suspects = columns if PARTED.search(columns[-1][0]) else columns[:-1]
    return any(2 * sum(bool(PARTED.search(cell)) for cell in column) > len(lines) for column in suspects)


def _types(rows: Sequence[Cells]) -> float:
    cells = [cell for row in rows for cell in row]
    return sum(TYPE_WEIGHT[cell_type(cell)] for cell in cells) / len(cells) if cells else 0.0
