"""``udb profile``: what it writes, what it says, and what it leaves behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from udb_pipelines.errors import Exit
from udb_pipelines.models import Profile
from udb_pipelines.publishing import load_manifest, verify
from udb_pipelines_tests.cli.conftest import Udb


def test_a_file_is_profiled_and_nothing_else_is_left(udb: Udb, customers: Path, home: Path) -> None:
    shown = udb("profile", customers)
    assert shown.code == 0
    assert shown.out.splitlines()[1].split() == ["customers", "3", "0", "3", "PASS"]
    folder = Path("udb-profile-customers")
    assert verify(load_manifest(folder)) == ()
    profile = Profile.model_validate_json((folder / "customers" / "profile.json").read_bytes())
    assert [column.name for column in profile.columns] == ["id", "name", "city"]
    assert not home.exists()
    assert sorted(path.name for path in Path().iterdir()) == ["customers.csv", "udb-profile-customers"]


def test_again_replaces_the_profile_and_nothing_but_a_profile(udb: Udb, customers: Path) -> None:
    udb("profile", customers, "--out", "here")
    customers.write_text("id,name\n1,Ann\n")
    udb("profile", customers, "--out", "here")
    assert Profile.model_validate_json(Path("here/customers/profile.json").read_bytes()).rows == 1
    Path("full").mkdir()
    Path("full/letter.txt").write_text("dear")
    refused = udb("profile", customers, "--out", "full")
    assert refused.code == Exit.USAGE
    assert "name another folder" in refused.err
    assert [path.name for path in Path("full").iterdir()] == ["letter.txt"]


def test_rejected_rows_are_told_not_refused_unless_asked(udb: Udb, home: Path) -> None:
    Path("bad.csv").write_text("a,b\n1,2\n3\n5,6\n")
    shown = udb("profile", "bad.csv", "--json")
    assert shown.code == 0
    (dataset,) = shown.json["datasets"]
    assert (dataset["rows"], dataset["rows_read"], dataset["rows_rejected"]) == (2, 3, 1)
    assert Path("udb-profile-bad/bad/rejects.parquet").exists()
    refused = udb("profile", "bad.csv", "--max-reject-pct", "1")
    assert refused.code == Exit.DATA
    assert "E_REJECTS" in refused.err
    assert "nothing was loaded" in refused.err


def test_options_of_the_source_are_obeyed(udb: Udb, home: Path) -> None:
    Path("x.csv").write_text("1;2\n3;n/a\n")
    shown = udb("profile", "x.csv", "--header", "none", "--null-marker", "n/a", "--as", "pairs", "--json")
    assert shown.json["source"] == "pairs"
    profile = Profile.model_validate_json(Path(shown.json["datasets"][0]["profile"]).read_bytes())
    assert [(column.type, column.nulls) for column in profile.columns] == [("numeric", 0), ("numeric", 1)]


def test_every_table_of_a_database_gets_its_report(udb: Udb, home: Path) -> None:
    with sqlite3.connect("shop.sqlite") as shop:
        shop.executescript("CREATE TABLE a (x); INSERT INTO a VALUES (1); CREATE TABLE b (y); INSERT INTO b VALUES (2)")
    shown = udb("profile", "shop.sqlite")
    assert {line.split()[0] for line in shown.out.splitlines()[1:3]} == {"shop__a", "shop__b"}
    assert Path("udb-profile-shop/index.html").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.csv"], Exit.INPUT, "there is no file"),
        (["customers.csv", "--as", "No Name"], Exit.USAGE, "E_NAME"),
        (["customers.csv", "--delimiter", ",", "--wrong"], Exit.USAGE, "--wrong"),
        (["postgresql://ann:secret@db/shop"], Exit.USAGE, "E_SECRET_INLINE"),
    ],
    ids=["absent", "name", "option", "secret"],
)
def test_a_mistake_is_told_and_nothing_is_made(
    udb: Udb, customers: Path, home: Path, arguments: list[str], code: int, said: str
) -> None:
    shown = udb("profile", *arguments)
    assert shown.code == code
    assert said in shown.out + shown.err
    assert [path.name for path in Path().iterdir()] == ["customers.csv"]
    assert not home.exists()
