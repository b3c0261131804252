"""Where the table starts and ends inside a delimited text or a sheet, and which of its rows are names.

A header is found by contrast: its cells are of another type than the cells below them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from udb_pipelines.detection.celltypes import DOMINANT, CellType, cell_type, dominant
from udb_pipelines.detection.tablestart import BODY_ROWS, Cells, could_be_names, filled, start_of
from udb_pipelines.detection.units import are_units

TYPED: tuple[CellType, ...] = ("number", "date", "flag", "special")
MAX_HEADER_ROWS = 3
MAX_FOOTER_ROWS = 30
RULE = re.compile(r"\s*([-_=*])\1{3,}\s*")
FEW_NOTES = 3
"""Notes that a delimiter cuts into equally many fields, at the most."""
LONG = 12
"""Characters of a value, all equally long, that names hardly have by chance: hashes, keys."""
MARKS = "/\\@:"
MARKED = 0.9
USUAL_NAMES = frozenset({
    "id", "name", "code", "type", "date", "time", "year", "month", "day", "title", "value", "amount", "price",
    "total", "status", "state", "city", "country", "address", "email", "phone", "description", "category",
    "label", "key", "count", "number", "no", "user", "first_name", "last_name", "gender", "sex", "age", "url",
    "lat", "lon", "latitude", "longitude", "comment", "notes", "text", "language", "currency", "region",
    "zip", "nom", "prenom", "ville", "pays", "datum", "betrag", "ort", "nombre", "fecha", "ciudad", "pais",
    "nome", "data", "cidade", "citta",
})  # fmt: skip
"""Words that name columns more often than they fill them."""


@dataclass(frozen=True)
class Layout:
    """Indices into the rows given: the table is ``rows[start:end]`` and begins with ``header_rows`` names."""

    start: int
    end: int
    header_rows: int
    names: tuple[str, ...]
    """One per column; empty strings where the source has none. All empty without a header."""
    confidence: float
    units: tuple[str, ...] = ()
    """One per column, where the last header row holds units; they are no part of the names."""


def find_layout(
    rows: Sequence[Cells],
    columns: int,
    header_rows: int | None = None,
    start: int | None = None,
    *,
    whole: bool = True,
    apart: Collection[int] = (),
) -> Layout:
    """Find preamble, header and footer among ``rows`` of a table that has ``columns`` fields.

    ``header_rows`` and ``start`` are kept when given. Footers are only looked for in a whole table; ``apart`` are the
    rows that stand below a blank line.
    """
    if start is None:
        start = start_of(rows, columns)
    end = min(_end(rows, columns, start), _notes(rows, columns, start, apart)) if whole else len(rows)
    table = rows[start:end]
    confidence = 1.0
    units: Cells = ()
    if header_rows is None:
        units = table[1] if len(table) > 2 and are_units(table[1], table[2:], columns) else ()
        header_rows, confidence = _header_rows([table[0], *table[2:]] if units else table, columns)
        units = units if header_rows == 1 else ()
        if not header_rows and start > 0 and _is_sparse_header(rows[start - 1], columns):
            start, header_rows, table = start - 1, 1, rows[start - 1 : end]
    names = _names([table[0], *table[2:]] if units else table, header_rows, columns)
    return Layout(start, end, header_rows + bool(units), names, confidence, units)


def narrow_header(rows: Sequence[Cells], start: int, columns: int) -> bool:
    """Whether the row above the table is its header and has too few names: the rows below hold stray delimiters."""
    if not 0 < start < len(rows):
        return False
    above = rows[start - 1]
    words = all(cell_type(cell) in ("word", "flag") for cell in above)
    below = rows[start : start + BODY_ROWS]
    return 1 < len(above) < columns and words and all(len(row) > len(above) for row in below)


def is_name_list(rows: Sequence[Cells]) -> bool:
    """Whether two fields are rather one name, last and first: a blank after every comma, capitals, nothing typed.

    A line of names above, written without the blank or in small letters, says that they are two columns; a single
    word above names the one.
    """
    headed = bool(rows) and len(rows[0]) == 1
    body = rows[1:] if headed else rows
    if len(body) < 2 or any(len(row) != 2 for row in body):
        return False
    return all(_is_name(row[0]) and row[1].startswith(" ") and _is_name(row[1].strip()) for row in body)


def _is_name(cell: str) -> bool:
    known = cell.strip().casefold() in USUAL_NAMES
    return not known and cell[:1].isupper() and cell_type(cell) in ("word", "text") and not re.search(r"\d", cell)


def uncommented(names: tuple[str, ...], above: Sequence[Cells]) -> tuple[str, ...]:
    """``names`` without the mark of a comment that they stand in.

    Comments above them say that it is one; without any, a blank after the mark and one word do.

    >>> uncommented(("# id", "name"), ()), uncommented(("# of items", "name"), ()), uncommented(("#CHROM",), [("##v",)])
    (('id', 'name'), ('# of items', 'name'), ('CHROM',))
    """
    commented = bool(above) and all(row[0].startswith("#") for row in above)
    found = re.fullmatch(r"#+\s*(\w.*)" if commented else r"#+\s+(\w+)", names[0]) if names else None
    return (found[1], *names[1:]) if found else names


def true_width(rows: Sequence[Cells], columns: int) -> int:
    """``columns``, or the width of a row above the table that must be its header: wider, and made of single words.

    Preamble is narrower than its table; a wider row of names says that the rows below it lack fields.
    """
    for row in rows[: start_of(rows, columns)]:
        words = sum(cell_type(cell) == "word" for cell in row)
        if len(row) > columns and words == filled(row) >= max(2, 0.6 * len(row)):
            return len(row)
    return columns


def _is_sparse_header(row: Cells, columns: int) -> bool:
    """Names over a few columns only, taken for preamble until the rows below turned out to have no others."""
    cells = [cell for cell in row if cell.strip()]
    return len(row) == columns > 1 and bool(cells) and all(cell_type(cell) in ("word", "text") for cell in cells)


def _end(rows: Sequence[Cells], columns: int, start: int) -> int:
    """Rows at the end that begin with one of a single field and have few: notes, sources, totals.

    A field like those of the first column may be a row that was cut off; it stays, to be rejected and seen.
    """
    end = len(rows)
    first = dominant([row for row in rows[start + 1 :][:BODY_ROWS] if len(row) == columns], 0)
    while end > start + 2 and columns > 2 and len(rows[end - 1]) <= max(1, columns // 3):
        cell = rows[end - 1][0]
        if len(rows[end - 1]) == 1 and ((first in TYPED and cell_type(cell) == first) or _holds_fields(cell, columns)):
            break
        end -= 1
    while end < len(rows) and len(rows[end]) > 1:
        end += 1
    if end == len(rows):
        end -= _contradicting(rows[start:end], columns)
    return end if len(rows) - end <= MAX_FOOTER_ROWS else len(rows)


def _notes(rows: Sequence[Cells], columns: int, start: int, apart: Collection[int]) -> int:
    """Where notes begin that a blank line or a rule sets apart from the table: not one of them is as wide as it."""
    first = dominant([row for row in rows[start + 1 :][:BODY_ROWS] if len(row) == columns], 0)
    for index in range(max(start + 3, len(rows) - MAX_FOOTER_ROWS), len(rows)):
        ruled = len(rows[index]) == 1 and RULE.fullmatch(rows[index][0])
        notes = rows[index:]
        if (ruled or index in apart) and all(_is_note(row, columns, first) for row in notes):
            # Many rows of one width are another table.
            even = Counter(len(row) for row in notes if len(row) > 1)
            return len(rows) if max(even.values(), default=0) > FEW_NOTES else index
    return len(rows)


def _is_note(row: Cells, columns: int, first: CellType | None) -> bool:
    """A row that is no damaged record: narrower, not begun like one; or a sentence with blanks after its marks."""
    sentence = any(cell.startswith(" ") for cell in row[1:])
    begun = first in TYPED and cell_type(row[0]) == first
    return len(row) != columns and not begun and (len(row) < columns or sentence)


def _contradicting(table: Sequence[Cells], columns: int) -> int:
    """Rows at the end, one or two, that are a sentence with a delimiter: not a cell is what its column is."""
    body = [row for row in table[1:-1][:BODY_ROWS] if len(row) == columns]
    kinds = [dominant(body, index) for index in range(columns)] if len(body) > 2 else []
    if len(kinds) < 2 or not all(kind in ("number", "date") for kind in kinds):
        return 0
    odd = [len(row) == columns and all(cell_type(cell) in ("text", "word") for cell in row) for row in table[-2:]]
    return 0 if not odd[-1] else 1 + odd[0]


def _holds_fields(cell: str, columns: int) -> bool:
    """Whether a lone field is a whole row, written in another dialect."""
    return any(cell.count(mark) >= columns - 1 for mark in ",;\t|")


def _header_rows(table: Sequence[Cells], columns: int) -> tuple[int, float]:
    """How many rows of names the table begins with, and how sure that is."""
    if not table:
        return 0, 0.5
    # Where files were put one below the other the header comes again; that is not a value that comes back.
    below = [row for row in table[1 : BODY_ROWS + 1] if row != table[0] or len(set(row)) == 1]
    body = [row for row in below if len(row) == columns] or [(*row, *[""] * columns)[:columns] for row in below]
    if not body:
        return int(could_be_names(table[0])), 0.6
    votes = _votes(table[0], body, columns)
    if votes <= 0:
        return 0, _sure(votes)
    count = 1
    while count < MAX_HEADER_ROWS and _continues(table, count, columns):
        count += 1
    return count, _sure(votes)


def _sure(votes: float) -> float:
    return min(1.0, 0.6 + abs(votes) / 5)


def _votes(first: Cells, body: Sequence[Cells], columns: int) -> float:
    """Sum of the columns' opinions on whether the first row names them; positive for yes."""
    votes = sum(_vote(cell, [row[index] for row in body]) for index, cell in enumerate(first[:columns]))
    if _are_periods(first):
        votes += sum(cell_type(cell) == "number" for cell in first) + 1
    cells = [cell.strip().casefold() for cell in first if cell.strip()]
    # Most tables have a header; without any sign for or against one, a row of distinct texts is taken for it.
    votes += 0.3 if could_be_names(first) else 0.0
    if len(set(cells)) < len(cells):
        votes -= 0.3
    if len(cells) < len(first) / 2:
        votes -= 0.3
    return votes


def _vote(cell: str, below: Sequence[str]) -> float:
    kinds = Counter(kind for kind in map(cell_type, below) if kind != "empty")
    kind = cell_type(cell)
    total = sum(kinds.values())
    if not total or kind == "empty":
        return 0.0
    usual, count = kinds.most_common(1)[0]
    if count < DOMINANT * total or usual not in TYPED:
        return _text_vote(cell, kind, below)
    if kind == usual:
        return -1.0
    # A word that means "no value" may stand in any row of data; a number over flags or dates may not.
    return {"flag": 0.0, "number": 0.5, "date": 0.5}.get(kind, 1.0)


def _text_vote(cell: str, kind: CellType, below: Sequence[str]) -> float:
    """A column of texts tells little: names rarely come back below, and are rarely numbers or dates."""
    if cell.strip().casefold() in USUAL_NAMES and cell not in below:
        return 0.5
    if kind in ("number", "date", "special"):
        return -0.6
    if cell in below:
        return -0.6
    if vote := _mark_vote(cell, below):
        return vote
    lengths = {len(other) for other in below if other.strip()}
    if len(lengths) == 1 and len(below) > 2:
        return (-0.3 if len(cell) < LONG else -0.8) if len(cell) in lengths else 0.5
    return 0.1


def _mark_vote(cell: str, below: Sequence[str]) -> float:
    """Paths, addresses and times have marks that names have not."""
    filled = [other for other in below if other.strip()]
    for mark in MARKS:
        if len(filled) > 2 and sum(mark in other for other in filled) >= MARKED * len(filled):
            return -0.5 if mark in cell else 0.4
    return 0.0


def _are_periods(row: Cells) -> bool:
    """A label, then years in a row: the header of a wide table."""
    numbers = [cell.strip() for cell in row if cell_type(cell) == "number"]
    years = [int(cell) for cell in numbers if cell.isascii() and cell.isdigit() and 1800 <= int(cell) <= 2200]
    rising = [later > earlier for earlier, later in pairwise(years)]
    return len(years) == len(numbers) >= 2 and len(set(rising)) == 1 and cell_type(row[0]) != "number"


def _continues(table: Sequence[Cells], index: int, columns: int) -> bool:
    """Whether row ``index`` is a further row of names: texts in at least two columns that are numbers below."""
    body = [row for row in table[index + 1 : index + BODY_ROWS] if len(row) == columns]
    row = table[index] if index < len(table) else ()
    if len(row) != columns or len(body) < 2:
        return False
    numeric = [column for column in range(columns) if dominant(body, column) in ("number", "date")]
    texts = sum(cell_type(row[column]) in ("word", "text", "odd") for column in numeric)
    typed = sum(cell_type(row[column]) in TYPED for column in numeric)
    return len(numeric) >= 2 and texts >= max(2, len(numeric) / 2) and not typed


def _names(table: Sequence[Cells], header_rows: int, columns: int) -> tuple[str, ...]:
    if not header_rows:
        return ("",) * columns
    rows = [_fitted(row, table[header_rows:], columns) for row in table[:header_rows]]
    upper = [_carried(row) for row in rows[:-1]]
    return tuple(" ".join(filter(None, parts)) for parts in zip(*upper, rows[-1], strict=True))


def _fitted(row: Cells, body: Sequence[Cells], columns: int) -> list[str]:
    cells = [" ".join(cell.split()) for cell in row]
    if len(cells) >= columns:
        return cells[:columns]
    missing = [""] * (columns - len(cells))
    last_is_empty = all(not r[-1].strip() for r in body if len(r) == columns)
    return cells + missing if last_is_empty or len(missing) > 1 else missing + cells


def _carried(row: Sequence[str]) -> list[str]:
    """Group names span the empty cells to their right."""
    out: list[str] = []
    for cell in row:
        out.append(cell or (out[-1] if out else ""))
    return out
