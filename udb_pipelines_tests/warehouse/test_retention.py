"""Retention removes what is old and nobody's, and nothing else."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source
from udb_pipelines.warehouse import Lake, commit, retention
from udb_pipelines_tests.warehouse.staging import Stager


def file(path: Path, days_old: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("0123456789")
    age(path, days_old)
    age(path.parent, days_old)
    return path


def age(path: Path, days_old: float) -> None:
    moment = (datetime.now(UTC) - timedelta(days=days_old)).timestamp()
    for item in (*path.rglob("*"), path):
        os.utime(item, (moment, moment))


def planned(settings: Settings, lake: Lake) -> set[str]:
    return {str(item.path.relative_to(settings.home)) for item in retention.plan(settings, lake).items}


def test_old_artifacts_go_but_the_newest_publication_stays(settings: Settings, lake: Lake) -> None:
    for job, days in (("ancient", 90), ("old", 60), ("failed", 50)):
        if job != "failed":
            file(settings.artifacts / "shop" / job / "manifest.json", days)
        file(settings.artifacts / "shop" / job / "profile.json", days)
    file(settings.artifacts / "busy" / "old" / "manifest.json", 40)
    file(settings.artifacts / "busy" / "new" / "manifest.json", 1)
    plan = retention.plan(settings, lake)
    assert planned(settings, lake) == {"artifacts/shop/ancient", "artifacts/shop/failed", "artifacts/busy/old"}
    assert plan.bytes == 40
    removed = retention.apply(plan)
    assert removed == plan.items
    assert sorted(path.name for path in (settings.artifacts / "shop").iterdir()) == ["old"]
    assert retention.plan(settings, lake).items == ()
    assert retention.apply(plan) == (), "what is gone already is no error"


def test_rejects_of_the_last_commit_stay(settings: Settings, lake: Lake, stage: Stager) -> None:
    used = file(settings.rejects / "shop" / "used" / "shop.parquet", 90)
    file(settings.rejects / "shop" / "unused" / "shop.parquet", 90)
    commit(lake, stage("SELECT 1 AS a", rows_read=2, rows_rejected=1, rejects=used))
    assert planned(settings, lake) == {"rejects/shop/unused"}


def test_leftovers(settings: Settings, lake: Lake) -> None:
    file(settings.staging / "dead" / "a.parquet", 2)
    file(settings.staging / "running" / "a.parquet", 0.1)
    file(settings.spill / "duckdb_temp", 3)
    assert planned(settings, lake) == {"staging/dead", "tmp/duckdb_temp"}


def test_cached_content_goes_when_no_source_reads_it(settings: Settings, lake: Lake, tmp_path: Path) -> None:
    """Detected for real, so that the way the stages refer to the cache is the true one."""
    archive = tmp_path / "shop.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("shop.csv", "id,name\n1,Ann\n2,Bob\n")
    source = Source(name="shop", uri=str(archive), created_at=datetime.now(UTC))
    found = detect(source, settings)
    (unpacked,) = (settings.home / "cache" / "unpacked").iterdir()
    cache = settings.home / "cache"
    read, unread = "a" * 64, "b" * 64
    for content, record in ((read, "read"), (unread, "unread")):
        file(cache / "content" / content / "prices.csv", 60)
        file(cache / "urls" / f"{record}.json", 60).write_text(json.dumps({"sha256": content, "name": "prices.csv"}))
        age(cache / "urls" / f"{record}.json", 60)
    age(unpacked, 60)
    file(cache / "content" / ("c" * 64) / "just_fetched.csv", 0.1)
    (settings.stages / "shop").mkdir(parents=True)
    detection = settings.stages / "shop" / "detection.json"
    detection.write_text(found.model_dump_json(indent=1))
    (settings.stages / "web").mkdir()
    (settings.stages / "web" / "connection.json").write_text(f'{{"files": ["{cache}/content/{read}/prices.csv"]}}')
    assert planned(settings, lake) == {f"cache/content/{unread}", "cache/urls/unread.json"}
    detection.unlink()
    assert f"cache/unpacked/{unpacked.name}" in planned(settings, lake)


def test_links_are_left_alone(settings: Settings, lake: Lake, tmp_path: Path) -> None:
    precious = file(tmp_path / "precious" / "job" / "data", 500)
    settings.artifacts.mkdir(parents=True)
    (settings.artifacts / "shop").symlink_to(precious.parent.parent)
    settings.staging.mkdir(parents=True)
    (settings.staging / "job").symlink_to(precious.parent)
    assert planned(settings, lake) == set()
    old = file(settings.rejects / "shop" / "old" / "x", 500)
    (old.parent / "link").symlink_to(precious.parent)
    os.utime(old.parent / "link", (0, 0), follow_symlinks=False)
    os.utime(old.parent, (0, 0))
    retention.apply(retention.plan(settings, lake))
    assert not old.parent.exists()
    assert precious.exists()


def test_nothing_outside_a_managed_folder_is_removed(settings: Settings, tmp_path: Path) -> None:
    precious = file(tmp_path / "precious" / "data", 500)
    good = file(settings.staging / "job" / "x", 500)
    (settings.staging / "link").symlink_to(precious.parent)
    for path in (
        settings.staging,
        precious,
        settings.staging / ".." / ".." / "precious",
        settings.staging / "link" / "data",
        settings.staging / "link",
        tmp_path,
    ):
        bad = retention.Item(root=settings.staging, path=path, reason="x", bytes=0)
        fine = retention.Item(root=settings.staging, path=good, reason="x", bytes=0)
        with pytest.raises(UdbError, match="refused"):
            retention.apply(retention.RetentionPlan(made_at=datetime.now(UTC), items=(fine, bad)))
    assert precious.exists()
    assert good.exists(), "a plan with one bad item removes nothing"
