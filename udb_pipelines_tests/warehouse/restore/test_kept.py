"""What nothing may remove: versions that somebody reads, what is under a legal hold. And what is told of salvage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold
from udb_pipelines.warehouse import Lake, commit, drop_source, query, retention
from udb_pipelines.warehouse.restore import drop, restore_to
from udb_pipelines_tests.warehouse.staging import Stager

LATER = datetime.now(UTC) + timedelta(days=400)


def test_a_timeline_that_is_read_is_not_dropped(any_lake: Lake) -> None:
    stage = Stager(any_lake.settings)
    commit(any_lake, stage("SELECT 1 AS id"))
    first = any_lake.current_version()
    commit(any_lake, stage("SELECT 2 AS id"))
    restore_to(any_lake, first)
    with any_lake.at(1).reader() as reader:
        with pytest.raises(UdbError, match="timeline 1 is being read") as refused:
            drop(any_lake, 1)
        assert refused.value.code == "E_TIMELINE"
        assert reader.execute("FROM lake.main.shop").fetchall() == [(2,)]
    drop(any_lake, 1)
    assert query(any_lake, "FROM shop").rows == ((1,),)


def test_a_held_version_keeps_its_timeline(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    first = lake.current_version()
    commit(lake, stage("SELECT 2 AS id"))
    restore_to(lake, first)
    with pytest.raises(UdbError, match="legal hold") as refused:
        drop(lake, 1, frozenset({"shop"}))
    assert refused.value.code == "E_HOLD"
    assert query(lake.at(1), "FROM shop").rows == ((2,),)
    drop(lake, 1, frozenset({"other"}))


def test_a_source_that_is_removed_with_its_data_stays_as_long_as_it_is_held(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT 1 AS id"))
    version = lake.current_version()
    drop_source(lake, "shop", "job")
    commit(lake, stage("SELECT 2 AS id", source="other"))
    hold = Hold(name="shop", reason="case", created_at=datetime.now(UTC))

    def clean(*holds: Hold) -> None:
        rules = retention.Rules(holds=holds)
        for _ in range(2):
            retention.apply(lake, retention.plan(lake.settings, lake, rules, LATER, used_pct=0))

    clean(hold)
    assert query(lake, "FROM shop", version).rows == ((1,),)
    clean()
    with pytest.raises(UdbError, match="no version"):
        query(lake, "FROM shop", version)


def test_salvage_tells_which_tables_the_next_run_loads_although_they_came_back(lake: Lake, stage: Stager) -> None:
    staged = stage("SELECT 1 AS id", dataset="shop__orders")
    items = stage.dataset(staged.job_id, "SELECT 2 AS id", dataset="shop__items")
    commit(lake, staged.model_copy(update={"datasets": (*staged.datasets, items)}))
    next((lake.catalog.files / "main" / "shop__orders").iterdir()).unlink()
    done = restore_to(lake, lake.current_version(), salvage=True)
    assert (done.lost, done.run_again, done.loaded_again) == (("shop__orders",), ("shop",), ("shop__items",))
