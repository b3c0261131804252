"""The file of KPIs: what it may say, and where it is wrong."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.kpis import load, project_file
from udb_pipelines.kpis.definitions import Bounds, Threshold, generate, published
from udb_pipelines.kpis.document import parse

GOOD = """\
views:
  - name: paid
    sql: SELECT * FROM orders WHERE status = 'paid'
kpis:
  - name: revenue
    sql: SELECT sum(amount) FROM paid
    chart: number
    unit: EUR
    threshold:
      warn: {below: 100}
      fail: {below: 10}
    sources: [orders]
"""


def test_the_published_schema_is_that_of_the_models_and_accepts_a_file() -> None:
    assert published() == generate()
    jsonschema.validate(yaml.safe_load(GOOD), yaml.safe_load(published()))


def test_a_file_is_read() -> None:
    project = parse(GOOD)
    assert project.view_sql == {"paid": "SELECT * FROM orders WHERE status = 'paid'"}
    (kpi,) = project.kpis
    assert (kpi.name, kpi.unit, kpi.sources) == ("revenue", "EUR", ("orders",))
    assert parse("").kpis == parse("# nothing yet\n\n").kpis == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kpis:\n  - name: a\n    sqll: SELECT 1\n", "line 3: kpis.0.sqll"),
        ("kpis:\n  - name: a\n    sql: SELECT 1\n    chart: pie\n", "line 4: kpis.0.chart"),
        ("kpis:\n  - name: Not Good\n    sql: SELECT 1\n", "line 2: kpis.0.name"),
        ("kpis:\n  - {name: a, sql: SELECT 1}\n  - {name: a, sql: SELECT 2}\n", "line 3: kpis.1.name: a stands twice"),
        ("kpis:\n  - name: a\n   sql: x\n", "line 3"),
        ("kpis: 3\n", "line 1: kpis"),
        ("- 1\n", "line 1"),
        ("kpis: []\nkpis: []\n", "line 2: the key kpis stands here twice"),
        ("version: 2\n", "line 1: version"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UdbError, match=said) as raised:
        parse(text)
    assert raised.value.code == "E_KPIS"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(UdbError) as raised:
        parse("kpis:\n  - name: a\n  - sql: SELECT 1\n")
    assert "line 2: kpis.0.sql" in raised.value.message
    assert "line 3: kpis.1.name" in raised.value.message


def test_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_file(Settings(home=tmp_path)) is None
    Path("kpis.yaml").write_text(GOOD)
    assert project_file(Settings(home=tmp_path)) == tmp_path / "kpis.yaml"
    other = Settings(home=tmp_path, kpis=Path("other.yaml"))
    assert project_file(other) == tmp_path / "other.yaml"
    with pytest.raises(UdbError, match="there is no file"):
        load(tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("value", "verdict"), [(5.0, "PASS"), (6.0, "WARN"), (11.0, "FAIL"), (0.5, "FAIL"), (10.0, "WARN"), (None, "WARN")]
)
def test_a_threshold_judges_a_value(value: float | None, verdict: str) -> None:
    threshold = Threshold(warn=Bounds(above=5), fail=Bounds(above=10, below=1))
    assert threshold.verdict(value) == verdict
