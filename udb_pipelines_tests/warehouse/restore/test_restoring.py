"""Back to a version or a time: equal to the oracle, on both kinds of catalog; nothing is lost on the way."""

from __future__ import annotations

import random

import pytest

from udb_pipelines.warehouse import Lake, check
from udb_pipelines.warehouse.restore import points, restore_to
from udb_pipelines_tests.warehouse.restore.oracle import Oracle, content


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
    go_back_and_forth(any_lake, commits=10, restores=4)


@pytest.mark.slow
def test_twenty_random_times_equal_the_oracle(any_lake: Lake) -> None:
    go_back_and_forth(any_lake, commits=20, restores=20)
