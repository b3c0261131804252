"""A snapshot is complete, verified, incremental, and opens as a lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, query, snapshots
from udb_pipelines_tests.warehouse.staging import Stager


@pytest.fixture
def filled(lake: Lake, stage: Stager) -> Lake:
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("a",)}
    commit(lake, stage("SELECT range AS a, 'x' AS b FROM range(100)", **upsert))
    commit(lake, stage("SELECT range AS a, 'y' AS b FROM range(50)", **upsert))
    return lake


def test_a_snapshot_opens_and_equals(filled: Lake, stage: Stager, tmp_path: Path) -> None:
    snapshot = snapshots.create(filled, tmp_path / "target")
    before = query(filled, "FROM shop ORDER BY ALL").rows
    commit(filled, stage("SELECT 0 AS a, 'later' AS b"))
    folder = tmp_path / "target" / snapshot.id
    moved = folder.rename(tmp_path / "carried away")
    copy = snapshots.open_lake(filled, moved)
    assert query(copy, "FROM shop ORDER BY ALL").rows == before
    assert query(copy, "SELECT DISTINCT b FROM shop", as_of=2).rows == (("x",),)
    assert copy.current_version() == snapshot.version == filled.current_version() - 1
    assert [(table.dataset, table.rows) for table in snapshot.tables] == [("shop", 100)]


def test_the_second_snapshot_shares_what_did_not_change(filled: Lake, stage: Stager, tmp_path: Path) -> None:
    first = snapshots.create(filled, tmp_path)
    commit(filled, stage("SELECT 1 AS a, 'z' AS b", sync_mode="incremental_append"))
    second = snapshots.create(filled, tmp_path)
    assert [item.id for item in snapshots.list_snapshots(tmp_path)] == [second.id, first.id]
    assert len(second.files) == len(first.files) + 1
    for file in first.files:
        assert (tmp_path / first.id / file.path).stat().st_ino == (tmp_path / second.id / file.path).stat().st_ino
    assert snapshots.verify(tmp_path, first.id) == ()
    assert snapshots.verify(tmp_path, second.id) == ()


@pytest.mark.parametrize("damage", ["missing", "cut", "altered", "catalog"])
def test_damage_is_found(filled: Lake, tmp_path: Path, damage: str) -> None:
    snapshot = snapshots.create(filled, tmp_path)
    file = tmp_path / snapshot.id / (snapshot.catalog.path if damage == "catalog" else snapshot.files[0].path)
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(content[:-1] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    (problem,) = snapshots.verify(tmp_path, snapshot.id)
    assert str(file.relative_to(tmp_path / snapshot.id)) in problem


def test_pruning_keeps_the_newest(filled: Lake, tmp_path: Path) -> None:
    old, new = snapshots.create(filled, tmp_path), snapshots.create(filled, tmp_path)
    later = datetime.now(UTC) + timedelta(days=10)
    assert snapshots.prune(tmp_path, 30, later) == ()
    (tmp_path / "somebody else's").mkdir()
    assert snapshots.prune(tmp_path, 5, later) == (old.id,)
    assert [item.id for item in snapshots.list_snapshots(tmp_path)] == [new.id]
    assert snapshots.verify(tmp_path, new.id) == ()
    assert (tmp_path / "somebody else's").exists()
    assert query(filled, "SELECT count(*) FROM shop").rows == ((100,),)


def test_without_a_manifest_it_is_no_snapshot(filled: Lake, tmp_path: Path) -> None:
    snapshot = snapshots.create(filled, tmp_path)
    (tmp_path / snapshot.id / snapshots.MANIFEST).unlink()
    assert snapshots.list_snapshots(tmp_path) == ()
    with pytest.raises(UdbError) as caught:
        snapshots.verify(tmp_path, snapshot.id)
    assert caught.value.code == "E_NOT_FOUND"


def test_what_cannot_be_done_is_said(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UdbError) as caught:
        snapshots.create(lake, tmp_path)
    assert caught.value.code == "E_NO_DATA_FILES"
    elsewhere = Lake(Settings(home=tmp_path, catalog_url=SecretStr("postgresql://nobody@localhost/x")))
    with pytest.raises(UdbError, match="in PostgreSQL") as caught:
        snapshots.create(elsewhere, tmp_path)
    assert caught.value.code == "E_UNSUPPORTED"
