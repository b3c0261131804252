"""CPU seconds, wall seconds and peak memory of a process, and how a benchmark tells its result."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PYTHON = sys.executable
UDB = Path(sys.executable).with_name("udb")


@dataclass(frozen=True)
class Cost:
    """What one process used, its children included (memory: the largest single process)."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True)
class Row:
    """One line of the results."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None
    """None where there is nothing to meet."""

    def markdown(self) -> str:
        """A table row."""
        verdict = {None: "", True: "yes", False: "**no**"}[self.met]
        return f"| {self.what} | {self.figure} | {self.target} | {verdict} |"


@dataclass(frozen=True)
class Result:
    """What a benchmark found."""

    title: str
    how: str
    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """A section with its table."""
        lines = [f"## {self.title}", "", self.how, "", "| what | measured | target | met |", "|---|---|---|---|"]
        return "\n".join([*lines, *(row.markdown() for row in self.rows), ""])


def environment(home: Path) -> dict[str, str]:
    """This process's environment without anybody's UDB settings, and with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UDB_", "DAGSTER_", "OTEL_"))}
    return kept | {"UDB_HOME": str(home), "UDB_LOG_LEVEL": "WARNING"}


def cost(command: Sequence[str | Path], env: Mapping[str, str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the text is the end of what it printed.
    """
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(command, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            tail = output.read()[-3000:].decode(errors="replace")
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{tail}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def medians(measure: Callable[[int], Cost], times: int) -> Cost:
    """The median of each figure over several runs; ``measure`` gets the number of the run."""
    costs = [measure(number) for number in range(times)]
    return Cost(median(c.wall for c in costs), median(c.cpu for c in costs), median(c.peak_mb for c in costs))


def cache(name: str) -> Path:
    """A place for generated inputs that outlives the run: making them takes longer than measuring."""
    folder = Path(tempfile.gettempdir()) / "udb-benchmarks"
    folder.mkdir(exist_ok=True)
    return folder / name


def show(cost: Cost) -> str:
    """The three figures in a line."""
    return f"{cost.cpu:.1f} CPU-s, {cost.wall:.1f} s, {cost.peak_mb:,.0f} MB"
