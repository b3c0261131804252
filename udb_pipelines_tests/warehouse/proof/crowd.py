"""Many processes on one warehouse: writers that never pause, readers that look at everything, and what they saw.

``python -m udb_pipelines_tests.warehouse.proof.crowd --seconds 180 --writers 8 --readers 16 --catalog sqlite``

Writers note down, outside of the store, which rows they committed as which version. From these notes the content of
every version follows, and every read is compared with the version that it says it saw. Half of the writers share the
tables of one source, so that what one has planned another makes void; the others have tables of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from udb_pipelines.config import Settings
from udb_pipelines.models import SourceOptions
from udb_pipelines.warehouse import Lake, commit, steps
from udb_pipelines.warehouse.lake import version_of
from udb_pipelines_tests.postgres import running
from udb_pipelines_tests.warehouse.proof.children import Ended, at_once, warm_up
from udb_pipelines_tests.warehouse.proof.operations import MODES, Place
from udb_pipelines_tests.warehouse.staging import Stager

Rows = tuple[tuple[int, int], ...]
Tables = dict[str, Rows]
MANY_ROWS = 100


@dataclass(frozen=True)
class Noted:
    """A commit as its writer noted it."""

    version: int
    table: str
    mode: str
    rows: Rows


def writer(place: Place, number: int, seconds: float, seed: int) -> dict[str, Any]:
    """Commit until the time is over."""
    chance = random.Random(f"{seed} {number}")
    lake = patient(place.lake)
    stage = Stager(lake.settings)
    waits: list[float] = []
    turns: list[int] = []
    notes: list[tuple[int, str, str, list[tuple[int, int]]]] = []
    asked = time.monotonic()

    def reached(step: str) -> None:
        if step == "locked":
            waits.append(time.monotonic() - asked)

    steps.reached = reached
    table = "shared" if number % 2 else f"own_{number}"
    until = time.monotonic() + seconds
    for turn in count():
        if time.monotonic() > until:
            break
        job = number * 1_000_000 + turn
        first, length = chance.randint(0, 40), chance.randint(1, 30)
        mode = chance.choice(MODES) if turn % 4 else MODES[0]
        staged = stage(
            f"SELECT range AS id, {job} AS job FROM range({first}, {first + length})", source=f"source_{number}",
            dataset=table, job_id=f"job_{job}", sync_mode=mode, primary_key=("id",),
            options=SourceOptions(allow_empty=True),
        )  # fmt: skip
        waits_before, asked = len(waits), time.monotonic()
        result = commit(lake, staged)
        # One that lost against another and came again has waited for as long as both took.
        turns.append(len(waits) - waits_before)
        waits[waits_before:] = waits[-1:]
        notes.append((result.version, table, mode, [(first + offset, job) for offset in range(length)]))
    return {"notes": notes, "waits": waits, "turns": turns}


def patient(lake: Lake) -> Lake:
    """With the deadline that everybody has who sets none."""
    usual = Settings.model_fields["lock_timeout_seconds"].default
    return Lake(lake.settings.model_copy(update={"lock_timeout_seconds": usual}))


def reader(place: Place, seconds: float) -> dict[str, Any]:
    """Read whole versions until the time is over, each twice."""
    lake = place.lake
    seen: list[tuple[int, str]] = []
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begun = time.monotonic()
        with lake.reader() as connection:
            version, first = version_of(connection), digest(_tables(connection))
            seen.append((version, first))
            if digest(_tables(connection)) != first or version_of(connection) != version:
                raise AssertionError(f"version {version} changed while it was read")
        times.append(time.monotonic() - begun)
    return {"seen": seen, "times": times}


def _tables(connection: Any) -> Tables:
    names = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'main'"
    ).fetchall()
    return {name: tuple(connection.execute(f"SELECT id, job FROM lake.main.{name}").fetchall()) for (name,) in names}


def digest(tables: Tables) -> str:
    """Of all rows of all tables, in any order."""
    text = repr({name: sorted(tables[name]) for name in sorted(tables)})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def contents(notes: Iterable[Noted]) -> dict[int, str]:
    """The digest of every version that follows from the notes."""
    tables: Tables = {}
    found = {0: digest(tables), 1: digest(tables)}
    for noted in sorted(notes, key=lambda item: item.version):
        old = tables.get(noted.table, ())
        if noted.mode == "full_refresh_overwrite":
            old = ()
        elif noted.mode == "incremental_upsert":
            ids = {number for number, _ in noted.rows}
            old = tuple(row for row in old if row[0] not in ids)
        tables[noted.table] = (*old, *noted.rows)
        found[noted.version] = digest(tables)
    return found


def verdict(ended: list[Ended], newest: tuple[int, str] | None) -> dict[str, Any]:
    """What the processes told, compared.

    Args:
        ended: writers and readers.
        newest: what the store holds at the end, read by one more process.
    """
    failures = [child.error or "it hung" for child in ended if not child.done]
    told = [child.answer for child in ended if child.done]
    notes = [
        Noted(version, table, mode, tuple((int(i), int(j)) for i, j in rows))
        for answer in told
        for version, table, mode, rows in answer.get("notes", ())
    ]
    reads = [(version, seen) for answer in told for version, seen in answer.get("seen", ())]
    waits = [wait for answer in told for wait in answer.get("waits", ())]
    times = sorted(seconds for answer in told for seconds in answer.get("times", ()))
    expected = contents(notes)
    if len({noted.version for noted in notes}) != len(notes):
        failures.append("two commits were told the same version")
    wrong = [version for version, seen in reads if expected.get(version) != seen]
    failures += [f"version {version} was read as it never was" for version in sorted(set(wrong))[:5]]
    if newest is not None and newest != (max(expected), expected[max(expected)]):
        failures.append(f"the store ends at version {newest[0]} with other rows than version {max(expected)} has")
    return {
        "commits": len(notes),
        "fewest commits of a writer": min((len(answer["notes"]) for answer in told if "notes" in answer), default=0),
        "reads": len(reads),
        "versions read": len({version for version, _ in reads}),
        "longest wait": round(max(waits, default=0), 3),
        "mean wait": round(sum(waits) / max(1, len(waits)), 3),
        "most turns of a commit": max((turn for answer in told for turn in answer.get("turns", ())), default=0),
        "p95 of reads": round(times[int(len(times) * 0.95)], 3) if times else None,
        "failures": failures,
    }


def crowd(place: Place, seconds: float, writers: int, readers: int, seed: int) -> dict[str, Any]:
    """Let them run, and compare."""
    works: list[Callable[[], Any]] = [partial(writer, place, number, seconds, seed) for number in range(writers)]
    works += [partial(reader, place, seconds)] * readers
    ended = at_once(works)
    (last,) = at_once([lambda: reader(place, 0.001)])
    newest = tuple(last.answer["seen"][-1]) if last.done else None
    return verdict([*ended, last], newest)


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--catalog", choices=("sqlite", "postgres"), default="sqlite")
    chosen = parser.parse_args(arguments)
    with ExitStack() as around:
        folder = Path(around.enter_context(tempfile.TemporaryDirectory(prefix="udb-crowd-")))
        server = around.enter_context(running()) if chosen.catalog == "postgres" else None
        warm_up(folder)
        place = Place(folder, server.new_database() if server else None)
        found = crowd(place, chosen.seconds, chosen.writers, chosen.readers, chosen.seed)
    asked = {"catalog": chosen.catalog, "seconds": chosen.seconds, "writers": chosen.writers, "readers": chosen.readers}
    sys.stdout.write(json.dumps({**asked, **found}) + "\n")
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
