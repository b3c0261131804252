"""Merging, thinning and removing files change nothing that anybody may still read."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, check, commit, maintenance, query, restore
from udb_pipelines.warehouse.removal import Item
from udb_pipelines_tests.warehouse.staging import Stager

APPENDS = 8
UPSERT = {"sync_mode": "incremental_upsert", "primary_key": ("id",)}


def appended(lake: Lake, jobs: int = APPENDS, first: int = 0) -> dict[int, int]:
    """Rows per version after so many small appends."""
    stage = Stager(lake.settings)
    for job in range(first, first + jobs):
        commit(
            lake,
            stage(
                f"SELECT range AS id, {job} AS job FROM range({job * 5}, {job * 5 + 5})", sync_mode="incremental_append"
            ),
        )
    held = {item.version for item in maintenance.versions(lake)}
    versions = [row[0] for row in query(lake, "SELECT version FROM udb.versions").rows if row[0] in held]
    return {version: query(lake, "SELECT count(*) FROM shop", as_of=version).rows[0][0] for version in versions}


def all_rows(lake: Lake, version: int) -> list[tuple[int, int]]:
    return sorted(query(lake, "SELECT id, job FROM shop", as_of=version).rows)


def no_grace(lake: Lake) -> Lake:
    return Lake(lake.settings.model_copy(update={"unneeded_file_hours": 0}))


def data_files(lake: Lake) -> set[Path]:
    return set(lake.catalog.files.rglob("*.parquet"))


def test_merged_files_tell_every_version_what_it_was(any_lake: Lake) -> None:
    versions = appended(any_lake)
    before = {version: all_rows(any_lake, version) for version in versions}
    (found,) = maintenance.merges(any_lake)
    assert (found.dataset, found.files) == ("shop", APPENDS)
    assert maintenance.merge(any_lake, "shop") == APPENDS - 1
    assert {version: all_rows(any_lake, version) for version in versions} == before
    assert maintenance.merges(any_lake) == ()
    assert [item for item in check(any_lake) if item.status == "fail"] == []
    rows = query(any_lake, "SELECT path, sha256 FROM udb.files").rows
    assert len(rows) == 1 and (any_lake.catalog.files / rows[0][0]).is_file(), "its checksum is recorded"
    appended(any_lake, jobs=1, first=APPENDS)
    assert len(all_rows(any_lake, any_lake.current_version())) == 5 * (APPENDS + 1)


def test_files_stay_for_the_grace_time_and_then_go(lake: Lake) -> None:
    appended(lake)
    before = data_files(lake)
    maintenance.merge(lake, "shop")
    assert maintenance.unneeded_files(lake) == (), "a statement that began before may be reading them"
    assert [item.status for item in check(lake, mend=True) if item.name == "orphans"] == ["ok"]
    assert before < data_files(lake), "the doctor respects it, too"
    later = time.time() + 25 * 3600
    planned = maintenance.unneeded_files(lake, later)
    assert {item.path for item in planned} == before
    assert len(maintenance.remove_files(lake, planned)) == APPENDS
    assert not before & data_files(lake)
    assert maintenance.unneeded_files(lake, later) == ()
    assert len(all_rows(lake, lake.current_version())) == 5 * APPENDS
    with lake.raw_catalog() as connection:
        assert connection is not None
        left = connection.execute("SELECT count(*) FROM catalog.ducklake_files_scheduled_for_deletion").fetchall()
    assert left == [(0,)]


def test_versions_go_and_the_others_read_the_same(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    for job in range(5):
        commit(any_lake, stage(f"SELECT range AS id, {job} AS job FROM range({job}, 20)"))
    versions = [item.version for item in maintenance.versions(any_lake)]
    going, staying = versions[:-1:2], [*versions[1:-1:2], versions[-1]]
    before = {version: all_rows(any_lake, version) for version in staying if version > 1}
    assert maintenance.expire(any_lake, [*going, versions[-1], 999]) == tuple(going), "never the newest"
    assert {version: all_rows(any_lake, version) for version in before} == before
    for version in going:
        with pytest.raises(UdbError) as caught:
            query(any_lake, "FROM shop", as_of=version)
        assert caught.value.code == "E_VERSION"
    lake = no_grace(any_lake)
    removed = maintenance.remove_files(lake, maintenance.unneeded_files(lake))
    assert removed
    assert {version: all_rows(any_lake, version) for version in before} == before
    assert [item for item in check(any_lake) if item.status != "ok"] == []
    assert len(query(any_lake, "SELECT * FROM udb.versions").rows) == 5, "what happened stays written down"


def test_a_reader_of_an_old_version_is_left_alone(lake: Lake) -> None:
    versions = sorted(appended(lake))
    old = versions[2]
    ready, go, seen = threading.Event(), threading.Event(), []

    def read() -> None:
        with lake.reader(old) as connection:
            ready.set()
            assert go.wait(600)
            seen.append(connection.execute("SELECT count(*) FROM shop").fetchall()[0][0])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(120)
        assert old not in maintenance.expire(lake, versions)
        bare = no_grace(lake)
        maintenance.remove_files(bare, maintenance.unneeded_files(bare))
    finally:
        go.set()
        reader.join()
    assert seen == [15]
    assert maintenance.expire(lake, versions) == (old,), "once it has read"


def test_the_lease_of_a_dead_reader_holds_nothing(lake: Lake) -> None:
    versions = sorted(appended(lake, jobs=3))
    child = os.fork()
    if child == 0:
        with lake.reader(versions[0]):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert list((lake.settings.warehouse / "readers").glob("*.lease"))
    assert maintenance.expire(lake, versions[:1]) == (versions[0],)
    assert not list((lake.settings.warehouse / "readers").glob("*.lease"))


def test_readers_go_on_while_everything_is_merged_and_thinned(lake: Lake) -> None:
    """Rounds of appending, merging and thinning beside readers of the newest and of a named version."""
    appended(lake, jobs=2)
    stop, errors, reads = threading.Event(), [], []

    def read(named: bool) -> None:
        while not stop.is_set():
            try:
                version = max(maintenance.versions(lake), key=lambda item: item.version).version if named else None
                rows = query(lake, "SELECT job, count(*) FROM shop GROUP BY job", as_of=version).rows
                if any(count != 5 for _, count in rows):
                    errors.append(rows)
                reads.append(len(rows))
            except UdbError as error:
                if error.code != "E_VERSION":
                    errors.append(error)

    readers = [threading.Thread(target=read, args=(named,)) for named in (False, True)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(2):
            appended(lake, jobs=8, first=2 + turn * 8)
            maintenance.merge(lake, "shop")
            maintenance.expire(lake, [item.version for item in maintenance.versions(lake)][:-5])
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert errors == []
    assert len(reads) > 10 and max(reads) >= 10


def test_a_file_that_a_version_needs_is_never_removed(lake: Lake) -> None:
    appended(lake, jobs=2)
    (file, *_) = data_files(lake)
    item = Item(root=lake.catalog.files, path=file, reason="an old plan", bytes=1)
    assert maintenance.remove_files(lake, [item]) == ()
    assert file.exists()


def test_needed_are_the_newest_commit_of_each_dataset_and_what_is_held(lake: Lake) -> None:
    stage = Stager(lake.settings)
    quiet = commit(lake, stage("SELECT 1 AS a", source="quiet")).version
    busy = [commit(lake, stage(f"SELECT {n} AS a", source="busy")).version for n in range(3)]
    assert maintenance.needed_versions(lake, frozenset()) == {quiet, busy[-1]}
    assert maintenance.needed_versions(lake, frozenset({"busy"})) == {quiet, *busy}


def test_versions_have_times(settings: Settings) -> None:
    lake = Lake(settings)
    assert maintenance.versions(lake) == ()
    appended(lake, jobs=1)
    now = datetime.now(UTC)
    assert all(now - item.committed_at < timedelta(minutes=5) for item in maintenance.versions(lake))


@pytest.mark.parametrize("mode", ["full_refresh_overwrite", "incremental_upsert"])
def test_files_with_deleted_rows_are_left_as_they_are(lake: Lake, mode: str) -> None:
    stage = Stager(lake.settings)
    for job in range(9):
        query_ = f"SELECT range AS id, {job} AS job FROM range({job}, {job + 3})"
        commit(lake, stage(query_, sync_mode=mode, primary_key=("id",)))
    versions = [item.version for item in maintenance.versions(lake) if item.version > 1]
    before = {version: all_rows(lake, version) for version in versions}
    assert maintenance.merges(lake) == (), "a plan must not offer each night what comes to nothing"
    assert maintenance.merge(lake, "shop") == 0
    assert {version: all_rows(lake, version) for version in versions} == before


def test_a_small_table_that_is_overwritten_again_and_again_keeps_no_file_of_versions_that_are_gone(
    any_lake: Lake,
) -> None:
    """Of ten rows or fewer DuckLake notes the rows as deleted, and would let every file stand."""
    lake = no_grace(any_lake)
    stage = Stager(lake.settings)
    for number in range(6):
        commit(lake, stage(f"SELECT {number} + range AS a FROM range(3)"))
    commit(lake, stage("SELECT 1 AS id, 'x' AS v UNION ALL SELECT 2, 'y'", source="partly", **UPSERT))
    commit(lake, stage("SELECT 1 AS id, 'z' AS v", source="partly", **UPSERT))

    def rows(version: int) -> list[tuple[tuple[object, ...], ...]]:
        orders = (f"FROM {table} ORDER BY 1" for table in ("shop", "partly"))
        return [query(lake, text, as_of=version).rows for text in orders if version > 8 or "shop" in text]

    every = [item.version for item in maintenance.versions(lake)][2:]
    before = {version: rows(version) for version in every}
    assert len(before) == 8
    gone = [version for version in every[1:5] if version != every[2]]
    assert maintenance.expire(lake, gone) == tuple(gone)
    after = {version: rows(version) for version in every if version not in gone}
    assert after == {version: before[version] for version in after}
    planned = maintenance.unneeded_files(lake, time.time() + 25 * 3600)
    assert len(planned) == len(gone)
    maintenance.remove_files(lake, planned)
    assert {version: rows(version) for version in after} == after
    assert [item for item in check(lake) if item.status != "ok"] == []
    commit(lake, stage("SELECT 7 AS a"))
    assert query(lake, "FROM shop").rows == ((7,),)
    assert restore.restore_to(lake, every[2]).version > every[2]
    assert query(lake, "FROM shop ORDER BY 1").rows == before[every[2]][0]
