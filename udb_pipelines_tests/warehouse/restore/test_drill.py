"""The drill proves a restore, tells a snapshot that is not what it was, and leaves nothing behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines.orchestration.drill import recency
from udb_pipelines.orchestration.jobs import DRILL_JOB
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.warehouse import Lake, commit, snapshots
from udb_pipelines.warehouse.restore.drill import METRIC, drill, last_drills
from udb_pipelines.warehouse.targets.folder import FolderTarget
from udb_pipelines_tests.warehouse.restore.oracle import Oracle, content
from udb_pipelines_tests.warehouse.staging import Stager


def test_a_whole_snapshot_is_verified_and_the_scratch_is_gone(any_lake: Lake, tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "target")
    with pytest.raises(UdbError, match="no snapshot") as nothing:
        drill(any_lake, target)
    assert nothing.value.code == "E_SNAPSHOT"
    oracle = Oracle(any_lake, seed=31)
    oracle.grow(4)
    snapshots.create(any_lake, target)
    done = drill(any_lake, target)
    assert done.passed
    assert done.compared == done.tables == len(oracle.tables)
    assert done.rows == sum(map(len, oracle.tables.values()))
    assert last_drills(any_lake.settings).timestamp == done.done_at.timestamp()
    assert not list(any_lake.settings.staging.glob("drill-*"))
    assert content(any_lake) == oracle.versions[max(oracle.versions)], "the warehouse is not touched"
    assert any_lake.register().current == 1


def test_rows_that_are_not_those_recorded_are_told(lake: Lake, stage: Stager, tmp_path: Path) -> None:
    """The files are as the manifest says; but the manifest recorded other rows."""
    target = FolderTarget(tmp_path / "target")
    commit(lake, stage("SELECT range AS id FROM range(9)"))
    snapshot = snapshots.create(lake, target).snapshot
    good = drill(lake, target)
    manifest = tmp_path / "target" / "snapshots" / snapshot.id / "manifest.json"
    facts = json.loads(manifest.read_text())
    facts["tables"][0]["checksum"] += "1"
    manifest.unlink()
    manifest.write_text(json.dumps(facts))
    bad = drill(lake, target)
    assert bad.problems == ("the rows of shop are not those that the snapshot recorded",)
    known = last_drills(lake.settings)
    assert (known.last, known.verified) == (bad, good), "the last good one is remembered"


def test_as_an_asset_with_its_checks(lake: Lake, stage: Stager) -> None:
    udb = Udb(lake.settings)
    now = datetime.now(UTC)
    assert recency(udb, now).passed, "an empty warehouse needs no drill"
    commit(lake, stage("SELECT range AS id FROM range(9)"))
    assert not recency(udb, now).passed
    snapshots.create(lake, FolderTarget(Path(lake.settings.snapshots)))
    with dg.DagsterInstance.ephemeral() as instance:
        result = build_defs(lake.settings).resolve_job_def(DRILL_JOB).execute_in_process(instance=instance)
    checked = {item.check_name: item.passed for item in result.get_asset_check_evaluations()}
    assert checked == {"restored": True, "recent": True}
    (made,) = result.asset_materializations_for_node("restore_drill")
    stamp = last_drills(lake.settings).timestamp
    assert made.metadata[METRIC].value == stamp
    assert made.metadata["last verified restore"].value == stamp
    assert recency(udb, now).passed
    assert not recency(udb, now + timedelta(days=9)).passed
