"""Values of MongoDB as text, and the types that columns of them get.

The rules are those of JSON: keys become columns, what is nested becomes JSON text, columns of mixed kinds stay text.
But the kinds are MongoDB's own, so that nothing has to be guessed: a date is a date, a Decimal128 keeps its digits.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from bson import Decimal128, Int64, ObjectId, json_util

from udb_pipelines.connectors.casting import TextColumn
from udb_pipelines.errors import UdbError

EXACT = 2**53
"""Whole numbers beyond it are not exact as double precision."""
DATES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")
NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE")
INTEGER, LARGE, DOUBLE, STRING, DECIMAL = "integer", "large", "double", "string", "decimal"
_TYPES = {INTEGER: "BIGINT", LARGE: "BIGINT", DOUBLE: "DOUBLE", "boolean": "BOOLEAN", "date": "TIMESTAMPTZ",
          "uuid": "UUID", "binary": "BLOB"}  # fmt: skip
"""DuckDB types of columns that have values of one kind only; any other is text."""


def _moment(value: datetime) -> str:
    return f"{value.isoformat(' ', 'milliseconds')}Z"


def _nested(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_inside, allow_nan=False)
    except ValueError:
        # JSON has no word for a number that is none; Extended JSON has.
        return json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS)


def _inside(value: object) -> object:
    """What JSON has no word for, inside of a nested value: as at the top, or in MongoDB's Extended JSON."""
    kind, text = _KINDS.get(type(value), (None, None))
    return text(value) if kind and text else json_util.default(value, json_util.RELAXED_JSON_OPTIONS)


_KINDS: dict[type, tuple[str, Callable[[Any], str]]] = {
    int: (INTEGER, str),
    Int64: (INTEGER, str),
    float: (DOUBLE, repr),
    bool: ("boolean", lambda value: "true" if value else "false"),
    str: (STRING, str),
    ObjectId: ("objectid", str),
    datetime: ("date", _moment),
    Decimal128: (DECIMAL, str),
    uuid.UUID: ("uuid", str),
    bytes: ("binary", bytes.hex),
    dict: ("nested", _nested),
    list: ("nested", _nested),
}


def as_texts(values: Sequence[object], kinds: set[str]) -> list[str | None]:
    """The text of each value, None for none; the kinds that they have are added to ``kinds``."""
    types = set(map(type, values)) - {type(None)}
    kinds.update(_KINDS[found][0] if found in _KINDS else "other" for found in types)
    if types & {int, Int64} and any(isinstance(value, int) and abs(value) > EXACT for value in values):
        kinds.add(LARGE)
    if types == {str}:
        return [value if isinstance(value, str) else None for value in values]
    if len(types) == 1 and (known := _KINDS.get(types.pop())):
        text = known[1]
        return [None if value is None else text(value) for value in values]
    return [None if value is None else as_text(value) for value in values]


def as_text(value: object) -> str:
    """The text of one value."""
    known = _KINDS.get(type(value))
    return known[1](value) if known else json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS)


def type_of(kinds: Iterable[str]) -> str:
    """The DuckDB type of a column with values of these kinds; text where it depends on them.

    >>> type_of({"integer"}), type_of({"integer", "double"}), type_of({"integer", "large", "double"}), type_of(())
    ('BIGINT', 'DOUBLE', 'VARCHAR', 'VARCHAR')
    """
    found = set(kinds)
    if found == {INTEGER, DOUBLE}:
        return "DOUBLE"
    if found == {INTEGER, LARGE}:
        return "BIGINT"
    return _TYPES.get(found.pop(), "VARCHAR") if len(found) == 1 else "VARCHAR"


def column_of(name: str, text: str, kinds: Iterable[str], null_markers: tuple[str, ...]) -> TextColumn:
    """How ``text``, SQL of a column's texts, becomes the column ``name``."""
    found = frozenset(kinds)
    sql_type = type_of(found)
    if sql_type == "BLOB":
        return TextColumn(name, source=f"unhex({text})", allowed=())
    if sql_type != "VARCHAR":
        return TextColumn(name, source=f"CAST({text} AS {sql_type})", allowed=())
    if found == {STRING}:
        return TextColumn(name, null_markers, source=text, allowed=DATES)
    numbers = bool(found) and found <= {INTEGER, LARGE, DOUBLE, DECIMAL}
    return TextColumn(name, source=text, allowed=NUMBERS if numbers else ())


def typed(text: str, like: object) -> object:
    """The value that ``text`` is the text of, of the type of ``like``, to compare with in a query.

    Raises:
        UdbError: ``E_OPTION`` when it is none of that type.
    """
    with suppress(ValueError, ArithmeticError, TypeError):
        if isinstance(like, datetime):
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        if isinstance(like, int | float):
            return int(text) if text.lstrip("-").isdigit() else float(text)
        if isinstance(like, ObjectId | Decimal128 | uuid.UUID):
            return type(like)(text)
        if isinstance(like, str):
            return text
    raise UdbError(
        "E_OPTION",
        "the cursor's values are not of the kind of the one to begin with",
        remedy="read everything again: udb state reset SOURCE",
    )
