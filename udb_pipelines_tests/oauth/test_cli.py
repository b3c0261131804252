"""Signing in on the command line, and a source that uses it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from udb_pipelines.config import Settings
from udb_pipelines_tests.cli.conftest import PROGRAM, Udb
from udb_pipelines_tests.cli.conftest import home as home
from udb_pipelines_tests.cli.conftest import udb as udb
from udb_pipelines_tests.oauth.server import Provider


@pytest.fixture(autouse=True)
def key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command opens what ``settings`` opens; both have the same home."""
    assert settings.secret_key is not None
    monkeypatch.setenv("UDB_SECRET_KEY", settings.secret_key.get_secret_value())


def test_sign_in_list_load_and_forget(
    site: Provider, settings: Settings, person: Callable[..., Callable[[str], None]], udb: Udb
) -> None:
    words = ("oauth", "login", "crm", "--provider-url", site.address, "--client-id", "udb", "--scope", "read")
    with subprocess.Popen([*PROGRAM, *words, "--no-browser"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = next(line.strip() for line in process.stderr if line.startswith("http"))
        person()(address)
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert "${oauth:crm}" in rest

    listed = udb("oauth", "list", "--json")
    (info,) = listed.json
    assert (info["name"], info["renewable"]) == ("crm", True)
    loaded = udb("run", f"{site.address}/data.csv", "--config", "header.Authorization='Bearer ${oauth:crm}'")
    assert loaded.code == 0, loaded.err
    said = rest + listed.out + listed.err + loaded.out + loaded.err
    kept = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    for token in site.tokens.values():
        for name in ("access_token", "refresh_token"):
            assert token[name] not in said
            assert token[name].encode() not in kept
    assert udb("oauth", "remove", "crm").code == 0
    assert udb("oauth", "list", "--json").json == []


def test_what_cannot_work_is_said_before_anybody_signs_in(site: Provider, udb: Udb) -> None:
    base = ("oauth", "login", "crm", "--client-id", "udb")
    for words, code in (
        ((*base, "--provider-url", site.address, "--client-secret", "planted"), "E_SECRET_INLINE"),
        ((*base, "--authorize-url", f"{site.address}/authorize"), "E_OPTION"),
        ((*base, "--token-url", "http://login.example.org/token"), "E_OPTION"),
        (("oauth", "login", "Not A Name", "--client-id", "udb", "--provider-url", site.address), "E_NAME"),
    ):
        found = udb(*words)
        assert found.code == 2
        assert code in found.err
        assert "planted" not in found.err
