"""What the guides show works as shown."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.kpis.definitions import Kpi
from udb_pipelines.kpis.document import parse
from udb_pipelines.models import Profile

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_file_of_kpis_is_valid_and_every_field_is_explained() -> None:
    project = parse(example("kpis.md", "yaml"))
    assert [kpi.name for kpi in project.kpis] == ["revenue", "by_month", "by_city"]
    page = (DOCS / "kpis.md").read_text(encoding="utf-8")
    assert all(f"| `{field}` |" in page for field in Kpi.model_fields if field != "description")


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    monkeypatch.setenv("UDB_HOME", str(settings.home))
    cells = tmp_path / "cells.py"
    cells.write_text(example("profiling.md", "python"), encoding="utf-8")
    found = runpy.run_path(str(cells))["found"]
    assert isinstance(found, Profile)
    assert (found.rows, found.verdict) == (100, "PASS")
