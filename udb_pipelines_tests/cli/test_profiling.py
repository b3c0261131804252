"""``udb profile``: what it writes, what it says, and what it leaves behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from udb_pipelines.errors import Exit
from udb_pipelines.models import Profile
from udb_pipelines.publishing import load_manifest, verify
from udb_pipelines_tests.cli.conftest import Kept, Udb


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


@pytest.fixture
def versions(udb: Udb, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Two versions of ``orders``: amounts ten times as high in the second, and a column more."""

    def make() -> None:
        file = Path("orders.csv")
        file.write_text("id,amount\n" + "".join(f"{i},{i % 50}\n" for i in range(500)))
        udb("run", file)
        file.write_text("id,amount,place\n" + "".join(f"{i},{i % 50 * 10},Rome\n" for i in range(500)))
        udb("run", file)

    kept.begin("versions", monkeypatch, make)
    second, first = (entry["version"] for entry in udb("history", "orders", "--json").json)
    return first, second


def test_two_versions_are_compared(udb: Udb, versions: tuple[int, int]) -> None:
    first, second = versions
    found = udb("profile", "diff", f"orders@{first}", f"orders@{second}", "--json")
    assert found.code == 0
    verdicts = {column["column"]: column["verdict"] for column in found.json["tables"][0]["columns"]}
    assert verdicts == {"id": "stable", "amount": "changed", "place": "changed"}
    newest = udb("profile", "diff", f"orders@{first}", "orders", "--json")
    assert newest.json["tables"][0]["columns"] == found.json["tables"][0]["columns"]
    shown = udb("profile", "diff", f"orders@{first}", "orders")
    assert "rows: 500 → 500, changed" in shown.out
    assert "1 of 3 columns did not change" in shown.out


def test_the_exit_code_tells_when_asked(udb: Udb, versions: tuple[int, int]) -> None:
    first, second = (f"orders@{version}" for version in versions)
    assert udb("profile", "diff", first, second).code == 0
    assert udb("profile", "diff", first, second, "--fail-on", "changed").code == Exit.DATA
    assert udb("profile", "diff", second, second, "--fail-on", "moved").code == 0


def test_files_and_profiles_are_compared(udb: Udb, customers: Path, home: Path) -> None:
    udb("profile", customers)
    old = Path("udb-profile-customers/customers/profile.json")
    new = Path("new.csv")
    new.write_text("id,name\n1,Ann\n2,\n")
    found = udb("profile", "diff", old, new)
    assert "rows: 3 → 2, changed" in found.out
    assert "column is gone" in found.out
    assert udb("profile", "diff", customers, old).out.splitlines() == [
        "rows: 3 → 3, stable",
        "3 of 3 columns did not change",
    ]
    assert not home.exists()


def test_databases_are_compared_table_by_table(udb: Udb, home: Path) -> None:
    for file, tables in (("one.sqlite", "ab"), ("two.sqlite", "bc")):
        with sqlite3.connect(file) as made:
            for table in tables:
                made.executescript(f"CREATE TABLE {table} (x); INSERT INTO {table} VALUES (1)")
    found = udb("profile", "diff", "one.sqlite", "two.sqlite", "--json").json
    assert [(table["before"], table["after"]) for table in found["tables"]] == [("one__b", "two__b")]
    assert (found["only_before"], found["only_after"], found["verdict"]) == (["a"], ["c"], "changed")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [("orders@99", Exit.USAGE, "E_VERSION"), ("orders@yesterday", Exit.USAGE, "E_VERSION"), ("ordrs@1", 2, "orders")],
    ids=["version", "time", "name"],
)
def test_a_version_that_is_not_there_is_told(
    udb: Udb, versions: tuple[int, int], text: str, code: int, said: str
) -> None:
    shown = udb("profile", "diff", text, "orders")
    assert shown.code == code
    assert said in shown.err


def test_a_profile_of_another_version_is_told(udb: Udb, customers: Path) -> None:
    Path("profile.json").write_text('{"schema_version": 9, "dataset": "x"}')
    shown = udb("profile", "diff", "profile.json", customers)
    assert shown.code == Exit.INPUT
    assert "can read" in shown.err
