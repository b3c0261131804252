"""Tables as people and programs draw them: borders, rules, aligned columns, names in comments, units below names."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.models import DetectedStream
from udb_pipelines_tests.connectors.sources import read_detected
from udb_pipelines_tests.detection.conftest import Detect

PEOPLE = [("1", "Ann Lee", "2.5"), ("2", "Bo", ""), ("3", "Cy Öz", "4.0")]
DRAWN = {
    "Markdown": "| id | name | x |\n|----|:----|--:|\n| 1 | Ann Lee | 2.5 |\n| 2 | Bo | |\n| 3 | Cy Öz | 4.0 |\n",
    "Org mode": "| id | name    | x   |\n|----+---------+-----|\n| 1  | Ann Lee | 2.5 |\n| 2  | Bo      |     |\n"
    "| 3  | Cy Öz   | 4.0 |\n",
    "grid": "+----+---------+-----+\n| id | name    | x   |\n+====+=========+=====+\n| 1  | Ann Lee | 2.5 |\n"
    "+----+---------+-----+\n| 2  | Bo      |     |\n+----+---------+-----+\n| 3  | Cy Öz   | 4.0 |\n"
    "+----+---------+-----+\n",
    "rules": "==  =======  ===\nid  name     x\n==  =======  ===\n"
    "1   Ann Lee  2.5\n2   Bo\n3   Cy Öz    4.0\n==  =======  ===\n",
    "aligned": "id ; name    ; x\n1  ; Ann Lee ; 2.5\n2  ; Bo      ; \n3  ; Cy Öz   ; 4.0\n",
    "names in the last comment": "# made by hand\n# id,name,x\n1,Ann Lee,2.5\n2,Bo,\n3,Cy Öz,4.0\n",
    "names in the only comment": "# id,name,x\n1,Ann Lee,2.5\n2,Bo,\n3,Cy Öz,4.0\n",
}  # fmt: skip


def cells(settings: Settings, path: Path) -> list[tuple[str, ...]]:
    dataset = read_detected(settings, path).datasets[0]
    assert dataset.rows_rejected == 0
    columns = ", ".join(f'"{column.name}"::VARCHAR' for column in dataset.columns)
    rows = duckdb.sql(f"SELECT {columns} FROM read_parquet('{dataset.parquet[0]}')").fetchall()
    return [tuple("" if cell is None else cell for cell in row) for row in rows]


def names(stream: DetectedStream) -> list[str]:
    return [column.original_name or column.name for column in stream.columns]


@pytest.mark.parametrize("how", DRAWN)
def test_the_table_comes_back_without_what_was_drawn(
    settings: Settings, tmp_path: Path, detected: Detect, how: str
) -> None:
    assert names(detected("a.txt", text=DRAWN[how]).streams[0]) == ["id", "name", "x"]
    assert cells(settings, tmp_path / "a.txt") == PEOPLE


def test_a_row_without_its_borders_is_rejected(settings: Settings, tmp_path: Path) -> None:
    rows = "".join(f"| {number} | 2 |\n" for number in range(20))
    (tmp_path / "a.txt").write_text(f"| id | x |\n|---|---|\n{rows}3 | 4 | 5 | 6\n| 7 | 8 |\n")
    dataset = read_detected(settings, tmp_path / "a.txt", max_reject_pct=100).datasets[0]
    assert (dataset.rows_staged, dataset.rows_rejected) == (21, 1)


def test_empty_columns_at_both_ends_of_a_csv_stay(detected: Detect) -> None:
    assert len(detected("a.csv", text=",id,name,\n,1,ann,\n,2,bob,\n").streams[0].columns) == 4


def test_numbers_between_blanks_are_no_telephone_numbers(detected: Detect) -> None:
    text = "# day temp rain\n" + "".join(f"202201{day:02d} {day / 2:.1f} 1{day}\n" for day in range(1, 20))
    assert names(detected("a.txt", text=text).streams[0]) == ["day", "temp", "rain"]


def test_a_column_of_times_does_not_make_a_log(detected: Detect) -> None:
    lines = [f"2024-03-{day:02d}T00:00:00+01:00 ; 16.{day} ; 1\n" for day in range(1, 20)]
    stream = detected("a.csv", text="time ; temp ; alarm\n" + "".join(lines)).streams[0]
    assert (stream.format, names(stream)) == ("delimited", ["time", "temp", "alarm"])


@pytest.mark.parametrize("units", ["s,degC,hPa", "[s],[degC],[-]", "(s),(°C),"])
def test_units_are_neither_names_nor_a_row(settings: Settings, tmp_path: Path, detected: Detect, units: str) -> None:
    text = f"time,temp,pressure\n{units}\n1,20.5,1000\n2,21.5,1001\n3,22.5,1002\n"
    stream = detected("a.csv", text=text).streams[0]
    assert names(stream) == ["time", "temp", "pressure"]
    assert [item.count for item in stream.findings if item.code == "W_UNITS_ROW"] == [1]
    dataset = read_detected(settings, tmp_path / "a.csv").datasets[0]
    assert [column.type for column in dataset.columns] == ["BIGINT", "DECIMAL(18,1)", "BIGINT"]
    assert dataset.rows_staged == 3


def test_units_that_are_values_stay(detected: Detect) -> None:
    text = "size,unit\nm,kg\ns,m\nl,kg\nxl,g\n"
    assert detected("a.csv", text=text).streams[0].row_estimate == 4


PERSONS = "Lee, Ann\nSmith, Bob\nKim, Cy\nO'Neil, Dee Dee\n"


@pytest.mark.parametrize(("text", "header"), [(PERSONS, ["column_1"]), (f"name\n{PERSONS}", ["name"])])
def test_last_and_first_name_are_one_value_and_that_is_told(
    settings: Settings, tmp_path: Path, detected: Detect, text: str, header: list[str]
) -> None:
    stream = detected("a.csv", text=text).streams[0]
    assert [column.name for column in stream.columns] == header
    assert any("--delimiter" in item.message for item in stream.findings if item.code == "W_DIALECT_AMBIGUOUS")
    assert cells(settings, tmp_path / "a.csv")[:2] == [("Lee, Ann",), ("Smith, Bob",)]
    assert len(detected("a.csv", text=text, delimiter=",").streams[0].columns) == 2


def test_names_of_two_columns_keep_them_apart(detected: Detect) -> None:
    text = "city, country\nParis, France\nUlm, Germany\n"
    assert names(detected("a.csv", text=text).streams[0]) == ["city", "country"]


def test_files_put_together_keep_no_header_among_their_rows(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,name\n1,ann\n\xef\xbb\xbfid,name\n2,bob\n")
    dataset = read_detected(settings, tmp_path / "a.csv").datasets[0]
    assert [column.type for column in dataset.columns] == ["BIGINT", "VARCHAR"]
    assert "W_HEADER_REPEATED" in {item.code for item in dataset.findings}
