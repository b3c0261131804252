"""A snapshot is complete, verified, incremental, and opens as a lake, wherever catalog and target are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.operations.progress import reporting
from udb_pipelines.warehouse import Lake, commit, history, query, snapshots
from udb_pipelines.warehouse.checks import stored_files
from udb_pipelines.warehouse.snapshots.model import catalog_key, manifest_key
from udb_pipelines.warehouse.snapshots.shelf import MARKER
from udb_pipelines.warehouse.targets import Target, open_target
from udb_pipelines_tests.warehouse.snapshots.conftest import UPSERT, fetched, fill
from udb_pipelines_tests.warehouse.staging import Stager


def test_a_snapshot_opens_and_equals(filled: Lake, stage: Stager, target: Target, tmp_path: Path) -> None:
    made = snapshots.create(filled, target)
    before = query(filled, "FROM shop ORDER BY ALL").rows
    commit(filled, stage("SELECT 0 AS a, 'later' AS b"))
    copy = fetched(target, made.snapshot.id, filled, tmp_path / "elsewhere")
    assert query(copy, "FROM shop ORDER BY ALL").rows == before
    assert query(copy, "SELECT DISTINCT b FROM shop", as_of=2).rows == (("x",),)
    assert copy.current_version() == made.snapshot.version == filled.current_version() - 1
    (table,) = made.snapshot.tables
    assert (table.dataset, table.rows, table.version) == ("shop", 100, made.snapshot.version)
    assert snapshots.verify(target, made.snapshot.id) == ()


def test_a_catalog_in_postgresql_becomes_a_lake_without_a_server(
    any_lake: Lake, folder: Target, tmp_path: Path
) -> None:
    stage = Stager(any_lake.settings)
    fill(any_lake, stage)
    columns = "1.50::DECIMAL(9,2) AS c, DATE '2024-02-29' AS d, TIMESTAMP '2024-01-01 10:00:00.123456' AS e, true AS f"
    commit(any_lake, stage(f"SELECT range AS a, 'ü\U0001f600''' AS b, {columns} FROM range(5)", source="types"))
    commit(any_lake, stage("SELECT 1 AS a, 'z' AS b", **UPSERT))
    made = snapshots.create(any_lake, folder)
    copy = fetched(folder, made.snapshot.id, any_lake, tmp_path / "elsewhere")
    for text in ("FROM shop ORDER BY ALL", "FROM types ORDER BY ALL", "SELECT * FROM ducklake_snapshots('lake')"):
        assert query(copy, text).rows == query(any_lake, text).rows
    for version in range(2, any_lake.current_version() + 1):
        text = "SELECT count(*), min(b), max(b) FROM shop"
        assert query(copy, text, as_of=version).rows == query(any_lake, text, as_of=version).rows
    assert history(copy, "shop") == history(any_lake, "shop")
    with any_lake.reader() as one, copy.reader() as other:
        for table in ("commits", "versions"):
            text = f"FROM lake.udb.{table} ORDER BY ALL"
            assert one.execute(text).fetchall() == other.execute(text).fetchall()


def test_the_copy_of_a_catalog_can_be_written(any_lake: Lake, folder: Target, tmp_path: Path) -> None:
    stage = Stager(any_lake.settings)
    fill(any_lake, stage)
    made = snapshots.create(any_lake, folder)
    home = tmp_path / "new machine"
    home.mkdir()
    fetched(folder, made.snapshot.id, any_lake, home / "warehouse")
    lake = Lake(Settings(home=home))
    commit(lake, Stager(lake.settings)("SELECT 200 AS a, 'new' AS b", **UPSERT))
    assert query(lake, "SELECT count(*), max(a) FROM shop").rows == ((101, 200),)


def test_the_second_snapshot_copies_what_is_new(filled: Lake, stage: Stager, target: Target) -> None:
    first = snapshots.create(filled, target)
    commit(filled, stage("SELECT 1 AS a, 'z' AS b", sync_mode="incremental_append"))
    stored = {entry.key: entry.modified for entry in target.list("files/")}
    second = snapshots.create(filled, target)
    found = snapshots.list_snapshots(target)
    assert [item.id for item in found] == [second.snapshot.id, first.snapshot.id]
    assert (first.copied_files, second.copied_files) == (len(first.snapshot.files), 1)
    assert set(first.snapshot.files) < set(second.snapshot.files)
    later = {entry.key: entry.modified for entry in target.list("files/")}
    assert {key: later[key] for key in stored} == stored
    for made in (first, second):
        assert snapshots.verify(target, made.snapshot.id) == ()


def test_copies_in_between_are_no_snapshots_and_restore_as_well(
    filled: Lake, stage: Stager, target: Target, tmp_path: Path
) -> None:
    whole = snapshots.create(filled, target)
    commit(filled, stage("SELECT 7 AS a, 'z' AS b", sync_mode="incremental_append"))
    between = snapshots.copy(filled, target)
    assert [item.id for item in snapshots.list_snapshots(target)] == [whole.snapshot.id]
    assert snapshots.newest(target) == between.snapshot
    assert snapshots.verify(target, between.snapshot.id) == ()
    copy = fetched(target, between.snapshot.id, filled, tmp_path / "elsewhere")
    assert query(copy, "SELECT count(*) FROM shop").rows == ((101,),)


@pytest.mark.parametrize("damage", ["missing", "cut", "altered"])
@pytest.mark.parametrize("part", ["catalog", "file"])
def test_damage_is_found(filled: Lake, target: Target, damage: str, part: str) -> None:
    made = snapshots.create(filled, target).snapshot
    key = made.catalog.path if part == "catalog" else made.files[0].path
    content = target.read(key)
    assert content
    target.delete([key])
    if damage != "missing":
        target.write(key, content[:-1] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    (problem,) = snapshots.verify(target, made.id)
    assert key in problem
    assert len(snapshots.verify(target, made.id, quick=True)) == (0 if damage == "altered" else 1)


def test_the_next_snapshot_mends_what_is_missing(filled: Lake, target: Target) -> None:
    made = snapshots.create(filled, target).snapshot
    target.delete([made.files[0].path])
    target.write(made.files[1].path, b"cut off")
    assert len(snapshots.verify(target, made.id)) == 2
    assert snapshots.create(filled, target).copied_files == 2
    assert snapshots.verify(target, made.id) == ()


def test_pruning_keeps_the_newest_and_what_is_needed(filled: Lake, stage: Stager, target: Target) -> None:
    old = snapshots.create(filled, target).snapshot
    for number in range(5):
        commit(filled, stage(f"SELECT {number} AS a, 'z' AS b"))
        snapshots.copy(filled, target)
    new = snapshots.create(filled, target).snapshot
    later = datetime.now(UTC) + timedelta(days=10)
    assert snapshots.prune(target, 30, now=later).snapshots == ()
    target.write("files/main/shop/left by somebody.parquet", b"x" * 7)
    planned = snapshots.prune(target, 5, now=later, dry_run=True)
    assert target.size(manifest_key("snapshot", old.id))
    pruned = snapshots.prune(target, 5, now=later)
    assert planned == pruned.model_copy(update={"copies": planned.copies})
    assert (pruned.snapshots, pruned.files, pruned.bytes) == ((old.id,), 1, 7)
    assert [item.id for item in snapshots.list_snapshots(target)] == [new.id]
    assert len(snapshots.list_snapshots(target, ("copy",))) == 3
    assert target.size(catalog_key("snapshot", old.id)) is None
    for item in snapshots.list_snapshots(target, ("snapshot", "copy")):
        assert snapshots.verify(target, item.id) == ()
    assert query(filled, "SELECT count(*) FROM shop").rows == ((1,),)
    assert all(file.path.exists() for file in stored_files(filled))


def test_nothing_is_removed_while_a_manifest_cannot_be_read(filled: Lake, folder: Target) -> None:
    made = snapshots.create(filled, folder).snapshot
    folder.write(manifest_key("snapshot", "29990101T000000_future"), b'{"schema_version": 2}')
    folder.write("files/main/shop/of the future.parquet", b"x")
    pruned = snapshots.prune(folder, 1)
    assert (pruned.files, pruned.unreadable) == (0, (manifest_key("snapshot", "29990101T000000_future"),))
    assert folder.size("files/main/shop/of the future.parquet") == 1
    assert snapshots.verify(folder, made.id) == ()


def test_without_a_manifest_it_is_no_snapshot(filled: Lake, target: Target) -> None:
    made = snapshots.create(filled, target).snapshot
    target.delete([manifest_key("snapshot", made.id)])
    assert snapshots.list_snapshots(target) == ()
    with pytest.raises(UdbError) as caught:
        snapshots.verify(target, made.id)
    assert caught.value.code == "E_SNAPSHOT"
    snapshots.create(filled, target)
    assert target.size(catalog_key("snapshot", made.id)) is None


def test_a_target_with_other_things_is_left_alone(filled: Lake, target: Target) -> None:
    target.write("holiday/photo.jpg", b"x")
    with pytest.raises(UdbError, match=r"holiday/photo\.jpg") as caught:
        snapshots.create(filled, target)
    assert caught.value.code == "E_TARGET"
    assert [entry.key for entry in target.list()] == ["holiday/photo.jpg"]


def test_two_warehouses_do_not_share_a_target(filled: Lake, target: Target, tmp_path: Path) -> None:
    snapshots.create(filled, target)
    other = Lake(Settings(home=tmp_path / "other"))
    commit(other, Stager(other.settings)("SELECT 1 AS a"))
    with pytest.raises(UdbError, match="another warehouse"):
        snapshots.create(other, target)
    target.write(MARKER, b'{"layout": 99}')
    with pytest.raises(UdbError, match="not understood"):
        snapshots.create(filled, target)


def test_a_warehouse_with_nothing_in_it(lake: Lake, folder: Target) -> None:
    with pytest.raises(UdbError) as caught:
        snapshots.create(lake, folder)
    assert caught.value.code == "E_NO_DATA_FILES"
    assert list(folder.list()) == []


def test_a_damaged_warehouse_makes_no_snapshot(filled: Lake, folder: Target) -> None:
    file = stored_files(filled)[0].path
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(UdbError, match="missing") as caught:
        snapshots.create(filled, folder)
    assert caught.value.code == "E_WAREHOUSE"
    file.write_bytes(content[:-1])
    with pytest.raises(UdbError, match="recorded") as caught:
        snapshots.create(filled, folder)
    assert caught.value.code == "E_WAREHOUSE"
    assert snapshots.list_snapshots(folder) == ()


def test_the_manifest_says_what_the_rows_were(filled: Lake, stage: Stager, folder: Target) -> None:
    one = snapshots.create(filled, folder).snapshot.tables[0].checksum
    assert snapshots.create(filled, folder).snapshot.tables[0].checksum == one
    rows = "SELECT range AS a, if(range < 50, 'y', 'x') AS b FROM range(100) ORDER BY a DESC"
    commit(filled, stage(rows))
    assert snapshots.create(filled, folder).snapshot.tables[0].checksum == one
    commit(filled, stage(rows.replace("'x'", "'z'")))
    assert snapshots.create(filled, folder).snapshot.tables[0].checksum != one


def test_progress_is_told_in_bytes(filled: Lake, folder: Target) -> None:
    told: list[tuple[str, int, int | None, str]] = []
    with reporting(lambda *facts: told.append(facts)):
        made = snapshots.create(filled, folder)
    total = sum(file.bytes for file in made.snapshot.files)
    assert ("snapshot", total, total, "bytes") in told


def test_a_snapshot_on_the_same_disk_takes_no_space(filled: Lake, tmp_path: Path) -> None:
    made = snapshots.create(filled, open_target(str(tmp_path / "near"), filled.settings))
    for file in made.snapshot.files:
        assert (tmp_path / "near" / file.path).stat().st_nlink == 2


def test_what_was_altered_in_the_target_is_replaced_on_request(filled: Lake, target: Target) -> None:
    made = snapshots.create(filled, target).snapshot
    altered = made.files[0]
    content = bytearray(target.read(altered.path) or b"")
    content[len(content) // 2] ^= 1
    target.delete([altered.path])  # a folder holds links to the warehouse's own files
    target.write(altered.path, bytes(content))
    again = snapshots.create(filled, target)
    assert again.copied_files == 0, "its size is right"
    assert snapshots.verify(target, again.snapshot.id) == (f"{altered.path} was altered",)
    healed = snapshots.create(filled, target, deep=True)
    assert healed.copied_files == 1
    assert snapshots.verify(target, made.id) == ()
