"""Back to a version or a time: equal to the oracle, on both kinds of catalog; nothing is lost on the way."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import StagedSync
from udb_pipelines.warehouse import Lake, check, commit, last_sync, query, steps
from udb_pipelines.warehouse.lock import WriterLock
from udb_pipelines.warehouse.restore import drop, plan, plan_drop, points, restore_to
from udb_pipelines_tests.warehouse.restore.oracle import Oracle, content
from udb_pipelines_tests.warehouse.staging import Stager


def go_back_and_forth(lake: Lake, commits: int, restores: int) -> None:
    oracle = Oracle(lake, seed=20261121)
    oracle.grow(commits)
    chance = random.Random(7)
    for number in range(restores):
        version = chance.choice(sorted(oracle.versions))
        # Every other time by time, in the current timeline; by number, wherever the version is.
        wanted = oracle.times[version] if number % 2 and version in oracle.lineage else version
        target = version if wanted == version else oracle.at(oracle.times[version])
        done = restore_to(lake, wanted)
        assert content(lake) == oracle.versions[target], f"restore {number} to {wanted}"
        oracle.back_to(target, done.version)
        oracle.grow(1)
        assert content(lake) == oracle.versions[max(oracle.versions)]
    # Every timeline still has all it ever had.
    for version in chance.sample(sorted(oracle.versions), 8):
        assert content(lake.at(holder(lake, version)), version) == oracle.versions[version]
    assert {item.name: item.detail for item in check(lake) if item.status != "ok"} == {}


def holder(lake: Lake, version: int) -> int:
    return next(
        item.number
        for item in lake.register().timelines
        if version in {point.version for point in points(lake.at(item.number))}
    )


def test_random_times_equal_the_oracle(any_lake: Lake) -> None:
    go_back_and_forth(any_lake, commits=8, restores=3)


@pytest.mark.slow
def test_twenty_random_times_equal_the_oracle(any_lake: Lake) -> None:
    go_back_and_forth(any_lake, commits=20, restores=20)


def test_a_plan_changes_nothing_and_says_what_would_be_left_behind(lake: Lake) -> None:
    oracle = Oracle(lake, seed=1)
    oracle.grow(4)
    versions = sorted(oracle.versions)
    planned = plan(lake, versions[1])
    assert (planned.point.version, planned.timeline, planned.left_behind) == (versions[1], 2, 2)
    assert {table.dataset: table.rows_total for table in planned.tables} == {
        name: rows.total() for name, rows in oracle.versions[versions[1]].items()
    }
    assert lake.register().current == 1
    assert content(lake) == oracle.versions[versions[-1]]


def test_what_came_after_stays_on_the_old_timeline(any_lake: Lake) -> None:
    oracle = Oracle(any_lake, seed=2)
    oracle.grow(5)
    first, *_, last = sorted(oracle.versions)
    done = restore_to(any_lake, first)
    assert done.version == last + 1, "numbers go on above those of the timeline left"
    with pytest.raises(UdbError) as refused, any_lake.reader(last):
        pass
    assert refused.value.code == "E_VERSION"
    assert content(any_lake.at(1)) == oracle.versions[last]
    # And back again, by the number alone: it knows its timeline.
    again = restore_to(any_lake, last)
    assert (again.timeline, again.version) == (3, last + 2)
    assert content(any_lake) == oracle.versions[last]


def test_wrong_aims_are_refused_with_what_there_is(lake: Lake) -> None:
    with pytest.raises(UdbError, match="holds nothing"):
        restore_to(lake, 3)
    Oracle(lake, seed=3).grow(2)
    for wanted in (99, datetime(2020, 1, 1, tzinfo=UTC)):
        with pytest.raises(UdbError, match=r"it goes from version 1 \(.*\) to version 3") as refused:
            restore_to(lake, wanted)
        assert refused.value.code == "E_VERSION"
    with pytest.raises(UdbError, match="there is no timeline 4; there are: 1") as unknown:
        restore_to(lake, 2, timeline=4)
    assert unknown.value.code == "E_TIMELINE"
    with pytest.raises(UdbError, match="can only be read") as closed, lake.at(1).writer():
        pass
    assert closed.value.code == "E_TIMELINE"


def test_a_writer_that_was_opened_before_the_swap_commits_after_it(any_lake: Lake, stage: Stager) -> None:
    """Its plan was made on the old timeline; it is made anew, and nothing it writes is lost."""
    commit(any_lake, stage("SELECT 1 AS id", sync_mode="full_refresh_append"))
    commit(any_lake, stage("SELECT 2 AS id", sync_mode="full_refresh_append"))
    first = any_lake.current_version() - 1
    staged = stage("SELECT 3 AS id", sync_mode="full_refresh_append")
    with any_lake.writer() as connection:
        restore_to(any_lake, first)
        assert any_lake.follow(connection), "the writer was on the timeline left"
        assert not any_lake.follow(connection)
    commit(any_lake, staged)
    assert sorted(query(any_lake, "SELECT id FROM shop").rows) == [(1,), (3,)]
    assert sorted(query(any_lake.at(1), "SELECT id FROM shop").rows) == [(1,), (2,)]


def test_a_commit_under_way_on_another_machine_lands_on_the_new_timeline(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock of the operating system spans machines: the database keeps the commit from the timeline left."""
    settings = Settings(home=tmp_path / "home", catalog_url=SecretStr(postgres_url), threads=1)
    here, there = Lake(settings), Lake(settings)
    there.lock = WriterLock(tmp_path / "lock of the other machine", 20)
    stage = Stager(settings)
    commit(here, stage("SELECT 1 AS id", sync_mode="full_refresh_append"))
    first = here.current_version()
    commit(here, stage("SELECT 2 AS id", sync_mode="full_refresh_append"))
    restored: list[int] = []

    def reached(step: str) -> None:
        if step == "recorded" and not restored:
            restored.append(0)  # once: the restore commits too
            restored[0] = restore_to(here, first).timeline

    monkeypatch.setattr(steps, "reached", reached)
    result = commit(there, stage("SELECT 3 AS id", sync_mode="full_refresh_append"))
    assert restored == [2]
    assert result.version > first
    assert sorted(query(here, "SELECT id FROM shop").rows) == [(1,), (3,)]
    assert sorted(query(here.at(1), "SELECT id FROM shop").rows) == [(1,), (2,)]


def test_a_job_that_went_on_from_a_state_that_is_gone_is_refused(any_lake: Lake, stage: Stager) -> None:
    """It read what is new since the second load; on the restored warehouse, the second load would be missing."""
    append = {"sync_mode": "incremental_append"}
    commit(any_lake, stage("SELECT 1 AS id", **append))
    first = any_lake.current_version()
    commit(any_lake, stage("SELECT 2 AS id", **append))
    going_on = stage("SELECT 3 AS id", **append).model_copy(update={"timeline": 1})
    unchanged = last_sync(any_lake, "shop")
    restore_to(any_lake, first)
    with pytest.raises(UdbError, match="was restored to another version while the job") as refused:
        commit(any_lake, going_on)
    assert refused.value.code == "E_RESTORED"
    nothing_new = StagedSync(job_id="j", source="shop", fingerprint=unchanged.fingerprint, datasets=())
    with pytest.raises(UdbError, match="was restored"):
        commit(any_lake, nothing_new)
    assert query(any_lake, "FROM shop").rows == ((1,),)
    commit(any_lake, stage("SELECT 2 AS id", **append).model_copy(update={"timeline": 2}))
    assert sorted(query(any_lake, "FROM shop").rows) == [(1,), (2,)]


def read_twice(lake: Lake) -> None:
    with lake.reader() as connection:
        batches = "SELECT batch, count(*) FROM shop GROUP BY ALL ORDER BY ALL"
        seen = connection.execute(batches).fetchall()
        assert seen == connection.execute(batches).fetchall()
    assert all(count == 5 for batch, count in seen if batch), "a commit is there whole or not at all"


def guarded(work: Callable[[], None], failures: list[BaseException]) -> None:
    try:
        work()
    except BaseException as error:
        failures.append(error)


def test_writers_and_readers_at_work_during_swaps(any_lake: Lake, stage: Stager) -> None:
    """Every acknowledged row is on the timeline that was current, and a reader sees one version from begin to end."""
    commit(any_lake, stage("SELECT 0 AS id, 0 AS batch", sync_mode="full_refresh_append"))
    start = any_lake.current_version()
    acknowledged: list[int] = []
    failures: list[BaseException] = []
    ended = threading.Event()

    def write() -> None:
        for number in range(1, 7):
            rows = f"SELECT range AS id, {number} AS batch FROM range(5)"
            commit(any_lake, stage(rows, sync_mode="full_refresh_append", job_id=f"w{number}"))
            acknowledged.append(number)

    def read() -> None:
        while not ended.is_set():
            read_twice(any_lake)

    threads = [threading.Thread(target=guarded, args=(work, failures)) for work in (write, read)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        restore_to(any_lake, start)
    threads[0].join()
    ended.set()
    for thread in threads[1:]:
        thread.join()
    assert not failures, failures
    seen: set[int] = set()
    for timeline in any_lake.register().timelines:
        seen |= {batch for (batch,) in query(any_lake.at(timeline.number), "SELECT DISTINCT batch FROM shop").rows}
    assert seen == {0, *acknowledged}, "what was acknowledged is on one timeline or the other"
    assert len(acknowledged) == 6


def test_a_column_that_took_a_wider_type_later_is_narrow_again(any_lake: Lake, stage: Stager) -> None:
    """Bounds that the catalog keeps per column must be bounds of the old type again, or queries go wrong."""
    append = {"sync_mode": "full_refresh_append"}
    commit(any_lake, stage("SELECT 7::INTEGER AS id, DATE '2026-01-02' AS day", **append))
    first = any_lake.current_version()
    commit(any_lake, stage("SELECT 9000000000 AS id, TIMESTAMP '2026-03-04 05:06:07' AS day", **append))
    restore_to(any_lake, first)
    commit(any_lake, stage("SELECT 300::INTEGER AS id, DATE '2025-01-02' AS day", **append))
    answer = query(any_lake, "SELECT id, day::VARCHAR, count(*) FROM shop WHERE id < 1000 GROUP BY ALL ORDER BY ALL")
    assert answer.rows == ((7, "2026-01-02", 1), (300, "2025-01-02", 1))
    assert query(any_lake, "SELECT min(id), max(day)::VARCHAR FROM shop").rows == ((7, "2026-01-02"),)
    with any_lake.reader() as connection:
        assert [row[1] for row in connection.execute("DESCRIBE shop").fetchall()] == ["INTEGER", "DATE"]


def test_a_dropped_timeline_takes_only_its_own_files_with_it(any_lake: Lake) -> None:
    oracle = Oracle(any_lake, seed=5)
    oracle.grow(6)
    versions = sorted(oracle.versions)
    restore_to(any_lake, versions[2])
    with pytest.raises(UdbError, match="current one") as refused:
        drop(any_lake, 2)
    assert refused.value.code == "E_TIMELINE"
    planned = plan_drop(any_lake, 1)
    assert {point.version for point in planned.versions} == set(versions[3:])
    assert all(path.exists() for path in planned.files)
    drop(any_lake, 1)
    assert not any(path.exists() for path in planned.files)
    assert [item.number for item in any_lake.register().timelines] == [2]
    assert content(any_lake) == oracle.versions[versions[2]]
    assert content(any_lake, versions[0]) == oracle.versions[versions[0]]
    oracle.grow(1)
    assert restore_to(any_lake, versions[0]).timeline == 3
    assert {item.name: item.detail for item in check(any_lake) if item.status != "ok"} == {}
