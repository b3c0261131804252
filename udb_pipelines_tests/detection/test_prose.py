"""Texts for people are no tables: refused alone, left out beside tables, and they never fail a source."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import read_detected
from udb_pipelines_tests.detection.conftest import Detect

README = """# Orders

The orders of the shop, one line each, as the export wrote them, with amounts in cents, and dates in UTC.
See `orders.csv`, which is delimited by commas, and ask Ann, Bob, or Eve, if something is wrong.

## Columns

- id: the number of the order, which is unique
- amount: what was paid; refunds are negative, of course
- note: free text, or nothing

| column | type   |
|--------|--------|
| id     | number |
"""
NOTES = """The file was made on Monday, and again on Tuesday, since the first one was wrong.
Ann said, that the amounts, which are in cents, are net of tax, or so it seems to be.
Please ask, before you use it.
It is not complete yet, but it will be, in a week, or two, or three at the most, they say.
"""
ORDERS = "id,amount\n1,10\n2,20\n3,30\n"


@pytest.mark.parametrize(("name", "text"), [("README.md", README), ("README", NOTES), ("notes.txt", NOTES)])
def test_alone_it_is_refused_with_what_would_settle_it(detected: Detect, name: str, text: str) -> None:
    with pytest.raises(UdbError) as caught:
        detected(name, text=text)
    assert caught.value.code in ("E_NOT_A_TABLE", "E_DIALECT")
    assert "--" in str(caught.value.remedy)


def test_beside_tables_it_is_left_out_with_the_reason(detected: Detect, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "orders.csv").write_text(ORDERS)
    (folder / "README.md").write_text(README)
    (folder / "notes.txt").write_text(NOTES)
    found = detected(folder)
    assert [stream.name for stream in found.streams] == ["orders"]
    reasons = [finding.message for finding in found.findings if finding.code == "W_STREAM_SKIPPED"]
    assert [("E_NOT_A_TABLE" in reason or "E_DIALECT" in reason) for reason in reasons] == [True, True]
    assert read_detected(settings, folder).datasets[0].rows_staged == 3


def test_also_in_an_archive(settings: Settings, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data/orders.csv", ORDERS)
        archive.writestr("README.md", README)
        archive.writestr("LICENSE", NOTES)
    path = tmp_path / "orders.zip"
    path.write_bytes(buffer.getvalue())
    assert [item.rows_staged for item in read_detected(settings, path).datasets] == [3]


def test_a_table_in_a_text_file_is_a_table(detected: Detect) -> None:
    text = "city, country, note\nParis, France, the river there is called the Seine, of course\n"
    quoted = (
        'city, note\nParis, "the river there is called the Seine, of course it is"\n' + 'Ulm, "a b, c d e f g h"\n' * 9
    )
    assert detected("a.csv", text=text.replace(", of", " of")).streams[0].format == "delimited"
    assert len(detected("a.txt", text=quoted).streams[0].columns) == 2
    assert len(detected("a.md", text=ORDERS).streams[0].columns) == 2


@pytest.mark.parametrize("kind", ["manifest", "catalog"])
def test_files_of_dbt_are_known(detected: Detect, kind: str) -> None:
    schema = f"https://schemas.getdbt.com/dbt/{kind}/v12.json"
    text = json.dumps({"metadata": {"dbt_schema_version": schema}, "nodes": {"model.a": {"name": "a"}}, "sources": {}})
    with pytest.raises(UdbError, match=f"the {kind} of a dbt project") as caught:
        detected(f"{kind}.json", text=text)
    assert caught.value.code == "E_NOT_A_TABLE"
    assert detected(f"{kind}.json", text=text, format="json").streams[0].format == "json"
