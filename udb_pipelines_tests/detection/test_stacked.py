"""Several tables in one file: told apart where that is clear, told where it is not, every line accounted for."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import preview
from udb_pipelines.detection import detect
from udb_pipelines.models import Detection
from udb_pipelines_tests.connectors.sources import read_detected, rejects, rows, source_of
from udb_pipelines_tests.detection.conftest import Detect

SALES = "region,units,total\nnorth,5,12.50\nsouth,7,18.00\n"
STAFF = "name,age,since,city\nAnn,31,2020-01-01,Rome\nBob,45,2019-05-01,Bonn\nEve,27,2022-03-15,Ulm\n"


def codes(found: Detection) -> set[str]:
    own = [finding.code for stream in found.streams for finding in stream.findings]
    return {*own, *(finding.code for finding in found.findings)}


@pytest.mark.parametrize("text", [
    f"{SALES}\n{STAFF}", f"Sales\n{SALES}\nStaff\n{STAFF}", f"{SALES},,,\n{STAFF}", f"{SALES}Staff\n{STAFF}",
    f"{SALES}\n\n\nStaff, all of them\n\n{STAFF}\n\n",
])  # fmt: skip
def test_tables_below_each_other(settings: Settings, tmp_path: Path, detected: Detect, text: str) -> None:
    found = detected("a.csv", text=text)
    assert [stream.name for stream in found.streams] == ["table_1", "table_2"]
    assert [len(stream.columns) for stream in found.streams] == [3, 4]
    assert "W_TABLES_SPLIT" in codes(found)
    staged = read_detected(settings, tmp_path / "a.csv").datasets
    assert [(item.dataset, item.rows_staged) for item in staged] == [("shop__table_1", 2), ("shop__table_2", 3)]
    assert rows(staged[1])[0][:2] == ("Ann", 31)


def test_every_line_is_accounted_for(detected: Detect) -> None:
    found = detected("a.csv", text=f"Sales\n{SALES}\nStaff\n{STAFF}")
    assert found.findings[0].message == "a.csv holds 2 tables, in lines 2 to 4, 7 to 10; 3 of 10 lines stand outside"
    areas = [stream.area for stream in found.streams]
    assert [(area.first_row, area.end_row) for area in areas if area] == [(1, 4), (6, 10)]


def test_a_damaged_row_is_rejected_where_it_is_in_the_file(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{SALES}\n{STAFF}Max,44\n")
    staged = read_detected(settings, path, max_reject_pct=50).datasets[1]
    assert rejects(staged.rejects) == [(4, path.read_text().index("Max,44"), "E_JAGGED_ROW", "Max,44")]


def test_preview_shows_each(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{SALES}\n{STAFF}".encode("utf-16"))
    source = source_of(path)
    found = detect(source, settings)
    assert preview(source, found, settings, stream="table_2").column_names == ["name", "age", "since", "city"]


@pytest.mark.parametrize("text", [
    "a,b\n1,2\n3,4\n\n5,6\n7,8\n",
    "a,b\n1,2\n3,4\n\na,b\n5,6\n7,8\n",
    "Report,Sales\nBranch,North\nDate,2024-05-01\n\n" + STAFF,
    f"Staff of the shop\n\n{STAFF}\nSource: the shop\nNote: all of them\n",
    'n,t\n1,"one\n\ntwo"\n2,"x,y,z\n\n1,2,3"\n',
])  # fmt: skip
def test_one_table_stays_one(detected: Detect, text: str) -> None:
    assert len(detected("a.csv", text=text).streams) == 1


def test_what_is_not_clear_is_told(detected: Detect) -> None:
    found = detected("a.csv", text="name,city\nann,rome\nbob,bonn\n\nfirst,second,third\nfoo,bar,baz\nqux,a,b\n")
    assert (len(found.streams), "W_SEVERAL_TABLES" in codes(found)) == (1, True)


def test_files_of_a_folder_keep_their_names(detected: Detect, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.csv").write_text(f"{SALES}\n{STAFF}")
    (tmp_path / "in" / "two.csv").write_text("x,y\n1,2\n2,3\n")
    names = [stream.name for stream in detected(tmp_path / "in").streams]
    assert names == ["one_table_1", "one_table_2", "two"]


def workbook(path: Path, *tables: tuple[int, int, str]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for top, left, text in tables:
        for row, line in enumerate(text.splitlines()):
            for column, cell in enumerate(line.split(",")):
                value = float(cell) if cell.replace(".", "").isdigit() else cell
                sheet.cell(top + row, left + column, value)
    book.save(path)
    return path


@pytest.mark.parametrize("places", [((1, 1), (1, 5)), ((1, 1), (6, 1)), ((2, 2), (5, 7))])
def test_tables_of_a_sheet(settings: Settings, tmp_path: Path, places: tuple[tuple[int, int], ...]) -> None:
    path = workbook(tmp_path / "a.xlsx", (*places[0], SALES), (*places[1], STAFF))
    staged = read_detected(settings, path).datasets
    assert [(item.rows_staged, len(item.columns)) for item in staged] == [(2, 3), (3, 4)]
    assert [str(cell) for cell in rows(staged[1])[2]] == ["Eve", "27", "2022-03-15", "Ulm"]


def test_a_sheet_that_begins_further_down(settings: Settings, tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (4, 3, STAFF))
    dataset = read_detected(settings, path).datasets[0]
    assert (dataset.rows_staged, len(dataset.columns)) == (3, 4)
    assert rows(dataset)[0][1] == 31


def test_a_sheet_with_one_table_stays_one(settings: Settings, tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (1, 1, "Staff\n"), (3, 1, STAFF), (9, 1, "Source: the shop\n"))
    assert len(read_detected(settings, path).datasets) == 1


def test_a_table_beyond_what_was_looked_at_is_told(settings: Settings, tmp_path: Path) -> None:
    many = "".join(f"east{number},{number},{number}.25\n" for number in range(30_000))
    file = tmp_path / "a.csv"
    file.write_text(f"{SALES}{many}\nperson,age,score\n" + "".join(f"Ann{n},{n},{n}.5\n" for n in range(20)))
    (found,) = read_detected(settings, file).datasets
    told = {item.code: item for item in found.findings}
    assert found.rows_staged == 30_023
    assert told["W_SEVERAL_TABLES"].byte_offset == len(SALES) + len(many)


def test_groups_of_one_table_are_not_told_as_several(settings: Settings, tmp_path: Path) -> None:
    many = "".join(f"east{number},{number},{number}.25\n" for number in range(30_000))
    file = tmp_path / "a.csv"
    file.write_text(f"{SALES}{many}\n{many}\nregion,units,total\n{many}")
    (found,) = read_detected(settings, file).datasets
    assert "W_SEVERAL_TABLES" not in {item.code for item in found.findings}
