"""The stage as a whole: folders, fingerprints, PostgreSQL, and every file of the public corpora."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from udb_pipelines.errors import CODES, UdbError
from udb_pipelines.models import Detection
from udb_pipelines_tests.detection.conftest import Detect


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


# --- folders and patterns -------------------------------------------------------------------------------


def test_files_of_one_schema_are_one_dataset(detected: Detect, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in",
        a="id,name,age\n1,ann,3\n2,bob,4\n",
        b='name,id\n"x, y",7\nz,8\n',
        c="id,name,age,city\r\n9,q,5,Rome\r\n8,r,6,Bonn\r\n",
    )
    found = detected(folder)
    assert [stream.name for stream in found.streams] == ["thing"]
    stream = found.streams[0]
    assert [Path(file).name for file in stream.files] == ["a.csv", "b.csv", "c.csv"]
    assert [column.name for column in stream.columns] == ["id", "name", "age", "city"]
    assert stream.row_estimate == 6
    assert stream.dialect is not None
    assert stream.dialect.quote == '"'


def test_files_of_other_schemas_are_datasets_of_their_own(detected: Detect, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", people="id,name\n1,ann\n2,bob\n", orders="nr;total\n1;5\n2;6\n")
    write(folder / "old", people="id,zip\n1,12345\n2,23456\n")
    found = detected(folder)
    assert [stream.name for stream in found.streams] == ["people", "orders"] or sorted(
        stream.name for stream in found.streams
    ) == ["orders", "people", "people_2"]


def test_what_is_no_table_in_a_folder_is_named(detected: Detect, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a="id,name\n1,ann\n2,bob\n", empty="")
    found = detected(str(folder / "*.csv"))
    assert len(found.streams) == 1
    skipped = [finding for finding in found.findings if finding.code == "W_STREAM_SKIPPED"]
    assert [("empty.csv" in finding.message, "E_EMPTY" in finding.message) for finding in skipped] == [(True, True)]


def test_a_folder_without_any_table(detected: Detect, tmp_path: Path) -> None:
    with pytest.raises(UdbError) as caught:
        detected(write(tmp_path / "in", a="", b=""))
    assert caught.value.code == "E_NO_DATA_FILES"


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read everything, so a test run by root gives that up for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_an_unreadable_file(detected: Detect, request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "a.csv"
        path.write_text("a,b\n1,2\n")
        path.chmod(0)
        request.getfixturevalue("nobody")
        with pytest.raises(UdbError) as caught:
            detected(path)
        assert caught.value.code == "E_UNREADABLE"
        if os.getuid() == 0:
            os.seteuid(0)


# --- fingerprint ----------------------------------------------------------------------------------------


def test_the_fingerprint_follows_content_and_options_and_nothing_else(detected: Detect, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a="id,name\n1,ann\n", b="id,name\n2,bob\n")

    def now(**options: object) -> str:
        return detected(folder, **options).fingerprint

    first = now()
    os.utime(folder / "a.csv", (1, 1))
    assert now() == first
    assert now(schedule="0 3 * * *") == first
    assert now(delimiter=",") != first
    (folder / "b.csv").rename(folder / "c.csv")
    renamed = now()
    assert renamed != first
    (folder / "c.csv").write_text("id,name\n2,eve\n")
    assert now() != renamed


def test_one_file_is_itself_wherever_it_lies(detected: Detect) -> None:
    text = "id,name\n1,ann\n"
    assert detected("x/a.csv", text=text).fingerprint == detected("y/b.csv", text=text).fingerprint


def test_a_detection_is_stored_and_read_back(detected: Detect) -> None:
    found = detected("a.csv", text="id;name\n1;ann\n2;bob\n")
    assert Detection.model_validate_json(found.model_dump_json()) == found
    assert found.bytes == 20


# --- PostgreSQL -----------------------------------------------------------------------------------------


@pytest.fixture
def shop(postgres_url: str) -> str:
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            'CREATE TABLE orders (id int PRIMARY KEY, "Total Amount" numeric(10,2));'
            "INSERT INTO orders SELECT i, i FROM generate_series(1, 500) i; ANALYZE orders;"
            "CREATE VIEW big AS SELECT * FROM orders WHERE id > 400;"
            "CREATE SCHEMA other; CREATE TABLE other.notes (body text)"
        )
    connection.close()
    return postgres_url


def test_postgres_tables(detected: Detect, shop: str) -> None:
    found = detected(shop)
    assert found.connector == "postgres"
    members = {stream.member: stream for stream in found.streams}
    assert set(members) == {"public.orders", "public.big", "other.notes"}
    orders = members["public.orders"]
    assert orders.row_estimate == 500
    assert [(column.name, column.type) for column in orders.columns] == [
        ("id", "INTEGER"),
        ("total_amount", "DECIMAL(10,2)"),
    ]
    assert orders.columns[1].original_name == "Total Amount"
    assert detected(shop).fingerprint != found.fingerprint


def test_a_password_in_a_dsn_is_never_shown(detected: Detect, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    password = shop.split(":")[2].split("@")[0]
    assert password not in detected(shop).model_dump_json()
    monkeypatch.setenv("SHOP_PASSWORD", password)
    reference = shop.replace(password, "${SHOP_PASSWORD}")
    found = detected(reference)
    assert found.uri == reference
    assert all(stream.files == (reference,) for stream in found.streams)
    assert password not in found.model_dump_json()


def test_postgres_refusals(detected: Detect, shop: str) -> None:
    password = shop.split(":")[2].split("@")[0]
    port = shop.split(":")[3].split("/")[0]
    for uri, code in (
        (shop.replace(password, "wrong-planted"), "E_AUTH"),
        (shop.replace(port, "9"), "E_CONNECT"),
        (shop.rpartition("/")[0] + "/nowhere", "E_NOT_FOUND"),
    ):
        with pytest.raises(UdbError) as caught:
            detected(uri)
        assert caught.value.code == code
        assert "planted" not in str(caught.value.as_dict())


# --- every public file ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder", ["csv-spectrum", "frictionless", "messytables", "parquet", "qsv", "spreadsheets", "types"]
)
def test_every_public_file_is_detected_or_refused(corpora: Path, detected: Detect, folder: str) -> None:
    """No other exception, no hang, and a plausible stream: named columns and a known format."""
    for file in sorted((corpora / folder).rglob("*")):
        if not file.is_file():
            continue
        started = time.perf_counter()
        try:
            found = detected(file)
        except UdbError as error:
            assert error.code in CODES
            assert error.code != "E_INTERNAL"
        else:
            for stream in found.streams:
                names = [column.name for column in stream.columns]
                assert names
                assert len(set(names)) == len(names), file.name
        assert time.perf_counter() - started < 120, file.name


def test_damaged_parquet_is_refused(corpora: Path, detected: Detect) -> None:
    """One of the eight is odd rather than damaged: two readers agree on its 21,186 rows."""
    for file in sorted((corpora / "parquet").glob("*.parquet")):
        if file.stem == "ARROW-GH-43605":
            assert detected(file).streams[0].row_estimate == 21_186
            continue
        with pytest.raises(UdbError) as caught:
            detected(file)
        assert caught.value.code == "E_CORRUPT", file.name
