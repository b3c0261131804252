"""A clean-up process for the crash tests: kills itself (SIGKILL) when a step is reached for the n-th time.

``python -m udb_pipelines_tests.warehouse.maintaining HOME STEP OCCURRENCE``
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, retention, steps


def main() -> None:
    home, step, occurrence = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seen = count(1)

    def reached(name: str) -> None:
        if name == step and next(seen) == occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = reached
    clean_up(Path(home))


def clean_up(home: Path) -> None:
    """As the nightly job does, sixty days from now; twice, for what the first lets go the second removes."""
    settings = Settings(home=home, threads=1, unneeded_file_hours=0, lock_timeout_seconds=120)
    lake = Lake(settings)
    for _ in range(2):
        now = datetime.now(UTC) + timedelta(days=60)
        retention.apply(lake, retention.plan(settings, lake, retention.Rules(), now=now, used_pct=0))


if __name__ == "__main__":
    main()
