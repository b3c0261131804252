"""``udb keys``: candidates, confirming one, and what later syncs make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from udb_pipelines.errors import Exit
from udb_pipelines_tests.cli.conftest import Kept, Udb


@pytest.fixture
def orders(udb: Udb, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A loaded source with a good key and a bad one."""

    def make() -> None:
        Path("orders.csv").write_text("id,email\n1,ann@example.org\n2,bob@example.org\n3,ann@example.org\n")
        assert udb("run", "orders.csv").code == 0

    kept.begin("orders", monkeypatch, make)
    return Path("orders.csv").absolute()


def test_candidates_are_listed_and_one_is_confirmed(udb: Udb, orders: Path) -> None:
    listed = udb("keys", "list", "orders")
    assert listed.out.splitlines()[1].split()[:2] == ["id", "1.0000"]
    assert "udb keys confirm orders id" in listed.err
    confirmed = udb("keys", "confirm", "orders", "id")
    assert confirmed.code == 0
    assert "id identifies each of the 3 rows of orders." in confirmed.out
    assert udb("keys", "list", "orders").out.splitlines()[1].split()[-1] == "yes"


def test_later_syncs_are_checked_and_go_on(udb: Udb, orders: Path) -> None:
    udb("keys", "confirm", "orders", "id")
    again = udb("run", "orders", "--json").json["jobs"][0]
    assert (again["unchanged"], again["verdict"]) == (True, "PASS")
    assert udb("keys", "list", "orders", "--json").json["key_check"]["duplicate_rows"] == 0
    orders.write_text("id,email\n1,ann@example.org\n1,bob@example.org\n3,ann@example.org\n")
    job = udb("run", "orders", "--json").json["jobs"][0]
    assert (job["status"], job["verdict"]) == ("success", "FAIL")
    check = udb("keys", "list", "orders", "--json").json["key_check"]
    assert (check["duplicate_groups"], check["duplicate_rows"]) == (1, 1)
    assert check["first_groups"] == [{"rows": [1, 2], "count": 2, "values": ["1"]}]


def test_a_key_that_does_not_hold_is_told_without_personal_values(udb: Udb, orders: Path) -> None:
    shown = udb("keys", "confirm", "orders", "email")
    assert shown.code == Exit.DATA
    assert "1 group of rows with the same values, 1 row too many" in shown.out
    assert "AAA@AAAAAAA.AAA" in shown.out
    assert "ann@" not in shown.out + shown.err


def test_a_key_whose_column_is_gone_is_told(udb: Udb, orders: Path) -> None:
    udb("keys", "confirm", "orders", "id")
    orders.write_text("number,email\n1,ann@example.org\n")
    job = udb("run", "orders", "--json").json["jobs"][0]
    assert (job["status"], job["verdict"]) == ("success", "FAIL")
    report = Path(job["reports"]["orders"]).with_name("profile.json").read_text()
    assert "E_KEY_MISSING" in report
    assert udb("keys", "forget", "orders").code == 0
    assert udb("keys", "forget", "orders").code == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["confirm", "orders", "idd"], "did you mean id?"),
        (["confirm", "orders", "id", "id"], "stands twice"),
        (["confirm", "ordrs", "id"], "did you mean orders?"),
        (["list", "nothing"], "SHOW TABLES"),
    ],
    ids=["column", "twice", "dataset", "unknown"],
)
def test_a_mistake_is_told(udb: Udb, orders: Path, arguments: list[str], said: str) -> None:
    shown = udb("keys", *arguments)
    assert shown.code == Exit.USAGE
    assert said in shown.err


def test_foreign_keys_are_found_after_a_sync_and_on_request(udb: Udb, home: Path) -> None:
    Path("customers.csv").write_text("id,city\nc1,Rome\nc2,Oslo\nc3,Bern\n")
    Path("orders.csv").write_text("number,customer_id\n1,c1\n2,c1\n3,c2\n4,c9\n")
    assert udb("run", "customers.csv").code == 0
    job = udb("run", "orders.csv", "--json").json["jobs"][0]
    profile = json.loads(Path(job["reports"]["orders"]).with_name("profile.json").read_text())
    (published,) = profile["inclusions"]
    assert (published["column"], published["dataset"], published["key"]) == ("customer_id", "customers", "id")
    assert (published["values"], published["missing_values"], published["missing_rows"]) == (3, 1, 1)
    asked = udb("keys", "foreign", "orders", "--json").json
    assert asked["references"] == [published]
    Path("customers.csv").write_text("id,city\nc1,Rome\nc2,Oslo\nc9,Bern\n")
    udb("run", "customers.csv")
    shown = udb("keys", "foreign", "orders")
    assert shown.out.splitlines()[1].split() == ["customer_id", "customers.id", "100.00", "3", "0", "0"]
    assert "No column" in udb("keys", "foreign", "customers").err
