"""``udb connectors`` as somebody meets it who has never used it, the wrong ways included."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from udb_pipelines.cli import extras
from udb_pipelines.connectors.airbyte.environments import refusal
from udb_pipelines.connectors.airbyte.pins import pin_of
from udb_pipelines_tests.cli.conftest import Udb


def test_the_list_says_what_is_native_and_what_is_to_install(udb: Udb) -> None:
    found = {row["name"]: row["status"] for row in udb("connectors", "list", "--json").json}
    assert (found["postgres"], found["airbyte:faker"]) == ("native", "to install")


def test_an_extra_says_what_it_needs_and_what_it_was_tried_with(udb: Udb, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = udb("connectors", "show", "mssql").out
    assert "pip install 'udb-pipelines[odbc]'" in shown
    assert "tdsodbc" in shown
    assert "tested with: no SQL Server" in shown
    assert "snapshot" in udb("connectors", "show", "mongodb").out
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    found = {row["name"]: row["status"] for row in udb("connectors", "list", "--json").json}
    assert (found["mongodb"], found["odbc"], found["mysql"]) == ("to install", "to install", "native")
    assert "pip install 'udb-pipelines[mongodb]'" in udb("connectors", "install", "mongodb").err


def test_a_word_finds_and_one_that_does_not_says_where_to_look(udb: Udb) -> None:
    assert [row["name"] for row in udb("connectors", "search", "REST", "--json").json] == ["airbyte:manifest"]
    nothing = udb("connectors", "search", "hubspot")
    assert "https://pypi.org/project/airbyte-source-hubspot" in nothing.err
    assert "udb connectors install hubspot@VERSION" in nothing.err


def test_one_that_is_not_installed_shows_its_licence_and_the_way_to_it(udb: Udb) -> None:
    answer = udb("connectors", "show", "faker")
    assert answer.code != 0
    assert "Elastic License" in answer.err
    assert "udb connectors install faker" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fakr"], "did you mean airbyte:faker?"),
        (["faker@latest"], "airbyte:NAME@1.2.3 for an exact version"),
        (["postgres"], "there is nothing to install"),
        (["faker"], "nobody accepted its licence"),
        (["airbyte:faker"], "nobody accepted its licence"),
    ],
    ids=["unknown name", "no version", "native", "nobody to ask", "with the scheme"],
)
def test_wrong_ways_to_install_end_with_the_right_one(
    udb: Udb, home: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.delenv("UDB_ACCEPT_CONNECTOR_LICENCES", raising=False)
    answer = udb("connectors", "install", *arguments)
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not (home / "connectors").exists()


@pytest.mark.parametrize(
    ("printed", "said", "remedy"),
    [
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError: refused'\n"
         "ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)",
         "the package index cannot be reached", "PIP_INDEX_URL"),
        ("ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)",
         "there is no package airbyte-source-faker", "https://pypi.org"),
        ("ERROR: Could not find a version that satisfies the requirement x (from versions: 6.0.0, 7.0.0rc1, 7.2.1)",
         "the last ones are 6.0.0, 7.2.1", "airbyte:faker@7.2.1"),
        ("ERROR: Package 'x' requires a different Python: 3.13", "requires a different Python", "version"),
        ("", "the installer failed", "another version"),
    ],
    ids=["no network", "no package", "no version", "another python", "nothing said"],
)  # fmt: skip
def test_why_an_installation_failed(printed: str, said: str, remedy: str) -> None:
    error = refusal(pin_of("airbyte:faker@9.9.9"), printed)
    assert error.code == "E_CONNECTOR"
    assert said in error.message
    assert remedy in (error.remedy or "")


def test_a_manifest_needs_a_manifest_not_what_the_kit_calls_it(udb: Udb, home: Path) -> None:
    folder = home / "connectors" / pin_of("airbyte:manifest").folder
    folder.mkdir(parents=True)
    spec = {"required": ["__injected_declarative_manifest"], "properties": {"__injected_declarative_manifest": {}}}
    (folder / "ready.json").write_text(json.dumps({"requirement": "x", "spec": spec}))
    answer = udb("connectors", "show", "manifest")
    assert "YAML file" in answer.out
    assert "__injected" not in answer.out
