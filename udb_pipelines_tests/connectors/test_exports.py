"""What databases, spreadsheets and devices export: NULLs and escapes of dumps, delimiters that part nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from udb_pipelines.config import Settings
from udb_pipelines.connectors.delimited.placing import record_offsets
from udb_pipelines.detection import detect
from udb_pipelines.models import StagedDataset
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of, texts, types


def loaded(settings: Settings, folder: Path, content: str | bytes, name: str = "data.csv") -> StagedDataset:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = read_detected(settings, path, max_reject_pct=100).datasets
    return found


def codes(found: StagedDataset) -> set[str]:
    return {item.code for item in found.findings}


def test_copy_of_postgresql_gives_back_what_was_written(settings: Settings, tmp_path: Path) -> None:
    text = "id\tnote\tpath\n1\t\\N\tC:\\\\temp\n2\ttwo\\nlines\t\\N\n3\t\ta\\tb\n\\.\n"
    found = loaded(settings, tmp_path, text, "users.tsv")
    assert rows(found) == [(1, None, "C:\\temp"), (2, "two\nlines", None), (3, "", "a\tb")]
    assert found.rows_rejected == 0


def test_line_ends_that_mysql_escaped_do_not_end_a_record(settings: Settings, tmp_path: Path) -> None:
    text = "".join(f"{number}\tAnn\t{note}\n" for number, note in enumerate(["\\N", "two\\\nlines", "a\\\tb", "c"] * 5))
    found = loaded(settings, tmp_path, text, "notes.txt")
    assert [row[2] for row in rows(found)] == [None, "two\nlines", "a\tb", "c"] * 5
    assert found.rows_rejected == 0


def test_backslashes_without_nulls_stay_what_they_are(settings: Settings, tmp_path: Path) -> None:
    text = "id\tpath\n1\tC:\\new\\table\n2\tD:\\backup\n3\tE:\\n\n"
    assert [row[1] for row in rows(loaded(settings, tmp_path, text, "p.tsv"))] == [
        "C:\\new\\table",
        "D:\\backup",
        "E:\\n",
    ]


def test_null_of_a_dump_is_null_in_any_dialect(settings: Settings, tmp_path: Path) -> None:
    hive = "a\x01\\N\x01C:\\new\nb\x015\x01D:\\x\n" * 4
    assert rows(loaded(settings, tmp_path, hive, "hive"))[:2] == [("a", None, "C:\\new"), ("b", 5, "D:\\x")]
    quoted = 'id,name,price\n1,"Ann",2.5\n2,\\N,\\N\n3,"Bob",1.5\n'
    found = loaded(settings, tmp_path, quoted, "out.csv")
    assert rows(found)[1] == (2, None, None)
    assert types(found)["price"].startswith(("DOUBLE", "DECIMAL"))


@pytest.mark.parametrize("names", ["part;qty;price;", "part;qty;price"])
def test_a_delimiter_at_the_end_of_lines_makes_no_column(settings: Settings, tmp_path: Path, names: str) -> None:
    text = names + "\n" + "".join(f"bolt {number};{number};{number}.50;\n" for number in range(20))
    found = loaded(settings, tmp_path, text)
    assert list(types(found)) == ["part", "qty", "price"]
    assert "W_COLUMN_LEFT_OUT" in codes(found)
    assert rows(found)[3][:2] == ("bolt 3", 3)


def test_a_nameless_column_with_one_value_stays(settings: Settings, tmp_path: Path) -> None:
    text = "part;qty;\n" + "".join(f"bolt {number};{number};\n" for number in range(30)) + "nut;1;late\n"
    found = loaded(settings, tmp_path, text)
    assert rows(found)[-1] == ("nut", 1, "late")
    assert "W_COLUMN_LEFT_OUT" not in codes(found)


@pytest.mark.parametrize("more", ["", 'x;"y;z";1\n', "1;2;3;4\n"])
def test_lines_of_delimiters_alone_are_blank_lines(settings: Settings, tmp_path: Path, more: str) -> None:
    """Read by DuckDB where the file is regular, by ourselves where it is not: counted as blank either way."""
    text = "a;b;c\n1;x;2\n;;\n2;y;3\n3;;\n;;\n;;\n" + more
    found = loaded(settings, tmp_path, text)
    assert [str(row[0]) for row in rows(found)][:3] == ["1", "2", "3"]
    (blank,) = [item for item in found.findings if item.code == "E_ROW_EMPTY"]
    assert blank.count == 3
    assert found.rows_read == found.rows_staged + found.rows_rejected


def test_quoted_empty_fields_are_a_row(settings: Settings, tmp_path: Path) -> None:
    found = loaded(settings, tmp_path, 'name;qty;unit\n"x";1;"z"\n"";"";""\n"u";2;"w"\n')
    assert found.rows_staged == 3


def test_no_offset_is_told_where_lines_of_delimiters_shift_the_rows(settings: Settings, tmp_path: Path) -> None:
    def offsets(content: str) -> dict[int, int]:
        path = tmp_path / "data.csv"
        path.write_text(content)
        (stream,) = detect(source_of(path), settings).streams
        return record_offsets(stream, [2, 3])

    assert offsets("name,qty,day\na,1,2024-01-01\nb,2,2024-01-02\nc,3,2024-01-03\n") == {2: 28, 3: 43}
    assert offsets("name,qty,day\na,1,2024-01-01\n,,\nb,2,2024-01-02\nc,3,2024-01-03\n") == {}


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_the_sign_of_a_zero_is_kept(settings: Settings, tmp_path: Path, form: str) -> None:
    """DuckDB's dictionary of a Parquet file takes 0.0 and -0.0 for the same."""
    values = [0.0, -0.0, 1.5, None] * 500
    table = pa.table({"x": values, "y": pa.array(values, pa.float32()), "l": [[value] for value in values]})
    path = tmp_path / f"zero.{form}"
    if form == "parquet":
        pq.write_table(table, path, use_dictionary=False)
    else:
        feather.write_feather(table, str(path))
    (found,) = read_detected(settings, path).datasets
    for x, y, nested in rows(found)[:4] + rows(found)[-4:]:
        assert str(x) == str(y) == str(nested[0])
    assert [str(row[0]) for row in rows(found)[:4]] == ["0.0", "-0.0", "1.5", "None"]


@pytest.mark.parametrize(
    "written", [["0.0", "-0.0", "1.5", "-0", "-0.00", "2"], ["-0", "0"], ["-0.0", "0", "0.0", "1.25"]]
)
def test_the_texts_of_zeros_are_given_back(settings: Settings, tmp_path: Path, written: list[str]) -> None:
    found = loaded(settings, tmp_path, "id,x\n" + "".join(f"{n},{x}\n" for n, x in enumerate(written)))
    assert types(found)["x"] == "DOUBLE"
    assert [text for _, text in texts(found)] == written
