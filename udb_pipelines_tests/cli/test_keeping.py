"""The commands about tenants, retention and columns, as they are typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.models import Source
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines_tests.cli.conftest import Udb
from udb_pipelines_tests.warehouse.staging import Stager


def load(settings: Settings, *queries: str) -> None:
    """Rows in the dataset ``shop``, without the cost of a job."""
    for query in queries:
        commit(Lake(settings), Stager(settings)(query))
    source = Source(name="shop", uri="/data/shop.csv", created_at=datetime.now(UTC))
    SourceRegistry(settings).add(source, replace=True)


def test_a_tenant_is_chosen_before_or_behind_the_command(udb: Udb, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert udb("tenants", "add", "acme").code == 0
    load(Settings(home=home), "SELECT 'ours' AS who")
    load(Settings(home=home, tenant="acme"), "SELECT 'theirs' AS who")
    ask = ("sql", "FROM shop", "--json")
    assert udb(*ask).json == [{"who": "ours"}]
    assert udb("--tenant", "acme", *ask).json == udb(*ask, "--tenant", "acme").json == [{"who": "theirs"}]
    monkeypatch.setenv("UDB_TENANT", "acme")
    assert udb(*ask).json == [{"who": "theirs"}]
    assert udb(*ask, "--tenant", "default").json == [{"who": "ours"}]
    listed = udb("tenants", "list", "--json").json
    assert [(row["tenant"], row["rows"]) for row in listed] == [("default", 1), ("acme", 1)]


@pytest.mark.parametrize(
    ("tenant", "hint"), [("akme", "did you mean acme"), ("Acme", "small letters"), ("../acme", "small letters")]
)
def test_a_wrong_tenant_is_refused(udb: Udb, home: Path, tenant: str, hint: str) -> None:
    udb("tenants", "add", "acme")
    answer = udb("sources", "list", "--tenant", tenant)
    assert (answer.code, "E_TENANT" in answer.err, hint in answer.err) == (2, True, True)
    assert not (home / "tenants" / tenant).exists() or tenant == "../acme"
    assert udb("tenants", "add", "acme").code == 2, "it is there already"


def test_retention_is_shown_before_it_is_done(udb: Udb, home: Path) -> None:
    settings = Settings(home=home)
    load(settings, "SELECT 1 AS a")
    assert "Nothing to do" in udb("retention", "plan").err
    dead = settings.staging / "dead"
    dead.mkdir(parents=True)
    (dead / "part").write_text("x" * 10)
    import os

    for path in (dead / "part", dead):
        os.utime(path, (0, 0))
    planned = udb("retention", "plan")
    assert "staging/dead" in planned.out and "job that died" in planned.out
    assert udb("retention", "apply", "--dry-run").out == planned.out
    assert dead.exists()
    assert "1 thing removed" in udb("retention", "apply").out
    assert not dead.exists()
    (line,) = [json.loads(text) for text in (home / "retention.jsonl").read_text().splitlines()]
    assert (line["action"], line["path"], line["bytes"]) == ("remove", str(dead), 10)


def test_holds(udb: Udb, home: Path) -> None:
    load(Settings(home=home), "SELECT 1 AS a")
    assert udb("retention", "hold", "add", "shop", "--until", "21000101", "--reason", "case 1").code == 0
    (hold,) = udb("retention", "hold", "list", "--json").json
    assert (hold["name"], hold["until"][:19], hold["reason"]) == ("shop", "2100-01-01T23:59:59", "case 1")
    for wrong in (("add", "shpo"), ("add", "shop", "--until", "2001-01-01"), ("add", "shop", "--until", "soon")):
        assert udb("retention", "hold", *wrong).code == 2
    assert "did you mean shop" in udb("retention", "hold", "add", "shpo").err
    assert udb("retention", "hold", "remove", "shop").code == 0
    assert udb("retention", "hold", "remove", "shop").code == 2


def test_a_breaking_change_ends_with_4(udb: Udb, home: Path, tmp_path: Path) -> None:
    load(Settings(home=home), "SELECT 1::BIGINT AS id, 'x' AS name")
    baseline = tmp_path / "shop.yaml"
    assert udb("schema", "show", "shop", "--to", baseline).code == 0
    assert udb("schema", "check", "shop", "--baseline", baseline).code == 0
    load(Settings(home=home), "SELECT 1::BIGINT AS id, 'x' AS name, 2 AS more")
    safe = udb("schema", "check", "shop", "--baseline", baseline)
    assert (safe.code, "safe" in safe.out, "more" in safe.out) == (0, True, True)
    load(Settings(home=home), "SELECT 'a' AS id")
    broken = udb("schema", "check", "shop", "--baseline", baseline, "--json")
    assert broken.code == 4
    assert {(change["column"], change["kind"]) for change in broken.json["changes"] if change["breaking"]} == {
        ("id", "retyped"), ("name", "removed"),
    }  # fmt: skip
    assert "2 breaking of 2" in udb("schema", "diff", "shop", "--from", "2").err
    assert udb("schema", "check", "shop", "--baseline", "2").code == 4
    for wrong in (
        ("check", "shop", "--baseline", tmp_path / "none.json"),
        ("check", "shop", "--baseline", "99"),
        ("show", "nothing"),
        ("show", "shop", "--to", "x.txt"),
        ("diff", "nothing"),
    ):
        answer = udb("schema", *wrong)
        assert answer.code in {2, 3} and "what to do" in answer.err, wrong
