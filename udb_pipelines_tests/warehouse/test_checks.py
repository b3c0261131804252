"""The doctor finds each kind of damage, and mends what is nobody's."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.models import SourceOptions
from udb_pipelines.warehouse import Check, Lake, check, commit, drop_source, maintenance, query, restore, retention
from udb_pipelines.warehouse.checks import stored_files
from udb_pipelines_tests.warehouse.staging import Stager


def answers(lake: Lake, mend: bool = False) -> dict[str, Check]:
    return {item.name: item for item in check(lake, mend)}


def statuses(lake: Lake) -> set[str]:
    return {item.status for item in check(lake)}


def test_a_healthy_lake(any_lake: Lake) -> None:
    assert statuses(any_lake) == {"ok"}
    stage = Stager(any_lake.settings)
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("a",)}
    commit(any_lake, stage("SELECT range AS a, 'x' AS b FROM range(500)", **upsert))
    commit(any_lake, stage("SELECT range AS a, 'y' AS b FROM range(100)", **upsert))
    commit(any_lake, stage("SELECT 1 AS x", source="other"))
    commit(any_lake, stage("SELECT 'x' AS x", source="other"))
    commit(any_lake, stage("SELECT 'x' AS x WHERE false", source="other", options=SourceOptions(allow_empty=True)))
    drop_source(any_lake, "other", "job")
    assert [item for item in check(any_lake) if item.status != "ok"] == []
    assert len(stored_files(any_lake)) >= 5, "data and deletions of every version"


@pytest.mark.parametrize(
    ("damage", "word"),
    [("missing", "missing"), ("cut", "bytes, not"), ("altered", "from version 2 on")],
)
def test_damaged_files_are_found(lake: Lake, stage: Stager, damage: str, word: str) -> None:
    commit(lake, stage("SELECT range AS a FROM range(100)"))
    (file,) = (stored.path for stored in stored_files(lake))
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[:-10] if damage == "cut" else bytes(len(content)))
    found = answers(lake)["files"]
    assert (found.status, word in found.detail) == ("fail", True), found.detail


def test_orphans_are_removed_and_data_is_not(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    orphan = lake.catalog.files / "main" / "shop" / "udb-orphan-0.parquet"
    orphan.write_bytes(b"x" * 10)
    found = answers(lake)["orphans"]
    assert (found.status, found.mended) == ("warn", False)
    assert "1 files" in found.detail
    assert orphan.exists()
    assert answers(lake, mend=True)["orphans"].mended
    assert not orphan.exists()
    assert answers(lake)["orphans"].status == "ok"
    assert query(lake, "FROM shop").rows == ((1,),)


def test_old_staging_is_removed_and_young_is_not(lake: Lake, stage: Stager) -> None:
    old, young = stage("SELECT 1 AS a").job_id, stage("SELECT 1 AS a").job_id
    folder = lake.settings.staging / old
    past = time.time() - 3 * 86400
    for path in (*folder.iterdir(), folder):
        os.utime(path, (past, past))
    assert answers(lake)["staging"].status == "warn"
    assert answers(lake, mend=True)["staging"].mended
    assert {path.name for path in lake.settings.staging.iterdir()} == {young}


def test_a_damaged_catalog_is_an_answer_not_a_crash(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    file = lake.settings.warehouse / "lake.sqlite"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 6] = bytes(4096 * 3)
    file.write_bytes(content)
    assert answers(lake)["catalog"].status == "fail"


def test_a_held_lock_is_shown(lake: Lake) -> None:
    with lake.lock.held("a long job"):
        assert "a long job" in answers(lake)["lock"].detail


def test_a_lost_catalog_is_told_and_no_data_is_taken_for_orphans(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT range AS a FROM range(100)"))
    (file,) = (stored.path for stored in stored_files(lake))
    kept = file.read_bytes()
    for path in lake.settings.warehouse.glob("lake.sqlite*"):
        path.unlink()
    long_ago = time.time() - 90 * 86_400
    os.utime(file, (long_ago, long_ago))
    found = answers(lake, mend=True)
    assert found["catalog"].status == "fail" and "missing" in found["catalog"].detail
    assert maintenance.unneeded_files(lake) == ()
    with pytest.raises(UdbError) as caught:
        commit(lake, stage("SELECT 1 AS a"))
    assert caught.value.code == "E_WAREHOUSE" and "restore" in caught.value.remedy
    assert file.read_bytes() == kept


def test_a_cut_catalog_is_told_and_nothing_is_removed(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT range AS a FROM range(100)"))
    (file,) = (stored.path for stored in stored_files(lake))
    catalog = lake.settings.warehouse / "lake.sqlite"
    catalog.write_bytes(catalog.read_bytes()[:5000])
    found = answers(lake, mend=True)
    assert found["catalog"].status == "fail" and "restore" in found["catalog"].detail
    assert file.exists()


def test_a_quick_look_reads_no_content(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT range AS a FROM range(100)"))
    (file,) = (stored.path for stored in stored_files(lake))
    content = bytearray(file.read_bytes())
    content[20] ^= 0xFF
    file.write_bytes(content)
    assert {item.name: item.status for item in check(lake, quick=True)}["files"] == "ok"
    assert answers(lake)["files"].status == "fail", "one bit among the rows"


def test_a_timeline_whose_catalog_is_damaged_is_named_and_can_be_given_up(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    commit(lake, stage("SELECT 2 AS a"))
    restore.restore_to(lake, 2)
    damaged = lake.settings.warehouse / "lake.sqlite"
    for log in lake.settings.warehouse.glob("lake.sqlite-*"):
        log.unlink()
    os.truncate(damaged, damaged.stat().st_size // 2)
    found = answers(lake)
    assert {name for name, item in found.items() if item.status != "ok"} == {"timelines"}
    planned = retention.plan(lake.settings, lake, retention.Rules(), datetime.now(UTC) + timedelta(days=90), 10)
    assert (planned.files, planned.versions != ()) == ((), True), "what it needs is unknown; all else goes on"
    with pytest.raises(UdbError):
        maintenance.unneeded_files(lake)
    assert "restore drop-timeline 1" in found["timelines"].detail
    assert "unknown" in found["orphans"].detail
    with pytest.raises(UdbError, match="nobody can tell") as caught:
        restore.drop(lake, 1, frozenset({"shop"}))
    assert caught.value.code == "E_HOLD"
    assert restore.drop(lake, 1).damaged
    (orphans,) = [item for item in check(lake, mend=True) if item.name == "orphans"]
    assert orphans.mended and "1 files" in orphans.detail, "what only that timeline had"
    assert statuses(lake) == {"ok"}
    assert query(lake, "FROM shop").rows == ((1,),)


@pytest.mark.parametrize("gone", [False, True])
def test_a_timeline_is_given_up_only_if_its_catalog_is_damaged_or_gone(lake: Lake, stage: Stager, gone: bool) -> None:
    """To advise it for any other trouble would be to advise the loss of data that is whole."""
    commit(lake, stage("SELECT 1 AS a"))
    commit(lake, stage("SELECT 2 AS a"))
    restore.restore_to(lake, 2)
    first = lake.settings.warehouse / "lake.sqlite"
    if gone:
        first.unlink()
    else:
        with closing(sqlite3.connect(first)) as other:
            other.execute("ALTER TABLE ducklake_data_file RENAME TO later")
    found = answers(lake, mend=True)["timelines"]
    assert (found.status, "drop-timeline 1" in found.detail) == ("warn" if gone else "fail", gone), found.detail
    with pytest.raises(UdbError):
        maintenance.unneeded_files(lake)
    assert len(list(lake.catalog.files.rglob("*.parquet"))) == 2
    if gone:
        assert restore.plan_drop(lake, 1).damaged
    else:
        with pytest.raises(UdbError):
            restore.drop(lake, 1)
