"""How far the running job is. Stages report; whoever started the job decides how to show it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reporter = Callable[[str, int, int | None, str], None]
"""Called with what is being done, how much is done, how much there is (if known), and the unit."""

_reporters: list[Reporter] = []


def report(what: str, done: int, total: int | None = None, unit: str = "rows") -> None:
    """Tell the innermost listener, if there is one. Cheap enough for once per batch, not for once per row."""
    if _reporters:
        _reporters[-1](what, done, total, unit)


@contextmanager
def reporting(reporter: Reporter) -> Iterator[None]:
    """Send the reports of the enclosed work to ``reporter``. One job runs per process at a time."""
    _reporters.append(reporter)
    try:
        yield
    finally:
        _reporters.remove(reporter)


class Counter:
    """Adds up what several threads do, and reports the sum."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit, self._done = what, total, unit, 0
        self._lock = threading.Lock()

    def add(self, amount: int) -> None:
        """Report ``amount`` more."""
        with self._lock:
            self._done += amount
            report(self._what, self._done, self._total, self._unit)
