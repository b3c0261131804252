"""What a polluted file must bring back, and whether a reader brought it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What stands between two others: a sound record, or damage.

    Damage (``rejects`` is not None) may come back as one of ``others``, or be rejected, which costs between
    ``rejects[0]`` and ``rejects[1]`` counted rows.
    """

    cells: Cells
    rejects: tuple[int, int] | None = None
    others: tuple[Cells, ...] = ()


@dataclass(frozen=True)
class Truth:
    """What must come back; ``header`` is None where the file names no columns."""

    header: Cells | None
    records: tuple[Record, ...]

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.header) if self.header is not None else len(self.records[0].cells)


@dataclass(frozen=True)
class Polluted:
    """A file, the pollution it suffers from, and its truths: any of them is right."""

    kind: str
    table: str
    data: bytes = field(repr=False)
    truths: tuple[Truth, ...] = field(repr=False)
    refusals: tuple[str, ...] = ()
    """Codes with which a refusal is as right."""
    suffix: str = ".csv"


@dataclass(frozen=True)
class Loaded:
    """What a reader made of a file. ``rejected`` is None for one that does not count."""

    header: Cells | None
    rows: Sequence[Cells]
    rejected: int | None = None


@dataclass(frozen=True)
class Table:
    """A clean table."""

    name: str
    header: Cells
    rows: tuple[Cells, ...]


def right(loaded: Loaded, truths: Sequence[Truth]) -> bool:
    """Whether ``loaded`` is exactly what one of ``truths`` says."""
    return any(_same_header(loaded.header, truth.header) and _same_records(loaded, truth) for truth in truths)


def _same_header(found: Cells | None, expected: Cells | None) -> bool:
    if found is None or expected is None:
        return found == expected
    # Who renames blank and repeated names does nothing wrong.
    free = {index for index, name in enumerate(expected) if not name.strip() or expected.count(name) > 1}
    return len(found) == len(expected) and all(
        index in free or " ".join(a.split()) == " ".join(b.split())
        for index, (a, b) in enumerate(zip(found, expected, strict=True))
    )


def _same_records(loaded: Loaded, truth: Truth) -> bool:
    position = low = high = 0
    rows = loaded.rows
    for record in truth.records:
        row = rows[position] if position < len(rows) else None
        allowed = (record.cells, *record.others) if record.rejects is None else record.others
        if row is not None and any(_same_cells(row, cells) for cells in allowed):
            position += 1
        elif record.rejects is None:
            return False
        else:
            low += record.rejects[0]
            high += record.rejects[1]
    return position == len(rows) and (loaded.rejected is None or low <= loaded.rejected <= high)


def _same_cells(found: Cells, expected: Cells) -> bool:
    return len(found) == len(expected) and all(
        a == b or _same_value(a, b) for a, b in zip(found, expected, strict=True)
    )


def _same_value(found: str, expected: str) -> bool:
    """Whether a typed value, printed, is what the text says."""
    if found in ("true", "false"):
        return found == expected.casefold()
    try:
        return float(found) == float(expected) and expected == expected.strip()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(found) == _moment(expected)
    except ValueError:
        return False


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        day, month, year = text.split(".")
        return datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}")
