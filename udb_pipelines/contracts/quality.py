"""The standard's ``quality`` rules as questions. Pure.

Duplicate values are the rows beyond the first of each value; a missing value is no duplicate. Valid values are
compared as numbers where the contract gives numbers, as text otherwise.
Docs: https://bitol-io.github.io/open-data-contract-standard/v3.1.0/data-quality/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from udb_pipelines.contracts.options import matches
from udb_pipelines.contracts.parts import Part
from udb_pipelines.contracts.rules import Duplicates, NotRun, Query, Question, RowCount, Rows, Threshold
from udb_pipelines.contracts.validation import OPERATORS
from udb_pipelines.engine import quote_identifier, quote_literal

Find = Callable[[str], str | None]
"""The column of the table that a property's name means; None when there is none."""

_COUNTED = {
    "nullValues": "rows without a value",
    "missingValues": "rows with a missing value",
    "invalidValues": "rows with another value than allowed",
    "duplicateValues": "rows that repeat an earlier one",
    "rowCount": "rows",
}


def question(rule: Part, column: str | None, find: Find) -> tuple[str, Question]:
    """What a quality rule promises, in words, and what to ask.

    Args:
        rule: the entry of a ``quality`` list.
        column: the column it stands at; None for a rule of the whole object.
        find: from the name of a property to the column.

    Raises:
        UdbError: ``E_CONTRACT`` with the line of what means nothing.
    """
    kind = rule.get("type") or ("library" if rule.get("metric") or rule.get("rule") else "text")
    if kind == "text":
        return _described(rule, "said in words"), NotRun("a promise in words, for people")
    if kind == "custom":
        return _described(rule, f"for {rule.get('engine')}"), NotRun(f"a rule of {rule.get('engine')}: not run by UDB")
    limit = _threshold(rule)
    if kind == "sql":
        text = str(rule.get("query"))
        if "{property}" in text and column is None:
            raise rule.wrong("{property} stands in the query of an object", "query")
        if column is not None:
            text = text.replace("{property}", quote_identifier(column))
        return _described(rule, f"the query {limit.words()}"), Query(text, limit)
    metric = str(rule.get("metric") or rule.get("rule"))
    promise = _described(rule, f"{_COUNTED.get(metric, metric)} {limit.words()}")
    return promise, _metric(rule, metric, column, find, limit)


def _metric(rule: Part, metric: str, column: str | None, find: Find, limit: Threshold) -> Question:
    if metric == "rowCount":
        if limit.percent:
            raise rule.wrong("rowCount counts rows, not percent", "unit")
        return RowCount(limit)
    if metric == "duplicateValues":
        return _duplicates(rule, column, find, limit)
    if metric not in ("nullValues", "missingValues", "invalidValues"):
        return NotRun(f"the metric {metric} is unknown")
    if column is None:
        raise rule.wrong(f"{metric} is about a property, and stands at an object", "metric")
    name = quote_identifier(column)
    if metric == "nullValues":
        return Rows(f"{name} IS NULL", limit)
    return Rows(_missing(rule, name) if metric == "missingValues" else _not_valid(rule, name), limit)


def _duplicates(rule: Part, column: str | None, find: Find, limit: Threshold) -> Question:
    if column is not None:
        return Duplicates((column,), limit)
    names = _arguments(rule).get("properties") or ()
    if not isinstance(names, list) or not names:
        raise rule.wrong("duplicateValues of an object needs arguments.properties, a list", "metric")
    found = {str(name): find(str(name)) for name in names}
    absent = [name for name, place in found.items() if place is None]
    if absent:
        return NotRun(f"the table has no column {', '.join(absent)}")
    return Duplicates(tuple(place for place in found.values() if place is not None), limit)


def _missing(rule: Part, name: str) -> str:
    values = _arguments(rule).get("missingValues", [None, ""])
    texts = [quote_literal(_text(value)) for value in _list(rule, values, "missingValues") if value is not None]
    ways = [f"{name} IS NULL"] if None in values else []
    if texts:
        ways.append(f"coalesce({name}::VARCHAR IN ({', '.join(texts)}), false)")
    return f"({' OR '.join(ways) or 'false'})"


def _not_valid(rule: Part, name: str) -> str:
    arguments = _arguments(rule)
    kept = []
    if "validValues" in arguments:
        kept.append(_among(name, _list(rule, arguments["validValues"], "validValues")))
    if "pattern" in arguments:
        kept.append(matches(rule, name, arguments["pattern"], "arguments", "pattern"))
    if not kept:
        raise rule.wrong("invalidValues needs arguments.validValues or arguments.pattern", "metric")
    return f"{name} IS NOT NULL AND NOT coalesce({' AND '.join(kept)}, false)"


def _among(name: str, values: Sequence[object]) -> str:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    texts = [quote_literal(_text(value)) for value in values if value is not None and value not in numbers]
    ways = []
    if texts:
        ways.append(f"{name}::VARCHAR IN ({', '.join(texts)})")
    if numbers:
        exact = ", ".join(f"{number!r}::DOUBLE" for number in numbers if math.isfinite(number))
        ways.append(f"coalesce(TRY_CAST({name}::VARCHAR AS DOUBLE) IN ({exact or 'NULL'}), false)")
    return f"({' OR '.join(ways) or 'false'})"


def _arguments(rule: Part) -> Mapping[str, Any]:
    return rule.get("arguments") or {}


def _list(rule: Part, values: object, name: str) -> list[object]:
    if not isinstance(values, list):
        raise rule.wrong(f"{name} is not a list", "arguments", name)
    return values


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _threshold(rule: Part) -> Threshold:
    operator = next(name for name in OPERATORS if name in rule.content)
    given = rule.get(operator)
    unit = str(rule.get("unit") or "rows").lower()
    if unit not in ("rows", "percent", "%") and rule.get("type") != "sql":
        raise rule.wrong("the unit is neither rows nor percent", "unit")
    values = tuple(_values(rule, operator, given))
    return Threshold(operator, values, percent=unit in ("percent", "%") and rule.get("type") != "sql")


def _values(rule: Part, operator: str, given: object) -> Iterator[float | bool | str]:
    for value in given if isinstance(given, list) else [given]:
        if not isinstance(value, bool | int | float | str):
            raise rule.wrong(f"{operator} is neither a number nor a word", operator)
        yield value


def _described(rule: Part, otherwise: str) -> str:
    return str(rule.get("name") or rule.get("description") or otherwise).strip()
