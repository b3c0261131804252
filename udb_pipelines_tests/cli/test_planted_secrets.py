"""A secret is used and shows up nowhere: not in what is printed, logged, recorded, published, nor in process lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest

from udb_pipelines_tests.cli.conftest import PROGRAM
from udb_pipelines_tests.connectors.airbyte import connector
from udb_pipelines_tests.postgres import PASSWORD

TOKEN = "planted-connector-token"


class Arguments(threading.Thread):
    """Reads the command lines of all processes that come of this one, again and again.

    Others are not looked at: the tests beside this one may give an address with its password, as a person may.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.ended = threading.Event()

    def run(self) -> None:
        family: set[psutil.Process] = set()  # remembered: a process whose parent has ended is nobody's child any more
        while not self.ended.wait(0.02):
            family = {process for process in family if process.is_running()}
            family.update(psutil.Process().children(recursive=True))
            for process in family:
                with suppress(OSError):
                    self.seen.add(Path(f"/proc/{process.pid}/cmdline").read_bytes())


def command(environment: dict[str, str], *arguments: str, given: str = "") -> str:
    """Everything that a command prints."""
    done = subprocess.run(
        [*PROGRAM, *arguments], input=given, env=environment, text=True, capture_output=True, check=False
    )
    return done.stdout + done.stderr


def leaks(home: Path, printed: str, watched: Arguments, secret: str) -> list[str]:
    files = [str(file) for file in home.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    lists = ["a process list"] if any(secret.encode() in line for line in watched.seen) else []
    return files + lists + (["what was printed"] if secret in printed else [])


@pytest.mark.timeout(900)
def test_planted_secrets_are_used_and_never_seen(home: Path, postgres_url: str) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id int PRIMARY KEY, what text); INSERT INTO orders VALUES (1, 'a')")
    connection.close()
    environment = {**os.environ, "UDB_LOG_LEVEL": "DEBUG", "SHOP_TOKEN": TOKEN}
    environment["UDB_SECRET_KEY"] = command(environment, "secrets", "key").strip()
    address = postgres_url.replace(PASSWORD, "${secret:shop}")
    folder = home / "connectors" / "fake-1.0"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "source-fake"
    script = Path(connector.__file__ or "").read_text().replace('!= "right"', f"!= {TOKEN!r}")
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(0o755)
    (folder / "ready.json").write_text(json.dumps({"requirement": "x", "spec": connector.SPEC}))
    config = ["--config", "token=${SHOP_TOKEN}", "--config", "rows=3"]

    watched = Arguments()
    watched.start()
    printed = command(environment, "secrets", "set", "shop", given=PASSWORD)
    loaded = command(environment, "run", address, "--as", "shop")
    fetched = command(environment, "run", "airbyte:fake@1.0", "--as", "fake", *config)
    printed += loaded + fetched
    printed += command(environment, "run", address.replace("127.0.0.1:", "127.0.0.1:1"), "--as", "nowhere")
    printed += command(environment, "run", "fake", "--config", "trouble=crash")
    printed += command(environment, "sources", "test")
    printed += command(environment, "sql", "SELECT * FROM nothing", "--json")
    printed += command(environment, "jobs", "--json") + command(environment, "sources", "export")
    time.sleep(0.1)
    watched.ended.set()
    assert "E_" not in loaded, loaded
    assert "fake__orders" in fetched, fetched
    program.unlink()
    assert leaks(home, printed, watched, PASSWORD) == []
    assert leaks(home, printed, watched, TOKEN) == []
