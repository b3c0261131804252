"""A writer process for the crash tests: commits jobs in turn and says on stdout what was acknowledged.

``python -m udb_pipelines_tests.warehouse.crashing HOME FIRST_JOB [STEP OCCURRENCE]``: kills itself (SIGKILL) when
the commit has reached STEP for the OCCURRENCE-th time; without STEP it goes on until somebody kills it.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, commit, steps
from udb_pipelines_tests.warehouse.staging import Stager

MODES = ("full_refresh_overwrite", "incremental_append", "incremental_upsert")


def rows_of(job: int) -> range:
    """Job ``n`` writes ``n % 5 + 20`` rows with ids from ``n`` on: the parent's oracle computes the same."""
    return range(job, job + job % 5 + 20)


def mode_of(job: int) -> str:
    return MODES[job % 3]


def main() -> None:
    home, first, *kill = sys.argv[1:]
    if kill:
        step, occurrence = kill[0], int(kill[1])
        seen = count(1)

        def reached(name: str) -> None:
            if name == step and next(seen) == occurrence:
                os.kill(os.getpid(), signal.SIGKILL)

        steps.reached = reached
    lake = Lake(Settings(home=Path(home), threads=1, lock_timeout_seconds=120))
    stage = Stager(lake.settings)
    for job in count(int(first)):
        ids = rows_of(job)
        staged = stage(
            f"SELECT range AS id, {job} AS job FROM range({ids.start}, {ids.stop})",
            job_id=f"job_{job}",
            state={"job": job},
            sync_mode=mode_of(job),
            primary_key=("id",),
        )
        sys.stdout.write(f"start {job}\n")
        sys.stdout.flush()
        commit(lake, staged)
        sys.stdout.write(f"acknowledged {job}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
