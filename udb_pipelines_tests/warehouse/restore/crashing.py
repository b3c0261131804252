"""A restore for the crash tests, in a process that kills itself.

``python -m udb_pipelines_tests.warehouse.restore.crashing HOME STEP WHAT ARGUMENT [URL]``: SIGKILL when STEP is
reached, on the PostgreSQL catalog URL if there is one. WHAT is ``to`` (ARGUMENT: a version), ``from`` (a folder or
address of snapshots), ``table`` (a version), ``drop`` (a timeline).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, snapshots, steps
from udb_pipelines.warehouse.restore import drop, restore_from, restore_table, restore_to
from udb_pipelines.warehouse.targets import open_target


def killed(home: Path, step: str, what: str, argument: object, url: str | None = None) -> None:
    """Run this program and see it die."""
    words = [str(home), step, what, str(argument), *([url] if url else [])]
    done = subprocess.run(
        [sys.executable, "-m", "udb_pipelines_tests.warehouse.restore.crashing", *words],
        capture_output=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()[-2000:]


def main() -> None:
    home, step, what, argument, *url = sys.argv[1:]

    def reached(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = reached
    lake = Lake(
        Settings(home=Path(home), threads=1, lock_timeout_seconds=120, catalog_url=SecretStr(url[0]) if url else None)
    )
    if what == "to":
        restore_to(lake, int(argument))
    elif what == "table":
        restore_table(lake, "shop", int(argument))
    elif what == "drop":
        drop(lake, int(argument))
    else:
        target = open_target(argument, lake.settings)
        newest = snapshots.newest(target)
        restore_from(lake, target, newest.id if newest else "")


if __name__ == "__main__":
    main()
