"""Names for the warehouse: safe, unique, and traceable to what the source calls the column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from udb_pipelines.detection.findings import told
from udb_pipelines.models import ColumnSchema, Finding, slug

MAX_LENGTH = 63
MOST_UNITS = 30
SPARSE = 5
"""Columns from which on a header that names less than half of them is doubtful."""


def safe_name(text: str) -> str:
    """Lower snake case. Accents go from Latin letters; letters of other scripts stay.

    >>> safe_name("Unit Price (€)"), safe_name("Größe"), safe_name("2024"), safe_name("名前"), safe_name("customerID")
    ('unit_price', 'grosse', 'c_2024', '名前', 'customer_id')
    """
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "SS"))
    latin = "".join(char for char in plain if not unicodedata.combining(char))
    kept = latin if latin.isascii() else unicodedata.normalize("NFKC", text)
    cleaned = re.sub(r"[\W_]+", "_", kept.lower()).strip("_")[:MAX_LENGTH].rstrip("_")
    return f"c_{cleaned}" if cleaned[:1].isdigit() else cleaned


def name_columns(originals: Iterable[str], types: Iterable[str] | None = None) -> tuple[ColumnSchema, ...]:
    """Columns with unique safe names; ``column_3`` where the source has none, ``price_2`` for a second price."""
    names = list(originals)
    kinds = list(types) if types is not None else ["VARCHAR"] * len(names)
    taken: set[str] = set()
    columns = []
    for position, (original, kind) in enumerate(zip(names, kinds, strict=True), start=1):
        name = _unique(safe_name(original) or f"column_{position}", taken)
        taken.add(name)
        columns.append(ColumnSchema(name=name, type=kind, original_name=original if original != name else None))
    return tuple(columns)


def name_findings(originals: Iterable[str], columns: tuple[ColumnSchema, ...]) -> tuple[Finding, ...]:
    """What is wrong with the names in the source: empty ones and ones that stand twice."""
    originals = list(originals)
    seen: set[str] = set()
    findings = []
    named = sum(bool(name.strip()) for name in originals)
    if len(originals) >= SPARSE and 2 * named < len(originals):
        message = f"only {named} of {len(originals)} columns have a name in the row that was taken for the header"
        findings.append(told("W_HEADER_GUESSED", message, count=len(originals) - named))
    for position, (original, column) in enumerate(zip(originals, columns, strict=True), start=1):
        key = original.strip().casefold()
        if not key:
            message = f"column {position} has no name; it is called {column.name}"
            findings.append(told("E_HEADER_EMPTY", message, column=column.name, count=1))
        elif key in seen:
            message = f"the name of column {position} stands twice; this one is called {column.name}"
            findings.append(told("E_HEADER_DUPLICATE", message, column=column.name, count=1))
        seen.add(key)
    return tuple(findings)


def unit_findings(units: Sequence[str], columns: Sequence[ColumnSchema]) -> tuple[Finding, ...]:
    """The units that stand in a row of their own below the names; nothing where there is none."""
    if not units:
        return ()
    pairs = [f"{column.name} {unit.strip()}" for column, unit in zip(columns, units, strict=True) if unit.strip()]
    more = f" and {len(pairs) - MOST_UNITS} more" if len(pairs) > MOST_UNITS else ""
    shown = ", ".join(pairs[:MOST_UNITS])
    return (told("W_UNITS_ROW", f"the row below the header holds units, not values: {shown}{more}", count=1),)


def qualified(places: Sequence[tuple[str | None, str]]) -> list[str]:
    """The names of tables, each with what it is in where they are in several.

    >>> qualified([("public", "orders")]), qualified([("public", "orders"), ("sales", "orders"), (None, "notes")])
    (['orders'], ['public_orders', 'sales_orders', 'notes'])
    """
    several = len({space for space, _ in places}) > 1
    return [f"{space}_{name}" if several and space else name for space, name in places]


def unique_names(texts: Iterable[str]) -> list[str]:
    """Legal, unique stream names in the order given."""
    taken: set[str] = set()
    names = []
    for text in texts:
        name = _unique(slug(text), taken)
        taken.add(name)
        names.append(name)
    return names


def _unique(base: str, taken: set[str]) -> str:
    name, number = base, 2
    while name in taken:
        suffix = f"_{number}"
        name = base[: MAX_LENGTH - len(suffix)] + suffix
        number += 1
    return name
