"""Columnar files, workbooks, previews, and what happens when the source or the disk does not hold still."""

from __future__ import annotations

import errno
import os
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, preview, provision
from udb_pipelines.connectors.delimited import reader
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import (
    delimited,
    detection_of,
    read_detected,
    read_streams,
    rows,
    source_of,
    types,
)

MOMENT = datetime.fromisoformat("2024-01-02 03:04:05")
TABLE = pa.table({"Id": [1, 2], "Name": ["x", None], "when": [MOMENT, None], "l": [[1], []]})
EXPECTED = [(1, "x", MOMENT, [1]), (2, None, None, [])]


def write_columnar(kind: str, path: Path) -> None:
    if kind == "parquet":
        pa.parquet.write_table(TABLE, path)
    elif kind == "arrow":
        pa.feather.write_feather(TABLE, path, compression="zstd")
    else:
        pa.orc.write_table(TABLE, path)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "orc"])
def test_columnar_files_keep_their_types(settings: Settings, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"data.{kind}"
    write_columnar(kind, path)
    (found,) = read_detected(settings, path).datasets
    assert rows(found) == EXPECTED
    assert list(types(found)) == ["id", "name", "when", "l"]
    assert (found.rows_read, found.rows_staged) == (2, 2)


def test_a_folder_of_parquet_files_is_one_dataset(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pa.parquet.write_table(pa.table({"a": [1], "b": ["x"]}), folder / "1.parquet")
    pa.parquet.write_table(pa.table({"b": ["y"], "a": [2]}), folder / "2.parquet")
    (found,) = read_detected(settings, folder).datasets
    assert rows(found) == [(1, "x", "1.parquet"), (2, "y", "2.parquet")]


def test_damaged_parquet_is_refused(settings: Settings, corpora: Path) -> None:
    # Arrow and DuckDB both read this one in full since its fault was understood: an index without bits.
    sound = {"ARROW-GH-43605.parquet"}
    for file in sorted((corpora / "parquet").glob("*.parquet")):
        if file.name in sound:
            continue
        with pytest.raises(UdbError):
            read_detected(settings, file, job=file.stem)


def test_workbooks_show_cells_as_people_write_them(settings: Settings, corpora: Path) -> None:
    (found,) = read_detected(settings, corpora / "messytables" / "simple.xlsx").datasets
    assert rows(found)[0] == (date(2011, 1, 1), 1, "Galway")
    assert list(types(found).values()) == ["DATE", "BIGINT", "VARCHAR"]


def test_workbooks_load_or_say_why(settings: Settings, corpora: Path) -> None:
    outcomes: dict[str, int] = {}
    for file in sorted((corpora / "spreadsheets").iterdir()):
        try:
            for dataset in read_detected(settings, file, job=file.name[:40], max_reject_pct=100).datasets:
                assert dataset.rows_read == dataset.rows_staged
            outcome = "loaded"
        except UdbError as error:
            outcome = error.code
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert set(outcomes) <= {"loaded", "E_EMPTY", "E_ENCRYPTED", "E_CORRUPT", "E_NOT_A_TABLE"}
    assert outcomes["loaded"] >= 85
    assert outcomes["E_ENCRYPTED"] == 4


def test_unchanged_input_is_not_read(settings: Settings, tmp_path: Path) -> None:
    connection = provision(source_of("x"), detection_of(delimited(tmp_path / "gone.csv", ["a"]), fingerprint="same"))
    staged = extract(connection, settings, "job", "same")
    assert (staged.datasets, staged.fingerprint) == ((), "same")


def test_only_the_result_stays_in_staging(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('a\tb\n1\t"x\n')
    path.write_bytes(path.read_bytes().decode().encode("utf-16"))
    staged = read_detected(settings, path, max_reject_pct=100)
    files = [file for file in (settings.staging / "job").rglob("*") if file.is_file()]
    assert files == list(staged.datasets[0].parquet)


def test_a_file_that_changes_while_it_is_read(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")
    whole = reader._load

    def load_and_append(*arguments: object) -> object:
        found = whole(*arguments)  # type: ignore[arg-type]
        with path.open("a") as file:
            file.write("3,4\n")
        return found

    monkeypatch.setattr(reader, "_load", load_and_append)
    with pytest.raises(UdbError) as caught:
        read_streams(settings, delimited(path, ["a", "b"]))
    assert caught.value.code == "E_VANISHED"
    assert not (settings.staging / "job").exists()


def test_a_file_that_is_cut_under_a_reader_that_fails_is_not_called_damaged(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")

    def cut_and_fail(*_: object) -> object:
        path.write_text("a,")
        raise UdbError("E_CORRUPT", "the end is missing")

    monkeypatch.setattr(reader, "_load", cut_and_fail)
    with pytest.raises(UdbError, match="E_VANISHED"):
        read_streams(settings, delimited(path, ["a", "b"]))


def test_a_file_that_is_gone(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UdbError) as caught:
        read_streams(settings, delimited(tmp_path / "gone.csv", ["a"]))
    assert (caught.value.code, caught.value.stage, caught.value.source) == ("E_VANISHED", "sync", "shop")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    with pytest.raises(UdbError, match="E_UNREADABLE"):
        read_streams(settings, delimited(path, ["a"]))


def test_a_full_disk_while_reading(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.csv"
    path.write_text('a,b\n1,"x" y\n')

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reader, "stage_parts", full)
    with pytest.raises(UdbError, match="E_DISK_FULL"):
        read_streams(settings, delimited(path, ["a", "b"]))


def test_upsert_needs_its_key_and_carries_it(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("Order Id,b\n1,2\n")
    with pytest.raises(UdbError, match="primary key"):
        read_detected(settings, path, sync_mode="incremental_upsert")
    with pytest.raises(UdbError, match="nope"):
        read_detected(settings, path, sync_mode="incremental_upsert", primary_key=("nope",))
    (found,) = read_detected(settings, path, sync_mode="incremental_upsert", primary_key=("Order Id",)).datasets
    assert (found.sync_mode, found.primary_key) == ("incremental_upsert", ("order_id",))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.csv", "id;note\n1;x\n2;\n"),
        ("d.ndjson", '{"id": 1, "note": "x"}\n{"id": 2}\n'),
        ("d.xml", "<r><i><id>1</id><note>x</note></i><i><id>2</id></i></r>"),
    ],
)
def test_preview_shows_text(settings: Settings, tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    source = source_of(path)
    found = preview(source, detect(source, settings), settings, rows=5)
    assert found.to_pylist() == [{"id": "1", "note": "x"}, {"id": "2", "note": None}]


def test_preview_of_what_is_typed(settings: Settings, tmp_path: Path, corpora: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "d.parquet")
    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id, 'x' AS name")
    for path, first in (
        (tmp_path / "d.parquet", ("1", "x")),
        (tmp_path / "d.duckdb", ("1", "x")),
        (corpora / "messytables" / "simple.xlsx", ("2011-01-01", "1")),
    ):
        source = source_of(path)
        found = preview(source, detect(source, settings), settings, rows=1)
        assert tuple(found.to_pylist()[0].values())[:2] == first
        assert found.num_rows == 1
    assert list(settings.staging.iterdir()) == []
