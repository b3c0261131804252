"""What the tests' database servers have in common: a port of their own, and a time until they answer."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(
    connect: Callable[[], None], refused: type[Exception], process: subprocess.Popen[bytes], log: Path, seconds: float
) -> None:
    """Try ``connect`` until it is not ``refused`` any more; the test fails with ``log`` when that does not come."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connect()
        except refused:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()}")
