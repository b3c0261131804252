"""What a person does on the first day: run, ask, run again, look back."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from udb_pipelines_tests.cli.conftest import Udb


def test_a_file_becomes_a_table_with_a_report(udb: Udb, customers: Path, home: Path) -> None:
    done = udb("run", customers)
    assert done.code == 0
    header, row = (line.split() for line in done.out.splitlines()[:2])
    assert header == ["source", "dataset", "rows", "rejected", "version", "verdict"]
    assert row[:4] == ["customers", "customers", "3", "0"]
    assert row[5] == "PASS"
    (told,) = done.out.splitlines()[2:]
    label, path = told.split()
    report = Path(path).absolute().resolve()
    assert label == "report"
    assert not Path(path).is_absolute(), "the way from here is shorter"
    assert report.is_relative_to(home)
    assert "customers" in report.read_text()
    events = [json.loads(line) for line in done.err.splitlines()]
    begun = [event["stage"] for event in events if event["event"] == "stage.started"]
    assert begun == ["detect", "provision", "sync", "analyze", "publish"]
    assert (events[0]["event"], events[-1]["event"]) == ("job.started", "job.finished")

    answer = udb("sql", "SELECT name FROM customers ORDER BY id DESC", "--format", "csv")
    assert answer.out == "name\nCy\nBob\nAnn\n"
    assert answer.err.startswith("version ")

    published = udb("report", "customers")
    assert published.out.strip() == str(report)


def test_running_again_changes_nothing_and_says_so(udb: Udb, customers: Path) -> None:
    first = udb("run", customers, "--json").json["jobs"][0]
    again = udb("run", "customers", "--json").json["jobs"][0]
    assert (first["unchanged"], again["unchanged"]) == (False, True)
    assert again["version"] == first["version"]
    assert again["reports"] == first["reports"]
    assert len(udb("history", "customers", "--json").json) == 1
    plain = udb("run", customers)
    assert "unchanged since version" in plain.err
    assert "(unchanged)" in plain.out


def test_a_changed_file_is_a_new_version_and_the_old_one_stays(udb: Udb, customers: Path) -> None:
    old = udb("run", customers, "--json").json["jobs"][0]["version"]
    with customers.open("a") as file:
        file.write("4,Dee,Graz\n")
    new = udb("run", customers, "--json").json["jobs"][0]["version"]
    assert new > old
    count = "SELECT count(*) AS n FROM customers"
    assert udb("sql", count, "--json").json == [{"n": 4}]
    before = udb("sql", count, "--json", "--as-of", str(old))
    assert before.json == [{"n": 3}]
    assert f"version {old}" in before.err
    versions = udb("history", "customers", "--json").json
    assert [entry["version"] for entry in versions] == [new, old]
    moment = versions[0]["committed_at"]
    assert udb("sql", count, "--json", "--as-of", moment).json == [{"n": 4}]
    assert len(udb("jobs", "--json").json) == 2


def test_several_sources_of_several_kinds_in_one_command(udb: Udb, customers: Path) -> None:
    Path("events.json").write_text(json.dumps([{"id": 1, "kind": "a"}, {"id": 2, "kind": "b"}]))
    database = sqlite3.connect("shop.sqlite")
    database.executescript("CREATE TABLE items(id INTEGER, price REAL); INSERT INTO items VALUES (1, 2.5)")
    database.close()
    done = udb("run", customers, "events.json", "shop.sqlite", "--json")
    assert done.code == 0, done.out
    jobs = {job["source"]: job for job in done.json["jobs"]}
    assert list(jobs) == ["customers", "events", "shop"]
    assert [len(job["datasets"]) for job in jobs.values()] == [1, 1, 1]
    listed = udb("sources", "list", "--json").json
    assert [item["name"] for item in listed] == ["customers", "events", "shop"]


def test_a_quoted_pattern_is_one_source(udb: Udb) -> None:
    Path("in").mkdir()
    for day in (1, 2, 3):
        Path(f"in/visits_{day}.csv").write_text(f"day,visits\n{day},{day * 10}\n")
    done = udb("run", "in/visits_*.csv", "--json").json
    assert [job["source"] for job in done["jobs"]] == ["visits"]
    assert udb("sql", "SELECT sum(visits) AS n FROM visits", "--json").json == [{"n": 60}]


def test_one_failure_does_not_stop_the_others_and_decides_the_exit_code(udb: Udb, customers: Path) -> None:
    Path("empty.csv").touch()
    done = udb("run", "empty.csv", customers, "absent.csv", "--json")
    assert done.code == done.json["exit_code"] == 3
    assert [(job["status"], (job["error"] or {}).get("code")) for job in done.json["jobs"]] == [
        ("failure", "E_EMPTY"),
        ("success", None),
        ("failure", "E_NOT_FOUND"),
    ]
    plain = udb("run", "empty.csv", customers)
    assert plain.code == 3
    assert "error E_EMPTY" in plain.err
    assert "what to do: " in plain.err
    assert "customers" in plain.out


def test_what_is_pinned_is_kept_for_the_next_run(udb: Udb) -> None:
    file = Path("codes.txt")
    file.write_text("1|x\n2|y\n")
    done = udb("run", file, "--as", "codes", "--header", "none", "--delimiter", "|", "--json").json["jobs"][0]
    assert done["datasets"][0]["rows_committed"] == 2
    file.write_text("1|x\n2|y\n3|z\n")
    again = udb("run", "codes", "--json").json["jobs"][0]
    assert again["datasets"][0]["rows_committed"] == 3
    options = udb("sources", "show", "codes", "--json").json["options"]
    assert (options["delimiter"], options["header"]) == ("|", "none")


def test_a_name_that_is_taken_is_refused_with_the_way_out(udb: Udb, customers: Path) -> None:
    Path("other").mkdir()
    second = Path("other/customers.csv")
    second.write_text("id,name\n9,Zoe\n")
    assert udb("run", customers).code == 0
    refused = udb("run", second, "--json")
    assert refused.code == 2
    error = refused.json["jobs"][0]["error"]
    assert error["code"] == "E_NAME"
    assert "--as customers" in error["remedy"]
    assert udb("run", second, "--as", "others").code == 0
    moved = udb("run", second, "--as", "customers", "--json")
    assert moved.code == 0
    assert udb("sources", "show", "customers", "--json").json["uri"] == str(second.absolute())
    assert udb("sql", "SELECT id FROM customers", "--json").json == [{"id": 9}]


def test_removing_asks_and_keeps_the_data_unless_told(udb: Udb, customers: Path) -> None:
    udb("run", customers)
    assert udb("sources", "remove", "customers", "--yes").code == 0
    assert udb("sources", "list", "--json").json == []
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]
    udb("run", customers)
    assert udb("sources", "remove", "customers", "--yes", "--with-data").code == 0
    assert udb("sql", "FROM customers", "--json").code == 2


def test_snapshots_are_made_listed_and_verified(udb: Udb, customers: Path, tmp_path: Path) -> None:
    udb("run", customers)
    target = tmp_path / "backup"
    made = udb("snapshot", "create", "--target", target)
    assert made.code == 0
    assert udb("snapshot", "list", "--target", target, "--json").json[0]["id"] == made.out.strip()
    assert udb("snapshot", "verify", "--target", target).code == 0
    victim = next(path for path in target.rglob("*.parquet"))
    victim.chmod(0o600)
    content = bytearray(victim.read_bytes())
    victim.unlink()
    content[10] ^= 1
    victim.write_bytes(content)
    damaged = udb("snapshot", "verify", "--target", target)
    assert damaged.code == 5
    assert victim.name in damaged.out


def test_the_doctor_finds_a_healthy_home_and_a_lost_file(udb: Udb, customers: Path, home: Path) -> None:
    udb("run", customers)
    healthy = udb("doctor", "--json")
    assert healthy.code == 0, healthy.out
    assert {check["status"] for check in healthy.json} <= {"ok", "warn"}
    assert {"python", "packages", "extensions", "home", "disk", "control", "catalog", "dagster", "lock"} <= {
        check["name"] for check in healthy.json
    }
    next((home / "warehouse").rglob("*.parquet")).unlink()
    ill = udb("doctor")
    assert ill.code == 5
    assert "missing" in ill.out


def test_an_interrupted_job_is_resumed_at_its_stage(udb: Udb, customers: Path, home: Path) -> None:
    # Publishing fails because a file stands where the folder of the artifacts belongs.
    home.mkdir()
    (home / "artifacts").touch()
    failed = udb("run", customers, "--json").json["jobs"][0]
    assert (failed["status"], failed["error"]["stage"]) == ("failure", "publish")
    assert "committed rows stay" in failed["error"]["kept"]
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]
    (home / "artifacts").unlink()
    resumed = udb("resume", failed["job_id"][:8])
    assert resumed.code == 0, resumed.err
    begun = [event["stage"] for line in resumed.err.splitlines() if (event := json.loads(line))["stage"]]
    assert set(begun) == {"publish"}
    assert len(udb("report", "--json").json) == 1
    nothing_left = udb("resume", "00000000-0000-0000-0000-000000000000")
    assert (nothing_left.code, "E_STAGE" in nothing_left.err) == (2, True)
