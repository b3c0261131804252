"""The warehouse IO manager with other people's assets: what is stored, loaded, refused, and left after a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.models import SyncResult
from udb_pipelines.orchestration.assets import path_assets
from udb_pipelines.orchestration.build import resources
from udb_pipelines.orchestration.partitions import SOURCES
from udb_pipelines.warehouse import Lake, query
from udb_pipelines_tests.orchestration.conftest import add_source, run_job


def materialize(settings: Settings, *assets: dg.AssetsDefinition, **options: Any) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(assets, instance=instance, resources=resources(settings), raise_on_error=False, **options)


def stored(settings: Settings, table: str) -> list[tuple[object, ...]]:
    return sorted(query(Lake(settings), f'SELECT * FROM "{table}"').rows)


def code_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    told = event.step_failure_data.user_failure_data
    assert told is not None, event.step_failure_data.error
    return str(told.metadata["code"].value)


ROWS = {"id": [1, 2], "name": ["Ann", None]}
FRAMES: dict[str, Callable[[], object]] = {
    "pandas": lambda: pd.DataFrame(ROWS),
    "polars": lambda: pl.DataFrame(ROWS),
    "arrow": lambda: pa.table(ROWS),
    "batches": lambda: pa.table(ROWS).to_reader(),
    "relation": lambda: duckdb.sql("SELECT * FROM (VALUES (1, 'Ann'), (2, NULL)) AS t(id, name)"),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_what_an_asset_returns_is_a_table(settings: Settings, kind: str):
    @dg.asset(io_manager_key="warehouse")
    def mine() -> Any:
        return FRAMES[kind]()

    result = materialize(settings, mine)
    assert result.success
    assert stored(settings, "mine") == [(1, "Ann"), (2, None)]
    (event,) = result.asset_materializations_for_node("mine")
    assert event.metadata["dagster/row_count"].value == 2
    assert [column.name for column in event.metadata["dagster/column_schema"].value.columns] == ["id", "name"]
    assert event.metadata["version"].value == Lake(settings).current_version()


@pytest.mark.parametrize(
    ("annotation", "rows"),
    [
        (pd.DataFrame, lambda frame: frame.shape),
        (pl.DataFrame, lambda frame: frame.shape),
        (pa.Table, lambda table: table.shape),
    ],
    ids=["pandas", "polars", "arrow"],
)
def test_the_annotation_decides_what_is_loaded(settings: Settings, annotation: type, rows: Callable[[Any], object]):
    @dg.asset(io_manager_key="warehouse")
    def mine() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    def using(mine):
        assert isinstance(mine, annotation)
        return rows(mine)

    using.__annotations__ = {"mine": annotation}
    result = materialize(settings, mine, dg.asset(name="using")(using))
    assert result.success
    assert result.output_for_node("using") == (2, 2)


def test_another_annotation_is_refused(settings: Settings):
    @dg.asset(io_manager_key="warehouse")
    def mine() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    @dg.asset
    def using(mine: dict) -> None:
        raise AssertionError(mine)

    assert code_of(materialize(settings, mine, using)) == "E_UNSUPPORTED"


def test_a_source_is_loaded_as_frame_and_as_result(settings: Settings, people: Path, instance: dg.DagsterInstance):
    assert run_job(settings, instance, "people").success

    @dg.asset(partitions_def=SOURCES)
    def seen(raw: pd.DataFrame) -> int:
        return len(raw)

    @dg.asset(partitions_def=SOURCES)
    def told(raw: SyncResult) -> int:
        return raw.datasets[0].rows_total

    assets = [*path_assets(pooled=False), seen, told]
    result = dg.materialize(
        assets, selection=["seen", "told"], instance=instance, resources=resources(settings), partition_key="people"
    )
    assert (result.output_for_node("seen"), result.output_for_node("told")) == (3, 3)


def test_keys_are_joined_and_partitions_have_tables_of_their_own(settings: Settings):
    @dg.asset(
        key=["mart", "days"],
        io_manager_key="warehouse",
        partitions_def=dg.StaticPartitionsDefinition(["d1", "d2"]),
    )
    def days(context) -> pd.DataFrame:
        return pd.DataFrame({"day": [context.partition_key]})

    for day in ("d1", "d2"):
        assert materialize(settings, days, partition_key=day).success
    assert stored(settings, "mart_days__d1") == [("d1",)]
    assert stored(settings, "mart_days__d2") == [("d2",)]


def test_a_partition_that_is_no_name_is_refused(settings: Settings):
    @dg.asset(io_manager_key="warehouse", partitions_def=dg.StaticPartitionsDefinition(["2024-01-01"]))
    def days() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    assert code_of(materialize(settings, days, partition_key="2024-01-01")) == "E_NAME"


def test_the_table_of_a_source_is_not_overwritten(settings: Settings, tmp_path: Path):
    add_source(settings, "customers", tmp_path / "customers.csv")

    @dg.asset(io_manager_key="warehouse")
    def customers() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    assert code_of(materialize(settings, customers)) == "E_NAME"


def test_a_failed_store_keeps_the_previous_version_and_no_value_in_its_error(settings: Settings):
    @dg.asset(io_manager_key="warehouse", name="mine")
    def good() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    @dg.asset(io_manager_key="warehouse", name="mine")
    def bad() -> Any:
        return duckdb.sql("SELECT x::INTEGER AS id FROM (VALUES ('PLANTED-7731')) AS t(x)")

    assert materialize(settings, good).success
    result = materialize(settings, bad)
    assert not result.success
    assert "PLANTED-7731" not in str([event for event in result.all_events if event.is_step_failure])
    assert stored(settings, "mine") == [(1, "Ann"), (2, None)]
    assert materialize(settings, good).success, "nothing is left locked"


def test_what_is_no_table_is_refused(settings: Settings):
    @dg.asset(io_manager_key="warehouse")
    def mine() -> Any:
        return "not a table"

    assert not materialize(settings, mine).success
