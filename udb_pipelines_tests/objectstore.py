"""A real S3 server for the tests: one process per test session, a bucket of its own per request.

``moto`` speaks S3 over HTTP as a server of its own and keeps everything in memory. It answers whatever key a client
has, so tests of refused credentials set its authentication up by themselves.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

ACCESS_KEY = "AKIDPLANTEDFORTESTS"
SECRET_KEY = "planted/s3+secret=for-tests"
"""Tests look for it in logs and errors."""
START_SECONDS = 60


@dataclass(frozen=True)
class ObjectServer:
    """A running server on the loopback interface."""

    port: int
    numbers: Iterator[int]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_bucket(self) -> str:
        """Create an empty bucket and return its name."""
        # No hyphen: the client of Google Cloud Storage escapes it, and moto does not unescape.
        name = f"bucket{next(self.numbers)}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        return name

    def options(self) -> dict[str, Any]:
        """Settings that make UDB use this server."""
        return {
            "snapshot_endpoint": self.endpoint,
            "snapshot_region": "us-east-1",
            "snapshot_access_key": SecretStr(ACCESS_KEY),
            "snapshot_secret_key": SecretStr(SECRET_KEY),
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    """The server; ``new_bucket()`` gives a bucket. It lives as long as the test session."""
    server = ObjectServer(free_port(), count(1))
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(server.port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(server):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail("the S3 server did not start")
                time.sleep(0.1)
            yield server
        finally:
            process.kill()


def _answers(server: ObjectServer) -> bool:
    try:
        urllib.request.urlopen(server.endpoint, timeout=5).close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True
