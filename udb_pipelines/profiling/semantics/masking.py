"""Personal values as they may be shown: their shape, without what they say. Pure.

Only what shows a single value is masked. Counts, shares, lengths, patterns and distributions stay, but for
identifiers made of digits, whose statistics would be made of single values; the ends of dates of birth are
shown as years.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from udb_pipelines.models import ColumnProfile, DateStats, NumericStats, ValueCount

_MEASURES = frozenset({"latitude", "longitude", "age"})
"""Numbers whose distribution says something and names nobody."""
_YEAR = 4


def masked(text: str) -> str:
    """``A`` for a letter of any script, ``9`` for a digit, the other characters as they are.

    >>> masked("anna.k@example.org"), masked("+49 30 1234567")
    ('AAAA.A@AAAAAAA.AAA', '+99 99 9999999')
    """
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith(("L", "M")):
        return "A"
    return "9" if category.startswith("N") else character


def without_values(column: ColumnProfile) -> ColumnProfile:
    """The profile of a personal column with every single value masked or left out."""
    return column.model_copy(
        update={
            "masked": True,
            "top_values": _masked_counts(column.top_values),
            "bottom_values": _masked_counts(column.bottom_values),
            "shortest_value": masked(column.shortest_value) if column.shortest_value else None,
            "longest_value": masked(column.longest_value) if column.longest_value else None,
            "numeric": _numbers(column),
            "date": _years(column.date) if column.date else None,
        }
    )


def _masked_counts(values: Iterable[ValueCount]) -> tuple[ValueCount, ...]:
    return tuple(ValueCount(value=masked(entry.value), count=entry.count) for entry in values)


def _numbers(column: ColumnProfile) -> NumericStats | None:
    if column.numeric is None or column.semantic_type not in _MEASURES:
        return None
    return column.numeric.model_copy(update={"mode": None})


def _years(date: DateStats) -> DateStats:
    ends = {"min": date.min[:_YEAR] if date.min else None, "max": date.max[:_YEAR] if date.max else None}
    return date.model_copy(update=ends)
