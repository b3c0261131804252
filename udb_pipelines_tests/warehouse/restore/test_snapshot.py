"""A snapshot brought back: on an empty machine, into the warehouse it is of, damaged, and after being killed."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, check, commit, maintenance, snapshots
from udb_pipelines.warehouse.restore import into_folder, plan_from, restore_from, restore_to
from udb_pipelines.warehouse.snapshots import Snapshot
from udb_pipelines.warehouse.targets import open_target
from udb_pipelines.warehouse.targets.folder import FolderTarget
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectServer
from udb_pipelines_tests.warehouse.restore.crashing import killed
from udb_pipelines_tests.warehouse.restore.oracle import Oracle, content
from udb_pipelines_tests.warehouse.staging import Stager


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path / "target")


def snapshot_of(lake: Lake, target: FolderTarget) -> Snapshot:
    return snapshots.create(lake, target).snapshot


def copied(target: FolderTarget, tmp_path: Path) -> FolderTarget:
    """The target on another disk: with files of its own, which can be damaged."""
    shutil.copytree(tmp_path / "target", tmp_path / "elsewhere")
    return FolderTarget(tmp_path / "elsewhere")


def test_on_an_empty_machine_from_any_catalog(any_lake: Lake, target: FolderTarget, tmp_path: Path) -> None:
    oracle = Oracle(any_lake, seed=21)
    oracle.grow(6)
    made = snapshot_of(any_lake, target)
    oracle.grow(1)
    empty = into_folder(any_lake, tmp_path / "new home")
    planned = plan_from(empty, target, made.id)
    assert (planned.current, planned.missing_files) == (None, planned.files)
    done = restore_from(empty, target, made.id)
    assert done.previous is None
    assert content(empty) == oracle.versions[made.version]
    for version in sorted(oracle.versions)[:3]:
        assert content(empty, version) == oracle.versions[version], "its history came with it"
    assert {item.name: item.detail for item in check(empty) if item.status != "ok"} == {}
    # And it goes on from there.
    commit(empty, Stager(empty.settings)("SELECT 1 AS id", source="fresh"))
    assert empty.current_version() == done.version + 1
    assert [item.number for item in empty.register().timelines] == [done.timeline]


def test_into_an_empty_postgresql_catalog(lake: Lake, target: FolderTarget, postgres_url: str, tmp_path: Path) -> None:
    oracle = Oracle(lake, seed=25)
    oracle.grow(5)
    restore_to(lake, oracle.lineage[3])
    made = snapshot_of(lake, target)
    server = Lake(Settings(home=tmp_path / "server", catalog_url=SecretStr(postgres_url), threads=1))
    done = restore_from(server, target, made.id)
    assert (done.previous, done.left_behind) == (None, 0)
    assert content(server) == oracle.versions[oracle.lineage[3]]
    for version in oracle.lineage[:3]:
        assert content(server, version) == oracle.versions[version], "its history came with it"
    assert {item.name: item.detail for item in check(server) if item.status != "ok"} == {}
    commit(server, Stager(server.settings)("SELECT 1 AS id", source="fresh"))
    assert server.current_version() == done.version + 1
    # A catalog that was lost while the data files are still there is what a restore is for, too.
    lost = Lake(server.settings.model_copy(update={"catalog_url": SecretStr(_without_lake(postgres_url))}))
    assert restore_from(lost, target, made.id).previous is None
    assert content(lost) == oracle.versions[oracle.lineage[3]]


def _without_lake(url: str) -> str:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '%udb_timeline%'")
        for name in ["public", *(row[0] for row in cursor.fetchall())]:
            cursor.execute(f"DROP SCHEMA {name} CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return url


def test_a_thinned_history_into_postgresql(lake: Lake, target: FolderTarget, postgres_url: str, tmp_path: Path) -> None:
    """The versions whose columns the catalog's tables of small commits were made for are not in it any more."""
    oracle = Oracle(lake, seed=13)
    oracle.grow(6)
    newest = oracle.lineage[-1]
    maintenance.expire(lake, tuple(version for version in range(newest)))
    made = snapshot_of(lake, target)
    server = Lake(Settings(home=tmp_path / "server", catalog_url=SecretStr(postgres_url), threads=1))
    restore_from(server, target, made.id)
    assert content(server) == oracle.versions[newest]
    commit(server, Stager(server.settings)("SELECT 1 AS id", dataset="more"))
    assert content(server)["more"]


def test_from_an_object_store_alone_killed_halfway(
    object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_server.endpoint)
    address = f"s3://{object_server.new_bucket()}/udb"
    lake = Lake(Settings(home=tmp_path / "lost", threads=1))
    for source in ("a", "b", "c"):
        commit(lake, Stager(lake.settings)("SELECT range AS id FROM range(50)", source=source))
    expected = content(lake)
    made = snapshots.create(lake, open_target(address, lake.settings)).snapshot
    shutil.rmtree(lake.settings.home)
    empty = Lake(Settings(home=tmp_path / "empty", threads=1))
    killed(empty.settings.home, "restore_file_fetched", "from", address)
    assert empty.current_version() == 0
    bucket = open_target(address, empty.settings)
    planned = plan_from(empty, bucket, made.id)
    assert 0 < planned.missing_files < planned.files, "it goes on with what was fetched"
    restore_from(empty, bucket, made.id)
    assert content(empty) == expected


def test_into_the_warehouse_it_is_of_as_a_new_timeline(any_lake: Lake, target: FolderTarget) -> None:
    lake = any_lake
    oracle = Oracle(lake, seed=22)
    oracle.grow(4)
    made = snapshot_of(lake, target)
    oracle.grow(2)
    last = max(oracle.versions)
    planned = plan_from(lake, target, made.id)
    assert (planned.current, planned.missing_files, planned.left_behind) == (1, 0, 2)
    done = restore_from(lake, target, made.id)
    assert (done.timeline, done.version, done.left_behind) == (2, last + 1, 2)
    assert content(lake) == oracle.versions[made.version]
    assert content(lake.at(1)) == oracle.versions[last]
    assert restore_to(lake, last).timeline == 3
    assert {item.name: item.detail for item in check(lake) if item.status != "ok"} == {}


def test_a_damaged_warehouse_is_mended_by_it(lake: Lake, target: FolderTarget, tmp_path: Path) -> None:
    oracle = Oracle(lake, seed=23)
    oracle.grow(4)
    made = snapshot_of(lake, target)
    elsewhere = copied(target, tmp_path)
    files = sorted(lake.catalog.files.rglob("*.parquet"))
    files[0].unlink()
    damaged = bytearray(files[1].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files[1].unlink()
    files[1].write_bytes(damaged)
    for part in lake.settings.warehouse.glob("lake.sqlite*"):
        part.write_bytes(b"no database" * 200)
    done = restore_from(lake, elsewhere, made.id)
    assert done.version > made.version
    assert content(lake) == oracle.versions[made.version]


@pytest.mark.parametrize("damage", ["missing", "truncated", "altered", "catalog"])
def test_each_kind_of_damage_is_refused(lake: Lake, target: FolderTarget, tmp_path: Path, damage: str) -> None:
    stage = Stager(lake.settings)
    commit(lake, stage("SELECT range AS id FROM range(50)", source="whole"))
    commit(lake, stage("SELECT range AS id FROM range(50)"))
    made = snapshot_of(lake, target)
    elsewhere = copied(target, tmp_path)
    key = made.catalog.path if damage == "catalog" else next(f.path for f in made.files if "/shop/" in f.path)
    file = tmp_path / "elsewhere" / key
    content_ = bytearray(file.read_bytes())
    content_[len(content_) // 2] ^= 1
    file.unlink()
    if damage != "missing":
        file.write_bytes(content_[:-1] if damage == "truncated" else content_)
    empty = Lake(Settings(home=tmp_path / "empty"))
    with pytest.raises(UdbError) as refused:
        restore_from(empty, elsewhere, made.id)
    assert refused.value.code == ("E_SNAPSHOT" if damage == "catalog" else "E_RESTORE")
    assert empty.current_version() == 0, "nothing was restored"
    if damage == "catalog":
        return
    assert "shop: " in refused.value.message
    assert {"missing": "is missing", "truncated": "bytes, not", "altered": "was altered"}[damage] in (
        refused.value.message
    )
    assert "--salvage" in refused.value.remedy
    assert "whole" in refused.value.remedy
    saved = restore_from(empty, elsewhere, made.id, salvage=True)
    assert (saved.lost, saved.run_again) == (("shop",), ("shop",))
    assert set(content(empty)) == {"whole"}


def test_another_warehouse_is_refused_and_a_folder_named(lake: Lake, target: FolderTarget, tmp_path: Path) -> None:
    commit(lake, Stager(lake.settings)("SELECT 1 AS id"))
    made = snapshot_of(lake, target)
    other = Lake(Settings(home=tmp_path / "other"))
    commit(other, Stager(other.settings)("SELECT 2 AS id"))
    with pytest.raises(UdbError, match="another warehouse") as refused:
        restore_from(other, target, made.id)
    assert "--to FOLDER" in refused.value.remedy
    with pytest.raises(UdbError, match="no snapshot nonsense") as unknown:
        restore_from(other, target, "nonsense")
    assert unknown.value.code == "E_SNAPSHOT"


def test_what_an_earlier_attempt_fetched_is_not_fetched_again(lake: Lake, target: FolderTarget, tmp_path: Path) -> None:
    for source in ("a", "b", "c"):
        commit(lake, Stager(lake.settings)("SELECT range AS id FROM range(50)", source=source))
    made = snapshot_of(lake, target)
    elsewhere = copied(target, tmp_path)
    kept = tmp_path / "elsewhere" / made.files[0].path
    content_ = kept.read_bytes()
    kept.unlink()
    empty = Lake(Settings(home=tmp_path / "empty"))
    with pytest.raises(UdbError, match="is missing"):
        restore_from(empty, elsewhere, made.id)
    kept.write_bytes(content_)
    assert plan_from(empty, elsewhere, made.id).missing_files == 1
    restore_from(empty, open_target(str(tmp_path / "elsewhere"), empty.settings), made.id)
    assert set(content(empty)) == {"a", "b", "c"}
    assert not list((empty.settings.warehouse / "incoming").iterdir())
