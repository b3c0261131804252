"""kill -9 at every step of a commit and at random instants: the store equals an oracle kept outside.

A job that was acknowledged is there, whole and once; the one that was killed is there whole, or not at all, and
then its files are orphans that the doctor removes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, check, commit, last_state, last_sync, query
from udb_pipelines_tests.warehouse.crashing import mode_of, rows_of
from udb_pipelines_tests.warehouse.staging import Stager

STEPS = ("prepared", "locked", "moved", "created", "applied", "recorded", "committed")
SEED = int(os.environ.get("CRASH_SEED", "20240607"))


def oracle(jobs: list[int]) -> Counter[tuple[int, int]]:
    """Rows (id, job) after the given jobs, by plain Python."""
    table: Counter[tuple[int, int]] = Counter()
    for job in jobs:
        new = {(number, job) for number in rows_of(job)}
        ids = {number for number, _ in new}
        if mode_of(job) == "full_refresh_overwrite":
            table.clear()
        elif mode_of(job) == "incremental_upsert":
            table = Counter({row: times for row, times in table.items() if row[0] not in ids})
        table.update(new)
    return table


def killed_writer(
    home: Path, first: int, *, step: tuple[str, int] | None = None, commits: int = 0, after: float = 0
) -> list[str]:
    arguments = [sys.executable, "-m", "udb_pipelines_tests.warehouse.crashing", str(home), str(first)]
    arguments += [step[0], str(step[1])] if step else []
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    read: list[str] = []
    try:
        if step is None:
            # So many commits are let through, whatever the machine's speed, and the next is hit somewhere.
            while sum(line.startswith("acknowledged") for line in read) < commits or not read:
                read.append(process.stdout.readline())
            time.sleep(after)
            process.kill()
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == -9
    return ("".join(read) + output).splitlines()


def assert_recovered(lake: Lake, jobs: list[int], started: int) -> list[int]:
    """Compare with the oracle; returns the jobs that are in the lake."""
    last = last_sync(lake, "shop")
    committed = [*jobs, started] if last and last.job_id == f"job_{started}" else jobs
    expected = oracle(committed)
    stored = query(lake, "SELECT id, job FROM shop").rows if committed else ()
    assert Counter(stored) == expected
    assert (last.job_id if last else None) == (f"job_{committed[-1]}" if committed else None)
    assert last_state(lake, "shop") == ({"job": committed[-1]} if committed else {})
    if committed:
        ledger = query(lake, "SELECT job_id FROM udb.commits ORDER BY version").rows
        assert [row[0] for row in ledger] == [f"job_{job}" for job in committed]
    assert {item.name: item.status for item in check(lake, mend=True) if item.status == "fail"} == {}
    return committed


@pytest.mark.parametrize(
    ("step", "occurrence"),
    [(step, occurrence) for step in STEPS for occurrence in (1, 3) if (step, occurrence) != ("created", 3)],
)
def test_killed_at_a_step(tmp_path: Path, step: str, occurrence: int) -> None:
    """The first commit makes the lake and the table; the third is an upsert."""
    home = tmp_path / "home"
    lines = killed_writer(home, 0, step=(step, occurrence))
    acknowledged = [int(line.split()[1]) for line in lines if line.startswith("acknowledged")]
    started = int(lines[-1 if lines[-1].startswith("start") else -2].split()[1])
    lake = Lake(Settings(home=home, threads=1))
    committed = assert_recovered(lake, acknowledged, started)
    assert (started in committed) == (step == "committed")
    # The job is run again, as an orchestrator would, and then the next one.
    for job in (started, started + 1):
        ids = rows_of(job)
        again = Stager(lake.settings)(
            f"SELECT range AS id, {job} AS job FROM range({ids.start}, {ids.stop})",
            job_id=f"job_{job}",
            state={"job": job},
            sync_mode=mode_of(job),
            primary_key=("id",),
        )
        commit(lake, again)
    assert_recovered(lake, [*acknowledged, started], started + 1)


def test_killed_at_random_instants(tmp_path: Path) -> None:
    """Twenty writers killed one after the other, on one store that is never repaired in between."""
    chance = random.Random(SEED)
    home, committed, started = tmp_path / "home", [], -1
    lake = Lake(Settings(home=home, threads=1))
    for _ in range(20):
        lines = killed_writer(home, started + 1, commits=chance.randint(0, 2), after=chance.uniform(0, 0.2))
        committed += [int(line.split()[1]) for line in lines if line.startswith("acknowledged")]
        starts = [int(line.split()[1]) for line in lines if line.startswith("start")]
        started = max([started, *starts])
        last = last_sync(lake, "shop")
        if last and last.job_id == f"job_{started}" and started not in committed:
            committed.append(started)
    assert_recovered(lake, committed, started)
    assert len(committed) > 3, "the writers were killed before they could do anything"
