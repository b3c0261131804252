"""Killed at every step, a snapshot or a pruning leaves a target that can be used, and the next one cleans up."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from udb_pipelines.warehouse import Lake, commit, query, snapshots
from udb_pipelines.warehouse.targets import Target, open_target
from udb_pipelines_tests.objectstore import ObjectServer
from udb_pipelines_tests.warehouse.snapshots.conftest import fetched
from udb_pipelines_tests.warehouse.staging import Stager

CREATE_STEPS = (
    "snapshot claimed",
    "snapshot file stored",
    "snapshot files stored",
    "snapshot catalog stored",
    "snapshot manifest stored",
)
PRUNE_STEPS = ("prune manifests removed", "prune files removed")


def killed(lake: Lake, target: Target, what: str, *more: str) -> None:
    command = [sys.executable, "-m", "udb_pipelines_tests.warehouse.snapshots.crashing"]
    ended = subprocess.run([*command, lake.settings.home, target.address, what, *more], check=False, timeout=400)
    assert ended.returncode == -signal.SIGKILL


def only_what_is_needed(target: Target) -> None:
    """No claim, no draft, no catalog without a manifest."""
    found = snapshots.list_snapshots(target, ("snapshot", "copy"))
    expected = {file.path for item in found for file in (*item.files, item.catalog)}
    own = {
        key for key in (entry.key for entry in target.list()) if not key.endswith(("manifest.json", "udb-target.json"))
    }
    assert own == expected
    for item in found:
        assert snapshots.verify(target, item.id) == ()


@pytest.mark.parametrize("step", CREATE_STEPS)
def test_a_snapshot_that_is_killed(filled: Lake, stage: Stager, folder: Target, tmp_path: Path, step: str) -> None:
    first = snapshots.create(filled, folder).snapshot
    commit(filled, stage("SELECT 1 AS a, 'z' AS b"))
    killed(filled, folder, "create", step)
    assert snapshots.verify(folder, first.id) == ()
    listed = snapshots.list_snapshots(folder)
    assert len(listed) == (2 if step == "snapshot manifest stored" else 1)
    made = snapshots.create(filled, folder)
    only_what_is_needed(folder)
    assert not list((tmp_path / "target" / ".incoming").iterdir())
    copy = fetched(folder, made.snapshot.id, filled, tmp_path / "elsewhere")
    assert query(copy, "FROM shop").rows == ((1, "z"),)


@pytest.mark.parametrize("step", PRUNE_STEPS)
def test_a_pruning_that_is_killed(filled: Lake, stage: Stager, folder: Target, step: str) -> None:
    snapshots.create(filled, folder)
    folder.write("files/main/shop/unneeded.parquet", b"x")
    commit(filled, stage("SELECT 1 AS a, 'z' AS b"))
    newest = snapshots.create(filled, folder).snapshot
    killed(filled, folder, "prune", step)
    assert [item.id for item in snapshots.list_snapshots(folder)] == [newest.id]
    assert snapshots.verify(folder, newest.id) == ()
    snapshots.prune(folder, 1, wait_seconds=5, now=datetime.now(UTC) + timedelta(days=10))
    only_what_is_needed(folder)


@pytest.mark.parametrize("step", ["snapshot files stored", "snapshot catalog stored"])
def test_killed_while_writing_to_an_object_store(
    filled: Lake, object_server: ObjectServer, tmp_path: Path, step: str
) -> None:
    settings = filled.settings.model_copy(update=object_server.options())
    target = open_target(f"s3://{object_server.new_bucket()}/udb", settings)
    killed(filled, target, "create", step, object_server.endpoint)
    assert snapshots.list_snapshots(target) == ()
    made = snapshots.create(filled, target)
    assert made.copied_files == 0
    only_what_is_needed(target)
    assert fetched(target, made.snapshot.id, filled, tmp_path / "elsewhere").current_version() == 3
