"""The example in docs/user-assets.md, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, query
from udb_pipelines_tests.orchestration.conftest import add_source, run_job

DOCUMENT = Path(__file__).parents[2] / "docs" / "user-assets.md"


def test_the_documented_example_works(
    settings: Settings, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "customers.csv"
    path.write_text("id,city\n1,Oslo\n2,Oslo\n3,Rome\n")
    add_source(settings, "customers", path)
    assert run_job(settings, instance, "customers").success
    monkeypatch.setenv("UDB_HOME", str(settings.home))
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)
    example: dict[str, Any] = {"__name__": "my_definitions"}
    exec(compile(code, str(DOCUMENT), "exec"), example)
    definitions: dg.Definitions = example["defs"]
    job = definitions.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(name) for name in ("cities", "big_cities", "everything")]
    result = job.execute_in_process(instance=instance, asset_selection=keys)
    assert result.success
    assert list(query(Lake(settings), "SELECT * FROM big_cities").rows) == [("Oslo", 2)]
    assert sorted(query(Lake(settings), "SELECT * FROM everything").rows) == [("Oslo", 2), ("Rome", 1)]
    (event,) = result.asset_materializations_for_node("cities")
    assert event.metadata["dagster/row_count"].value == 2
    assert event.metadata["dagster/table_name"].value == "lake.main.cities"
