"""How a running job is shown: bars when stderr is a terminal, otherwise by the log alone.

stdout holds the answer of a command and nothing else. Whoever redirects stderr gets one thing there, the log,
which tells every job and stage as it begins and ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from udb_pipelines.cli.present import VERDICT_MARKS, VERDICT_STYLES, console, number
from udb_pipelines.errors import STAGES
from udb_pipelines.operations.progress import reporting
from udb_pipelines.wording import size

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.progress import Progress


class Display(Protocol):
    """Shows the jobs of one command, one after another."""

    def job(self, source: str, uri: str) -> AbstractContextManager[None]:
        """Show the progress of one job while the block runs."""

    def done(self, source: str, job_id: str | None, verdict: str, summary: str) -> None:
        """Say how a job ended."""


@contextmanager
def display(*, silent: bool, jobs: int) -> Iterator[Display]:
    """The display for this process; ``silent`` leaves the bars away."""
    if sys.stderr.isatty() and not silent:
        with _bars() as bars:
            yield _Bars(bars, jobs)
    else:
        yield _Logged()


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show the progress of one long piece of work that is no job; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with _bars() as bars:
        bar = bars.add_task("", total=1, source=label, stage="", amount="")

        def show(what: str, done: int, total: int | None, unit: str) -> None:
            bars.update(bar, completed=min(done / total, 1) if total else 0, amount=_amount(what, done, total, unit))

        with reporting(show):
            yield


class _Logged:
    @contextmanager
    def job(self, source: str, uri: str) -> Iterator[None]:
        from udb_pipelines.operations.logging import get_logger

        get_logger().info("job.started", source=source, uri=uri, message=f"reading {uri}")
        yield

    def done(self, source: str, job_id: str | None, verdict: str, summary: str) -> None:
        from udb_pipelines.operations.logging import get_logger

        message = f"{verdict.lower()}, {summary}"
        get_logger().info("job.finished", source=source, job_id=job_id, verdict=verdict, message=message)


class _Bars:
    def __init__(self, progress: Progress, jobs: int) -> None:
        self._progress = progress
        self._jobs = jobs
        self._finished = 0

    @contextmanager
    def job(self, source: str, uri: str) -> Iterator[None]:
        bar = self._progress.add_task("", total=len(STAGES), source=source, stage="starting", amount="")
        reached = 0

        def show(what: str, done: int, total: int | None, unit: str) -> None:
            nonlocal reached
            if unit == "stage":
                reached = STAGES.index(what) + done if what in STAGES else reached
                changes: dict[str, Any] = {"stage": what, "amount": ""}
                self._progress.update(bar, completed=reached, **changes)
                return
            share = min(done / total, 1) if total else 0
            self._progress.update(bar, completed=reached + share, amount=_amount(what, done, total, unit))

        try:
            with reporting(show):
                yield
        finally:
            self._progress.remove_task(bar)

    def done(self, source: str, job_id: str | None, verdict: str, summary: str) -> None:
        from rich.text import Text

        self._finished += 1
        count = f" {self._finished}/{self._jobs}" if self._jobs > 1 else ""
        mark = (VERDICT_MARKS.get(verdict, "·"), VERDICT_STYLES.get(verdict, ""))
        self._progress.console.print(Text.assemble(mark, " ", (source, "bold"), "  ", summary, (count, "dim")))


def _bars() -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[source]}"),
        TextColumn("{task.fields[stage]:<9}"),
        BarColumn(bar_width=28),
        TextColumn("[dim]{task.fields[amount]}"),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )


def _amount(what: str, done: int, total: int | None, unit: str) -> str:
    if unit == "%":
        return f"{what} {done} %"
    show = size if unit == "bytes" else number
    of = f" of {show(total)}" if total else ""
    return f"{what} {show(done)}{of}{'' if unit == 'bytes' else ' ' + unit}"
