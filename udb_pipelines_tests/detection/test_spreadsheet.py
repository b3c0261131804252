"""Workbooks: every sheet with a table, its header wherever it stands; the rest is named, not lost."""

from __future__ import annotations

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
