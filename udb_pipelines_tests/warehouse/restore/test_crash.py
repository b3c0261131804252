"""kill -9 at every step of a restore: the warehouse opens by itself, as it was or as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, check, commit, datasets, query, snapshots
from udb_pipelines.warehouse.restore import drop, restore_from, restore_to
from udb_pipelines.warehouse.targets.folder import FolderTarget
from udb_pipelines_tests.warehouse.restore.crashing import killed
from udb_pipelines_tests.warehouse.restore.oracle import Oracle, content
from udb_pipelines_tests.warehouse.staging import Stager

SWAP = ("restore_locked", "restore_copied", "restore_cut", "restore_begun", "restore_checked", "restore_swapped")
FETCH = ("restore_catalog_fetched", "restore_file_fetched", "restore_files_placed", "restore_swapped")
LOAD = ("restore_schema_made", "restore_tables_made", "restore_table_filled", "restore_loaded")
ALIKE = [pytest.param(step, marks=pytest.mark.slow) for step in SWAP[:-1]]
"""Steps that both kinds of restore have: for snapshots, they are tested in the long run."""


def problems(lake: Lake) -> dict[str, str]:
    found = {item.name: item.detail for item in check(lake, mend=True) if item.status == "fail"}
    return found | {item.name: item.detail for item in check(lake) if item.status != "ok"}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """One warehouse that is killed again and again, and never repaired in between."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("crash") / "home", threads=1, lock_timeout_seconds=120))
    oracle = Oracle(lake, seed=41)
    oracle.grow(5)
    return oracle


@pytest.mark.parametrize("step", SWAP)
def test_back_to_a_version(history: Oracle, step: str) -> None:
    lake, last = history.lake, history.lineage[-1]
    wanted = history.lineage[2]
    before = lake.register().current
    killed(lake.settings.home, step, "to", wanted)
    after = lake.register().current
    assert (after != before) == (step == "restore_swapped")
    expected = wanted if after != before else last
    assert content(lake) == history.versions[expected]
    if after != before:
        history.back_to(wanted, lake.current_version())
    history.grow(1)
    done = restore_to(lake, wanted)
    assert content(lake) == history.versions[wanted]
    history.back_to(wanted, done.version)
    assert content(lake.at(before), last) == history.versions[last]
    assert problems(lake) == {}


@pytest.mark.parametrize("step", [*FETCH, *ALIKE])
def test_a_snapshot_onto_an_empty_machine(tmp_path: Path, step: str) -> None:
    origin = Lake(Settings(home=tmp_path / "origin", threads=1))
    oracle = Oracle(origin, seed=42)
    oracle.grow(3)
    target = FolderTarget(tmp_path / "target")
    made = snapshots.create(origin, target).snapshot
    empty = Lake(Settings(home=tmp_path / "empty", threads=1))
    killed(empty.settings.home, step, "from", tmp_path / "target")
    assert (empty.current_version() > 0) == (step == "restore_swapped")
    if step != "restore_swapped":
        restore_from(empty, target, made.id)
    assert content(empty) == oracle.versions[made.version]
    assert problems(empty) == {}


@pytest.mark.parametrize("step", [*LOAD, *(pytest.param(step, marks=pytest.mark.slow) for step in SWAP[1:])])
def test_a_snapshot_into_a_server(tmp_path: Path, postgres_url: str, step: str) -> None:
    """From an SQLite catalog into an empty PostgreSQL database; half a schema there is nobody's."""
    origin = Lake(Settings(home=tmp_path / "origin", threads=1))
    oracle = Oracle(origin, seed=44)
    oracle.grow(3)
    made = snapshots.create(origin, FolderTarget(tmp_path / "target")).snapshot
    server = Settings(home=tmp_path / "server", threads=1, catalog_url=SecretStr(postgres_url))
    killed(server.home, step, "from", tmp_path / "target", postgres_url)
    lake = Lake(server)
    if step != "restore_swapped":
        assert datasets(lake) == ()
        restore_from(lake, FolderTarget(tmp_path / "target"), made.id)
    assert content(lake) == oracle.versions[made.version]
    assert problems(lake) == {}


@pytest.mark.parametrize("step", ["timeline_forgotten", "timeline_removed"])
def test_a_timeline_that_is_dropped(lake: Lake, step: str) -> None:
    oracle = Oracle(lake, seed=43)
    oracle.grow(4)
    first, second, *_ = oracle.lineage
    restore_to(lake, second)
    killed(lake.settings.home, step, "drop", 1)
    assert [item.number for item in lake.register().timelines] == [2]
    assert content(lake) == oracle.versions[second]
    assert problems(lake) == {}
    assert restore_to(lake, first).timeline == 3
    drop(lake, 2)
    assert content(lake) == oracle.versions[first]


@pytest.mark.parametrize("step", ["locked", "moved", "applied", "committed"])
def test_one_table(lake: Lake, step: str) -> None:
    stage = Stager(lake.settings)
    commit(lake, stage("SELECT 1 AS id"))
    first = lake.current_version()
    commit(lake, stage("SELECT 2 AS id"))
    killed(lake.settings.home, step, "table", first)
    assert query(lake, "FROM shop").rows == ((1 if step == "committed" else 2,),)
    assert problems(lake) == {}
