"""Whose process it was."""

from __future__ import annotations

import os

import pytest

from udb_pipelines.operations.processes import is_running


@pytest.mark.parametrize(
    ("pid", "running"),
    [(os.getpid(), True), (1, True), (2**22 + 1, False), (10**30, False)],
    ids=["this one", "the first", "beyond all", "no number of a process"],
)
def test_whether_a_process_runs(pid: int, running: bool) -> None:
    """No number on Linux is larger than 2²²; a file that somebody else has named may say any."""
    assert is_running(pid) is running
