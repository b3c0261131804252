"""What the type of a column adds to its profile."""

from __future__ import annotations

from dataclasses import dataclass

from udb_pipelines.models import DateStats, MoneyStats, NumericStats, TextStats
from udb_pipelines.profiling.decide import Decision
from udb_pipelines.profiling.findings import Suspicion
from udb_pipelines.profiling.notations import Notation


@dataclass(frozen=True)
class Parts:
    """The decision on the type, its statistics, and what is suspicious."""

    decision: Decision
    invalid: int = 0
    numeric: NumericStats | None = None
    money: MoneyStats | None = None
    date: DateStats | None = None
    text: TextStats | None = None
    suspicions: tuple[Suspicion, ...] = ()
    notation: Notation | None = None


def mismatches(code: str, count: int, good: str) -> tuple[Suspicion, ...]:
    """The values that are not ``good`` (SQL over ``v``), if there are any."""
    return (Suspicion(code, count, f"NOT coalesce({good}, false)"),) if count else ()
