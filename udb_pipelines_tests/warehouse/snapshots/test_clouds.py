"""A whole life of snapshots in the stores of Google and Azure: made, added to, verified, restored, pruned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, commit, query, snapshots
from udb_pipelines.warehouse.restore import restore_from
from udb_pipelines.warehouse.restore.drill import drill
from udb_pipelines.warehouse.targets import open_target
from udb_pipelines_tests.clouds import Cloud
from udb_pipelines_tests.warehouse.snapshots.conftest import UPSERT
from udb_pipelines_tests.warehouse.staging import Stager


@pytest.mark.parametrize("server", ["gcs_server", "azure_server"])
def test_from_the_first_copy_to_an_empty_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, filled: Lake, stage: Stager, tmp_path: Path,
    server: str,
) -> None:  # fmt: skip
    cloud: Cloud = request.getfixturevalue(server)
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    address = f"{cloud.new_address()}/udb"
    lake = Lake(filled.settings.model_copy(update={"snapshot_target": address}))
    target = open_target(address, lake.settings)
    old = snapshots.create(lake, target).snapshot
    commit(lake, stage("SELECT 200 AS a, 'new' AS b", **UPSERT))
    assert snapshots.copy_if_due(lake).status == "copied"
    made = snapshots.create(lake, target)
    assert made.copied_files == 0, "the copy has brought them already"
    assert snapshots.verify(target, made.snapshot.id) == ()
    assert drill(lake, target).passed
    pruned = snapshots.prune(target, 1, now=datetime.now(UTC) + timedelta(days=2))
    assert pruned.snapshots == (old.id,)
    machine = Lake(Settings(home=tmp_path / "new machine", snapshot_target=address))
    restore_from(machine, target, made.snapshot.id)
    assert query(machine, "FROM shop ORDER BY ALL").rows == query(lake, "FROM shop ORDER BY ALL").rows
