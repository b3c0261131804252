"""``udb sources``: applied from a file, added in a talk, tested."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.sftp.hostkeys import keys_in
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines_tests import sftpserver
from udb_pipelines_tests.cli.conftest import PROGRAM, Udb
from udb_pipelines_tests.sftpserver import SftpServer


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


class Person:
    """Somebody at a terminal of her own, who answers what she is asked."""

    def __init__(self, *words: str, **variables: str) -> None:
        self._primary, secondary = pty.openpty()
        self.process = subprocess.Popen(
            [*PROGRAM, *words], stdin=secondary, stdout=subprocess.PIPE, stderr=secondary,
            env={**os.environ, **variables},
        )  # fmt: skip
        os.close(secondary)
        self.told = self._new = ""

    def answer(self, question: str, text: str) -> None:
        deadline = time.monotonic() + 120
        while question not in self._new:
            assert select.select([self._primary], [], [], max(0, deadline - time.monotonic()))[0], self._new
            said = os.read(self._primary, 4096).decode()
            self.told, self._new = self.told + said, self._new + said
        self._new = self._new[self._new.index(question) + len(question) :]
        os.write(self._primary, f"{text}\n".encode())

    def leave(self) -> int:
        code = self.process.wait(120)
        os.close(self._primary)
        return code


def test_a_talk_asks_until_the_source_can_be_read_and_writes_the_file(home: Path, customers: Path) -> None:
    person = Person("sources", "add")
    person.answer("Where is it", "nowhere.csv")
    person.answer("there is no file", "")
    person.answer("Where is it", str(customers))
    person.answer("Name", "people")
    person.answer("cron", "0 6 * * *")
    person.answer("sources.yaml", "y")
    assert person.leave() == 0
    text = Path("sources.yaml").read_text()
    assert "people" in text
    assert "0 6 * * *" in text


def test_a_talk_about_an_sftp_server_asks_for_its_key_and_a_password(
    home: Path, sftp_server: SftpServer, tmp_path: Path
) -> None:
    if not sftp_server.takes_passwords:
        pytest.skip("needs root, to give the server a file of passwords of its own")
    folder = sftp_server.new_folder()
    (folder / "orders.csv").write_text("id,name\n1,a\n")
    (tmp_path / "known").touch()
    (key,) = keys_in(sftp_server.host_key)
    secret_key = new_key()
    store = SecretStore(Settings(home=home, secret_key=SecretStr(secret_key)))
    store.set("orders_password", "of another source")
    person = Person(
        "sources", "add", UDB_SECRET_KEY=secret_key, UDB_SSH_KNOWN_HOSTS=str(tmp_path / "known"), SSH_AUTH_SOCK=""
    )
    person.answer("Where is it", sftp_server.address(f"{folder}/orders.csv"))
    person.answer(f"{key.fingerprint} is its key", "y")
    person.answer("Password", "wrong")
    person.answer("Password", sftpserver.PASSWORD)
    person.answer("Name", "orders")
    person.answer("cron", "")
    person.answer("sources.yaml", "y")
    assert person.leave() == 0
    text = Path("sources.yaml").read_text()
    assert "${secret:orders_password_2}" in text
    assert [secret.name for secret in store.list()] == ["orders_password", "orders_password_2"]
    assert store.get("orders_password") == "of another source"
    assert key.written in text
    assert sftpserver.PASSWORD not in text + person.told
