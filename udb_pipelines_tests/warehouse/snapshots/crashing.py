"""A process for the crash tests: does one thing with snapshots and kills itself (SIGKILL) at a step.

``python -m udb_pipelines_tests.warehouse.snapshots.crashing HOME TARGET create|copy|prune [STEP [ENDPOINT]]``
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, snapshots, steps
from udb_pipelines.warehouse.targets import open_target
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY


def main() -> None:
    home, address, what, *more = sys.argv[1:]
    step = more[0] if more else None
    options: dict[str, Any] = {}
    if len(more) > 1:
        options = {
            "snapshot_endpoint": more[1],
            "snapshot_access_key": SecretStr(ACCESS_KEY),
            "snapshot_secret_key": SecretStr(SECRET_KEY),
        }

    def reached(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = reached
    settings = Settings(home=Path(home), threads=1, **options)
    lake, target = Lake(settings), open_target(address, settings)
    if what == "create":
        snapshots.create(lake, target)
    elif what == "copy":
        snapshots.copy(lake, target)
    else:
        snapshots.prune(target, 1, wait_seconds=10, now=datetime.now(UTC) + timedelta(days=10))


if __name__ == "__main__":
    main()
