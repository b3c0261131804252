"""The soak with few rounds; and that it would notice what it is there to notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from udb_pipelines_tests.warehouse.proof.judging import judge
from udb_pipelines_tests.warehouse.proof.operations import (
    DropTimeline,
    Expire,
    Export,
    Merge,
    Operation,
    Prune,
    RestoreTo,
    Snapshot,
    Sync,
)
from udb_pipelines_tests.warehouse.proof.worlds import EMPTY, Content, Seen, World

SEED = int(os.environ.get("CRASH_SEED", "20240607"))


@pytest.mark.parametrize(
    ("catalog", "rounds", "kills"), [("sqlite", 64, 36), pytest.param("postgres", 24, 14, marks=pytest.mark.slow)]
)
def test_killed_again_and_again(catalog: str, rounds: int, kills: int) -> None:
    """Kills of a store of each kind. A seed that fails is run by itself: ``make soak SEED=… ROUNDS=64``."""
    command = [sys.executable, "-m", "udb_pipelines_tests.warehouse.proof.soak", "--catalog", catalog]
    command += ["--rounds", str(rounds), "--seed", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.stderr == ""
    tally = json.loads(done.stdout.splitlines()[-1])
    assert tally["failures"] == [], done.stdout
    assert tally["rounds"] == rounds
    assert tally["kills"] >= kills
    assert tally["outcomes"]["killed, absent"] > 0


JOB = Sync(job=2, source="visits", mode="full_refresh_append", first=5, count=2)
BEFORE = Content({"visits": ((1, 1), (2, 1))}, {"visits": 1}, (1,))
AFTER = Content({"visits": ((1, 1), (2, 1), (5, 2), (6, 2))}, {"visits": 2}, (1, 2))


def world() -> World:
    return World(
        timelines={1: {1: EMPTY, 2: BEFORE}, 2: {1: EMPTY, 2: BEFORE}},
        current=2,
        last_timeline=2,
        snapshots={"a": (BEFORE, {2: BEFORE}), "b": (BEFORE, {2: BEFORE})},
    )


def seen(versions: tuple[int, ...] = (1, 2), newest: Content = BEFORE) -> Seen:
    return Seen(2, (1, 2), versions, newest, {(2, 2): BEFORE, (1, 2): BEFORE}, ("a", "b"), (), None)


def test_an_operation_knows_what_it_leaves() -> None:
    assert JOB.after(world()) == AFTER
    upsert = replace(JOB, mode="incremental_upsert", first=1, count=2)
    assert upsert.after(world()).tables["visits"] == ((1, 2),), "2 % 5 is the tombstone of job 2"
    assert replace(JOB, mode="full_refresh_overwrite").after(world()).tables["visits"] == ((5, 2), (6, 2))
    assert replace(JOB, job=1).after(world()) == BEFORE, "it has been committed"


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_whole_commit_is_right(acknowledged: bool) -> None:
    assert judge(world(), JOB, acknowledged, seen((1, 2, 3), AFTER)) == ([], True)
    assert judge(world(), JOB, acknowledged=False, seen=seen()) == ([], False)


HALF = replace(AFTER, tables={"visits": ((1, 1), (2, 1), (5, 2))})
DOUBLED = replace(AFTER, tables={"visits": (*AFTER.tables["visits"], (6, 2))})
OTHER = Content({"visits": ((9, 9),)})


@pytest.mark.parametrize(
    ("operation", "acknowledged", "found"),
    [
        pytest.param(JOB, True, seen(), id="an acknowledged commit is lost"),
        pytest.param(JOB, False, seen((1, 2, 3), HALF), id="a row is missing"),
        pytest.param(JOB, False, seen((1, 2, 3), DOUBLED), id="a row is doubled"),
        pytest.param(JOB, False, seen((1, 2, 3), replace(AFTER, states={"visits": 1})), id="rows without their state"),
        pytest.param(JOB, True, seen((1, 2, 3), replace(AFTER, jobs=(1, 2, 2))), id="a job is in the ledger twice"),
        pytest.param(JOB, True, seen((2, 3), AFTER), id="an old version is gone"),
        pytest.param(JOB, False, replace(seen(), older={(2, 2): OTHER}), id="an old version has changed"),
        pytest.param(JOB, False, replace(seen(), problems=("files: damaged",)), id="the doctor complains"),
        pytest.param(JOB, False, replace(seen(), snapshots=("b",)), id="a snapshot is gone"),
        pytest.param(JOB, False, replace(seen(), timelines=(2,)), id="a timeline is gone"),
        pytest.param(JOB, False, replace(seen(), exported={}), id="an export nobody asked for"),
        pytest.param(Merge("visits"), True, seen((1, 2, 3), HALF), id="a merge loses a row"),
        pytest.param(Expire((1,)), True, seen((1,), EMPTY), id="another version expired"),
        pytest.param(RestoreTo(1), True, seen(), id="an acknowledged restore has done nothing"),
        pytest.param(DropTimeline(1), True, seen(), id="a timeline stays"),
        pytest.param(Snapshot(), True, seen(), id="a snapshot is not listed"),
        pytest.param(Snapshot(), False, replace(seen(), snapshots=("a", "b", "c", "d")), id="two of one"),
        pytest.param(Prune(), True, replace(seen(), snapshots=("a",)), id="the newest snapshot was pruned"),
        pytest.param(Export(), True, replace(seen(), exported={"visits": ((1, 1),)}), id="half an export"),
    ],
)
def test_what_is_wrong_is_noticed(operation: Operation, acknowledged: bool, found: Seen) -> None:
    complaints, _ = judge(world(), operation, acknowledged, found)
    assert complaints
