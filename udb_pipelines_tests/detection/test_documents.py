"""JSON and XML that only resemble tables: nothing is left out unsaid, and rows without names are not taken for text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import read_detected, rows
from udb_pipelines_tests.detection.conftest import Detect

LONG = '[{{}}, "{}"]\n'.format("long " * 40)
"""A line of which so many make a text that is known by its beginning only."""
LISTS = [["id", "city"], [1, "Oslo"], [2, "Łódź"], [3, None]]


def test_lists_with_names_in_the_first_become_columns(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(LISTS))
    (found,) = read_detected(settings, file).datasets
    assert [column.name for column in found.columns] == ["id", "city"]
    assert rows(found) == [(1, "Oslo"), (2, "Łódź"), (3, None)]


def test_lists_whose_names_stand_beside_them(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"columns": LISTS[0], "index": [0, 1, 2], "data": LISTS[1:]}))
    (found,) = read_detected(settings, file).datasets
    assert [column.name for column in found.columns] == ["id", "city"]
    assert rows(found)[1] == (2, "Łódź")


def test_lists_on_lines_a_longer_one_gives_a_column(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("".join(LONG.format(number) for number in range(60_000)) + '[1, "x", true]\n')
    (found,) = read_detected(settings, file).datasets
    assert [column.name for column in found.columns] == ["column_1", "column_2", "column_3"]
    assert found.rows_staged == 60_001


def test_an_object_among_lists_is_refused(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("".join(LONG.format(number) for number in range(60_000)) + '{"x": 1}\n')
    with pytest.raises(UdbError, match="E_CORRUPT"):
        read_detected(settings, file)


def test_small_lists_in_a_description_are_not_its_records(detected: Detect) -> None:
    paths = {f"/{number}": {"get": {"summary": "x", "tags": ["a"]}} for number in range(9)}
    (stream,) = detected("api.json", text=json.dumps({"paths": paths, "security": [{"bearer": []}]})).streams
    assert (stream.records, [column.name for column in stream.columns]) == (None, ["paths", "security"])


def test_what_stands_beside_the_records_is_told(detected: Detect) -> None:
    text = json.dumps({"made": "today", "n": 2, "items": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]})
    (stream,) = detected("a.json", text=text).streams
    assert [(finding.code, finding.count) for finding in stream.findings] == [("W_STREAM_SKIPPED", 2)]


def test_xml_settings_are_not_a_table_of_what_repeats_in_them(detected: Detect) -> None:
    text = f"<web>{''.join(f'<p{n}><v>{n}</v><w>x</w></p{n}>' for n in range(9))}<arg k='a'/><arg k='b'/></web>"
    with pytest.raises(UdbError, match="E_NOT_A_TABLE"):
        detected("web.xml", text=text)


def test_xml_records_lie_below_a_list_of_styles(detected: Detect) -> None:
    records = "".join(f"<row><id>{n}</id><name>n{n}</name></row>" for n in range(9))
    text = f"<book><style id='1'/><style id='2'/><sheet><rows>{records}</rows></sheet></book>"
    (stream,) = detected("a.xml", text=text).streams
    assert (stream.records, stream.row_estimate) == ("row", 9)
    assert [(finding.code, finding.count) for finding in stream.findings] == [("W_STREAM_SKIPPED", 2)]


def test_elements_of_one_name_at_two_places(settings: Settings, tmp_path: Path) -> None:
    records = "".join(f"<item><id>{n}</id><name>n{n}</name></item>" for n in range(9))
    file = tmp_path / "a.xml"
    file.write_text(f"<list><head><item>x</item></head><items>{records}</items></list>")
    (found,) = read_detected(settings, file).datasets
    assert (found.rows_staged, len(found.columns)) == (9, 2)


@pytest.mark.parametrize("cell", ["<td>{}</td>", '<Cell><Data t="s">{}</Data></Cell>'])
def test_cells_without_names_are_refused(detected: Detect, cell: str) -> None:
    lines = "".join(f"<Row>{cell.format(n)}{cell.format('a')}{cell.format('b')}</Row>" for n in range(9))
    with pytest.raises(UdbError, match=r"cells without names"):
        detected("a.xls", text=f'<?xml version="1.0"?><Workbook><Table>{lines}</Table></Workbook>')


@pytest.mark.parametrize("encoding", ["shift_jis", "euc-kr", "gb18030", "big5", "windows-1251"])
def test_xml_in_encodings_the_parser_does_not_know(settings: Settings, tmp_path: Path, encoding: str) -> None:
    text = {"shift_jis": "日本", "euc-kr": "한국", "gb18030": "中国", "big5": "台灣", "windows-1251": "Мир"}[encoding]
    records = "".join(f"<r><id>{n}</id><t>{text}</t></r>" for n in range(3))
    file = tmp_path / "a.xml"
    file.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?>\n<rs>{records}</rs>'.encode(encoding))
    (found,) = read_detected(settings, file).datasets
    assert rows(found) == [(n, text) for n in range(3)]


def test_xml_that_is_not_in_its_encoding(detected: Detect) -> None:
    data = b'<?xml version="1.0" encoding="shift_jis"?><a><b c="1">x</b><b c="2">\x82\xff</b></a>'
    with pytest.raises(UdbError, match=r"offset 68"):
        detected("a.xml", data=data)
