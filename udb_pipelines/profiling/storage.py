"""What a column's storage type means to the profiler.

Knows DuckDB's type names and nothing else. A native type is mapped to a family once, and the family decides
which passes a column needs: a BIGINT needs no regular expressions, a DATE no parsing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from udb_pipelines.engine import quote_identifier
from udb_pipelines.profiling.long_values import in_short


class Family(StrEnum):
    """How a column is profiled."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    TEMPORAL = "temporal"
    BOOLEAN = "boolean"
    OTHER = "other"
    """Everything profiled over its text form: UUID, TIME, INTERVAL, BLOB, nested types, JSON."""


_INTEGERS = frozenset(
    f"{sign}{size}"
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
) | {"BIGNUM"}  # fmt: skip
FLOATS = frozenset({"FLOAT", "DOUBLE"})
"""Types that know NaN and infinity."""
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")
_GROUPED_AS_STORED = frozenset({"UUID", "TIME", "TIME_NS", "TIME WITH TIME ZONE", "INTERVAL"})
_NO_LENGTHS = frozenset({Family.INTEGER, Family.NUMBER, Family.MONEY, Family.TEMPORAL, Family.BOOLEAN})


def family_of(storage_type: str) -> Family:
    """The family of a DuckDB type name, as ``DESCRIBE`` prints it.

    >>> family_of("DECIMAL(12,2)"), family_of("UBIGINT"), family_of("INTEGER[]")
    (<Family.MONEY: 'money'>, <Family.INTEGER: 'integer'>, <Family.OTHER: 'other'>)
    """
    if storage_type == "VARCHAR" or (storage_type.startswith("ENUM(") and storage_type.endswith(")")):
        return Family.TEXT
    if storage_type in _INTEGERS:
        return Family.INTEGER
    if storage_type in FLOATS:
        return Family.NUMBER
    if decimal := _DECIMAL.fullmatch(storage_type):
        return Family.MONEY if decimal[1] == "2" else Family.NUMBER
    if storage_type == "BOOLEAN":
        return Family.BOOLEAN
    if storage_type == "DATE" or (storage_type.startswith("TIMESTAMP") and not storage_type.endswith("]")):
        return Family.TEMPORAL
    return Family.OTHER


@dataclass(frozen=True)
class Column:
    """A column of the table being profiled."""

    name: str
    storage_type: str
    position: int
    """Counted from 1."""
    ready: bool = False
    """The table at hand holds the values as :attr:`value_sql` once made them."""

    @property
    def family(self) -> Family:
        """How the column is profiled."""
        return family_of(self.storage_type)

    @property
    def identifier(self) -> str:
        """The name as an SQL identifier."""
        return quote_identifier(self.name)

    @property
    def is_text(self) -> bool:
        """Whether its values are text that may mean something else."""
        return self.family is Family.TEXT

    @property
    def has_lengths(self) -> bool:
        """Whether the length of a value says something: not for numbers, dates and booleans."""
        return self.family not in _NO_LENGTHS

    @property
    def value_sql(self) -> str:
        """SQL of the value that is grouped and compared.

        Nested values, blobs and enumerations become text, so that everything can be grouped, ordered and
        shown; the other types keep their own order and their cheap hashing. Long text is represented in short.
        """
        if self.ready or self.storage_type in _GROUPED_AS_STORED or not self.has_lengths:
            return self.identifier
        return in_short(self.identifier if self.storage_type == "VARCHAR" else f"{self.identifier}::VARCHAR")

    @property
    def grouped_as_text(self) -> bool:
        """Whether :attr:`value_sql` is text."""
        return self.has_lengths and self.storage_type not in _GROUPED_AS_STORED

    @property
    def hashed_sql(self) -> str:
        """SQL of what is equal exactly where :attr:`value_sql` is, and cheaper to make where it can be."""
        return self.identifier if self.storage_type == "VARCHAR" else self.value_sql
