"""A real MariaDB for the tests: one server per test session, a database of its own per request.

The server is Debian's ``mariadb-server-core``: its system tables are made from the SQL that it brings, so that none of
the packages that start a service are needed. It does not run as root; a test session of root runs it as ``nobody``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pymysql
import pytest

from udb_pipelines_tests.servers import free_port, wait_until_ready

USER = "udb_test"
PASSWORD = "planted-my-secret"
"""Checked by the server; tests may look for it in logs."""
START_SECONDS = 60
SYSTEM_TABLES = [Path("/usr/share/mysql") / f"mysql_system_tables{part}.sql" for part in ("", "_data")]


@dataclass(frozen=True)
class MariaDBServer:
    """A running server on the loopback interface."""

    port: int
    numbers: Iterator[int]

    def url(self, database: str = "", scheme: str = "mysql") -> str:
        return f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def client(self, database: str | None = None) -> pymysql.Connection:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=database, autocommit=True
        )

    def run(self, database: str, *statements: str) -> None:
        with closing(self.client(database)) as client, client.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def new_database(self) -> str:
        """Create an empty database and return its name. It lives as long as the server."""
        name = f"test_{next(self.numbers)}"
        with closing(self.client()) as client, client.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return name


@dataclass(frozen=True)
class MariaDB:
    """An empty database, for one test alone."""

    server: MariaDBServer
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def run(self, *statements: str) -> None:
        self.server.run(self.name, *statements)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDBServer]:
    """The server; ``new_database()`` makes a database."""
    program = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not all(file.is_file() for file in SYSTEM_TABLES):
        pytest.skip("needs a MariaDB server: apt-get install mariadb-server-core")
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="udb-my-"))
    data, log = folder / "data", folder / "log"
    options = [
        program, "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}", "--innodb-buffer-pool-size=32M",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M", "--innodb-use-native-aio=0",
    ]  # fmt: skip
    try:
        data.mkdir()
        if user:
            shutil.chown(folder, user)
            shutil.chown(data, user)
        script = [
            "CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;",
            *(file.read_text("utf-8") for file in SYSTEM_TABLES), "FLUSH PRIVILEGES;",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';",
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;",
        ]  # fmt: skip
        with log.open("wb") as output:
            subprocess.run(
                [*options, "--bootstrap"], input="\n".join(script).encode(), check=True, user=user, cwd=folder,
                stdout=output, stderr=output,
            )  # fmt: skip
            server = MariaDBServer(free_port(), count(1))
            process = subprocess.Popen(
                [*options, f"--port={server.port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}",
                 "--skip-name-resolve"],
                stdout=output, stderr=output, user=user, cwd=folder,
            )  # fmt: skip
        try:
            wait_until_ready(lambda: server.client().close(), pymysql.Error, process, log, START_SECONDS)
            yield server
        finally:
            process.kill()
            process.wait(timeout=START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mariadb(mariadb_server: MariaDBServer) -> MariaDB:
    """An empty database."""
    return MariaDB(mariadb_server, mariadb_server.new_database())
