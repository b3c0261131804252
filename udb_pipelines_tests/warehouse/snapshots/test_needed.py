"""What stays in a target whatever its age: what a legal hold or a timeline needs. And whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.holds import HoldRegistry, needed_of
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold
from udb_pipelines.warehouse import Lake, commit, drop_source, maintenance, query, snapshots
from udb_pipelines.warehouse.restore import restore_from, restore_to
from udb_pipelines.warehouse.snapshots import making
from udb_pipelines.warehouse.targets import Target
from udb_pipelines_tests.warehouse.snapshots.conftest import fetched
from udb_pipelines_tests.warehouse.staging import Stager

LATER = datetime.now(UTC) + timedelta(days=100)


class Ahead(datetime):
    """A clock that runs a year ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Ahead:
        return super().now(tz) + timedelta(days=365)


def hold(settings: Settings, name: str) -> None:
    HoldRegistry(settings).add(Hold(name=name, created_at=datetime.now(UTC)))


def listed(target: Target) -> list[str]:
    return [item.id for item in snapshots.list_snapshots(target)]


def test_versions_that_only_an_old_snapshot_has_stay_while_they_are_held(
    lake: Lake, stage: Stager, folder: Target, tmp_path: Path
) -> None:
    """The hold comes after the warehouse has let the versions go."""
    commit(lake, stage("SELECT 'evidence' AS a"))
    evidence = lake.current_version()
    commit(lake, stage("SELECT 'second' AS a"))
    first = snapshots.create(lake, folder).snapshot
    maintenance.expire(lake, [evidence])
    again = snapshots.create(lake, folder).snapshot
    commit(lake, stage("SELECT 'third' AS a"))
    commit(lake, stage("SELECT 1 AS a", source="other"))
    newest = snapshots.create(lake, folder).snapshot

    hold(lake.settings, "shop")
    planned = snapshots.prune(folder, 30, needed_of(lake), dry_run=True, now=LATER)
    assert (planned.snapshots, planned.kept) == ((again.id,), (first.id,))
    snapshots.prune(folder, 30, needed_of(lake), now=LATER)
    assert listed(folder) == [newest.id, first.id]
    copy = fetched(folder, first.id, lake, tmp_path / "elsewhere")
    assert query(copy, "FROM shop", as_of=evidence).rows == (("evidence",),)

    HoldRegistry(lake.settings).remove("shop")
    assert snapshots.prune(folder, 30, needed_of(lake), now=LATER).snapshots == (first.id,)


def test_a_hold_on_something_else_keeps_nothing(lake: Lake, stage: Stager, folder: Target) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    old = snapshots.create(lake, folder).snapshot
    commit(lake, stage("SELECT 1 AS a", source="shopping"))
    snapshots.create(lake, folder)
    hold(lake.settings, "shopping")
    assert snapshots.prune(folder, 30, needed_of(lake), now=LATER).snapshots == (old.id,)


def test_a_dataset_that_was_dropped_is_held_in_the_snapshots_that_have_its_files(
    lake: Lake, stage: Stager, folder: Target
) -> None:
    commit(lake, stage("SELECT 1 AS a"))
    commit(lake, stage("SELECT 1 AS a", source="other"))
    drop_source(lake, "shop", "drop")
    with_files = snapshots.create(lake, folder).snapshot
    commit(lake, stage("SELECT 2 AS a", source="other"))
    snapshots.create(lake, folder)
    hold(lake.settings, "shop")
    assert snapshots.prune(folder, 30, needed_of(lake), now=LATER).kept == (with_files.id,)


def test_each_timeline_can_be_restored_after_a_loss_of_the_machine(
    lake: Lake, stage: Stager, folder: Target, tmp_path: Path
) -> None:
    commit(lake, stage("SELECT 'kept' AS a"))
    good = lake.current_version()
    commit(lake, stage("SELECT 'left behind' AS a"))
    before = snapshots.copy(lake, folder).snapshot
    restore_to(lake, good)
    for number in range(5):
        commit(lake, stage(f"SELECT 'now {number}' AS a"))
        snapshots.copy(lake, folder)
    assert before.id in snapshots.prune(folder, 1, now=LATER, dry_run=True).copies, "by age and number it would go"
    pruned = snapshots.prune(folder, 1, needed_of(lake), now=LATER)
    assert (before.id in pruned.copies, pruned.kept) == (False, (before.id,))
    empty = Lake(Settings(home=tmp_path / "new machine"))
    restore_from(empty, folder, before.id)
    assert query(empty, "FROM shop").rows == (("left behind",),)


def test_without_the_control_database_nothing_is_pruned(settings: Settings, filled: Lake, folder: Target) -> None:
    snapshots.create(filled, folder)
    (settings.home / "control.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(UdbError) as caught:
        needed_of(filled)
    assert caught.value.code == "E_CONTROL"


def test_the_newest_is_the_newest_though_the_clock_went_back(
    filled: Lake, stage: Stager, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that was a year ahead, and was set right: what is made then must not count as old."""

    with monkeypatch.context() as wrong:
        wrong.setattr(making, "datetime", Ahead)
        ahead = snapshots.create(filled, target).snapshot
    commit(filled, stage("SELECT 1 AS a, 'new' AS b"))
    right = snapshots.create(filled, target).snapshot
    commit(filled, stage("SELECT 2 AS a, 'newer' AS b"))
    between = snapshots.copy(filled, target).snapshot
    assert ahead.created_at > right.created_at
    assert listed(target) == [right.id, ahead.id]
    newest = snapshots.newest(target)
    assert newest is not None and newest.id == between.id
    pruned = snapshots.prune(target, 1, now=datetime.now(UTC) + timedelta(days=400))
    assert pruned.snapshots == (ahead.id,)
    assert listed(target) == [right.id]
