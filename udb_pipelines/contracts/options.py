"""``logicalTypeOptions`` and what the values of a column are compared with, as SQL. Pure.

A predicate is true of the rows that break the promise. A missing value breaks none, and a value that is not even of
the promised type breaks each: whether the type is right is a promise of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

from udb_pipelines.contracts.parts import Part
from udb_pipelines.contracts.rules import Holds, NotRun, Question, Rows
from udb_pipelines.contracts.types import base, logical_of
from udb_pipelines.engine import quote_literal

_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_WORDS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"}
_INTEGERS = {f"{sign}{bits}": (sign, bits) for sign in "iu" for bits in (8, 16, 32, 64, 128)}

FORMATS = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$",
    "hostname": r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    "ipv4": r"^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}$",
    "ipv6": r"^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$",
}
"""Formats of text that are checked, each by a regular expression; others are told as not checked."""


def options(part: Part, column: str, stored: str) -> Iterator[tuple[str, str, Question]]:
    """Every option of a property: its name, the promise in words, and what to ask.

    Args:
        part: the property.
        column: the column as SQL.
        stored: its type in DuckDB.

    Raises:
        UdbError: ``E_CONTRACT`` for a value that means nothing.
    """
    given = part.get("logicalTypeOptions") or {}
    kind = str(part.get("logicalType") or logical_of(stored) or "string")
    for name, value in given.items():
        if name in _BOUNDS:
            yield name, f"{_WORDS[name]} {value}", _bound(part, column, kind, stored, name, value)
        else:
            promise, question = _option(part, column, kind, name, value)
            yield name, promise, question


def _option(part: Part, column: str, kind: str, name: str, value: Any) -> tuple[str, Question]:  # noqa: ANN401 - YAML
    if name in ("minLength", "maxLength"):
        sign, words = (">=", "at least") if name == "minLength" else ("<=", "at most")
        return f"{words} {value} characters", broken(column, f"length({column}::VARCHAR) {sign} {int(value)}")
    if name in ("minItems", "maxItems"):
        sign, words = (">=", "at least") if name == "minItems" else ("<=", "at most")
        return f"{words} {value} items", broken(column, f"len({column}) {sign} {int(value)}")
    if name == "pattern":
        return "in the pattern given", broken(column, matches(part, column, value, "logicalTypeOptions", "pattern"))
    if name == "format":
        return f"in the format {value}", _format(column, kind, str(value))
    if name == "multipleOf":
        step = _number(part, value, "logicalTypeOptions", name)
        return f"a multiple of {value}", broken(column, _multiple(column, step))
    return f"{name} {value}", NotRun(f"{name} is not checked")


def broken(column: str, kept: str) -> Rows:
    """The rows with a value of which ``kept`` is not true."""
    return Rows(f"{column} IS NOT NULL AND NOT coalesce({kept}, false)")


def matches(part: Part, column: str, pattern: object, *keys: str | int) -> str:
    """SQL: the column's text has ``pattern`` in it, as the standard's regular expressions mean it.

    Raises:
        UdbError: ``E_CONTRACT``: DuckDB's regular expressions (RE2) cannot say it.
    """
    text = str(pattern)
    if not _known_to_re2(text):
        raise part.wrong("the pattern is no regular expression that RE2 knows: it has no look-around", *keys)
    return f"regexp_matches({column}::VARCHAR, {quote_literal(text)})"


def _known_to_re2(pattern: str) -> bool:
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(f"SELECT regexp_matches('', {quote_literal(pattern)})").fetchall()
    except duckdb.Error:
        return False
    finally:
        connection.close()
    return True


def _bound(part: Part, column: str, kind: str, stored: str, name: str, value: object) -> Question:
    keys = ("logicalTypeOptions", name)
    if kind in ("date", "timestamp"):
        return broken(column, f"TRY_CAST({column} AS TIMESTAMP) {_BOUNDS[name]} {_moment(part, value, *keys)}")
    if kind == "time":
        return broken(column, f"TRY_CAST({column} AS TIME) {_BOUNDS[name]} {_time(part, value, *keys)}")
    literal = _number(part, value, *keys)
    exact = base(stored) == "DECIMAL" or (logical_of(stored) == "integer" and isinstance(value, int))
    if exact:  # as it is stored: a decimal must not become a floating-point number on the way
        return broken(column, f"{column} {_BOUNDS[name]} {literal}")
    return broken(column, f"TRY_CAST({column} AS DOUBLE) {_BOUNDS[name]} {literal}::DOUBLE")


def _number(part: Part, value: object, *keys: str | int) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise part.wrong(f"{keys[-1]} is not a number", *keys)
    return repr(value)


def _moment(part: Part, value: object, *keys: str | int) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise part.wrong(f"{keys[-1]} is no date or time in ISO 8601", *keys) from None
    plain = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return f"TIMESTAMP {quote_literal(plain.isoformat(sep=' '))}"


def _time(part: Part, value: object, *keys: str | int) -> str:
    try:
        return f"TIME {quote_literal(time.fromisoformat(str(value)).replace(tzinfo=None).isoformat())}"
    except ValueError:
        raise part.wrong(f"{keys[-1]} is no time of day in ISO 8601", *keys) from None


def _multiple(column: str, step: str) -> str:
    if re.fullmatch(r"\d+", step):
        return f"TRY_CAST({column}::VARCHAR AS DECIMAL(38, 9)) % {step} = 0"
    steps = f"TRY_CAST({column}::VARCHAR AS DOUBLE) / {step}::DOUBLE"
    return f"abs({steps} - round({steps})) < 1e-9"


def _format(column: str, kind: str, name: str) -> Question:
    if kind == "string" and name in FORMATS:
        return broken(column, f"regexp_matches({column}::VARCHAR, {quote_literal(FORMATS[name])})")
    if kind == "integer" and name in _INTEGERS:
        sign, bits = _INTEGERS[name]
        low, high = (0, 2**bits - 1) if sign == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        kind_of = "UHUGEINT" if sign == "u" else "HUGEINT"
        return broken(column, f"TRY_CAST({column} AS {kind_of}) BETWEEN {low} AND {high}")
    if kind == "number" and name in ("f32", "f64"):
        return Holds()
    return NotRun(f"the format {name} is not checked")
