"""``udb sources``: applied from a file, added in a talk, tested."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from pathlib import Path

from udb_pipelines_tests.cli.conftest import PROGRAM, Udb


def test_a_file_is_applied_tested_and_exported(udb: Udb, customers: Path) -> None:
    Path("sources.yaml").write_text(f"sources:\n  people:\n    uri: {customers}\n")
    shown = udb("sources", "apply", "--dry-run")
    assert (shown.code, udb("sources", "list", "--json").json) == (0, [])
    assert "added" in shown.out
    assert udb("sources", "apply", "--json").json == {"applied": True, "sources": {"people": "added"}}
    (tested,) = udb("sources", "test", "--json").json
    assert (tested["result"], tested["what"]) == ("ok", "never loaded")
    assert udb("run", "people").code == 0
    customers.write_text(customers.read_text().replace("city", "town"))
    assert "people: +town VARCHAR, -city; on_schema_change is evolve" in udb("sources", "test", "people", "--json").out
    customers.unlink()
    failed = udb("sources", "test", "people")
    assert failed.code == 3
    assert "E_NOT_FOUND" in failed.out
    assert udb("sources", "export", "--out", "again.yaml").code == 0
    assert udb("sources", "export", "--out", "again.yaml").code == 2
    assert udb("sources", "apply", "again.yaml", "--json").json["sources"] == {"people": "same"}


def test_a_talk_asks_until_the_source_can_be_read_and_writes_the_file(home: Path, customers: Path) -> None:
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "sources", "add"], stdin=secondary, stdout=subprocess.PIPE, stderr=secondary, env=os.environ
    )
    os.close(secondary)
    told = ""

    def answer(question: str, text: str) -> None:
        nonlocal told
        deadline = time.monotonic() + 60
        while question not in told:
            assert time.monotonic() < deadline, told
            told += os.read(primary, 4096).decode()
        told = told[told.index(question) + len(question) :]
        os.write(primary, f"{text}\n".encode())

    answer("Where is it", "nowhere.csv")
    answer("there is no file", "")
    answer("Where is it", str(customers))
    answer("Name", "people")
    answer("cron", "0 6 * * *")
    answer("sources.yaml", "y")
    assert process.wait(60) == 0
    os.close(primary)
    text = Path("sources.yaml").read_text()
    assert "people" in text
    assert "0 6 * * *" in text
