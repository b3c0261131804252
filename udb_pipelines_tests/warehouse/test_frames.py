"""Frames of every kind end in the same table."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models.base import MOST_COLUMNS
from udb_pipelines.warehouse import Lake, datasets, history, ledger, query, store_frame

DATA = {"id": [1, 2, 3], "name": ["a", None, "ü"]}
OTHER = duckdb.connect()

FRAMES: dict[str, Callable[[], object]] = {
    "pandas": lambda: pd.DataFrame(DATA),
    "polars": lambda: pl.DataFrame(DATA),
    "polars lazy": lambda: pl.LazyFrame(DATA),
    "arrow table": lambda: pa.table(DATA),
    "arrow reader": lambda: pa.table(DATA).to_reader(max_chunksize=2),
    "relation": lambda: duckdb.sql("SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, 'ü')) t(id, name)"),
    "relation elsewhere": lambda: OTHER.sql("SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, 'ü')) t(id, name)"),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_is_stored(lake: Lake, kind: str) -> None:
    version = store_frame(lake, "mine", FRAMES[kind](), "job")
    assert query(lake, "FROM mine ORDER BY id").rows == ((1, "a"), (2, None), (3, "ü"))
    assert (version.rows_total, version.rows_committed, version.version) == (3, 3, lake.current_version())
    assert not list(lake.settings.staging.rglob("*"))


def test_a_frame_replaces_the_one_before(any_lake: Lake) -> None:
    store_frame(any_lake, "mine", pa.table(DATA), "job")
    version = store_frame(any_lake, "mine", pa.table({"id": ["other"]}), "job")
    assert query(any_lake, "FROM mine").rows == (("other",),)
    assert {change.column: change.change for change in version.schema_changes} == {"id": "retyped", "name": "removed"}
    assert [info.rows_total for info in history(any_lake, "mine")] == [1, 3]
    assert [(info.dataset, info.source) for info in datasets(any_lake)] == [("mine", None)]


def test_a_relation_of_the_lake_itself(lake: Lake) -> None:
    store_frame(lake, "mine", pa.table(DATA), "job")
    with lake.reader() as connection:
        store_frame(lake, "names", connection.sql("SELECT sum(id) AS total FROM mine"), "job")
    assert query(lake, "FROM names").rows == ((Decimal(6),),), "a sum is exact, not a DOUBLE"


def test_an_empty_frame_is_told(lake: Lake) -> None:
    version = store_frame(lake, "mine", pd.DataFrame({"a": pd.Series([], dtype="int64")}), "job")
    assert [finding.code for finding in version.findings] == ["W_NO_ROWS"]


@pytest.mark.parametrize(("frame", "name", "code"), [
    ({"a": 1}, "mine", "E_UNSUPPORTED"), (pd.DataFrame(), "mine", "E_UNSUPPORTED"),
    (pa.table(DATA), "My Table", "E_NAME"),
])  # fmt: skip
def test_what_is_no_table_is_refused(lake: Lake, frame: object, name: str, code: str) -> None:
    with pytest.raises(UdbError) as caught:
        store_frame(lake, name, frame, "job")
    assert caught.value.code == code
    assert lake.current_version() <= 1


def test_more_columns_than_a_table_of_the_catalog_could_have(settings: Settings) -> None:
    lake = Lake(settings)
    store_frame(lake, "narrow", pa.table({"a": [1]}), "job")
    wide = pa.table({f"c{index}": [index] for index in range(2_100)})
    assert store_frame(lake, "wide", wide, "job").rows_committed == 1
    wider = wide.append_column("more", pa.array([7]))
    assert store_frame(lake, "wide", wider, "job").rows_committed == 1
    store_frame(lake, "narrow", pa.table({"a": [2], "b": [3]}), "job")
    assert query(lake, "SELECT c2099, more, a, b FROM wide, narrow").rows == ((2099, 7, 2, 3),)


def test_as_many_columns_in_a_lake_made_before_rows_were_kept_out_of_its_catalog(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(any_lake.settings.model_copy(update={"lock_timeout_seconds": 2}))
    with monkeypatch.context() as before:
        before.setattr(ledger, "_FILES_ONLY", "")
        store_frame(lake, "narrow", pa.table({"a": [1]}), "job")
    store_frame(lake, "narrow", pa.table({"a": [1]}), "job")
    wide = pa.table({f"c{index}": [index] for index in range(2_100)})
    assert store_frame(lake, "wide", wide, "job").rows_committed == 1
    assert query(lake, "SELECT c2099, a FROM wide, narrow").rows == ((2099, 1),)


@pytest.mark.slow
def test_more_columns_than_were_proven_are_refused(settings: Settings) -> None:
    many = pa.table({f"c{index}": [index] for index in range(MOST_COLUMNS + 1)})
    with pytest.raises(UdbError, match="E_TOO_WIDE"):
        store_frame(Lake(settings), "wide", many, "job")
