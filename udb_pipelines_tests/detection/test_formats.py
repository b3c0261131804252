"""Content decides what a file is; what is no table is refused with a reason."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import zstandard

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.detection.conftest import Detect

CSV = b"id,name\n1,ann\n2,bob\n3,eve\n"
QUERY = "SELECT i AS id, 'n' || i AS \"First Name\", DATE '2024-01-01' AS day FROM range(5) t(i)"


def refused(detected: Detect, name: str, data: bytes, **options: object) -> UdbError:
    with pytest.raises(UdbError) as caught:
        detected(name, data=data, **options)
    assert (caught.value.source, caught.value.stage) == ("thing", "detect")
    assert caught.value.remedy
    return caught.value


def codes(detection: object) -> set[str]:
    streams = getattr(detection, "streams", ())
    return {finding.code for part in (detection, *streams) for finding in getattr(part, "findings", ())}


# --- formats with a schema of their own ----------------------------------------------------------------


def arrow_file(path: Path, kind: str) -> None:
    import pyarrow as pa
    from pyarrow import feather, orc

    table = duckdb.sql(QUERY).to_arrow_table()
    if kind == "orc":
        orc.write_table(table, str(path))
    elif kind == "feather":
        feather.write_feather(table, str(path))
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)


@pytest.mark.parametrize(
    ("kind", "format_"), [("orc", "orc"), ("feather", "arrow"), ("arrow", "arrow"), ("parquet", "parquet")]
)
def test_columnar_files_tell_their_schema(detected: Detect, tmp_path: Path, kind: str, format_: str) -> None:
    path = tmp_path / f"people.{kind}"
    if kind == "parquet":
        duckdb.sql(QUERY).write_parquet(str(path))
    else:
        arrow_file(path, kind)
    stream = detected(path).streams[0]
    assert (stream.format, stream.row_estimate) == (format_, 5)
    assert [(column.name, column.type) for column in stream.columns] == [
        ("id", "BIGINT"), ("first_name", "VARCHAR"), ("day", "DATE"),
    ]  # fmt: skip
    assert stream.columns[1].original_name == "First Name"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refused(detected, path.name, path.read_bytes()).code == "E_CORRUPT"


def test_avro(detected: Detect, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "people.avro"
    with connect(settings, ("avro",)) as connection:
        connection.execute(f"COPY (SELECT i AS id, 'n' || i AS name FROM range(5) t(i)) TO '{path}' (FORMAT avro)")
    stream = detected(path).streams[0]
    assert stream.format == "avro"
    assert [column.name for column in stream.columns] == ["id", "name"]


def test_a_mislabelled_file_is_told(detected: Detect, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    duckdb.sql(QUERY).write_parquet(str(path))
    found = detected(path)
    assert found.streams[0].format == "parquet"
    assert "W_EXTENSION_MISMATCH" in codes(found)
    assert "W_EXTENSION_MISMATCH" not in codes(detected("a.csv", data=CSV))
    assert "W_EXTENSION_MISMATCH" in codes(detected("a.json.gz", data=gzip.compress(CSV)))


def test_a_pinned_format_wins_unless_the_content_contradicts(detected: Detect, tmp_path: Path) -> None:
    assert detected("a.txt", text="[x],[y]\n[1],[2]\n[3],[4]\n", format="delimited").streams[0].format == "delimited"
    assert detected("a.csv", text='{"a": 1}\n{"a": 2}\n', format="ndjson").streams[0].format == "ndjson"
    path = tmp_path / "people.parquet"
    duckdb.sql(QUERY).write_parquet(str(path))
    assert refused(detected, "b.parquet", path.read_bytes(), format="delimited").code == "E_NOT_A_TABLE"
    assert refused(detected, "a.csv", CSV, format="parquet").code == "E_NOT_A_TABLE"
    assert refused(detected, "a.csv", CSV, format="fixed_width").code == "E_NOT_A_TABLE"
    assert refused(detected, "a.csv", CSV, format="log").code == "E_NOT_A_TABLE"
    assert refused(detected, "a.csv", CSV, format="json").code == "E_CORRUPT"


# --- databases ------------------------------------------------------------------------------------------


def test_sqlite(detected: Detect, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        'CREATE TABLE "Order Lines" (id INTEGER PRIMARY KEY AUTOINCREMENT, "Unit Price" REAL);'
        'INSERT INTO "Order Lines" ("Unit Price") VALUES (1), (2);'
        "CREATE TABLE customers (name TEXT); CREATE VIEW names AS SELECT name FROM customers;"
    )
    connection.close()
    found = detected(path)
    assert found.connector == "sqlite"
    assert {stream.name: (stream.member, stream.row_estimate) for stream in found.streams} == {
        "order_lines": ("main.Order Lines", 2), "customers": ("main.customers", 0), "names": ("main.names", 0),
    }  # fmt: skip
    assert all(stream.files == (str(path),) for stream in found.streams)
    only = detected(path, tables=("customers",))
    assert [stream.name for stream in only.streams] == ["customers"]
    with pytest.raises(UdbError) as caught:
        detected(path, tables=("nothing",))
    assert caught.value.code == "E_NOT_FOUND"


def test_duckdb(detected: Detect, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE people AS {QUERY}; CREATE SCHEMA other; CREATE TABLE other.people (x INT)")
    found = detected(path)
    assert found.connector == "duckdb"
    assert {stream.name: stream.member for stream in found.streams} == {
        "main_people": "main.people", "other_people": "other.people",
    }  # fmt: skip


@pytest.mark.parametrize("make", [sqlite3.connect, duckdb.connect])
def test_a_database_without_tables_is_empty(detected: Detect, tmp_path: Path, make: Callable[[str], object]) -> None:
    path = tmp_path / "empty.db"
    connection = make(str(path))
    connection.execute("CREATE TABLE t (x INT)")  # type: ignore[attr-defined]
    connection.execute("DROP TABLE t")  # type: ignore[attr-defined]
    connection.close()  # type: ignore[attr-defined]
    assert refused(detected, "copy.db", path.read_bytes()).code == "E_EMPTY"


def test_a_cut_database_is_corrupt(detected: Detect, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    connection.close()
    assert refused(detected, "cut.db", path.read_bytes()[:3000]).code == "E_CORRUPT"


# --- JSON -----------------------------------------------------------------------------------------------


def test_json_shapes(detected: Detect) -> None:
    people = [{"id": 1, "name": "ann"}, {"id": 2, "name": "bob", "Age": 3}]
    shapes = {
        "array": (people, "json", None, ["id", "name", "age"], 2),
        "envelope": ({"count": 2, "items": people}, "json", "items", ["id", "name", "age"], 2),
        "deep": ({"response": {"status": "ok", "rows": people}}, "json", "response.rows", ["id", "name", "age"], 2),
        "object": ({"id": 1, "tags": ["a", "b"]}, "json", None, ["id", "tags"], 1),
        "scalars": ([1, 2, 3], "json", None, ["value"], 3),
        "mixed": ([1, {"a": 2}, None], "json", None, ["value"], 3),
        "nothing": ([], "json", None, ["value"], 0),
        "scalar": (17, "json", None, ["value"], 1),
    }
    for name, (value, format_, records, columns, rows) in shapes.items():
        stream = detected(f"{name}.json", text=json.dumps(value, indent=1)).streams[0]
        found = (stream.format, stream.records, [column.name for column in stream.columns], stream.row_estimate)
        assert found == (format_, records, columns, rows), name


def test_ndjson(detected: Detect) -> None:
    stream = detected("a.json", text='{"id": 1}\n{"id": 2, "name": "x"}\n\n{"id": 3}\n').streams[0]
    assert (stream.format, stream.row_estimate) == ("ndjson", 3)
    assert [column.name for column in stream.columns] == ["id", "name"]


@pytest.mark.parametrize("shape", ["[\n{}\n]", '{{"version": 2, "data": [\n{}\n]}}', "{}"])
def test_a_long_document_is_known_by_its_beginning(detected: Detect, shape: str) -> None:
    records = [json.dumps({"id": number, "text": "words " * 20}) for number in range(80_000)]
    separator = "\n" if shape == "{}" else ",\n"
    stream = detected("a.json", text=shape.format(separator.join(records))).streams[0]
    assert [column.name for column in stream.columns] == ["id", "text"]
    assert stream.records == ("data" if "data" in shape else None)
    assert stream.row_estimate == pytest.approx(80_000, rel=0.02)


def test_the_json_suite(corpora: Path, detected: Detect) -> None:
    """Every ``y_`` loads, every ``n_`` is refused with a code, ``i_`` does either; none crashes."""
    for file in sorted((corpora / "json").glob("*.json")):
        try:
            detected(file)
            loaded = True
        except UdbError:
            loaded = False
        assert file.name.startswith("i_") or loaded == file.name.startswith("y_"), file.name


def test_json_says_where_it_breaks_and_not_what_stands_there(detected: Detect) -> None:
    error = refused(detected, "a.json", b'[{"id": 1},\n {"secret": planted}]')
    assert error.code == "E_CORRUPT"
    assert "line 2" in error.message
    assert "planted" not in str(error.as_dict())


def test_a_log_in_brackets_is_not_taken_for_json(detected: Detect) -> None:
    text = "[2024-01-01],start,5\n[2024-01-02],stop,7\n[2024-01-03],start,9\n"
    assert detected("a.txt", text=text).streams[0].format == "delimited"


# --- XML ------------------------------------------------------------------------------------------------


def test_xml(detected: Detect) -> None:
    orders = '<order id="1"><total>5</total></order><order id="2"><total>7</total></order>'
    text = f"<shop><meta><made>x</made></meta>{orders}</shop>"
    stream = detected("a.xml", text=text).streams[0]
    assert (stream.format, stream.records, stream.row_estimate) == ("xml", "order", 2)
    assert [column.name for column in stream.columns] == ["id", "total"]


def test_hostile_and_shapeless_xml(detected: Detect) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "boom"><!ENTITY y "&x;&x;">]><a><b>&y;</b><b>&y;</b></a>'
    assert refused(detected, "bomb.xml", b'<?xml version="1.0"?>' + bomb.encode()).code == "E_UNSUPPORTED"
    assert refused(detected, "a.xml", b"<a><b>1</b></a>").code == "E_NOT_A_TABLE"
    assert refused(detected, "a.xml", b"<a><b>1</b><b></a>").code == "E_CORRUPT"


# --- what is no table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<!DOCTYPE html><html><body><table><tr><td>1</td></tr></table></body></html>"),
        ("export.csv", b"\n <html><head><title>Login</title></head></html>"),
        ("doc.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
        ("pic.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(50)),
        ("random.bin", random.Random(1).randbytes(5000)),
        ("program.csv", b"\x7fELF\x02\x01\x01" + bytes(64) + b"abc"),
    ],
)
def test_no_table(detected: Detect, name: str, data: bytes) -> None:
    error = refused(detected, name, data)
    assert error.code == "E_NOT_A_TABLE"
    assert "closest" in error.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\t\r\n ",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        gzip.compress(b"", mtime=0),
        gzip.compress(b" \n", mtime=0),
        bytes(1000),
    ],
)
def test_empty(detected: Detect, data: bytes) -> None:
    assert refused(detected, "a.csv", data).code == "E_EMPTY"


def test_an_empty_gzip_file_is_empty(detected: Detect) -> None:
    assert refused(detected, "a.csv.gz", b"").code == "E_EMPTY"


# --- packed files and archives --------------------------------------------------------------------------

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.ZstdCompressor().compress,
}  # fmt: skip


@pytest.mark.parametrize("suffix", PACK)
def test_packed_text_stays_packed(detected: Detect, suffix: str) -> None:
    stream = detected(f"people.csv.{suffix}", data=PACK[suffix](CSV)).streams[0]
    assert (stream.name, stream.row_estimate, len(stream.columns)) == ("people", 3, 2)
    assert stream.compression == {"gz": "gzip", "zst": "zstd"}.get(suffix, suffix)
    assert stream.files[0].endswith(f"people.csv.{suffix}")


@pytest.mark.parametrize("suffix", PACK)
def test_cut_packed_text_is_corrupt(detected: Detect, suffix: str) -> None:
    data = PACK[suffix](random.Random(1).randbytes(3000).hex().encode())
    assert refused(detected, f"a.csv.{suffix}", data[: len(data) // 2]).code == "E_CORRUPT"


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), data)
    return out.getvalue()


def test_archive_members_become_streams(detected: Detect) -> None:
    data = zipped(people_csv=CSV, sub__orders_csv=b"order;total\n1;5\n2;6\n", __MACOSX__people_csv=b"\x00\x05")
    found = detected("export.zip", data=data)
    assert {stream.name: len(stream.columns) for stream in found.streams} == {"people": 2, "orders": 2}
    for stream in found.streams:
        assert stream.compression == "none"
        assert Path(stream.files[0]).is_file()


def test_tar_of_compressed_members(detected: Detect) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as archive:
        info = tarfile.TarInfo("people.csv.gz")
        payload = gzip.compress(CSV)
        info.size = len(payload)
        archive.addfile(info, io.BytesIO(payload))
    stream = detected("export.tar.xz", data=out.getvalue()).streams[0]
    assert (stream.name, stream.compression, stream.row_estimate) == ("people", "gzip", 3)


def test_a_zip_bomb_is_refused(settings: Settings, tmp_path: Path, detected: Detect) -> None:
    from datetime import UTC, datetime

    from udb_pipelines.detection import detect
    from udb_pipelines.models import Source

    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped(zeros_csv=b"0,0,0\n" * 1_000_000))
    small = Settings(home=settings.home, max_expanded_gb=0.001)
    with pytest.raises(UdbError) as caught:
        detect(Source(name="thing", uri=str(path), created_at=datetime.now(UTC)), small)
    assert caught.value.code == "E_TOO_LARGE"
    assert not list((settings.home / "cache").rglob("*.part"))


def test_an_archive_without_data(detected: Detect) -> None:
    assert refused(detected, "a.zip", zipped(**{".hidden": b"x"})).code == "E_NO_DATA_FILES"


def test_a_packed_parquet_file_is_unpacked(detected: Detect, tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    duckdb.sql(QUERY).write_parquet(str(path))
    stream = detected("people.parquet.gz", data=gzip.compress(path.read_bytes())).streams[0]
    assert (stream.name, stream.format, stream.compression, stream.row_estimate) == ("people", "parquet", "none", 5)
