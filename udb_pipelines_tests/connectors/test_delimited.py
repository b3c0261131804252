"""Delimited text: what was written comes back, what cannot is kept as a reject, and the counts agree."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Dialect
from udb_pipelines_tests.connectors.sources import delimited, read_streams, read_text, rejects, rows, texts, types

TRICKY = st.sampled_from(
    [",", ";", "\t", "|", '"', "'", "\n", "\r\n", "é", "日本", " ", "a", "0", "\\", "#", "=", '""']
)
CELL = st.lists(TRICKY, max_size=5).map("".join)
TABLE = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=8))


def written(table: list[list[str]], dialect: Dialect, quoting: int) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        lineterminator=dialect.newline,
        quoting=quoting,
        doublequote=dialect.escape == dialect.quote,
        escapechar=None if dialect.escape == dialect.quote else dialect.escape,
    )
    writer.writerow([f"c{index}" for index in range(len(table[0]) if table else 1)])
    writer.writerows(table)
    return out.getvalue().encode()


@given(
    table=TABLE,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quote=st.sampled_from(['"', "'"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    escaped=st.booleans(),
)
@hypothesis_settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_table_in_any_dialect_comes_back(
    table: list[list[str]], delimiter: str, quote: str, newline: str, quoting: int, escaped: bool
) -> None:
    dialect = Dialect(delimiter=delimiter, quote=quote, escape="\\" if escaped else quote, newline=newline)
    names = [f"c{index}" for index in range(len(table[0]) if table else 1)]
    # Python's writer leaves a lone LF unquoted when lines end in CR: nobody could tell it from a line end.
    assume(quoting == csv.QUOTE_ALL or newline != "\r" or not any("\n" in cell for row in table for cell in row))
    with tempfile.TemporaryDirectory() as folder:
        own = Settings(home=Path(folder) / "home", threads=1)
        found = read_text(own, Path(folder), written(table, dialect, quoting), names, dialect)
        loaded = [tuple("" if cell is None else cell for cell in row) for row in rows(found)]
    expected = [tuple(row) for row in table]
    # A record that is one empty unquoted cell is a blank line, and so is one of two or more delimiters alone.
    if len(names) != 2 and quoting != csv.QUOTE_ALL:
        loaded = [row for row in loaded if any(row)]
        expected = [row for row in expected if any(row)]
    assert [tuple(map(str, row)) for row in loaded] == expected
    assert found.rows_rejected == 0


LINES = ["1,x,2024-01-01", '2,"a ""b"", c",2024-01-02', "3,,2024-01-03", '4,"two\nlines",2024-01-04', "5,y,2024-01-05"]


@pytest.mark.parametrize("position", range(len(LINES) + 1))
def test_a_quote_that_is_not_closed_costs_its_own_line(settings: Settings, tmp_path: Path, position: int) -> None:
    lines = [*LINES[:position], '9,"never closed,2024-09-09', *LINES[position:]]
    data = ("id,note,day\n" + "\n".join(lines) + "\n").encode()
    found = read_text(settings, tmp_path, data, ["id", "note", "day"], max_reject_pct=100)
    assert [row[0] for row in rows(found)] == [1, 2, 3, 4, 5]
    assert (found.rows_read, found.rows_staged, found.rows_rejected) == (6, 5, 1)
    offset = data.index(b"9,")
    assert rejects(found.rejects) == [(position + 1, offset, "E_QUOTE_RULE", '9,"never closed,2024-09-09')]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_jagged_rows_are_rejected_with_their_place(settings: Settings, tmp_path: Path, newline: str) -> None:
    lines = ["id,note", '1,"a, b"', "2", "3,x", "4,y,z,z", "5,w"]
    data = (newline.join(lines) + newline).encode()
    dialect = Dialect(delimiter=",", newline=newline)
    found = read_text(settings, tmp_path, data, ["id", "note"], dialect, max_reject_pct=50)
    assert rows(found) == [(1, "a, b"), (3, "x"), (5, "w")]
    assert rejects(found.rejects) == [
        (2, data.index(b"2" + newline.encode()), "E_JAGGED_ROW", "2"),
        (4, data.index(b"4,y"), "E_JAGGED_ROW", "4,y,z,z"),
    ]
    (told,) = found.findings
    assert (told.code, told.count, told.row, told.pct) == ("E_JAGGED_ROW", 2, 2, 40.0)


def test_more_rejects_than_allowed_stop_the_sync_and_are_kept(settings: Settings, tmp_path: Path) -> None:
    data = b"id,note\n1,secretvalue,3\n2,x\n"
    with pytest.raises(UdbError) as caught:
        read_text(settings, tmp_path, data, ["id", "note"])
    error = caught.value
    assert (error.code, error.stage, error.source) == ("E_REJECTS", "sync", "shop")
    assert "1 of 2 rows" in error.message
    assert "row 1" in error.message
    kept = settings.rejects / "shop" / "job" / "shop.parquet"
    assert str(kept) in str(error.kept)
    assert rejects(kept) == [(1, 8, "E_JAGGED_ROW", "1,secretvalue,3")]
    assert "secretvalue" not in f"{error} {error.kept}"
    assert not (settings.staging / "job").exists()


def test_allowed_rejects_in_percent(settings: Settings, tmp_path: Path) -> None:
    data = b"a,b\n" + b"1,2\n" * 98 + b"1\n1\n"
    assert read_text(settings, tmp_path, data, ["a", "b"], max_reject_pct=2).rows_rejected == 2
    with pytest.raises(UdbError, match="E_REJECTS"):
        read_text(settings, tmp_path, data, ["a", "b"], max_reject_pct=1.9)


def test_many_rejects_are_all_kept(settings: Settings, tmp_path: Path) -> None:
    data = b"a,b\n" + b"1,2\n3\n" * 12_000 + b'4,"x" y\n'
    found = read_text(settings, tmp_path, data, ["a", "b"], max_reject_pct=60)
    kept = rejects(found.rejects)
    assert (found.rows_staged, found.rows_rejected, len(kept)) == (12_000, 12_001, 12_001)
    assert kept[11_999] == (24_000, len(data) - len(b'3\n4,"x" y\n'), "E_JAGGED_ROW", "3")
    assert kept[-1][2:] == ("E_QUOTE_RULE", '4,"x" y')


def test_blank_lines_are_told_and_counted_out(settings: Settings, tmp_path: Path) -> None:
    found = read_text(settings, tmp_path, b"a,b\n1,2\n\n\n3,4\n\n", ["a", "b"])
    assert rows(found) == [(1, 2), (3, 4)]
    assert (found.rows_read, found.rows_staged) == (2, 2)
    assert [(item.code, item.count, item.byte_offset) for item in found.findings] == [("E_ROW_EMPTY", 2, 8)]


def test_empty_is_null_and_quoted_empty_is_text(settings: Settings, tmp_path: Path) -> None:
    found = read_text(settings, tmp_path, b'a,b,c\nx,,""\ny,"",\n', ["a", "b", "c"])
    assert rows(found) == [("x", None, ""), ("y", "", None)]


def test_preamble_header_and_footer_are_left_out(settings: Settings, tmp_path: Path) -> None:
    data = b'Report "of\n\nid,"na\nme"\n1,x\n2,y\nTotal: 2\n'
    dialect = Dialect(delimiter=",", skip_rows=2, footer_rows=1)
    found = read_text(settings, tmp_path, data, ["id", "name"], dialect)
    assert rows(found) == [(1, "x"), (2, "y")]
    assert (found.rows_read, found.rows_rejected) == (2, 0)
    assert [row[2:] for row in rejects(found.rejects)] == [("W_FOOTER", "Total: 2")]


def test_comments_are_whole_lines_only(settings: Settings, tmp_path: Path) -> None:
    dialect = Dialect(delimiter=",", comment="#")
    found = read_text(settings, tmp_path, b"a,b\n# a note, and more\n1,x#y\n", ["a", "b"], dialect)
    assert rows(found) == [(1, "x#y")]


def test_a_quote_inside_an_unquoted_value_is_a_character(settings: Settings, tmp_path: Path) -> None:
    found = read_text(settings, tmp_path, b'size,unit\n5",inch\n6",inch\n7,"a ""b"""\n', ["size", "unit"])
    assert rows(found) == [('5"', "inch"), ('6"', "inch"), ("7", 'a "b"')]


def test_mixed_line_ends_are_all_understood(settings: Settings, tmp_path: Path) -> None:
    dialect = Dialect(delimiter=",", newline="mixed")
    found = read_text(settings, tmp_path, b'a,b\r\n1,2\n3,"4\r\n5"\r6,7\r\n', ["a", "b"], dialect)
    assert rows(found) == [(1, "2"), (3, "4\r\n5"), (6, "7")]


@pytest.mark.parametrize("delimiter", ["||", "§", "::"])
def test_long_delimiters(settings: Settings, tmp_path: Path, delimiter: str) -> None:
    text = f'a{delimiter}b\n1{delimiter}"x{delimiter}y"\n2{delimiter}\n3{delimiter}5"\n'
    found = read_text(settings, tmp_path, text.encode(), ["a", "b"], Dialect(delimiter=delimiter))
    assert rows(found) == [(1, f"x{delimiter}y"), (2, None), (3, '5"')]


def test_without_quotes_every_character_counts(settings: Settings, tmp_path: Path) -> None:
    dialect = Dialect(delimiter="\t", quote="", escape="")
    found = read_text(settings, tmp_path, b'a\tb\n"x\ty"\n', ["a", "b"], dialect)
    assert rows(found) == [('"x', 'y"')]


def test_nul_is_kept_and_told(settings: Settings, tmp_path: Path) -> None:
    found = read_text(settings, tmp_path, b"a,b\nx\x00y,1\n", ["a", "b"])
    assert rows(found) == [("x\x00y", 1)]
    assert [(item.code, item.count) for item in found.findings] == [("W_NUL", 1)]


@pytest.mark.parametrize("filler", [0, 5_000_000])
def test_an_invalid_byte_is_told_with_its_offset(settings: Settings, tmp_path: Path, filler: int) -> None:
    data = b"a,b\n" + b"1,x\n" * (filler // 4) + b"2,\xc3\xa9\n3,\xff\n"
    with pytest.raises(UdbError) as caught:
        read_text(settings, tmp_path, data, ["a", "b"])
    assert caught.value.code == "E_UTF8_INVALID"
    assert f"offset {data.index(0xFF)} " in caught.value.message


def test_invalid_bytes_are_replaced_on_request(settings: Settings, tmp_path: Path) -> None:
    found = read_text(settings, tmp_path, b"a,b\n3,\xff\n", ["a", "b"], encoding_errors="replace")
    assert rows(found) == [(3, "\N{REPLACEMENT CHARACTER}")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "shift_jis", "utf-8-sig", "utf-32"])
def test_other_encodings_compressed(settings: Settings, tmp_path: Path, encoding: str) -> None:
    letters = "日本" if encoding not in ("cp1252",) else "Zürich"
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(f"a,b\n1,{letters}\n".encode(encoding)))
    stream = delimited(path, ["a", "b"], compression="gzip", encoding=encoding)
    assert rows(read_streams(settings, stream).datasets[0]) == [(1, letters)]


def test_files_of_one_stream_are_united_by_name(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    (tmp_path / "2025").mkdir()
    first, second = tmp_path / "2024" / "a.csv", tmp_path / "2025" / "a.csv"
    first.write_text("id,name\n1,x\n2\n")
    second.write_text("name,id,extra\ny,2,q\n")
    stream = delimited([first, second], ["id", "name", "extra"])
    found = read_streams(settings, stream, max_reject_pct=50).datasets[0]
    assert rows(found) == [(1, "x", None, "2024/a.csv"), (2, "y", "q", "2025/a.csv")]
    assert list(types(found)) == ["id", "name", "extra", "_udb_file"]
    assert (found.rows_read, found.rows_rejected) == (3, 1)


def test_a_header_that_detection_did_not_see_is_refused(settings: Settings, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("id,name\n1,x\n")
    second.write_text("id,other\n2,y\n")
    with pytest.raises(UdbError, match="E_SCHEMA_CHANGE"):
        read_streams(settings, delimited([first, second], ["id", "name"]))


def test_csv_spectrum_is_exact(settings: Settings, corpora: Path) -> None:
    import json

    from udb_pipelines_tests.connectors.sources import read_detected

    checked = 0
    for expected in sorted((corpora / "csv-spectrum" / "json").glob("*.json")):
        file = expected.parents[1] / "csvs" / f"{expected.stem}.csv"
        (found,) = read_detected(settings, file, job=expected.stem).datasets
        names = [column.original_name or column.name for column in found.columns]
        cells = [dict(zip(names, ("" if c is None else c for c in row), strict=True)) for row in texts(found)]
        # The corpus holds its CRLF file with LF only; its JSON still has what was there before.
        wanted = json.loads(expected.read_text("utf-8").replace("\\r\\n", "\\n"))
        assert cells == wanted, expected.stem
        checked += 1
    assert checked == 11


LONG = [pytest.param(corpus, marks=pytest.mark.slow) for corpus in ("qsv", "frictionless", "dialect")]


@pytest.mark.parametrize("corpus", ["types", "dirty", "messytables", *LONG])
def test_corpora_load_in_full_or_say_why(settings: Settings, corpora: Path, corpus: str) -> None:
    """Read = staged + rejected on every file; only faults of the files themselves stop them."""
    from udb_pipelines_tests.connectors.sources import read_detected

    loaded = 0
    for file in sorted((corpora / corpus).rglob("*.csv")):
        try:
            staged = read_detected(settings, file, job=f"{corpus}-{loaded}", max_reject_pct=100)
        except UdbError as error:
            assert error.code not in ("E_COUNT_MISMATCH", "E_INTERNAL"), (file.name, str(error))
            continue
        for dataset in staged.datasets:
            assert dataset.rows_read == dataset.rows_staged + dataset.rows_rejected, file.name
            assert len(rows(dataset)) == dataset.rows_staged, file.name
        loaded += 1
    assert loaded > 0
