"""The file of an SQLite catalog while others use it: what looks at it must not take their locks away.

The kernel drops all of a process's locks on a file when the process closes any descriptor of it. DuckDB has an SQLite
of its own, which knows nothing of Python's.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from udb_pipelines.engine import connect, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, steps
from udb_pipelines.warehouse.catalog import SqliteCatalog
from udb_pipelines_tests.warehouse.staging import Stager

_OTHER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], timeout=0.1, isolation_level=None)
try:
    other.execute("BEGIN IMMEDIATE")
    print("let in")
except sqlite3.OperationalError:
    print("kept out")
"""


def test_of_a_copy_only_the_folder_is_synced_again(
    lake: Lake, stage: Stager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that writes it has synced its content."""
    commit(lake, stage("SELECT 1 AS a"))
    assert isinstance(lake.catalog, SqliteCatalog)
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    lake.catalog.copy_to(tmp_path / "copy.sqlite")
    assert synced == [tmp_path]


def another_writer(file: Path) -> str:
    """Whether another process may write the catalog now."""
    told = subprocess.run([sys.executable, "-c", _OTHER, str(file)], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def by_pythons_sqlite(catalog: SqliteCatalog, _: Path) -> None:
    with closing(sqlite3.connect(catalog.file)) as connection:
        connection.execute("SELECT count(*) FROM ducklake_snapshot").fetchone()


@pytest.mark.parametrize(
    ("looks", "others"),
    [
        pytest.param(lambda catalog, _: catalog.integrity(), "kept out", id="integrity"),
        pytest.param(lambda catalog, folder: catalog.copy_to(folder / "copy.sqlite"), "kept out", id="copy"),
        # If this ever keeps others out, the detour over a process is not needed any more.
        pytest.param(by_pythons_sqlite, "let in", id="what must not be done"),
    ],
)
def test_a_commit_keeps_its_locks(
    lake: Lake, stage: Stager, tmp_path: Path, looks: Callable[[SqliteCatalog, Path], object], others: str
) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    assert isinstance(lake.catalog, SqliteCatalog)
    file = lake.catalog.file
    assert another_writer(file) == "let in"
    with closing(connect(lake.settings, lake.catalog.extensions, 1)) as writing:
        writing.execute(f"ATTACH {quote_literal(file)} AS catalog (TYPE sqlite)")
        writing.execute("BEGIN; INSERT INTO catalog.ducklake_metadata VALUES ('held', 'yes', NULL, NULL)")
        assert another_writer(file) == "kept out"
        looks(lake.catalog, tmp_path)
        assert another_writer(file) == others


def test_the_log_stays_while_a_commit_is_made(lake: Lake, stage: Stager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever removes it keeps every reader out meanwhile; at rest there is none, so that the file can be copied."""
    commit(lake, stage("SELECT 1 AS id"))
    assert isinstance(lake.catalog, SqliteCatalog)
    log = lake.catalog.file.with_name(f"{lake.catalog.file.name}-wal")
    assert not log.exists()
    again = stage("SELECT 2 AS id")
    with ExitStack() as around:
        seen: list[int] = []
        monkeypatch.setattr(
            steps, "reached", lambda _: seen.append(around.enter_context(log.open("rb", buffering=0)).fileno())
        )
        commit(lake, again)
        files = {(os.fstat(descriptor).st_dev, os.fstat(descriptor).st_ino) for descriptor in seen}
    assert len(seen) > 4
    assert len(files) == 1
    assert not log.exists()


_HOLDER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("PRAGMA locking_mode = exclusive")
other.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("what", ["reading", "writing", "asking for the version"])
def test_who_is_turned_away_tries_again_at_once(
    lake: Lake, stage: Stager, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Where the SQLite in DuckDB would sleep for a whole second; it is closing or opening that keeps others out."""
    commit(lake, stage("SELECT 1 AS id"))
    assert isinstance(lake.catalog, SqliteCatalog)
    command = [sys.executable, "-c", _HOLDER, str(lake.catalog.file)]
    pauses: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                holder.communicate("")

        monkeypatch.setattr("udb_pipelines.warehouse.catalog.time.sleep", pause)
        if what == "writing":
            with lake.writer() as connection:
                assert connection.execute("SELECT count(*) FROM lake.main.shop").fetchall() == [(1,)]
        elif what == "reading":
            with lake.reader() as connection:
                assert connection.execute("FROM shop").fetchall() == [(1,)]
        else:
            assert lake.current_version() > 0
    assert len(pauses) == 3
    assert max(pauses) < 0.1


def test_who_is_turned_away_for_too_long_is_told(lake: Lake, stage: Stager, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    assert isinstance(lake.catalog, SqliteCatalog)
    monkeypatch.setattr("udb_pipelines.warehouse.catalog.BUSY_MS", 20)
    command = [sys.executable, "-c", _HOLDER, str(lake.catalog.file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UdbError) as refused, lake.writer():
            pass
        holder.communicate("")
    assert refused.value.code == "E_LOCK_TIMEOUT"


def test_a_copy_is_whole_and_needs_nothing_beside(lake: Lake, stage: Stager, tmp_path: Path) -> None:
    """Also what is still in the log only; and the copy is one file, not one of a log's."""
    for job in range(3):
        commit(lake, stage(f"SELECT {job} AS id", job_id=f"job_{job}"))
    assert isinstance(lake.catalog, SqliteCatalog)
    copy = tmp_path / "copies" / "copy.sqlite"
    copy.parent.mkdir()
    with lake.reader():
        lake.catalog.copy_to(copy)
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    with closing(sqlite3.connect(copy)) as connection:
        newest = connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()[0]
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert newest == lake.current_version()


def test_a_reader_sees_nothing_of_the_catalog_itself(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    with lake.reader() as connection:
        attached = "SELECT database_name FROM duckdb_databases() WHERE NOT internal ORDER BY 1"
        assert connection.execute(attached).fetchall() == [("lake",), ("memory",)]


def test_damage_is_told(lake: Lake, stage: Stager, tmp_path: Path) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    assert isinstance(lake.catalog, SqliteCatalog)
    assert lake.catalog.integrity() == "ok"
    lake.catalog.copy_to(tmp_path / "damaged.sqlite")
    damaged = SqliteCatalog(tmp_path / "damaged.sqlite", lake.catalog.files, 1)
    damaged.file.write_bytes(b"no database at all" * 1000)
    assert "not a database" in damaged.integrity()
    with pytest.raises(sqlite3.DatabaseError):
        damaged.copy_to(tmp_path / "copy.sqlite")
    with pytest.raises(sqlite3.OperationalError):
        lake.catalog.copy_to(tmp_path / "nowhere" / "copy.sqlite")
