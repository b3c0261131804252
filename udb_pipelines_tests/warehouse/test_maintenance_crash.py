"""kill -9 at every step of a clean-up: the store opens by itself, equals an oracle, and the next clean-up ends it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, check, commit, maintenance, query
from udb_pipelines_tests.warehouse.maintaining import clean_up
from udb_pipelines_tests.warehouse.staging import Stager

STEPS = (
    ("retention written down", 1), ("retention compressed", 1), ("retention archived", 1), ("retention removed", 1),
    ("retention removed", 2), ("merged", 1), ("merge synced", 1), ("merge committed", 1), ("merge recorded", 1),
    ("dead files ended", 1), ("expired", 1), ("expiry committed", 1),
    ("retention written down", 3), ("retention removed", 4),
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with small files, a long history, and artifacts of every age; copied for each test."""
    home = tmp_path_factory.mktemp("clean-up") / "home"
    settings = Settings(home=home)
    lake, stage = Lake(settings), Stager(settings)
    for number in range(9):
        commit(lake, stage(f"SELECT range AS id FROM range({number}, {number + 3})", sync_mode="incremental_append"))
    for job in ("one", "two"):
        folder = settings.artifacts / "shop" / job / "shop"
        folder.mkdir(parents=True)
        (folder.parent / "manifest.json").write_text("{}")
        for name in ("audit.log.json", "profile.json", "report.html"):
            (folder / name).write_text(f"{name} of {job}")
    return home


@pytest.mark.parametrize(("step", "occurrence"), STEPS, ids=lambda value: str(value).replace(" ", "-"))
def test_killed_at_a_step(filled: Path, tmp_path: Path, step: str, occurrence: int) -> None:
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    if step == "retention compressed":
        for artifact in (home / "artifacts").rglob("manifest.json"):
            aged(artifact, days=-50)  # ten days old when the clean-up runs: warm
    arguments = [sys.executable, "-m", "udb_pipelines_tests.warehouse.maintaining", str(home), step, str(occurrence)]
    assert subprocess.run(arguments, capture_output=True, timeout=240).returncode == -9
    lake = Lake(Settings(home=home, threads=1))
    expected = sorted(number + offset for number in range(9) for offset in range(3))
    assert rows(lake) == expected, "at once, without any repair"
    assert {item.name: item.detail for item in check(lake, mend=True) if item.status == "fail"} == {}
    assert_versions_whole(lake)
    clean_up(home)
    assert rows(lake) == expected
    assert_versions_whole(lake)
    assert maintenance.merges(lake) == ()
    assert len(list(lake.catalog.files.rglob("*.parquet"))) == 1
    assert (home / "artifacts" / "shop").is_dir()
    audits = {path.parent.parent.name for path in home.rglob("audit.log.json")}
    assert audits == {"one", "two"}, "no audit log is ever lost"
    assert {item.status for item in check(lake)} == {"ok"}


def rows(lake: Lake) -> list[int]:
    return sorted(row[0] for row in query(lake, "SELECT id FROM shop").rows)


def assert_versions_whole(lake: Lake) -> None:
    """Every version that is left has the rows that its commit recorded."""
    recorded = dict(query(lake, "SELECT version, rows_total FROM udb.versions").rows)
    for item in maintenance.versions(lake):
        if item.version in recorded:
            counted = query(lake, "SELECT count(*) FROM shop", as_of=item.version).rows[0][0]
            assert counted == recorded[item.version]


def aged(path: Path, days: float) -> None:
    import os
    import time

    moment = time.time() - days * 86_400
    os.utime(path, (moment, moment))
