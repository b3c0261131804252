"""The two ways in: the stage of a job, and a notebook."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pyarrow
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import Severity, UdbError
from udb_pipelines.models import Finding, SyncResult
from udb_pipelines.profiling import analyze, profile
from udb_pipelines.warehouse import Lake, store_frame


def test_a_relation_of_the_default_connection_is_profiled(settings: Settings) -> None:
    relation = duckdb.sql(
        "SELECT 'user' || i AS name, i % 2 = 0 AS flag, DATE '2024-01-01' AS day FROM range(500) t(i)"
    )
    found = profile(relation, settings, dataset="people")
    assert (found.dataset, found.rows, found.verdict) == ("people", 500, "PASS")
    assert [(column.type, column.distinct) for column in found.columns] == [("varchar", 500), ("code", 2), ("date", 1)]


def test_a_notebook_needs_no_settings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("UDB_HOME", str(settings.home))
    monkeypatch.setenv("UDB_MAX_TOP_VALUES", "3")
    (column,) = profile(duckdb.sql("SELECT i FROM range(9) t(i)")).columns
    assert len(column.top_values) == 3


def test_analyze_reads_the_version_of_the_commit_not_the_newest(settings: Settings) -> None:
    lake = Lake(settings)
    first = store_frame(lake, "shop", pyarrow.table({"x": [1, 2, 3]}), "job-1")
    store_frame(lake, "shop", pyarrow.table({"x": [1] * 50}), "job-2")
    sync = SyncResult(
        job_id="job-1",
        source="shop",
        version=first.version,
        committed_at=datetime.now(UTC),
        fingerprint="f",
        datasets=(first,),
    )
    ours = Finding(code="W_BOM", severity=Severity.WARNING, message="", dataset="shop")
    others = Finding(code="W_BOM", severity=Severity.WARNING, message="", dataset="elsewhere")
    found = analyze(sync, (ours, others), settings, lake)
    (only,) = found.profiles
    assert (found.version, only.version, only.rows, only.dataset, only.source) == (
        first.version,
        first.version,
        3,
        "shop",
        "shop",
    )
    assert [column.distinct for column in only.columns] == [3]
    assert only.findings == (ours,)


@pytest.mark.parametrize("library", ["pandas", "polars", "lazy", "pyarrow"])
def test_a_frame_is_profiled_like_a_relation(settings: Settings, library: str) -> None:
    relation = duckdb.sql("SELECT i AS n, 'user' || i AS name FROM range(20) t(i)")
    frames: dict[str, object] = {
        "pandas": relation.df(),
        "polars": relation.pl(),
        "lazy": relation.pl().lazy(),
        "pyarrow": relation.to_arrow_table(),
    }
    found = profile(frames[library], settings)
    assert [(c.name, c.type, c.distinct) for c in found.columns] == [("n", "numeric", 20), ("name", "varchar", 20)]


def test_what_is_no_table_is_refused(settings: Settings) -> None:
    with pytest.raises(UdbError, match="is not a table") as raised:
        profile([1, 2], settings)
    assert raised.value.code == "E_UNSUPPORTED"


def test_a_notebook_shows_a_row_per_column_without_markup_from_the_data(settings: Settings) -> None:
    found = profile(duckdb.sql("SELECT '<b>' || (i % 3) AS \"a<i>\" FROM range(9) t(i)"), settings, dataset="t")
    shown = found._repr_html_()
    assert "t: 9 rows, 1 columns, PASS" in shown
    assert "<td>a&lt;i&gt;</td>" in shown
    assert "&lt;b&gt;0" in shown
    assert "<b>" not in shown
