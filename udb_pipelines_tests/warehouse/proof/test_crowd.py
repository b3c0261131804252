"""Eight writers and sixteen readers for some seconds; and that the comparison would notice what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from udb_pipelines_tests.warehouse.proof.children import Ended
from udb_pipelines_tests.warehouse.proof.crowd import Noted, contents, verdict

FIRST = (2, "t", "full_refresh_overwrite", [(1, 7), (2, 7)])
SECOND = (3, "t", "incremental_upsert", [(2, 8), (3, 8)])


def test_no_error_no_lost_update_and_every_read_a_version_that_existed() -> None:
    command = [sys.executable, "-m", "udb_pipelines_tests.warehouse.proof.crowd", "--seconds", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["fewest commits of a writer"] >= 1
    assert found["most turns of a commit"] == 1, "nobody had to queue twice"
    assert found["reads"] > found["versions read"] > 1


def told(*seen: tuple[int, str], notes: tuple[object, ...] = (FIRST, SECOND)) -> list[Ended]:
    one = Ended(killed=False, seconds=1, answer={"notes": notes, "waits": [1.0], "turns": [1]})
    return [one, Ended(killed=False, seconds=1, answer={"seen": seen, "times": [0.1]})]


@pytest.fixture
def expected() -> dict[int, str]:
    return contents(Noted(version, table, mode, tuple(rows)) for version, table, mode, rows in (FIRST, SECOND))


def test_what_is_right_passes(expected: dict[int, str]) -> None:
    assert verdict(told(*expected.items()), (3, expected[3]))["failures"] == []


def test_what_is_wrong_is_noticed(expected: dict[int, str]) -> None:
    assert verdict(told((3, expected[2])), None)["failures"], "an older version under a newer number"
    assert verdict(told((4, expected[3])), None)["failures"], "a version that nobody committed"
    assert verdict(told(), (2, expected[2]))["failures"], "the last update is lost"
    assert verdict(told(notes=(FIRST, FIRST)), None)["failures"], "two commits, one version"
    assert verdict([Ended(killed=False, seconds=1, error="E_LOCK_TIMEOUT")], None)["failures"]
