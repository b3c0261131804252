"""The disk is full, the catalog is held or gone, the clock goes back: a coded error, the last version, and on it goes.

What object stores do to snapshots is tested beside the snapshots; several machines on one catalog in ``crowd``.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg2
import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.operations.stages import translate
from udb_pipelines.warehouse import (
    Lake,
    catalog,
    check,
    commit,
    maintenance,
    query,
    restore,
    retention,
    steps,
    transaction,
)
from udb_pipelines_tests.postgres import PASSWORD
from udb_pipelines_tests.warehouse.staging import Stager

ROWS = 3_000
INDEX_KILOBYTES = 64
"""SQLite writes an index of its log, 32 kB, when the first process opens the catalog; without it nobody can."""


HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def failure(lake: Lake, job: int) -> UdbError | None:
    """What a user is told of a commit; None when it has succeeded."""
    try:
        staged = Stager(lake.settings)(
            f"SELECT range AS id, {job} AS job, hash(range) AS noise FROM range({ROWS})",
            job_id=f"job_{job}", sync_mode="incremental_append", state={"job": job},
        )  # fmt: skip
        commit(lake, staged)
    except Exception as error:
        return translate(error)
    return None


def attempt(lake: Lake, job: int) -> str:
    """Its code."""
    told = failure(lake, job)
    return told.code if told else ""


def jobs(lake: Lake) -> list[int]:
    """The jobs whose rows are in the warehouse, each of them whole."""
    found = query(lake, "SELECT job, count(*) FROM shop GROUP BY job ORDER BY job").rows
    assert {count for _, count in found} <= {ROWS}, "half a job"
    return [job for job, _ in found]


def assert_sound(lake: Lake) -> None:
    check(lake, mend=True)
    assert {item.name: item.detail for item in check(lake) if item.status == "fail"} == {}


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, where the system lets us make one."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "udb-small-disk", str(folder)]
    if os.geteuid() or subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("needs root, to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """At ever more free space, so that each write of a commit is the one that fails; every attempt goes on the same
    warehouse, and the job is run again with the space back."""
    with small_disk(tmp_path / "disk", 16) as disk:
        lake = Lake(Settings(home=disk / "home", threads=1, lock_timeout_seconds=120))
        assert attempt(lake, 0) == ""
        codes, done = [], [0]
        for job, kilobytes in enumerate((0, 24, 64, 96, 160, 640), start=1):
            ballast = disk / "ballast"
            with ballast.open("wb") as file:
                free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
                os.posix_fallocate(file.fileno(), 0, max(1, free - kilobytes * 1024))
            told = failure(lake, job)
            codes.append(told.code if told else "")
            if told and told.code == "E_DISK_FULL":
                assert "no space is left" in told.message or told.message == "the disk is full"
                assert "free space" in (told.remedy or "")
            if kilobytes >= INDEX_KILOBYTES:
                assert jobs(lake) in (done, [*done, job]), "readers go on"
            ballast.unlink()
            assert jobs(lake) in (done, [*done, job])
            assert attempt(lake, job) == "", f"the next run after {codes[-1]}"
            done.append(job)
            assert jobs(lake) == done
        assert set(codes) <= {"", "E_DISK_FULL", "E_WAREHOUSE"}
        assert codes[0] == "E_DISK_FULL"
        assert codes[-1] == ""
        assert_sound(lake)


@contextmanager
def files_no_larger(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_quota(lake: Lake) -> None:
    """The same by a limit on the size of files, which needs no root."""
    assert attempt(lake, 0) == ""
    codes, done = [], [0]
    for job, size in enumerate((200, 4_000, 30_000, 60_000, 120_000, 2_000_000), start=1):
        with files_no_larger(size):
            codes.append(attempt(lake, job))
        assert jobs(lake) in (done, [*done, job])
        assert attempt(lake, job) == ""
        done.append(job)
        assert jobs(lake) == done
    assert set(codes) <= {"", "E_DISK_FULL", "E_WAREHOUSE"}
    assert codes[0] == "E_DISK_FULL"
    with files_no_larger(200):
        told = failure(lake, 9)
    assert told is not None
    assert told.message == "a file would exceed the size the system allows"
    assert_sound(lake)


def test_a_catalog_that_another_program_holds(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's SQLite shell has a transaction open: the commit gives up in the end, and readers never notice."""
    lake = Lake(settings.model_copy(update={"lock_timeout_seconds": 3}))
    assert attempt(lake, 1) == ""
    monkeypatch.setattr(catalog, "BUSY_MS", 300)
    # In a process of its own: SQLite's locks do not keep a process from itself.
    command = [sys.executable, "-c", HOLD, str(lake.settings.warehouse / "lake.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        told = failure(lake, 2)
        assert told is not None
        assert told.code == "E_LOCK_TIMEOUT"
        assert "another program has kept the lake catalog locked" in told.message
        assert "SQLite shell" in (told.remedy or "")
        assert jobs(lake) == [1]
        other.communicate("")
    assert attempt(lake, 2) == ""
    assert jobs(lake) == [1, 2]
    assert_sound(lake)


def test_a_catalog_that_refuses_a_commit(settings: Settings) -> None:
    """For a reason of its own: to wait for others would not help, and nobody is blamed for a lock."""
    lake = Lake(settings.model_copy(update={"lock_timeout_seconds": 2}))
    assert attempt(lake, 1) == ""
    with closing(sqlite3.connect(lake.settings.warehouse / "lake.sqlite")) as other, other:
        refuse = "BEGIN SELECT RAISE(ABORT, 'too many columns'); END"
        other.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON ducklake_snapshot {refuse}")
    told = failure(lake, 2)
    assert told is not None
    assert told.code == "E_WAREHOUSE"
    assert "refused" in told.message
    with closing(sqlite3.connect(lake.settings.warehouse / "lake.sqlite")) as other, other:
        other.execute("DROP TRIGGER refuse")
    assert attempt(lake, 2) == ""
    assert jobs(lake) == [1, 2]


@pytest.mark.parametrize("error", [duckdb.TransactionException, duckdb.InvalidInputException])
def test_a_lock_that_comes_in_the_middle_of_a_statement(error: type[duckdb.Error]) -> None:
    told = transaction._refused(error("Failed to flush changes into DuckLake: database is locked"), "job_1")
    assert told.code == "E_LOCK_TIMEOUT"
    assert "another program has kept the lake catalog locked" in told.message


@pytest.mark.parametrize("step", ["prepared", "locked", "moved", "applied", "recorded", "committed"])
def test_a_server_that_goes_in_the_middle(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Every connection to the catalog is cut when the commit has come to a step."""
    lake = Lake(Settings(home=tmp_path / "home", catalog_url=SecretStr(postgres_url), threads=1))
    assert attempt(lake, 1) == ""

    def reached(name: str) -> None:
        if name == step:
            monkeypatch.setattr(steps, "reached", lambda _: None)
            cut(postgres_url)

    monkeypatch.setattr(steps, "reached", reached)
    code = attempt(lake, 2)
    assert code in ("", "E_WAREHOUSE")
    assert jobs(lake) in ([1], [1, 2])
    assert code or jobs(lake) == [1, 2]
    assert attempt(lake, 2) == ""
    assert jobs(lake) == [1, 2]
    assert_sound(lake)


def cut(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_server_that_is_down(tmp_path: Path) -> None:
    url = f"postgresql://udb:{PASSWORD}@127.0.0.1:1/lake"
    lake = Lake(Settings(home=tmp_path / "home", catalog_url=SecretStr(url), threads=1))
    assert attempt(lake, 1) == "E_WAREHOUSE"
    with pytest.raises(UdbError) as caught:
        lake.current_version()
    assert caught.value.code == "E_WAREHOUSE"
    assert PASSWORD not in str(caught.value)


def test_a_clock_that_goes_back(lake: Lake) -> None:
    """A time always means a version that existed, and the newest stays the newest whatever its time says."""
    for job in range(1, 6):
        assert attempt(lake, job) == ""
    held = {item.version: item.committed_at for item in maintenance.versions(lake)}
    *_, before, newest = sorted(held)
    past = min(held.values()) + timedelta(milliseconds=1)
    with closing(sqlite3.connect(lake.settings.warehouse / "lake.sqlite")) as other, other:
        other.execute(
            "UPDATE ducklake_snapshot SET snapshot_time = ? WHERE snapshot_id = ?", (past.isoformat(" "), newest)
        )
    assert jobs(lake) == [1, 2, 3, 4, 5]
    for version, moment in held.items():
        with lake.reader(moment) as connection:
            found = connection.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0]
        assert found in held
        assert found >= (version if version != newest else before), "nothing that was committed by then is missing"
    assert restore.plan(lake, datetime.now(UTC)).point.version == newest
    thinned = retention.plan(
        lake.settings, lake, retention.Rules(), now=datetime.now(UTC) + timedelta(days=60), used_pct=0
    )
    assert newest not in {item.version for item in thinned.versions}
    assert attempt(lake, 6) == ""
    assert jobs(lake) == [1, 2, 3, 4, 5, 6]
    assert_sound(lake)
