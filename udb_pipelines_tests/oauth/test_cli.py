"""Signing in on the command line, and a source that uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines_tests.oauth.server import Provider


def udb(settings: Settings, *words: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment, with the secret key of ``settings``."""
    assert settings.secret_key is not None
    environment = {
        **os.environ, "UDB_HOME": str(settings.home), "UDB_SECRET_KEY": settings.secret_key.get_secret_value(),
    }  # fmt: skip
    return [sys.executable, "-c", "from udb_pipelines.cli import main; main()", *words], environment


def run(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    command, environment = udb(settings, *words)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)


def test_sign_in_list_load_and_forget(
    site: Provider, settings: Settings, person: Callable[..., Callable[[str], None]], tmp_path: Path
) -> None:
    command, environment = udb(
        settings, "oauth", "login", "crm", "--provider-url", site.address, "--client-id", "udb", "--scope", "read",
        "--no-browser",
    )  # fmt: skip
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = next(line.strip() for line in process.stderr if line.startswith("http"))
        person()(address)
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert "${oauth:crm}" in rest

    listed = run(settings, "oauth", "list", "--json")
    (info,) = json.loads(listed.stdout)
    assert (info["name"], info["renewable"]) == ("crm", True)
    loaded = run(settings, "run", f"{site.address}/data.csv", "--config", "header.Authorization='Bearer ${oauth:crm}'")
    assert loaded.returncode == 0, loaded.stderr
    said = rest + listed.stdout + listed.stderr + loaded.stdout + loaded.stderr
    kept = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    for token in site.tokens.values():
        for name in ("access_token", "refresh_token"):
            assert token[name] not in said
            assert token[name].encode() not in kept
    assert run(settings, "oauth", "remove", "crm").returncode == 0
    assert json.loads(run(settings, "oauth", "list", "--json").stdout) == []


def test_what_cannot_work_is_said_before_anybody_signs_in(site: Provider, settings: Settings) -> None:
    base = ("oauth", "login", "crm", "--client-id", "udb")
    for words, code in (
        ((*base, "--provider-url", site.address, "--client-secret", "planted"), "E_SECRET_INLINE"),
        ((*base, "--authorize-url", f"{site.address}/authorize"), "E_OPTION"),
        ((*base, "--token-url", "http://login.example.org/token"), "E_OPTION"),
        (("oauth", "login", "Not A Name", "--client-id", "udb", "--provider-url", site.address), "E_NAME"),
    ):
        found = run(settings, *words)
        assert found.returncode == 2
        assert code in found.stderr
        assert "planted" not in found.stderr
