"""Retention removes what is old and nobody's, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.detection import detect
from udb_pipelines.detection.remote.copies import Memory, Version, view
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold, Source, SourceOptions
from udb_pipelines.profiling.listing import values_file
from udb_pipelines.warehouse import Lake, check, commit, query, retention
from udb_pipelines.warehouse.removal import remove
from udb_pipelines.warehouse.retention import Rules
from udb_pipelines.warehouse.retention.thinning import superfluous
from udb_pipelines.warehouse.targets import open_target
from udb_pipelines.warehouse.targets.folder import FolderTarget
from udb_pipelines_tests.objectstore import ObjectServer
from udb_pipelines_tests.warehouse.staging import Stager

NO_RULES = Rules()


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
    return {str(item.path.relative_to(settings.home)) for item in plan_of(settings, lake).items}


def plan_of(settings: Settings, lake: Lake, rules: Rules = NO_RULES, **more: Any) -> retention.RetentionPlan:
    return retention.plan(settings, lake, rules, **({"used_pct": 10.0} | more))


def published(settings: Settings, source: str, job: str, days: float) -> Path:
    """What a job publishes, that long ago."""
    folder = settings.artifacts / source / job
    for name in ("manifest.json", "index.html"):
        file(folder / name, days)
    for name in ("profile.json", "audit.log.json", "report.html", "metrics.csv"):
        file(folder / source / name, days)
    age(folder, days)
    return folder


def left(settings: Settings) -> dict[str, list[str]]:
    """What is left of each job."""
    return {
        f"{job.parent.name}/{job.name}": sorted(str(path.relative_to(job)) for path in job.rglob("*") if path.is_file())
        for job in sorted(settings.artifacts.glob("*/*"))
    }


def test_tiers_of_artifacts(settings: Settings, lake: Lake) -> None:
    """Hot to 7 days, warm to 30, then only the audit log in the archive; the newest publication stays hot."""
    for job, days in (("hot", 6), ("warm", 8), ("cold", 31)):
        published(settings, "busy", job, days)
    published(settings, "busy", "newest", 5)
    file(settings.artifacts / "busy" / "failed" / "profile.json", 50)
    age(settings.artifacts / "busy" / "failed", 50)
    published(settings, "quiet", "only", 400)
    plan = plan_of(settings, lake)
    assert {(item.path.name, item.action) for item in plan.items} == {
        ("warm", "compress"), ("cold", "archive"), ("failed", "remove"),
    }  # fmt: skip
    assert plan.bytes == 40 + 60 + 10
    removed = retention.apply(lake, plan)
    assert removed.items == plan.items
    whole = ["busy/audit.log.json", "busy/metrics.csv", "busy/profile.json", "busy/report.html", "index.html",
             "manifest.json"]  # fmt: skip
    assert left(settings) == {
        "busy/hot": whole,
        "busy/newest": whole,
        "busy/warm": ["busy/audit.log.json", "busy/profile.json.gz", "manifest.json"],
        "quiet/only": sorted(name.replace("busy", "quiet") for name in whole),
    }
    packed = settings.artifacts / "busy" / "warm" / "busy" / "profile.json.gz"
    assert gzip.decompress(packed.read_bytes()) == b"0123456789"
    archived = Path(settings.archive) / "busy" / "cold"
    assert {str(path.relative_to(archived)) for path in archived.rglob("*") if path.is_file()} == {
        "manifest.json", "busy/audit.log.json",
    }  # fmt: skip
    assert plan_of(settings, lake).is_empty
    retention.apply(lake, plan)
    assert left(settings)["busy/hot"] == whole, "an old plan, carried out once more, does no harm"
    lines = [json.loads(line) for line in settings.retention_journal.read_text().splitlines()]
    assert {(line["action"], Path(line["path"]).name) for line in lines} >= {("compress", "warm"), ("archive", "cold")}


def test_the_archive_may_be_a_bucket_and_one_that_is_down_delays_it(
    settings: Settings, object_server: ObjectServer
) -> None:
    bucket = object_server.new_bucket()
    archived = settings.model_copy(update={"archive_target": f"s3://{bucket}/archive", **object_server.options()})
    down = archived.model_copy(update={"snapshot_endpoint": "http://127.0.0.1:1"})
    for job, days in (("warm", 8), ("cold", 31), ("colder", 41), ("newest", 1)):
        published(settings, "shop", job, days)
    rejects = file(settings.rejects / "shop" / "old" / "shop.parquet", 90)
    plan = plan_of(down, Lake(down))
    removed = retention.apply(Lake(down), plan)
    assert {item.path.name for item in removed.delayed} == {"cold", "colder"}
    assert "2 jobs wait" in removed.problem
    assert (len(left(settings)["shop/cold"]), rejects.exists()) == (6, False), "the rest is done"
    assert "shop/cold" not in settings.retention_journal.read_text()
    done = retention.apply(Lake(archived), plan_of(archived, Lake(archived)))
    assert (done.delayed, done.problem) == ((), "")
    assert set(left(settings)) == {"shop/newest", "shop/warm"}
    assert [entry.key for entry in open_target(archived.archive, archived).list()] == [
        f"shop/{job}/{name}" for job in ("cold", "colder") for name in ("manifest.json", "shop/audit.log.json")
    ]
    acme = archived.for_tenant("acme")
    assert acme.archive == f"s3://{bucket}/archive/tenants/acme"


def test_an_archive_that_cannot_even_be_opened_delays_what_goes_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE")]:
        monkeypatch.delenv(name)
    closed = settings.model_copy(update={"archive_target": "az://container/archive"})
    published(settings, "shop", "cold", 31)
    published(settings, "shop", "newest", 1)
    rejects = file(settings.rejects / "shop" / "old" / "shop.parquet", 90)
    removed = retention.apply(Lake(closed), plan_of(closed, Lake(closed)))
    assert {item.path.name for item in removed.delayed} == {"cold"}
    assert (len(left(settings)["shop/cold"]), rejects.exists()) == (6, False), "the rest is done"


def test_what_a_link_leads_to_is_neither_packed_nor_archived(settings: Settings, lake: Lake, tmp_path: Path) -> None:
    precious = file(tmp_path / "precious" / "secret", 1)
    for job, days in (("warm", 8), ("cold", 31), ("newest", 1)):
        folder = published(settings, "shop", job, days)
        for name in ("audit.log.json", "profile.json"):
            (folder / "shop" / name).unlink()
            (folder / "shop" / name).symlink_to(precious)
        for path in (*folder.rglob("*"), folder):
            moment = (datetime.now(UTC) - timedelta(days=days)).timestamp()
            os.utime(path, (moment, moment), follow_symlinks=False)
    retention.apply(lake, plan_of(settings, lake))
    assert precious.read_text() == "0123456789"
    assert not list(Path(settings.archive).rglob("audit.log.json"))
    assert not list(settings.artifacts.glob("shop/warm/**/*.gz"))


def test_a_source_has_limits_of_its_own(settings: Settings, lake: Lake) -> None:
    for source in ("brief", "long", "few"):
        for number in range(4):
            published(settings, source, f"job{number}", 3 + number * 9)
    options = {
        "brief": SourceOptions(keep_days=2), "long": SourceOptions(keep_days=365), "few": SourceOptions(keep_jobs=2),
    }  # fmt: skip
    plan = plan_of(settings, lake, Rules(options))
    found = {(item.path.parent.name, item.path.name, item.action) for item in plan.items}
    cold = {(source, job) for source, job, action in found if action == "archive"}
    assert cold == {("brief", "job1"), ("brief", "job2"), ("brief", "job3"), ("few", "job2"), ("few", "job3")}
    assert ("long", "job3", "compress") in found


def test_a_full_disk_takes_the_oldest_first_and_no_more_than_it_needs(settings: Settings, lake: Lake) -> None:
    for number in range(6):
        published(settings, "shop", f"job{number}", 0.5 + number)
    assert plan_of(settings, lake).is_empty
    usage = shutil.disk_usage(settings.home)
    total = usage.used + usage.free
    plan = plan_of(settings, lake, used_pct=settings.disk_high_pct + 100 * 100 / total)
    assert [item.path.name for item in plan.items] == ["job4", "job5"], "60 bytes each, 100 wanted"
    assert "full" in plan.items[0].reason
    everything = plan_of(settings, lake, used_pct=99)
    assert {item.path.name for item in everything.items} == {"job1", "job2", "job3", "job4", "job5"}


def test_a_hold_keeps_everything_of_a_source(settings: Settings, lake: Lake, stage: Stager) -> None:
    now = datetime.now(UTC)
    for source in ("held", "free"):
        published(settings, source, "new", 1)
        published(settings, source, "old", 100)
        file(settings.rejects / source / "old" / "x.parquet", 100)
        for number in range(3):
            commit(lake, stage(f"SELECT {number} AS a", source=source, job_id=f"{source}{number}"))
    hold = Hold(name="held__orders", until=now + timedelta(days=400), created_at=now)
    later = now + timedelta(days=200)
    plan = plan_of(settings, lake, Rules(holds=(hold,)), now=later)
    assert {
        item.path.relative_to(settings.home).parts[1] for item in plan.items if "staging" not in item.path.parts
    } == {"free"}
    history = {row[0]: row[1] for row in query(lake, "SELECT version, source FROM udb.versions").rows}
    assert {history.get(item.version) for item in plan.versions} <= {"free", None}
    over = plan_of(settings, lake, Rules(holds=(hold,)), now=later + timedelta(days=300))
    assert {"held", "free"} <= {item.path.relative_to(settings.home).parts[1] for item in over.items}


def test_history_is_thinned_merged_and_removed_by_one_plan(settings: Settings, stage: Stager) -> None:
    bare = settings.model_copy(update={"unneeded_file_hours": 0})
    lake = Lake(bare)
    for number in range(9):
        commit(lake, stage(f"SELECT {number} AS a", sync_mode="incremental_append"))
    now = datetime.now(UTC) + timedelta(days=60)
    plan = plan_of(bare, lake, now=now)
    assert [merge.dataset for merge in plan.merges] == ["shop"]
    newest = max(row[0] for row in query(lake, "SELECT version FROM udb.versions").rows)
    assert newest not in {item.version for item in plan.versions} and len(plan.versions) >= 8
    removed = retention.apply(lake, plan)
    assert removed.merged == {"shop": 8} and len(removed.versions) == len(plan.versions)
    again = plan_of(bare, lake, now=now)
    assert len(again.files) == 9
    retention.apply(lake, again)
    assert query(lake, "SELECT count(*) FROM shop", as_of=newest).rows == ((9,),)
    assert [item for item in check(lake) if item.status != "ok"] == []


def test_rejects_of_the_last_commit_stay(settings: Settings, lake: Lake, stage: Stager) -> None:
    used = file(settings.rejects / "shop" / "used" / "shop.parquet", 90)
    file(settings.rejects / "shop" / "unused" / "shop.parquet", 90)
    commit(lake, stage("SELECT 1 AS a", rows_read=2, rows_rejected=1, rejects=used))
    assert planned(settings, lake) == {"rejects/shop/unused"}


def test_values_against_a_type_found_in_the_last_commit_stay(settings: Settings, lake: Lake, stage: Stager) -> None:
    old, last = (commit(lake, stage(f"SELECT {number} AS a")) for number in (1, 2))
    for result in (old, last):
        file(values_file(settings, result, "shop"), 90)
    assert planned(settings, lake) == {f"rejects/shop/{old.job_id}"}


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


def test_what_a_source_fetched_last_is_kept_with_what_is_known_of_it(settings: Settings, lake: Lake) -> None:
    """So that objects which do not change are not fetched again after a clean-up."""
    memory = Memory(settings, "s3://shop/in/", "")
    folders = []
    for digest, day in (("a" * 64, "old"), ("b" * 64, "new")):
        file(memory.path(digest), 60)
        memory.remember(Version(f"{day}.csv", 1, day), digest)
        folders.append(view(settings, {PurePosixPath(f"{day}.csv"): memory.path(digest)}))
        for path in (folders[-1], folders[-1] / f"{day}.csv", memory.path(digest).parent):
            os.utime(path, (0, 0), follow_symlinks=False)
    for path in (settings.cache / "urls").iterdir():
        age(path, 60)
    (settings.stages / "shop").mkdir(parents=True)
    (settings.stages / "shop" / "detection.json").write_text(f'{{"files": ["{folders[1]}/new.csv"]}}')
    assert planned(settings, lake) == {f"cache/content/{'a' * 64}", f"cache/views/{folders[0].name}"}


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
    retention.apply(lake, plan_of(settings, lake))
    assert not old.parent.exists()
    assert precious.exists()


def test_nothing_outside_a_managed_folder_is_removed(settings: Settings, lake: Lake, tmp_path: Path) -> None:
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
            retention.apply(lake, retention.RetentionPlan(made_at=datetime.now(UTC), items=(fine, bad)))
    assert precious.exists()
    assert good.exists(), "a plan with one bad item removes nothing"


@given(st.integers(0, 10**9))
@examples(max_examples=60, deadline=None)
def test_random_plans_on_random_trees_touch_nothing_outside(seed: int) -> None:
    """Trees with links in every direction; plans that name anything. What lies outside stays as it was."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        root, outside = base / "managed", base / "outside"
        for place in (root, outside):
            for number in range(chance.randint(1, 6)):
                file(place / chance.choice("ab") / f"{number}" / "data", 0)
        every = [path for path in base.rglob("*") if path.is_dir()]
        for number in range(chance.randint(0, 6)):
            (chance.choice(every) / f"link{number}").symlink_to(chance.choice([*every, base, Path("..") / "outside"]))
        before = snapshot_of(outside)
        paths = [root, base, outside, *base.rglob("*"), root / ".." / "outside", root / "a" / ".." / ".." / "outside"]
        for _ in range(8):
            path = chance.choice(paths)
            action = chance.choice(["remove", "compress", "archive"])
            item = retention.Item(root=root, path=path, reason="random", bytes=0, action=action, target="shop/job")
            try:
                remove(item, archive=FolderTarget(base / "archive"))
            except UdbError:
                inside = path.is_relative_to(root) and ".." not in path.parts and path != root
                through = inside and any(
                    part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(root)
                )
                assert through or not inside
        assert root.is_dir()
        assert snapshot_of(outside) == before


def snapshot_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@given(st.lists(st.integers(0, 400 * 24), min_size=1, max_size=80), st.integers(1, 20), st.integers(1, 200))
def test_thinning_keeps_what_it_promises(ages: list[int], every: int, daily: int) -> None:
    now = datetime(2026, 6, 15, 12, tzinfo=UTC)
    times = {number: now - timedelta(hours=hours) for number, hours in enumerate(sorted(ages, reverse=True))}
    gone = set(superfluous(times.items(), now, every_days=every, daily_days=daily, needed=frozenset({3})))
    kept = set(times) - gone
    assert max(times) in kept and not gone & {3}
    for number, time in times.items():
        days = (now - time) / timedelta(days=1)
        if days <= every:
            assert number in kept
        # Something of its day, or of its month, is still there.
        width = 10 if days <= daily else 7
        in_reach = [other for other in times if str(times[other])[:width] == str(time)[:width]]
        assert any(other in kept for other in in_reach) or days > daily
        if number in gone:
            assert any(other > number for other in kept)
