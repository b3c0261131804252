"""KPIs asked of a warehouse: values, views, time travel, limits, and what must not be shown."""

from __future__ import annotations

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.kpis import Kpi, KpiResult, Project, compute
from udb_pipelines.kpis.definitions import MOST_ROWS, KpiPoint, View
from udb_pipelines.kpis.history import history_file, read, record
from udb_pipelines.profiling import profile
from udb_pipelines.warehouse import Lake, history, store_frame

PEOPLE = "SELECT 'u' || i || '@example.org' AS email, 'Rome' AS city, i AS points FROM range(60) t(i)"


@pytest.fixture
def lake(settings: Settings) -> Lake:
    """``sales`` in two versions and ``people``."""
    opened = Lake(settings)
    store_frame(opened, "sales", duckdb.sql("SELECT i AS day, 10.0 AS amount FROM range(5) t(i)"), "j1")
    store_frame(opened, "people", duckdb.sql(PEOPLE), "j2")
    store_frame(opened, "sales", duckdb.sql("SELECT i AS day, 20.0 AS amount FROM range(5) t(i)"), "j3")
    return opened


def ask(lake: Lake, sql: str, project: Project | None = None, version: int | None = None, **more: object) -> KpiResult:
    kpi = Kpi.model_validate({"name": "asked", "sql": sql, **more})
    return compute(kpi, project or Project(), lake, as_of=version)


def test_a_number_is_judged_by_its_threshold(lake: Lake) -> None:
    found = ask(lake, "SELECT sum(amount) FROM sales", threshold={"fail": {"above": 99}})
    assert (found.value, found.verdict, found.datasets) == (100.0, "FAIL", ("sales",))


def test_a_line_is_judged_by_its_last_point(lake: Lake) -> None:
    found = ask(lake, "SELECT day, day * 2 AS twice FROM sales ORDER BY day", chart="line")
    assert (found.value, found.columns, len(found.rows)) == (8.0, ("day", "twice"), 5)


def test_views_are_made_of_views_and_travel_in_time(lake: Lake) -> None:
    project = Project(
        views=(
            View(name="big", sql="SELECT * FROM sales WHERE amount > 5"),
            View(name="joined", sql="SELECT * FROM big JOIN people ON big.day = people.points;"),
            View(name="by_points", sql="SELECT * FROM (SELECT *, day AS points FROM Big) JOIN people USING (points)"),
            View(name="broken", sql="SELECT * FROM nowhere"),
        )
    )
    question = "SELECT sum(amount) FROM joined"
    assert ask(lake, question, project).value == 100.0
    second = history(lake, "people")[0].version
    found = ask(lake, question, project, version=second)
    assert (found.value, found.version, found.datasets) == (50.0, second, ("people", "sales"))
    using = ask(lake, "SELECT sum(amount) FROM by_points", project)
    assert (using.value, using.datasets) == (100.0, ("people", "sales"))
    assert "nowhere" in str(ask(lake, "FROM broken", project).error)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE sales", "only read"),
        ("SELECT * FROM read_csv('/etc/passwd')", "not allowed"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT nope FROM sales", "nope"),
        ("FROM a_view", "only read"),
        ("FROM itself", "made of itself"),
    ],
)
def test_a_question_that_is_wrong_or_more_than_reading_is_told(lake: Lake, sql: str, said: str) -> None:
    project = Project(
        views=(View(name="a_view", sql="DELETE FROM sales"), View(name="itself", sql="SELECT * FROM itself"))
    )
    found = ask(lake, sql, project)
    assert found.verdict == "FAIL"
    assert said in str(found.error)
    assert ask(lake, "SELECT count(*) FROM sales").value == 5.0


def test_an_answer_is_cut_and_says_so(lake: Lake) -> None:
    found = ask(lake, "SELECT a.points FROM people a, people b, people c", chart="table")
    assert (len(found.rows), found.truncated) == (MOST_ROWS, True)


def test_personal_values_are_masked_by_name_and_by_sight(lake: Lake) -> None:
    profiles = [profile(duckdb.sql(PEOPLE), lake.settings, dataset="people")]
    kpi = Kpi(name="k", sql="SELECT email, city, lower(email) AS contact, points FROM people", chart="table")
    found = compute(kpi, Project(), lake, profiles)
    assert found.masked == ("email", "contact")
    assert found.rows[0] == ("A9@AAAAAAA.AAA", "Rome", "A9@AAAAAAA.AAA", 0)
    open_lake = Lake(lake.settings.model_copy(update={"mask_pii": False}))
    assert compute(kpi, Project(), open_lake, profiles).masked == ()


def test_values_are_kept_once_per_version(lake: Lake) -> None:
    settings = lake.settings
    first = record(settings, ask(lake, "SELECT 1"))
    assert [point.value for point in first.history] == [1.0]
    record(settings, ask(lake, "SELECT 1"))
    file = history_file(settings, "asked")
    assert len(file.read_text().splitlines()) == 1
    record(settings, ask(lake, "SELECT 2"))
    assert [point.value for point in read(settings, "asked")] == [2.0]
    store_frame(lake, "more", duckdb.sql("SELECT 1 AS x"), "j4")
    assert [point.value for point in record(settings, ask(lake, "SELECT 3")).history] == [2.0, 3.0]


def test_a_line_cut_off_by_a_dying_process_is_skipped(lake: Lake) -> None:
    settings = lake.settings
    record(settings, ask(lake, "SELECT 1"))
    file = history_file(settings, "asked")
    file.write_bytes(file.read_bytes() + b'{"version": 99, "at"')
    store_frame(lake, "more", duckdb.sql("SELECT 1 AS x"), "j4")
    record(settings, ask(lake, "SELECT 5"))
    assert [point.value for point in read(settings, "asked")] == [1.0, 5.0]
    assert all(isinstance(point, KpiPoint) for point in read(settings, "asked"))


def test_an_answer_that_failed_is_not_kept(lake: Lake) -> None:
    record(lake.settings, ask(lake, "SELECT 1"))
    failed = record(lake.settings, ask(lake, "SELECT nope FROM sales"))
    assert [point.value for point in failed.history] == [1.0]
