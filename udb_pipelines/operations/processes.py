"""Other processes of this machine: whether what one of them left behind is still somebody's."""

from __future__ import annotations

import os


def is_running(pid: int) -> bool:
    """Whether there is such a process, whoever started it."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # what is no number of a process has none
        return False
    except PermissionError:
        return True
    return True
