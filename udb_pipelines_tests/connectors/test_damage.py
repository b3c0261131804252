"""Odd ways to write a table, from detection to the rows: nothing is lost, nothing made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.detection import detect
from udb_pipelines.models import StagedDataset
from udb_pipelines_tests.connectors.sources import read_detected, rejects, rows, source_of

ROWS = [("1", "Ann Lee", "12.50"), ("2", "Bob", "7.00"), ("3", "Eve Stone", "18.25"), ("4", "Max", "9.10")] * 5
HEADER = ("id", "name", "price")


def text(delimiter: str = ",", tail: str = "") -> str:
    return "".join(delimiter.join(row) + "\n" for row in (HEADER, *ROWS)) + tail


def read(settings: Settings, folder: Path, content: str) -> StagedDataset:
    file = folder / "data.csv"
    file.write_bytes(content.encode())
    return read_detected(settings, file, max_reject_pct=100).datasets[0]


def cells(found: StagedDataset) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in rows(found)]


@pytest.mark.parametrize("delimiter", ["||", "::", "~|~", "|;|", "<>", ", ", " | ", " ;"])
def test_delimiters_of_several_characters_and_padded_ones(settings: Settings, tmp_path: Path, delimiter: str) -> None:
    found = read(settings, tmp_path, text(delimiter))
    assert cells(found) == ROWS
    assert [column.type for column in found.columns] == ["BIGINT", "VARCHAR", "DECIMAL(18,2)"]
    assert found.rows_rejected == 0


def test_a_delimiter_that_is_empty_values_in_a_row_is_not_taken_for_a_doubled_one(
    settings: Settings, tmp_path: Path
) -> None:
    found = read(settings, tmp_path, "a|b||\n" + "1|x||\n" * 20)
    assert [column.name for column in found.columns] == ["a", "b"]
    assert (found.rows_staged, found.rows_rejected) == (20, 0)


def test_the_header_again_is_set_aside_and_told(settings: Settings, tmp_path: Path) -> None:
    found = read(settings, tmp_path, text() + "\n" + text())
    assert cells(found) == ROWS * 2
    assert (found.rows_read, found.rows_rejected) == (2 * len(ROWS), 0)
    assert [code for _, _, code, *_ in rejects(found.rejects)] == ["W_HEADER_REPEATED"]
    assert "W_HEADER_REPEATED" in {finding.code for finding in found.findings}


def test_a_value_that_is_the_name_of_its_only_column_is_a_value(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("name\n" + "ann\nbob\nname\neve\n" * 5)
    found = read_detected(settings, file, header=1).datasets[0]
    assert found.rows_staged == 20


@pytest.mark.parametrize("tail", ["\x00" * 300, "\x1a", "\x1a\x00\x00"])
def test_padding_after_the_text_is_no_row(settings: Settings, tmp_path: Path, tail: str) -> None:
    found = read(settings, tmp_path, text(tail=tail))
    assert cells(found) == ROWS
    assert found.rows_read == len(ROWS)


def test_a_line_of_blanks_at_the_end_costs_no_row(settings: Settings, tmp_path: Path) -> None:
    assert cells(read(settings, tmp_path, text(tail="   \n"))) == ROWS


def test_notes_below_the_table_are_its_footer(settings: Settings, tmp_path: Path) -> None:
    wide = "".join(",".join((*row, "a", "b", "c")) + "\n" for row in (HEADER, *ROWS))
    found = read(settings, tmp_path, wide + "****\nNotes\n1.,estimated\n2.,without returns\n")
    assert found.rows_staged == len(ROWS)
    assert [code for _, _, code, *_ in rejects(found.rejects)] == ["W_FOOTER"] * 4


def test_rows_without_their_empty_last_fields_are_filled(settings: Settings, tmp_path: Path) -> None:
    short = "id,name,remark\n" + "1,Ann\n2,Bob\n3,Eve,late\n4,Max\n" * 5
    found = read(settings, tmp_path, short)
    assert [row[2] for row in rows(found)] == [None, None, "late", None] * 5
    assert found.rows_rejected == 0


def test_a_few_short_rows_are_damage(settings: Settings, tmp_path: Path) -> None:
    found = read(settings, tmp_path, text(tail="5,Ida\n6,Una,1.00\n"))
    assert (found.rows_staged, found.rows_rejected) == (len(ROWS) + 1, 1)


def test_carriage_returns_in_values_are_no_line_ends(settings: Settings, tmp_path: Path) -> None:
    found = read(settings, tmp_path, text(tail="5,first\rsecond,1.00\n"))
    assert cells(found)[-1] == ("5", "first\rsecond", "1.00")


def test_a_whole_row_in_quotes_is_rejected_not_loaded_with_its_quotes(settings: Settings, tmp_path: Path) -> None:
    found = read(settings, tmp_path, text(tail='"5,Ida,1.00"\n6,Una,1.00\n'))
    assert (found.rows_staged, found.rows_rejected) == (len(ROWS) + 1, 1)


def test_names_of_groups_above_the_names(settings: Settings, tmp_path: Path) -> None:
    body = "".join(f"north{number},1,2,3,4\n" for number in range(12))
    file = tmp_path / "data.csv"
    file.write_text(",first,,second,\nregion,sales,cost,sales,cost\n" + body)
    stream = detect(source_of(file), settings).streams[0]
    assert [column.original_name or column.name for column in stream.columns] == [
        "region", "first sales", "first cost", "second sales", "second cost",
    ]  # fmt: skip
