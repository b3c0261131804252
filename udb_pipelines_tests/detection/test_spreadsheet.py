"""Workbooks: every sheet with a table, its header wherever it stands; the rest is named, not lost."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines_tests.detection.conftest import Detect


@pytest.mark.parametrize(
    ("file", "columns", "rows", "skip"),
    [
        ("messytables/simple.xls", ["date", "temperature", "place"], 6, 0),
        ("messytables/simple.xlsx", ["date", "temperature", "place"], 6, 0),
        ("frictionless/skip-rows.xlsx", None, 2, 1),
        ("spreadsheets/header-row.xlsx", None, 1, 6),
        ("frictionless/table.ods", ["id", "name"], 2, 0),
        ("spreadsheets/no-header.xlsx", ["column_1", "column_2"], 2, 0),
    ],
)
def test_header_and_rows(
    corpora: Path, detected: Detect, file: str, columns: list[str] | None, rows: int, skip: int
) -> None:
    stream = detected(corpora / file).streams[0]
    assert stream.format == "spreadsheet"
    assert stream.row_estimate == rows
    assert stream.dialect is not None
    assert stream.dialect.skip_rows == skip
    if columns:
        assert [column.name for column in stream.columns] == columns


def test_each_sheet_is_a_stream(corpora: Path, detected: Detect) -> None:
    found = detected(corpora / "frictionless" / "sheets.xlsx")
    assert len(found.streams) == 3
    assert len({stream.name for stream in found.streams}) == 3
    only = detected(corpora / "frictionless" / "sheets.xlsx", tables=(found.streams[1].member or "",))
    assert [stream.member for stream in only.streams] == [found.streams[1].member]


def test_hidden_and_chart_sheets_are_named(corpora: Path, detected: Detect) -> None:
    found = detected(corpora / "spreadsheets" / "any_sheets.xlsx")
    skipped = [finding.message for finding in found.findings if finding.code == "W_STREAM_SKIPPED"]
    assert any("hidden" in message for message in skipped)
    assert any("chart" in message for message in skipped)


@pytest.mark.parametrize("suffix", ["xlsx", "xlsb", "ods"])
def test_a_password_is_told(corpora: Path, detected: Detect, suffix: str) -> None:
    with pytest.raises(UdbError) as caught:
        detected(corpora / "spreadsheets" / f"pass_protected.{suffix}")
    assert caught.value.code == "E_ENCRYPTED"


SHEETML = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{CONTENT}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{CONTENT}.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{SHEETML}" xmlns:r="{RELATIONS}"><sheets>'
    '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}  # fmt: skip


def workbook(path: Path, last_cell: str) -> Path:
    """A workbook with a cell in A1 and one at ``last_cell``."""
    row = "".join(filter(str.isdigit, last_cell))
    sheet = (
        f'<worksheet xmlns="{SHEETML}"><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        f'<row r="{row}"><c r="{last_cell}"><v>2</v></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(name, text)
    return path


def test_one_far_away_cell_does_not_take_the_process_down(detected: Detect, tmp_path: Path) -> None:
    """Opened carelessly, this file of one kilobyte asks for 512 GB and ends the process."""
    assert detected(workbook(tmp_path / "near.xlsx", "B3")).streams[0].row_estimate == 2
    with pytest.raises(UdbError) as caught:
        detected(workbook(tmp_path / "far.xlsx", "XFD1048576"))
    assert caught.value.code == "E_TOO_LARGE"
