"""Why a row has too few or too many fields, where the evidence is clear.

Looks at rejected rows once the types of the columns are known. A delimiter that should have been quoted is found when
only one way of putting fields together fits all columns; an unquoted line end when two rows in a row make one that
fits. Where more than one explanation fits, none is given.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from udb_pipelines.connectors.candidates import CLOCK, NUMBER
from udb_pipelines.connectors.delimited.careful import Fields, FieldSplitter
from udb_pipelines.engine import quote_literal
from udb_pipelines.models import ColumnSchema, Dialect

MOST = 50_000
"""Rejected rows that are looked at."""
_SHAPES = {
    "BIGINT": re.compile(NUMBER),
    "DECIMAL": re.compile(NUMBER),
    "DOUBLE": re.compile(NUMBER),
    "BOOLEAN": re.compile("true|false", re.IGNORECASE),
    "DATE": re.compile(r"(?=.*\d.*\d)[\w /.,-]{8,18}"),
    "TIMESTAMP": re.compile(rf"(?=.*\d.*\d)[\w /.,-]{{8,18}}({CLOCK}|\d{{2}}:\d{{2}})\S*"),
}


@dataclass(frozen=True)
class _Row:
    key: int
    number: int
    raw: str
    fields: Fields


def explain(connection: duckdb.DuckDBPyConnection, dialect: Dialect, columns: Sequence[ColumnSchema]) -> None:
    """Give rejected rows of ``udb_rejects`` the code of what is wrong with them, where that is clear."""
    found = connection.execute(
        f"""SELECT rowid, "row", raw FROM udb_rejects WHERE code = 'E_JAGGED_ROW' ORDER BY rowid LIMIT {MOST}"""
    ).fetchall()
    splitter = FieldSplitter(dialect)
    rows = [_Row(key, number, raw, fields) for key, number, raw in found if (fields := _fields(splitter, raw))]
    shapes = [_SHAPES.get(column.type.partition("(")[0].partition(" ")[0]) for column in columns]
    told: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        place = _unquoted_delimiter(row.fields, shapes)
        if place is not None:
            told["E_UNQUOTED_DELIM", f"a delimiter in column {place + 1} is not quoted"].append(row.key)
    for first, second in pairwise(rows):
        if second.number == first.number + 1 and _one_record(first.fields, second.fields, shapes):
            reason = f"a line end in column {len(first.fields)} is not quoted"
            told["E_UNQUOTED_NEWLINE", reason] += [first.key, second.key]
    for (code, reason), keys in told.items():
        connection.execute(
            f"UPDATE udb_rejects SET code = {quote_literal(code)}, message = message || {quote_literal(f': {reason}')} "
            f"WHERE rowid IN ({', '.join(map(str, keys))})"
        )


def _fields(splitter: FieldSplitter, raw: str) -> Fields:
    try:
        return splitter.split(raw)
    except ValueError:
        return []


def _fits(fields: Fields, shapes: Sequence[re.Pattern[str] | None]) -> bool:
    pairs = zip(fields, shapes, strict=True)
    return all(shape is None or not field or shape.fullmatch(field) is not None for field, shape in pairs)


def _unquoted_delimiter(fields: Fields, shapes: Sequence[re.Pattern[str] | None]) -> int | None:
    """The column whose text was cut by delimiters; None when no column, or more than one, explains the row.

    >>> number = _SHAPES["BIGINT"]
    >>> _unquoted_delimiter(["1", "Miller", "Sons", "20"], [number, None, number])
    1
    >>> _unquoted_delimiter(["Paris", "Lyon", "Nice"], [None, None]) is None
    True
    """
    more = len(fields) - len(shapes)
    if more <= 0:
        return None
    fitting = [
        place
        for place, shape in enumerate(shapes)
        if shape is None and _fits([*fields[:place], "", *fields[place + more + 1 :]], shapes)
    ]
    # Prose has a space after a comma; a field rarely begins with one.
    spaced = [place for place in fitting if _spaced(fields[place + 1 : place + more + 1])]
    if len(spaced) == 1:
        return spaced[0]
    # Fields too many at the end may as well be just that; a typed column after them says that they are not.
    typed_after = len(fitting) == 1 and any(shapes[fitting[0] + 1 :])
    return fitting[0] if typed_after else None


def _spaced(fields: Fields) -> bool:
    return all(field is not None and field[:1] == " " and field[1:2].strip() for field in fields)


def _one_record(first: Fields, second: Fields, shapes: Sequence[re.Pattern[str] | None]) -> bool:
    """Two rows are the halves of one: together they have the right width, and only together they fit.

    The cut must be in a column of text, and something after it must be a number, a date or a truth value: two
    rows of which each lacks some fields look alike otherwise.
    """
    cut = len(first) - 1
    if len(first) + len(second) - 1 != len(shapes) or shapes[cut] is not None or not second[0]:
        return False
    typed = [shape for shape in shapes[:cut] if shape is not None]
    if not any(shape is not None for shape in shapes) or not _fits([*first[:-1], "", *second[1:]], shapes):
        return False
    alone = _fits(second, shapes[: len(second)])
    return not alone if typed else any(shape is not None for shape in shapes[cut + 1 :])
