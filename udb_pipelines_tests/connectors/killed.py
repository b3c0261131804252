"""A process that syncs a source incrementally and is killed at a step: for tests of what the next one finds."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from udb_pipelines.warehouse import steps


def main() -> None:
    """A home, and at which of its durable steps the process is killed; the address is in the environment.

    Other tests look for that password among the arguments of all processes.
    """
    uri, home, at = os.environ["KILLED_URI"], Path(sys.argv[1]), int(sys.argv[2])
    left = at

    def reached(_step: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = reached
    # Only now: modules that know the function by name must know this one.
    from udb_pipelines.config import Settings
    from udb_pipelines_tests.connectors.test_incremental import HISTORY, Shop, sync

    shop = Shop.__new__(Shop)
    shop.uri = uri
    sync(Settings(home=home), shop, **HISTORY)


if __name__ == "__main__":
    main()
