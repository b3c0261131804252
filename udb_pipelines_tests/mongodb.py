"""A server that speaks MongoDB's protocol, for the tests: one per test session, a database of its own per request.

It is ``mongo-java-server``, which keeps documents in memory, from Maven Central. Java runs the one line that starts it
as source code. It knows no users, no sessions and no replica sets.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pymongo.database import Database

VERSION = "1.47.0"
START_SECONDS = 60
FETCH_SECONDS = 120
POM = f"""<project><modelVersion>4.0.0</modelVersion><groupId>udb</groupId><artifactId>tests</artifactId>
<version>1</version><dependencies><dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server</artifactId>
<version>{VERSION}</version></dependency></dependencies></project>"""
MAIN = """
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;
public class Main {
    public static void main(String[] arguments) throws Exception {
        // The oldest version that the driver speaks to; the server itself says 4.2.
        MongoVersion version = new MongoVersion() {
            public List<Integer> getVersionArray() { return List.of(4, 4, 0); }
            public int getWireVersion() { return 9; }
        };
        MemoryBackend backend = new MemoryBackend();
        backend.version(version);
        System.out.println("port " + new MongoServer(backend).bind().getPort());
        System.in.read();
    }
}
"""


@dataclass(frozen=True)
class MongoServer:
    """A running server on the loopback interface."""

    port: int
    numbers: Iterator[int]

    def url(self, database: str = "") -> str:
        return f"mongodb://127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True)
class Mongo:
    """An empty database, for one test alone."""

    server: MongoServer
    name: str
    database: Database[dict[str, Any]]

    @property
    def url(self) -> str:
        return self.server.url(self.name)


def _jars(folder: Path) -> Path:
    maven = shutil.which("mvn")
    if shutil.which("java") is None or maven is None:
        pytest.skip("needs a MongoDB server: java and mvn, which fetches mongo-java-server")
    (folder / "pom.xml").write_text(POM)
    try:
        subprocess.run(
            [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'jars'}"],
            cwd=folder, check=True, capture_output=True, timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("needs a MongoDB server: mongo-java-server cannot be fetched from Maven Central")
    return folder / "jars"


@contextmanager
def running() -> Iterator[MongoServer]:
    """A server of the caller's own, which tests may stop. It ends with the process that started it."""
    folder = Path(tempfile.mkdtemp(prefix="udb-mongo-"))
    try:
        jars = _jars(folder)
        (folder / "Main.java").write_text(MAIN)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["java", "-Xmx256m", "-cp", f"{jars}/*", str(folder / "Main.java")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=folder, text=True,
            )  # fmt: skip
        try:
            yield MongoServer(_port(process, folder / "log"), count(1))
        finally:
            process.kill()
            process.wait(timeout=START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _port(process: subprocess.Popen[str], log: Path) -> int:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and (line := process.stdout.readline()):
        if line.startswith("port "):
            return int(line.split()[1])
    pytest.fail(f"mongo-java-server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[MongoServer]:
    """The server."""
    pytest.importorskip("pymongo", reason="needs the package pymongo")
    with running() as server:
        yield server


@pytest.fixture
def mongo(mongo_server: MongoServer) -> Iterator[Mongo]:
    """An empty database."""
    from pymongo import MongoClient

    name = f"test_{next(mongo_server.numbers)}"
    with MongoClient[dict[str, Any]](mongo_server.url(), uuidRepresentation="standard") as client:
        yield Mongo(mongo_server, name, client[name])
