"""Damage stops a restore before anything has changed, and says what, since when, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, query
from udb_pipelines.warehouse.restore import examine, restore_table, restore_to
from udb_pipelines_tests.warehouse.staging import Stager


def damaged(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "missing":
        file.unlink()
    elif how == "truncated":
        file.write_bytes(content[:-7])
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content)


def files_of(lake: Lake, table: str) -> set[Path]:
    return set((lake.catalog.files / "main" / table).iterdir())


@pytest.mark.parametrize(
    ("how", "told"), [("missing", "is missing"), ("truncated", "bytes, not"), ("altered", "was altered")]
)
def test_a_data_file(any_lake: Lake, stage: Stager, how: str, told: str) -> None:
    commit(any_lake, stage("SELECT range AS id FROM range(9)", source="other"))
    commit(any_lake, stage("SELECT range AS id FROM range(90)"))
    before = any_lake.current_version()
    old = files_of(any_lake, "shop")
    commit(any_lake, stage("SELECT range AS id FROM range(50)"))
    middle = any_lake.current_version()
    (file,) = files_of(any_lake, "shop") - old
    commit(any_lake, stage("SELECT range AS id FROM range(30)"))
    last = any_lake.current_version()
    damaged(file, how)
    found = examine(any_lake)
    assert [(item.table, item.first_version, item.last_version) for item in found.damages] == [("shop", middle, middle)]
    assert found.newest_whole == last
    with pytest.raises(UdbError) as refused:
        restore_to(any_lake, middle)
    assert refused.value.code == "E_RESTORE"
    assert f"version {middle} of timeline 1 is damaged: shop: {file.name} " in refused.value.message
    assert told in refused.value.message
    assert f"udb restore to {last}" in refused.value.remedy
    assert "--salvage restores without the damaged tables, that is with other" in refused.value.remedy
    with pytest.raises(UdbError, match="is damaged"):
        restore_table(any_lake, "shop", middle)
    assert any_lake.register().current == 1
    assert restore_to(any_lake, before).timeline == 2, "a version that does not need the file is whole"
    saved = restore_to(any_lake, middle, salvage=True)
    assert (saved.lost, saved.run_again) == (("shop",), ("shop",))
    assert [info.dataset for info in saved.tables] == ["other"]
    assert query(any_lake, "SELECT count(*) FROM other").rows == ((9,),)
    # The source starts from nothing and loads again.
    commit(any_lake, stage("SELECT 1 AS id"))
    assert query(any_lake, "FROM shop").rows == ((1,),)


def test_a_list_of_deleted_rows(lake: Lake, stage: Stager) -> None:
    """Damaged without a checksum, it would bring deleted rows back."""
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("id",)}
    commit(lake, stage("SELECT range AS id, 1 AS n FROM range(100)", **upsert))
    commit(lake, stage("SELECT range AS id, 2 AS n FROM range(50)", **upsert))
    version = lake.current_version()
    (file,) = (item for item in files_of(lake, "shop") if "delete" in item.name)
    damaged(file, "altered")
    with pytest.raises(UdbError, match=r"delete\.parquet was altered") as refused:
        restore_to(lake, version)
    assert f"udb restore to {version - 1}" in refused.value.remedy


def test_the_catalog(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    for part in lake.settings.warehouse.glob("lake.sqlite*"):
        part.write_bytes(b"no database at all " * 300)
    with pytest.raises(UdbError) as refused:
        restore_to(lake, 2)
    assert refused.value.code in {"E_RESTORE", "E_WAREHOUSE"}
    assert not (lake.settings.warehouse / "timelines.json").exists()


def test_a_damaged_register_is_told_and_not_guessed(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    restore_to(lake, 2)
    (lake.settings.warehouse / "timelines.json").write_text("{")
    with pytest.raises(UdbError, match=r"register of timelines .* is damaged"):
        query(lake, "FROM shop")
