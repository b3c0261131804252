"""An exported file opens in plain DuckDB, holds what the warehouse held, and appears whole or not at all."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, drafts, query, steps
from udb_pipelines.warehouse.export import export
from udb_pipelines_tests.warehouse.staging import Stager

UPSERT = {"sync_mode": "incremental_upsert", "primary_key": ("a",)}


def fill(lake: Lake) -> None:
    stage = Stager(lake.settings)
    commit(lake, stage("SELECT range AS a, 'x' AS b FROM range(100)", **UPSERT))
    commit(lake, stage("SELECT range AS a, 'y' AS b FROM range(50)", **UPSERT))
    commit(lake, stage("SELECT DATE '2024-02-29' AS d, 1.50::DECIMAL(9,2) AS e, [1, 2] AS l", source="types"))


def test_the_file_holds_what_the_warehouse_held(any_lake: Lake, tmp_path: Path) -> None:
    fill(any_lake)
    made = export(any_lake, tmp_path / "all.duckdb")
    assert [(table.dataset, table.rows) for table in made.tables] == [("shop", 100), ("types", 1)]
    with duckdb.connect(str(made.file), read_only=True) as plain:
        for name in ("shop", "types"):
            text = f"FROM {name} ORDER BY ALL"
            assert tuple(plain.execute(text).fetchall()) == query(any_lake, text).rows
        types = plain.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'types'"
        ).fetchall()
        assert types == [("d", "DATE"), ("e", "DECIMAL(9,2)"), ("l", "INTEGER[]")]
        (comment,) = plain.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'shop'").fetchone() or ()
        assert comment.startswith("version 3 of UDB's warehouse")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["all.duckdb"]


def test_an_earlier_version_and_some_datasets(lake: Lake, tmp_path: Path) -> None:
    fill(lake)
    made = export(lake, tmp_path / "old.duckdb", as_of=2)
    assert (made.version, [table.dataset for table in made.tables]) == (2, ["shop"])
    with duckdb.connect(str(made.file)) as plain:
        assert plain.execute("SELECT DISTINCT b FROM shop").fetchall() == [("x",)]
    made = export(lake, tmp_path / "one.duckdb", names=("types", "types"))
    assert [table.dataset for table in made.tables] == ["types"]


def test_a_file_is_replaced_only_when_asked(lake: Lake, tmp_path: Path) -> None:
    fill(lake)
    file = tmp_path / "mine.duckdb"
    file.write_text("precious")
    with pytest.raises(UdbError) as caught:
        export(lake, file)
    assert (caught.value.code, file.read_text()) == ("E_NAME", "precious")
    export(lake, file, replace=True)
    with duckdb.connect(str(file)) as plain:
        assert plain.execute("SELECT count(*) FROM shop").fetchall() == [(100,)]


def test_what_cannot_be_exported_is_said(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UdbError) as caught:
        export(lake, tmp_path / "x.duckdb")
    assert caught.value.code == "E_NO_DATA_FILES"
    fill(lake)
    for code, file, more in (
        ("E_NOT_FOUND", tmp_path / "absent" / "x.duckdb", {}),
        ("E_NAME", tmp_path, {}),
        ("E_NOT_FOUND", tmp_path / "x.duckdb", {"names": ("nothing",)}),
        ("E_VERSION", tmp_path / "x.duckdb", {"as_of": 99}),
    ):
        with pytest.raises(UdbError) as caught:
            export(lake, file, **more)
        assert caught.value.code == code
    assert not (tmp_path / "x.duckdb").exists()


def test_a_failure_leaves_the_old_file_and_nothing_else(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(lake)
    export(lake, tmp_path / "x.duckdb", as_of=2)
    before = (tmp_path / "x.duckdb").read_bytes()

    def fails(step: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(steps, "reached", fails)
    with pytest.raises(OSError, match="No space"):
        export(lake, tmp_path / "x.duckdb", replace=True)
    assert (tmp_path / "x.duckdb").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["x.duckdb"]


def test_a_lost_data_file_makes_no_export(lake: Lake, tmp_path: Path) -> None:
    fill(lake)
    next((lake.catalog.files / "main" / "types").rglob("*.parquet")).unlink()
    with pytest.raises(UdbError):
        export(lake, tmp_path / "x.duckdb")
    assert not (tmp_path / "x.duckdb").exists()


def test_what_a_killed_export_left_is_removed_by_the_next(lake: Lake, tmp_path: Path) -> None:
    fill(lake)
    program = (
        "import os, signal, sys; from pathlib import Path; from udb_pipelines.config import Settings; "
        "from udb_pipelines.warehouse import Lake, steps; from udb_pipelines.warehouse.export import export; "
        "steps.reached = lambda name: os.kill(os.getpid(), signal.SIGKILL); "
        "export(Lake(Settings(home=Path(sys.argv[1]))), Path(sys.argv[2]))"
    )
    file = tmp_path / "shop.duckdb"
    killed = subprocess.run([sys.executable, "-c", program, str(lake.settings.home), str(file)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not file.exists()
    (lock,) = tmp_path.glob(".shop*.lock")
    draft = lock.with_suffix("")
    assert draft.is_file()
    with drafts.held(going := draft.with_name(draft.name.replace("shop", "going"))):
        going.write_bytes(b"of an export that goes on")
        export(lake, tmp_path / "other.duckdb")
        assert not lock.exists()
        assert not draft.exists()
        assert going.is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"home", "other.duckdb"}


def test_what_nobody_can_remove_is_in_nobodys_way(lake: Lake, tmp_path: Path) -> None:
    fill(lake)
    name = f".x.duckdb.{socket.gethostname()}.{10**30}.udb-export"
    for kind in (name, f"{name}.lock", f"{name}.lock.udb-export", f"{name}.lock.udb-export.lock"):
        (tmp_path / kind).mkdir()
    (tmp_path / "link.udb-export.lock").symlink_to(tmp_path / "absent")
    assert export(lake, tmp_path / "a.duckdb").file.is_file()
