"""How far a profile is, in rows, and how long it will still take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from udb_pipelines.operations.progress import report
from udb_pipelines.profiling.storage import Column, Family

WEIGHTS = {Family.TEXT: 4.0, Family.OTHER: 4.0}
"""What a column costs beside one of numbers, whose weight is 1."""
TOGETHER = 0.5
"""Weight, for each column, of what only the table as a whole shows: keys, pairs, dependencies."""
SILENT_SECONDS = 30.0
"""A profile says nothing to the log for so long, and then again."""


@dataclass
class Pace:
    """Counts the columns that are done by what they cost, and tells it as rows of the table."""

    columns: Sequence[Column]
    rows: int
    clock: Callable[[], float] = perf_counter
    _done: float = 0.0
    _began: float = field(init=False)
    _told: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._told = self.clock()

    def start(self) -> None:
        """Nothing is done yet."""
        report("analyze", 0, self.rows)

    def profiled(self, columns: Sequence[Column]) -> None:
        """These columns are done."""
        self._done += sum(_weight(column) for column in columns)
        self._tell(self._done)

    def within(self, columns: Sequence[Column], part: float) -> None:
        """A part of the work on these columns is done: a single one of a hundred million rows takes minutes."""
        self._tell(self._done + part * sum(_weight(column) for column in columns))

    def _tell(self, done: float) -> None:
        share, now = done / self._whole(), self.clock()
        left = (now - self._began) * (1 - share) / share
        report(f"analyze, about {_span(left)} left", int(self.rows * share), self.rows)
        if now - self._told >= SILENT_SECONDS:
            self._told = now
            self._log(share, left)

    def finish(self) -> None:
        """All is done."""
        report("analyze", self.rows, self.rows)

    def _whole(self) -> float:
        return sum(_weight(column) + TOGETHER for column in self.columns)

    def _log(self, share: float, left: float) -> None:
        from udb_pipelines.operations.logging import get_logger

        message = f"{100 * share:.0f} % of {self.rows:,} rows analysed, about {_span(left)} left"
        get_logger().info("analyze.progress", rows=self.rows, share=round(share, 3), message=message)


def _weight(column: Column) -> float:
    return WEIGHTS.get(column.family, 1.0)


def _span(seconds: float) -> str:
    """A time for people.

    >>> _span(41.6), _span(200), _span(9000)
    ('42 s', '4 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{-(-seconds // 60):.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
