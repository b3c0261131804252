"""``udb contract`` and what ``udb run`` tells of contracts and drift, as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines_tests.cli.conftest import Kept, Udb

ROWS = "".join(f"{number},{'abc'[number % 3]},{number}.50\n" for number in range(1, 61))
GOOD = "id,kind,amount\n" + ROWS
BAD = GOOD + "60,zz,999.50\n"


@pytest.fixture
def orders(udb: Udb, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Path:
    def make() -> None:
        Path("orders.csv").write_text(GOOD)
        assert udb("run", "-q", "orders.csv").code == 0

    kept.begin("orders", monkeypatch, make)
    return Path("orders.csv").absolute()


def test_from_inferred_to_in_force_to_broken(udb: Udb, orders: Path):
    inferred = udb("contract", "show", "orders")
    assert inferred.err == "orders: inferred, not pinned\n"
    contract = Path("mine.yaml")
    contract.write_text("# ours\n" + inferred.out.replace("maximum: 60.5", "maximum: 60.5  # of the shop"))
    assert udb("contract", "pin", "orders", contract).out == "orders: in force from now on\n"
    assert udb("contract", "pin", "orders", contract).out == "orders: already in force, unchanged\n"
    assert udb("contract", "show", "orders").out == contract.read_text()
    passed = udb("contract", "test", "orders")
    assert passed.code == 0
    assert passed.out.startswith("orders: PASS, ")
    assert udb("contract", "diff", "orders").out == "orders: no difference\n"
    assert udb("contract", "list").out.splitlines()[1].split()[0] == "orders"

    orders.write_text(BAD)
    ran = udb("run", "-q", "orders")
    assert ran.code == 4
    assert "orders.primaryKey (1 row, first 61)" in ran.out
    tested = udb("contract", "test", "orders", "--json")
    assert (tested.code, tested.json["verdict"], tested.json["exit_code"]) == (4, "FAIL", 4)
    assert {check["rule"] for check in tested.json["checks"] if check["status"] == "broken"} >= {"orders.primaryKey"}
    breaking = udb("contract", "diff", "orders", "--json").json
    assert ("breaking", "primary key: id → id, kind") in {(d["weight"], d["what"]) for d in breaking["differences"]}
    as_json = udb("run", "-q", "--json", "orders")
    assert (as_json.code, as_json.json["jobs"][0]["contracts"]) == (4, {"orders": "FAIL"})
    assert udb("contract", "test", "orders", "--as-of", str(first_version(udb))).code == 0

    assert udb("contract", "unpin", "orders").out == "orders: no longer in force\n"
    assert udb("run", "-q", "orders").code == 0
    assert len(udb("contract", "history", "orders", "--json").json) == 1


def first_version(udb: Udb) -> int:
    """The first version of the dataset."""
    return min(entry["version"] for entry in udb("history", "orders", "--json").json)


def test_what_blocks_ends_with_4_and_keeps_the_old_version(udb: Udb, orders: Path):
    contract = Path("mine.yaml")
    contract.write_text(udb("contract", "show", "orders").out.replace("value: report", "value: block"))
    udb("contract", "pin", "orders", contract)
    orders.write_text(BAD)
    ran = udb("run", "-q", "orders")
    assert (ran.code, "E_CONTRACT_BLOCKED" in ran.err) == (4, True)
    assert "60,zz" not in ran.err + ran.out
    assert udb("sql", "SELECT count(*) AS n FROM orders", "--format", "csv").out == "n\n60\n"


def test_drift_is_told(udb: Udb, orders: Path):
    orders.write_text(GOOD.replace("amount", "total"))
    assert "drift  orders: changed, 2 columns differ: " in udb("run", "-q", "orders").out


def test_what_is_wrong_is_told_with_its_line(udb: Udb, orders: Path):
    text = udb("contract", "show", "orders").out
    for change, said in (
        (("mustBeGreaterOrEqualTo: 30", "mustBeAbout: 30"), "needs exactly one of mustBe"),
        (("kind: DataContract", "kind: DataContract\n x: 1"), "error E_CONTRACT: line "),
        (("mustBeGreaterOrEqualTo: 30", "mustBe: 30\n    unit: cells"), "the unit is neither rows nor percent"),
    ):
        assert change[0] in text
        Path("wrong.yaml").write_text(text.replace(*change))
        refused = udb("contract", "pin", "orders", "wrong.yaml")
        assert (refused.code, refused.out) == (2, "")
        assert said in refused.err
        assert "line " in refused.err
    assert udb("contract", "list").out == ""
    Path("ahead.yaml").write_text(text.replace("name: amount", "name: amounts"))
    ahead = udb("contract", "pin", "orders", "ahead.yaml")
    assert ahead.code == 0
    assert "amounts.exists is broken as the data is: there is none; amount is there" in ahead.err


def test_names_and_files_that_are_not_there(udb: Udb, orders: Path):
    assert udb("contract", "show", "nothing").code == 2
    assert udb("contract", "pin", "orders", "absent.yaml").code == 3
    nothing_pinned = udb("contract", "test", "orders")
    assert (nothing_pinned.code, "udb contract pin orders" in nothing_pinned.err) == (2, True)
