"""``<dataset>__text``: what was loaded, as it was written, from the warehouse alone."""

from __future__ import annotations

import io
import uuid
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines import warehouse
from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake
from udb_pipelines_tests.connectors.sources import read_detected

COLUMNS = (
    st.integers(-5, 10**6).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000).map(str),
    st.sampled_from(["1.5", "1.50", "2", "2.0", "1e5", "-0"]),
    st.dates().map(lambda day: f"{day.day:02d}/{day.month:02d}/{day.year:04d}"),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds")),
    st.sampled_from(["TRUE", "FALSE"]),
    st.sampled_from(["007", "a", "NA", "x y"]),
)
TABLE = st.lists(
    st.tuples(*(st.one_of(column, column, column, st.none(), st.just("")) for column in COLUMNS)),
    min_size=3,
    max_size=12,
)


def load(settings: Settings, file: Path, **options: object) -> Lake:
    lake = Lake(settings)
    warehouse.commit(lake, read_detected(settings, file, job=str(uuid.uuid4()), **options))
    return lake


def written(rows: list[tuple[str | None, ...]]) -> str:
    out = io.StringIO(newline="")
    out.write("id," + ",".join(f"column {name}" for name in "abcdefg") + "\n")
    for number, row in enumerate(rows):
        cells = ("" if cell is None else f'"{cell}"' if cell in ("", "x y") else cell for cell in row)
        out.write(f"{number}," + ",".join(cells) + "\n")
    return out.getvalue()


@given(TABLE, st.sampled_from([(), ("NA",), ("2", "NA")]))
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_given_back_as_it_was_written(
    tmp_path: Path, rows: list[tuple[str | None, ...]], markers: tuple[str, ...]
) -> None:
    home = tmp_path / uuid.uuid4().hex
    home.mkdir()
    file = home / "table.csv"
    file.write_text(written(rows), encoding="utf-8")
    lake = load(Settings(home=home), file, null_markers=markers, header=1, delimiter=",")
    file.unlink()
    found = warehouse.query(lake, "SELECT * EXCLUDE id FROM shop__text ORDER BY id::INT").rows
    assert list(found) == rows
    assert set(warehouse.query(lake, "FROM shop__text").types) == {"VARCHAR"}


def test_each_version_gives_its_own_text(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("id,price\n1,1.50\n2,2.5\n", encoding="utf-8")
    lake = load(settings, file)
    first = warehouse.query(lake, "FROM shop").version
    file.write_text("id,price\n1,13/01/2024\n2,14/01/2024\n", encoding="utf-8")
    load(settings, file)
    assert warehouse.query(lake, "SELECT price FROM shop__text").rows == (("13/01/2024",), ("14/01/2024",))
    assert warehouse.query(lake, "SELECT price FROM SHOP__TEXT", first).rows == (("1.50",), ("2.5",))
    assert warehouse.query(lake, "SELECT sum(price) FROM shop", first).rows == ((4.0,),)


def test_appended_files_give_their_text_each_in_its_form(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("id,day\n1,13/01/2024\n2,14/01/2024\n", encoding="utf-8")
    lake = load(settings, file, sync_mode="full_refresh_append")
    file.write_text("id,day\n3,2024-01-15\n4,2024-01-16\n", encoding="utf-8")
    load(settings, file, sync_mode="full_refresh_append")
    days = [day for _, day in warehouse.query(lake, "FROM shop__text ORDER BY id").rows]
    assert days == ["13/01/2024", "14/01/2024", "2024-01-15", "2024-01-16"]


DATES = "id,day,price,flag\n"


@pytest.mark.parametrize("mode", ["incremental_upsert", "incremental_append"])
def test_rows_written_anew_keep_their_text(settings: Settings, tmp_path: Path, mode: str) -> None:
    file = tmp_path / "days.csv"
    options = {"sync_mode": mode, "primary_key": ("id",), "cursor": "id", "null_markers": ("NA",)}
    first = [("1", "13/01/2024", "1.50", "NA"), ("2", "14/01/2024", "2", "TRUE"), ("3", "15/01/2024", "2.5", "FALSE")]
    file.write_text(DATES + "".join(",".join(row) + "\n" for row in first), encoding="utf-8")
    lake = load(settings, file, **options)
    # A key that comes twice, one that is stored, and a column that is text from now on in the batch alone.
    second = [("3", "16/01/2024", "3.50", "TRUE"), ("4", "17/01/2024", "4.0", "NA"), ("4", "18/01/2024", "5", "TRUE")]
    file.write_text(DATES + "".join(",".join(row) + "\n" for row in second), encoding="utf-8")
    load(settings, file, **options)
    found = list(warehouse.query(lake, "FROM shop__text ORDER BY id, day").rows)
    kept = first[:2] + second[:1] + second[2:] if mode == "incremental_upsert" else first + second
    assert [row for row in found if row[0] in ("1", "2", "4")] == [row for row in kept if row[0] in ("1", "2", "4")]
    assert (
        warehouse.query(lake, "SELECT count(*) FROM shop__text").rows
        == warehouse.query(lake, "SELECT count(*) FROM shop").rows
    )


def test_a_value_that_takes_the_stored_type_keeps_its_text(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("id,price\n1,1.50\n2,0.25\n3,NA\n", encoding="utf-8")
    lake = load(settings, file, sync_mode="full_refresh_append", null_markers=("NA",))
    file.write_text("id,price\n4,7\n5,8\n", encoding="utf-8")
    load(settings, file, sync_mode="full_refresh_append")
    assert warehouse.query(lake, "SELECT sum(price) FROM shop").rows[0][0] == Decimal("16.75")
    prices = [price for (price,) in warehouse.query(lake, "SELECT price FROM shop__text ORDER BY id").rows]
    assert prices == ["1.50", "0.25", "NA", "7", "8"]


def test_a_dataset_without_text_says_so(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "typed.parquet"
    duckdb.sql("SELECT 1 AS id, 2.5 AS price").write_parquet(str(file))
    lake = load(settings, file)
    with pytest.raises(UdbError, match="1 of 1 data files hold no text"):
        warehouse.query(lake, "FROM shop__text")


def test_deleted_rows_are_gone_from_the_text(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("id,price\n1,1.50\n2,2.5\n3,7\n", encoding="utf-8")
    lake = load(settings, file)
    with lake.writer() as connection:
        connection.execute("DELETE FROM lake.main.shop WHERE id = 2")
    assert warehouse.query(lake, "FROM shop__text ORDER BY id").rows == (("1", "1.50"), ("3", "7"))


def test_there_is_no_text_of_what_is_no_dataset(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,price\n1,1.50\n2,2.5\n", encoding="utf-8")
    lake = load(settings, file)
    with pytest.raises(UdbError, match="nothing__text"):
        warehouse.query(lake, "FROM nothing__text")
