"""The way back, as a person goes it: load, look, go back, load again, compare, drill, and three wrong ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.cli import session
from udb_pipelines.config import load_settings
from udb_pipelines.secrets.store import SecretStore
from udb_pipelines_tests.cli.conftest import Udb

FIRST = "id,name,amount\n1,Ann,3.5\n2,Bob,5\n3,Cy,7\n"
SECOND = "id,name,amount\n1,Ann,3.5\n2,Bob,6\n4,Di,9\n"


@pytest.fixture
def loaded(udb: Udb) -> Udb:
    """Two versions of ``orders``."""
    for content in (FIRST, SECOND):
        Path("orders.csv").write_text(content)
        assert udb("run", "orders.csv").code == 0
    return udb


def names(udb: Udb, *more: str) -> list[str]:
    return [row["name"] for row in udb("sql", "SELECT name FROM orders ORDER BY id", "--json", *more).json]


def test_back_and_on_again(loaded: Udb) -> None:
    udb = loaded
    versions = [entry["version"] for entry in udb("history", "orders", "--json").json]
    planned = udb("restore", "to", str(versions[1]), "--dry-run")
    assert "becomes timeline 2; 1 version of timeline 1 would be left behind" in planned.out
    assert names(udb) == ["Ann", "Bob", "Di"]
    done = udb("restore", "to", str(versions[1]))
    assert "udb sql --timeline 1" in done.err
    assert names(udb) == ["Ann", "Bob", "Cy"]
    assert names(udb, "--timeline", "1") == ["Ann", "Bob", "Di"]
    # The file has not changed since it was loaded last; the warehouse has.
    assert udb("run", "orders.csv").code == 0
    assert names(udb) == ["Ann", "Bob", "Di"]
    listed = udb("restore", "list").out
    assert "2 (current)" in listed
    assert f"restored version {versions[1]} of timeline 1" in listed
    assert udb("restore", "table", "orders", "--to", str(versions[1])).code == 0
    assert names(udb) == ["Ann", "Bob", "Cy"]
    assert udb("restore", "verify").code == 0
    dropped = udb("restore", "drop-timeline", "1", "--json").json
    assert [point["version"] for point in dropped["versions"]] == [versions[0]]


def test_a_time_to_come_is_a_mistyped_year(loaded: Udb) -> None:
    refused = loaded("restore", "to", "2999-01-01")
    assert refused.code == 2
    assert "2999-01-01 00:00:00 UTC is still to come" in refused.err
    assert "timeline 2" not in loaded("restore", "list").out


def test_diff_by_the_key_that_the_profile_found(loaded: Udb) -> None:
    udb = loaded
    shown = udb("diff", "orders", "--from", "2", "--out", "changes.csv")
    assert "1 added, 1 removed, 1 changed; 3 rows before, 3 after" in shown.out
    assert "amount: 5.0 → 6.0" in shown.out
    assert "Rows were matched by id." in shown.err
    assert len(Path("changes.csv").read_text().splitlines()) == 4
    found = udb("diff", "orders", "--from", "2", "--to", "3", "--key", "id", "--limit", "1", "--json").json
    assert (found["added"], found["removed"], found["changed"]) == (1, 1, 1)
    assert found["changed_columns"] == {"amount": 1}
    assert len(found["rows"]) == 1


def test_a_snapshot_elsewhere_and_the_drill(loaded: Udb, monkeypatch: pytest.MonkeyPatch) -> None:
    udb = loaded
    assert "no restore was ever verified" in udb("doctor").out
    assert udb("snapshot", "create").code == 0
    drill = udb("restore", "drill")
    assert drill.code == 0
    assert "1 table, 3 rows" in drill.out
    assert "1 compared by checksum" in drill.out
    assert "a restore was verified 0.0 days ago" in udb("doctor").out
    assert "to be fetched: 0 files" in udb("restore", "from", "newest", "--dry-run").out
    assert udb("restore", "from", "newest", "--to", "elsewhere").code == 0
    monkeypatch.setenv("UDB_HOME", str(Path("elsewhere").absolute()))
    assert names(udb) == ["Ann", "Bob", "Di"]


def test_wrong_ways(loaded: Udb) -> None:
    udb = loaded
    early = udb("restore", "to", "2020-01-01")
    assert early.code == 2
    assert "it goes from version 1 (" in early.err
    unknown = udb("restore", "from", "nonsense")
    assert unknown.code != 0
    assert "there is no snapshot nonsense" in unknown.err
    current = udb("restore", "drop-timeline", "1")
    assert "timeline 1 is the current one" in current.err
    assert names(udb) == ["Ann", "Bob", "Di"]


def test_an_empty_machine_gets_its_sources_secrets_and_contracts_back(
    loaded: Udb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    udb = loaded
    monkeypatch.setenv("UDB_SECRET_KEY", udb("secrets", "key").out.strip())
    here = load_settings()
    SecretStore(here).set("shop", "planted-value")
    Path("orders.yaml").write_text(udb("contract", "show", "orders").out)
    assert udb("contract", "pin", "orders", "orders.yaml").code == 0
    assert udb("retention", "hold", "add", "orders", "--reason", "case").code == 0
    assert udb("snapshot", "create", "--target", str(tmp_path / "bucket")).code == 0
    assert not any(b"planted-value" in file.read_bytes() for file in (tmp_path / "bucket").rglob("*") if file.is_file())

    monkeypatch.setenv("UDB_HOME", str(tmp_path / "new"))
    session.settings.cache_clear()
    done = udb("restore", "from", "newest", "--target", str(tmp_path / "bucket"), "--json").json["belongings"]
    assert {"source orders", "secret shop", "hold orders", "contracts/orders.yaml"} <= set(done["put"])
    assert names(udb) == ["Ann", "Bob", "Di"]
    assert SecretStore(load_settings()).get("shop") == "planted-value"
    assert udb("contract", "test", "orders").code == 0
    assert "orders" in udb("retention", "hold", "list").out
    Path("orders.csv").write_text(FIRST)
    assert udb("run", "orders").code == 0, "by its name: it is registered"

    assert udb("sources", "add", "orders", "orders.csv", "--replace", "--schedule", "0 6 * * *").code == 0
    again = udb("restore", "from", "newest", "--target", str(tmp_path / "bucket"))
    assert "Kept as they are here, other than in the snapshot (--force replaces them): source orders" in again.err
    forced = udb("restore", "from", "newest", "--target", str(tmp_path / "bucket"), "--force")
    assert "Put back: source orders" in forced.err
