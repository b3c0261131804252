"""Snapshots, copies, prunings and commits at once: every snapshot that is listed is whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, query, snapshots
from udb_pipelines.warehouse.snapshots import claims
from udb_pipelines.warehouse.targets import Target
from udb_pipelines_tests.warehouse.snapshots.conftest import UPSERT, fetched, fill
from udb_pipelines_tests.warehouse.staging import Stager


def test_all_at_once(any_lake: Lake, folder: Target, tmp_path: Path) -> None:
    """Each commit adds one row, so that a consistent snapshot of version n has n + 97 of them."""
    stage = Stager(any_lake.settings)
    fill(any_lake, stage)

    def write() -> None:
        for number in range(200, 204):
            commit(any_lake, stage(f"SELECT {number} AS a, 'new' AS b", **UPSERT))

    def make(kind: str) -> None:
        for _ in range(2):
            (snapshots.create if kind == "snapshot" else snapshots.copy)(any_lake, folder)

    def prune() -> None:
        for _ in range(2):
            snapshots.prune(folder, 1, wait_seconds=60, now=datetime.now(UTC) + timedelta(days=2))

    with ThreadPoolExecutor() as pool:
        work = [pool.submit(write), pool.submit(make, "snapshot"), pool.submit(make, "copy"), pool.submit(prune)]
        for done in work:
            done.result()
    found = snapshots.list_snapshots(folder, ("snapshot", "copy"))
    assert found
    for number, item in enumerate(found):
        assert snapshots.verify(folder, item.id) == ()
        copy = fetched(folder, item.id, any_lake, tmp_path / f"copy {number}")
        assert query(copy, "SELECT count(*) FROM shop").rows == ((item.version + 97,),)
    assert not list(folder.list("claims/"))


def test_nothing_is_pruned_under_somebody_at_work(filled: Lake, folder: Target) -> None:
    snapshots.create(filled, folder)
    folder.write("files/main/shop/about to be needed.parquet", b"x")
    with claims.claimed(folder, "add", "somebody", 1), pytest.raises(UdbError, match="snapshot being made") as caught:
        snapshots.prune(folder, 1)
    assert caught.value.code == "E_LOCK_TIMEOUT"
    with snapshots.reading(folder, "restore", 1), pytest.raises(UdbError, match="a restore"):
        snapshots.prune(folder, 1)
    with claims.claimed(folder, "remove", "somebody", 1), pytest.raises(UdbError, match="a pruning"):
        snapshots.create(Lake(filled.settings.model_copy(update={"lock_timeout_seconds": 0.1})), folder)
    assert snapshots.prune(folder, 1).files == 1
