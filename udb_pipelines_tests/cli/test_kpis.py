"""KPIs and views as a project uses them: after a sync, on request, in SQL, and when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from udb_pipelines.errors import Exit
from udb_pipelines_tests.cli.conftest import Kept, Udb

KPIS = """\
views:
  - name: details
    sql: SELECT o.amount, c.city, c.email FROM orders o JOIN customers c ON o.customer = c.id
kpis:
  - name: revenue
    sql: SELECT sum(amount) FROM orders
    unit: EUR
    threshold: {fail: {above: 100}}
  - name: by_city
    sql: SELECT city, sum(amount) AS total FROM details GROUP BY city ORDER BY city
    chart: bar
  - name: who
    sql: SELECT email, amount FROM details ORDER BY amount DESC
    chart: table
"""


@pytest.fixture
def project(udb: Udb, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two loaded sources, and a file of KPIs that was written after."""

    def make() -> None:
        people = "".join(f"{i},Rome,p{i}@example.org\n" for i in range(1, 31))
        Path("customers.csv").write_text(f"id,city,email\n{people}")
        Path("orders.csv").write_text("number,customer,amount\n1,1,10\n2,2,20\n")
        assert udb("run", "customers.csv", "orders.csv").code == 0
        Path("kpis.yaml").write_text(KPIS)

    kept.begin("project", monkeypatch, make)
    return Path("kpis.yaml")


def test_a_sync_asks_what_reads_its_tables_and_publishes_it(udb: Udb, project: Path) -> None:
    Path("orders.csv").write_text("number,customer,amount\n1,1,10\n2,2,20\n3,3,90\n")
    job = udb("run", "orders.csv", "--json").json["jobs"][0]
    assert (job["status"], job["verdict"]) == ("success", "PASS")
    report = Path(job["reports"]["orders"])
    asked = json.loads((report.parents[1] / "kpis.json").read_text())
    values = {result["name"]: (result["value"], result["verdict"]) for result in asked["results"]}
    assert values == {"revenue": (120.0, "FAIL"), "by_city": (120.0, "PASS"), "who": (90.0, "PASS")}
    page = report.read_text()
    assert '<section id="kpis"' in page
    assert "120 EUR" in page
    assert "A9@AAAAAAA.AAA" in page
    assert "@example.org" not in page
    listed = udb("kpi", "list").out
    assert "120 EUR" in listed
    assert "view  details" in listed
    again = udb("run", "orders.csv", "--json").json["jobs"][0]
    assert again["unchanged"]
    udb("keys", "confirm", "orders", "number")
    republished = udb("run", "orders.csv", "--json").json["jobs"][0]
    assert (republished["unchanged"], "120 EUR" in report.read_text()) == (True, True)


def test_what_is_asked_later_is_answered_though_nothing_was_loaded(udb: Udb, project: Path) -> None:
    more = KPIS + "  - name: smallest\n    sql: SELECT min(amount) FROM orders\n    unit: EUR\n"
    project.write_text(more)
    job = udb("run", "orders.csv", "--json").json["jobs"][0]
    report = Path(job["reports"]["orders"])
    asked = report.parents[1] / "kpis.json"
    assert (job["unchanged"], "10 EUR" in report.read_text()) == (True, True)
    assert [found["value"] for found in json.loads(asked.read_text())["results"]] == [30.0, 30.0, 20.0, 10.0]
    written = asked.stat().st_mtime_ns
    udb("run", "orders.csv")
    assert asked.stat().st_mtime_ns == written
    project.write_text(more.replace("sum(amount) AS total", "2 * sum(amount) AS total"))
    udb("run", "orders.csv")
    assert [found["value"] for found in json.loads(asked.read_text())["results"]] == [30.0, 60.0, 20.0, 10.0]
    project.unlink()
    udb("run", "orders.csv")
    assert not asked.exists()


def test_questions_are_asked_now_and_as_they_were_and_values_over_versions_become_a_line(
    udb: Udb, project: Path
) -> None:
    jobs = []
    for rows in ("1,1,2\n2,2,3\n", "1,1,70\n"):
        Path("orders.csv").write_text(f"number,customer,amount\n{rows}")
        jobs.append(udb("run", "orders.csv", "--json").json["jobs"][0])
    before = str(jobs[0]["version"])
    assert udb("kpi", "run", "revenue").out == "revenue: 70 EUR, PASS\n"
    assert udb("kpi", "run", "revenue", "--as-of", before).out == "revenue: 5 EUR, PASS\n"
    assert udb("sql", "SELECT count(*) AS n FROM details", "--format", "csv").out == "n\n1\n"
    past = udb("sql", "SELECT count(*) AS n FROM details", "--format", "csv", "--as-of", before)
    assert past.out == "n\n2\n"
    report = Path(jobs[1]["reports"]["orders"])
    asked = json.loads((report.parents[1] / "kpis.json").read_text())
    (revenue,) = (result for result in asked["results"] if result["name"] == "revenue")
    assert [point["value"] for point in revenue["history"]] == [5.0, 70.0]
    assert "revenue over time" in report.read_text()


def test_check_tells_by_its_exit_code(udb: Udb, project: Path) -> None:
    assert udb("kpi", "check").code == 0
    Path("kpis.yaml").write_text(KPIS.replace("above: 100", "above: 9"))
    failed = udb("kpi", "check")
    assert failed.code == Exit.DATA
    assert "fail above 9" in failed.out
    Path("kpis.yaml").write_text(KPIS.replace("sum(amount) FROM orders", "sum(amont) FROM orders"))
    wrong = udb("kpi", "check", "revenue")
    assert wrong.code == Exit.USAGE
    assert "amont" in wrong.out


def test_a_broken_file_fails_no_job_and_is_told(udb: Udb, project: Path) -> None:
    project.write_text("kpis:\n  - name: a\n    sqll: SELECT 1\n")
    Path("orders.csv").write_text("number,customer,amount\n1,1,1\n")
    job = udb("run", "orders.csv", "--json").json["jobs"][0]
    assert job["status"] == "success"
    assert "line 3: kpis.0.sqll" in Path(job["reports"]["orders"]).read_text()
    told = udb("kpi", "list")
    assert told.code == Exit.USAGE
    assert "line 3" in told.err


def test_without_a_file_it_says_how_to_begin(udb: Udb, home: Path) -> None:
    shown = udb("kpi", "run")
    assert shown.code == Exit.USAGE
    assert "UDB_KPIS" in shown.err
