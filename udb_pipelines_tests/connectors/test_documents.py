"""JSON and XML: keys become columns, nothing is lost, nothing that breaks the rules is loaded."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream
from udb_pipelines_tests.connectors.sources import read_detected, read_streams, rows, types


def test_lines_become_rows(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.ndjson"
    file.write_text(
        '{"id": 1, "zip": "007", "ok": true, "tags": ["a", {"b": 1}], "day": "2024-01-02", "mix": 1, "big": 1}\n'
        '{"id": 2, "zip": "1", "ok": null, "name": "x\\ny", "mix": "1", "big": 12345678901234567890123}\n\n'
    )
    (found,) = read_detected(settings, file).datasets
    assert types(found) == {
        "id": "BIGINT", "zip": "VARCHAR", "ok": "BOOLEAN", "tags": "VARCHAR", "day": "DATE", "mix": "VARCHAR",
        "big": "VARCHAR", "name": "VARCHAR",
    }  # fmt: skip
    assert rows(found) == [
        (1, "007", True, '["a",{"b":1}]', date(2024, 1, 2), "1", "1", None),
        (2, "1", None, None, None, "1", "12345678901234567890123", "x\ny"),
    ]


@pytest.mark.parametrize(
    ("document", "records"), [('{"meta": {"n": 2}, "data": {"rows": [%s]}}', "data.rows"), ("[%s]", None)]
)
def test_records_inside_a_document(settings: Settings, tmp_path: Path, document: str, records: str | None) -> None:
    file = tmp_path / "data.json"
    file.write_text(document % ' {"a/b": 1.5, "": "x"} ,\n{"a/b": 2, "q\\"": {}} ')
    stream = DetectedStream(name="s", format="json", files=(str(file),), records=records)
    (found,) = read_streams(settings, stream).datasets
    assert rows(found) == [(1.5, "x", None), (2.0, None, "{}")]
    assert [column.original_name for column in found.columns] == ["a/b", "", 'q"']


def test_values_that_are_no_objects_are_one_column(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('[1, "x", null, [2], {"a": 1}]')
    (found,) = read_detected(settings, file).datasets
    assert rows(found) == [("1",), ("x",), (None,), ("[2]",), ('{"a": 1}',)]


def test_a_document_larger_than_the_window(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    records = [{"id": index, "text": "é" * 3000} for index in range(1200)]
    file.write_text(json.dumps({"head": [1] * 1000, "items": records}, ensure_ascii=False, indent=1))
    stream = DetectedStream(name="s", format="json", files=(str(file),), records="items")
    (found,) = read_streams(settings, stream).datasets
    assert found.rows_read == found.rows_staged == 1200
    assert rows(found)[-1] == (1199, "é" * 3000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1}\n{"a": NaN}\n', "record 2"),
        ('{"a": 1}\n{"a": 1,}\n', "record 2"),
        ('{"a": 1} {"a": 2}x\n', "record"),
        ('{"a": 1}\n{"a": "\\ud800"}\n', "half a surrogate"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(settings: Settings, tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "data.ndjson"
    file.write_text(text)
    with pytest.raises(UdbError) as caught:
        read_streams(settings, DetectedStream(name="s", format="ndjson", files=(str(file),)))
    assert caught.value.code == "E_CORRUPT"
    assert reason in caught.value.message


def test_the_json_suite(settings: Settings, corpora: Path) -> None:
    wrong = []
    for file in sorted((corpora / "json").glob("*.json")):
        try:
            loaded = bool(read_detected(settings, file, job=file.stem[:40]).datasets)
        except UdbError:
            loaded = False
        if (file.name[0] == "y" and not loaded) or (file.name[0] == "n" and loaded):
            wrong.append(file.name)
    assert wrong == []


XML = """<?xml version="1.0"?>
<shop xmlns:x="urn:x"><head>ignored</head>
 <order id="007"><day>2024-01-02</day><x:total>1.50</x:total><note/><item>a</item><item>b</item></order>
 <order id="8"><day>2024-01-03</day><x:total>2.25</x:total><note>x &amp; y</note><to><city>Köln</city></to></order>
</shop>"""


def test_repeated_elements_become_rows(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.xml"
    file.write_text(XML)
    (found,) = read_detected(settings, file).datasets
    cells = [dict(zip(types(found), row, strict=True)) for row in rows(found)]
    assert [cell["id"] for cell in cells] == ["007", "8"]
    assert [cell["day"] for cell in cells] == [date(2024, 1, 2), date(2024, 1, 3)]
    assert [cell["note"] for cell in cells] == [None, "x & y"]
    assert [cell["item"] for cell in cells] == ['["a", "b"]', None]
    assert [cell["to"] for cell in cells] == [None, "<to><city>Köln</city></to>"]
    assert types(found)["total"] == "DECIMAL(18,2)"


def test_entities_are_refused(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.xml"
    file.write_text('<!DOCTYPE r [<!ENTITY a "aaaa">]><r><i><b>&a;</b></i><i><b>&a;</b></i></r>')
    stream = DetectedStream(name="s", format="xml", files=(str(file),), records="i")
    with pytest.raises(UdbError, match="E_UNSUPPORTED"):
        read_streams(settings, stream)


def test_xml_that_breaks_off_is_refused(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "data.xml"
    file.write_text("<r><i><b>1</b></i><i><b>2</b></i>")
    stream = DetectedStream(name="s", format="xml", files=(str(file),), records="i")
    with pytest.raises(UdbError, match=r"E_CORRUPT.*line 1"):
        read_streams(settings, stream)
