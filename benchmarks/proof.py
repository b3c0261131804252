"""``python -m benchmarks.proof LOG…``: what soaks and crowds printed, made the section Proof of the results.

A log is the standard output of ``make soak`` or ``make crowd``. The section is made of the logs given and of nothing
else; the figures above it stay.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.durability import PROOF, RESULTS

_SEED = re.compile(r"^seed (\d+), (\w+):", re.MULTILINE)
_SECONDS = re.compile(r"^(\d+) s$", re.MULTILINE)
_OUTCOMES = ("killed, absent", "killed, whole", "killed, no row to change")
_CATALOGS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}

_ABOUT = """\
`make soak` kills one random operation per round with SIGKILL, at a step boundary or at a random instant: commits
(overwrite, append, upsert with tombstones; one or two tables), dropped sources, merges, expiry, clean-ups, restores
to a version, from a snapshot and of one table, dropped timelines, snapshots, prunings, exports. After each a new
process opens the store, which is never repaired in between, and compares it with an oracle kept outside. A store lasts
100 rounds and has a seed of its own. `make crowd` lets writers and readers, each a process, loose on one warehouse,
half of the writers on one table; each read is compared with what that version must hold. What they print, given to
`python -m benchmarks.proof`, makes this section."""
_RUNS = "| run | rounds | kills | acknowledged | killed: absent / whole / no row to change | failures | minutes |"
_CROWDS = "| crowd | commits | fewest of a writer | reads, versions | longest / mean wait | p95 of reads | failures |"
_KILLS = "| operation | step | killed at it | killed some time after it |"


@dataclass(frozen=True)
class Soak:
    """A run of the soak."""

    catalog: str
    seeds: tuple[int, ...]
    seconds: int
    tally: dict[str, Any]

    def row(self) -> str:
        """Of the table of runs."""
        outcomes = self.tally["outcomes"]
        killed = " / ".join(str(outcomes.get(name, 0)) for name in _OUTCOMES)
        seeds = f"seeds {self.seeds[0]} to {self.seeds[-1]}" if len(self.seeds) > 1 else f"seed {self.seeds[0]}"
        failures = len(self.tally["failures"])
        return (
            f"| {_CATALOGS[self.catalog]}, {seeds} | {self.tally['rounds']:,} | {self.tally['kills']:,} | "
            f"{outcomes.get('acknowledged', 0):,} | {killed} | {failures} | {self.seconds / 60:.0f} |"
        )


def read(text: str) -> Soak | dict[str, Any]:
    """A log: of a soak, or what a crowd found.

    Raises:
        ValueError: it is neither, or not complete.
    """
    lines = text.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if "longest wait" in found:
        return found
    if "places" not in found:
        raise ValueError("this is no output of a soak or a crowd that came to its end")
    seeds = _SEED.findall(text)
    return Soak(seeds[0][1], tuple(int(seed) for seed, _ in seeds), int(_SECONDS.findall(text)[-1]), found)


def crowd_row(found: dict[str, Any]) -> str:
    """Of the table of crowds."""
    longest, mean = found["longest wait"], found["mean wait"]
    return (
        f"| {_CATALOGS[found['catalog']]}, {found['writers']} writers, {found['readers']} readers, "
        f"{found['seconds']:.0f} s | {found['commits']:,} | {found['fewest commits of a writer']:,} | "
        f"{found['reads']:,}, {found['versions read']:,} | {longest:.1f} s / {mean:.1f} s = {longest / mean:.1f} | "
        f"{found['p95 of reads']:.2f} s | {len(found['failures'])} |"
    )


def kills(soaks: list[Soak]) -> list[str]:
    """Where all of the runs were killed: by operation, and by the last step that it had reached."""
    at: Counter[tuple[str, str]] = Counter()
    after: Counter[tuple[str, str]] = Counter()
    for soak in soaks:
        for place, count in soak.tally["places"].items():
            operation, where = place.split(": ", 1)
            counter, step = (at, where.removeprefix("at ")) if where.startswith("at ") else (after, where)
            counter[operation, step.removeprefix("some time after ")] += count
    return [
        f"| {operation} | {step} | {at[operation, step]} | {after[operation, step]} |"
        for operation, step in sorted(at.keys() | after.keys())
    ]


def section(logs: list[str]) -> str:
    """The whole section."""
    found = [read(log) for log in logs]
    soaks = [item for item in found if isinstance(item, Soak)]
    crowds = [item for item in found if not isinstance(item, Soak)]
    parts = [PROOF, "", f"{datetime.now(UTC):%Y-%m-%d}, on a machine shared with other work.", "", _ABOUT, ""]
    parts += [_RUNS, "|---|---|---|---|---|---|---|", *(soak.row() for soak in soaks), ""]
    if crowds:
        parts += [_CROWDS, "|---|---|---|---|---|---|---|", *map(crowd_row, crowds), ""]
    parts += ["Where the soaks were killed; what had reached no step yet was killed at the beginning:", ""]
    parts += [_KILLS, "|---|---|---|---|", *kills(soaks), ""]
    return "\n".join(parts)


def main(files: list[str]) -> int:
    """Replace the section."""
    made = section([Path(file).read_text(encoding="utf-8") for file in files])
    old = RESULTS.read_text(encoding="utf-8")
    RESULTS.write_text(old[: old.index(PROOF)] + made if PROOF in old else f"{old}\n{made}", encoding="utf-8")
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
