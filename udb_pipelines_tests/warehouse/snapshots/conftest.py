"""Targets of both kinds, and a lake with some history."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines.warehouse.targets import Target, open_target
from udb_pipelines_tests.objectstore import ObjectServer
from udb_pipelines_tests.warehouse.staging import Stager

UPSERT = {"sync_mode": "incremental_upsert", "primary_key": ("a",)}


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Target:
    return open_target(str(tmp_path / "target"), settings)


@pytest.fixture(params=["folder", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "folder":
        return open_target(str(tmp_path / "target"), Settings(home=tmp_path))
    server: ObjectServer = request.getfixturevalue("object_server")
    return open_target(f"s3://{server.new_bucket()}/udb", Settings(home=tmp_path, **server.options()))


@pytest.fixture
def filled(lake: Lake, stage: Stager) -> Lake:
    fill(lake, stage)
    return lake


def fill(lake: Lake, stage: Stager) -> None:
    """Two versions of a table, the second with rows replaced, so that there are delete files too."""
    commit(lake, stage("SELECT range AS a, 'x' AS b FROM range(100)", **UPSERT))
    commit(lake, stage("SELECT range AS a, 'y' AS b FROM range(50)", **UPSERT))


def fetched(target: Target, snapshot_id: str, lake: Lake, to: Path) -> Lake:
    """The snapshot as a lake of its own, with nothing from the warehouse: what a restore does, by hand."""
    from udb_pipelines.warehouse import snapshots

    found = snapshots.find(target, snapshot_id)
    to.mkdir()
    snapshots.fetch_catalog(target, found, to / "lake.sqlite")
    for file in found.files:
        (to / file.path).parent.mkdir(parents=True, exist_ok=True)
        target.get(file.path, to / file.path)
    return snapshots.lake_on(lake, to / "lake.sqlite", to / "files")
