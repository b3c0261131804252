"""What a contract promises about one dataset, as rules that SQL can answer. Pure: a document in, rules out.

    Document -> parts.Part (keys and their lines) -> columns, options, quality -> Rule

A rule has one of five questions. :class:`Rows` counts the rows that a predicate is true of, :class:`Duplicates` the
rows beyond the first of each key, :class:`RowCount` all rows, :class:`Query` asks what the user wrote, and
:class:`NotRun` says why nothing is asked. The count, or the answer, is held against a :class:`Threshold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from udb_pipelines.errors import Severity

Kind = Literal["schema", "values", "key", "quality", "freshness"]

_SIGNS = {
    "mustBe": "be", "mustNotBe": "not be", "mustBeGreaterThan": "be more than", "mustBeGreaterOrEqualTo": "be at least",
    "mustBeLessThan": "be less than", "mustBeLessOrEqualTo": "be at most", "mustBeBetween": "be between",
    "mustNotBeBetween": "not be between",
}  # fmt: skip


@dataclass(frozen=True)
class Threshold:
    """What a figure is held against: an operator of the standard, its number or numbers, and the unit."""

    operator: str = "mustBe"
    values: tuple[float | bool | str, ...] = (0,)
    percent: bool = False

    def holds(self, measured: float | bool | str) -> bool:
        """Whether ``measured``, in rows or percent as :attr:`percent` says, is as it must be; both ends included."""
        first, last = self.values[0], self.values[-1]
        if self.operator in ("mustBe", "mustNotBe"):
            return (measured == first) is (self.operator == "mustBe")
        if isinstance(measured, str) or isinstance(first, str) or isinstance(last, str):
            return False  # text has no order that a threshold could mean
        if self.operator in ("mustBeBetween", "mustNotBeBetween"):
            low, high = sorted((first, last))
            return (low <= measured <= high) is (self.operator == "mustBeBetween")
        return {
            "mustBeGreaterThan": measured > first,
            "mustBeGreaterOrEqualTo": measured >= first,
            "mustBeLessThan": measured < first,
            "mustBeLessOrEqualTo": measured <= first,
        }[self.operator]

    def words(self) -> str:
        """``must be at most 5 %``."""
        shown = " and ".join(str(value).lower() if isinstance(value, bool) else f"{value}" for value in self.values)
        return f"must {_SIGNS[self.operator]} {shown}{' %' if self.percent else ''}"


NONE = Threshold()
"""Not a single row."""


@dataclass(frozen=True)
class Rows:
    """How many rows is ``predicate`` true of?"""

    predicate: str
    """SQL over the columns of the table; never NULL."""
    threshold: Threshold = NONE


@dataclass(frozen=True)
class Duplicates:
    """How many rows have a key that an earlier row has? Rows without a complete key do not count."""

    columns: tuple[str, ...]
    threshold: Threshold = NONE


@dataclass(frozen=True)
class RowCount:
    """How many rows are there?"""

    threshold: Threshold


@dataclass(frozen=True)
class Query:
    """What does the user's own query answer? ``{object}`` stands for the table."""

    sql: str
    threshold: Threshold


@dataclass(frozen=True)
class NotRun:
    """Why nothing is asked."""

    reason: str


@dataclass(frozen=True)
class Holds:
    """Answered by the columns alone: empty when the promise is kept, else what is there instead."""

    instead: str = ""


Question = Rows | Duplicates | RowCount | Query | NotRun | Holds


@dataclass(frozen=True)
class Rule:
    """One promise."""

    name: str
    kind: Kind
    promise: str
    severity: Severity
    question: Question
    column: str | None = None
    line: int | None = None
