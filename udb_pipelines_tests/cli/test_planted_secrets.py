"""A secret is used and shows up nowhere: not in what is printed, logged, recorded, published, nor in process lists."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest

from udb_pipelines.operations import scrub
from udb_pipelines_tests.cli.conftest import PROGRAM, Udb
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


def command(*arguments: str, given: str = "") -> str:
    """Everything that a command in a process of its own prints."""
    done = subprocess.run([*PROGRAM, *arguments], input=given, text=True, capture_output=True, check=False)
    return done.stdout + done.stderr


def leaks(home: Path, printed: str, watched: Arguments, secret: str) -> list[str]:
    files = [str(file) for file in home.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    lists = ["a process list"] if any(secret.encode() in line for line in watched.seen) else []
    return files + lists + (["what was printed"] if secret in printed else [])


@pytest.mark.timeout(900)
def test_planted_secrets_are_used_and_never_seen(
    home: Path, udb: Udb, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given a secret or passes one on runs in a process of its own; the others do the same in this one."""

    def here(*arguments: str) -> str:
        scrub.forget()  # a new process knows no secret yet
        answer = udb(*arguments)
        return answer.out + answer.err

    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id int PRIMARY KEY, what text); INSERT INTO orders VALUES (1, 'a')")
    connection.close()
    monkeypatch.setenv("UDB_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    monkeypatch.setenv("UDB_SECRET_KEY", udb("secrets", "key").out.strip())
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
    printed = command("secrets", "set", "shop", given=PASSWORD)
    loaded = command("run", address, "--as", "shop")
    fetched = command("run", "airbyte:fake@1.0", "--as", "fake", *config)
    printed += loaded + fetched
    printed += here("run", address.replace("127.0.0.1:", "127.0.0.1:1"), "--as", "nowhere")
    printed += command("run", "fake", "--config", "trouble=crash")
    printed += command("sources", "test")
    printed += here("sql", "SELECT * FROM nothing", "--json")
    printed += here("jobs", "--json") + here("sources", "export")
    time.sleep(0.1)
    watched.ended.set()
    assert "E_" not in loaded, loaded
    assert "fake__orders" in fetched, fetched
    program.unlink()
    assert leaks(home, printed, watched, PASSWORD) == []
    assert leaks(home, printed, watched, TOKEN) == []
