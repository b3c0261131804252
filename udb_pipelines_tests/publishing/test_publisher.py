"""Publishing: complete or absent, checked, and nothing to do when nothing changed."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Manifest, ProfileSet
from udb_pipelines.profiling.listing import values_file
from udb_pipelines.publishing import folder, latest, load_manifest, publish, verify
from udb_pipelines_tests.publishing import samples

NAMES = {"profile.json", "metrics.csv", "contract.yaml", "report.html", "audit.log.json"}


def published(settings: Settings, profiles: ProfileSet | None = None, rejects: Path | None = None) -> Manifest:
    profiles = profiles or samples.profile_set()
    datasets = [profile.dataset for profile in profiles.profiles]
    return publish(
        profiles,
        samples.sync(*datasets, rejects=rejects),
        samples.connection(*datasets),
        samples.detection(),
        settings,
        samples.SECONDS,
    )


def job(number: int, **fields: object) -> ProfileSet:
    name = f"00000000-0000-4000-8000-{number:012d}"
    return samples.profile_set(samples.profile(job_id=name), job_id=name, **fields)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_everything_the_manifest_names_is_there_and_nothing_else(settings, tmp_path):
    rejects = listed(tmp_path / "orders.parquet", "(3, 71, 'E_JAGGED_ROW', NULL, 'too few', 'a;b')")
    manifest = published(settings, rejects=rejects)
    assert manifest.folder == settings.artifacts / "shop" / samples.JOB
    found = files(manifest.folder)
    assert set(found) == {"manifest.json", *(f"orders/{name}" for name in NAMES), "orders/rejects.parquet"}
    for artifact in manifest.artifacts:
        content = found[artifact.path]
        assert (artifact.bytes, artifact.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert found["orders/rejects.parquet"] == rejects.read_bytes()
    assert verify(manifest) == ()
    assert set(manifest.seconds) == {*samples.SECONDS, "publish"}
    assert not list(manifest.folder.parent.glob(".*"))


def listed(path: Path, row: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"""COPY (SELECT * FROM (VALUES {row}) t("row", byte_offset, code, "column", message, raw))
                       TO '{path}' (FORMAT parquet)""")
    return path


def test_rejected_rows_and_values_against_a_type_are_one_file(settings, tmp_path):
    of_rows = listed(tmp_path / "orders.parquet", "(3, 71, 'E_JAGGED_ROW', NULL, 'too few', 'a;b')")
    of_values = values_file(settings, samples.sync("orders"), "orders")
    listed(of_values, "(2, NULL, 'E_MONEY_FORMAT', 'amount', 'no amount', 'free')")
    manifest = published(settings, rejects=of_rows)
    target = manifest.folder / "orders" / "rejects.parquet"
    assert duckdb.execute(f"""SELECT "row", byte_offset, code, "column", raw FROM '{target}'""").fetchall() == [
        (3, 71, "E_JAGGED_ROW", None, "a;b"),
        (2, None, "E_MONEY_FORMAT", "amount", "free"),
    ]
    assert verify(manifest) == ()
    of_rows.unlink()
    again = published(settings, rejects=of_rows)
    assert (again.folder / "orders" / "rejects.parquet").read_bytes() == of_values.read_bytes()


def test_rejects_are_published_only_when_there_are_some(settings, tmp_path):
    assert not (published(settings).folder / "orders" / "rejects.parquet").exists()
    manifest = published(settings, rejects=tmp_path / "removed_by_retention.parquet")
    assert not (manifest.folder / "orders" / "rejects.parquet").exists()
    assert "no longer kept" in (manifest.folder / "orders" / "report.html").read_text()


def test_several_datasets_get_an_index(settings):
    profiles = samples.profile_set(samples.profile("shop__orders"), samples.profile("shop__items", verdict="PASS"))
    manifest = published(settings, profiles)
    index = (manifest.folder / "index.html").read_text()
    assert 'href="shop__items/report.html"' in index
    assert manifest.verdict == "FAIL"
    assert [artifact.dataset for artifact in manifest.artifacts].count(None) == 1
    assert 'href="../index.html"' in (manifest.folder / "shop__orders" / "report.html").read_text()


def test_the_same_input_gives_the_same_bytes(settings, tmp_path):
    one = files(published(settings).folder)
    other = files(published(Settings(home=tmp_path / "elsewhere")).folder)
    one.pop("manifest.json")
    other.pop("manifest.json")
    assert one == other


def test_what_is_loaded_is_what_was_published(settings):
    manifest = published(settings)
    assert load_manifest(manifest.folder) == manifest
    assert load_manifest(manifest.folder / "manifest.json") == manifest


def test_artifacts_can_be_moved_and_still_verify(settings, tmp_path):
    moved = published(settings).folder.rename(tmp_path / "archive")
    assert load_manifest(moved).folder == moved
    assert verify(load_manifest(moved)) == ()
    assert str(settings.home) not in (moved / "manifest.json").read_text()


def test_tampering_is_found(settings):
    manifest = published(settings)
    metrics = manifest.folder / "orders" / "metrics.csv"
    content = bytearray(metrics.read_bytes())
    content[-2] ^= 1
    metrics.write_bytes(content)
    (manifest.folder / "orders" / "audit.log.json").unlink()
    with (manifest.folder / "orders" / "report.html").open("a") as file:
        file.write("<!-- more -->")
    problems = "\n".join(verify(manifest))
    assert "metrics.csv was altered" in problems
    assert "audit.log.json cannot be read" in problems
    assert "report.html has" in problems
    assert "profile.json" not in problems


def test_the_newest_publication_is_the_latest(settings):
    assert latest(settings, "shop") is None
    published(settings, job(2))
    newest = published(settings, job(1))
    assert latest(settings, "shop") == newest


def test_a_folder_without_a_readable_manifest_is_not_published(settings):
    good = published(settings, job(1))
    for number, content in enumerate(("{", "[]", '{"job_id": "x"}', "\x00"), start=2):
        broken = good.folder.parent / f"job-{number}"
        broken.mkdir()
        (broken / "manifest.json").write_text(content)
    (good.folder.parent / "empty").mkdir()
    assert latest(settings, "shop") == good


def test_an_unchanged_job_writes_nothing_and_says_so(settings):
    first = published(settings)
    before = {path: path.stat().st_mtime_ns for path in settings.artifacts.rglob("*")}
    later = samples.profile(profiled_at=samples.TIME + timedelta(hours=3), seconds=99.0)
    again = published(settings, samples.profile_set(later, unchanged=True))
    assert again == first.model_copy(update={"unchanged": True})
    assert {path: path.stat().st_mtime_ns for path in settings.artifacts.rglob("*")} == before


def test_an_unchanged_job_heals_damaged_artifacts(settings):
    first = published(settings)
    (first.folder / "orders" / "report.html").unlink()
    (first.folder / "orders" / "metrics.csv").write_text("gone\n")
    again = published(settings, samples.profile_set(unchanged=True))
    assert not again.unchanged
    assert verify(again) == ()
    assert [path.name for path in first.folder.parent.iterdir()] == [samples.JOB]


def test_an_unchanged_input_with_other_settings_is_published_anew(settings):
    published(settings)
    other = samples.profile(found=samples.columns()[:3])
    assert not published(settings, samples.profile_set(other, unchanged=True)).unchanged


def test_an_unchanged_version_that_was_never_published_is_published(settings):
    published(settings, samples.profile_set(samples.profile(version=13)))
    assert not published(settings, samples.profile_set(unchanged=True)).unchanged


def test_a_failure_leaves_the_published_version_and_no_trace(settings, monkeypatch):
    first = published(settings, job(1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("udb_pipelines.publishing.publisher.metrics_csv", full)
    with pytest.raises(OSError, match="No space"):
        published(settings, job(2))
    assert [path.name for path in first.folder.parent.iterdir()] == [first.job_id]
    assert latest(settings, "shop") == first
    assert verify(first) == ()


def test_a_publisher_that_hangs_is_named_after_the_deadline(tmp_path):
    settings = Settings(home=tmp_path, lock_timeout_seconds=0.2)
    with folder.sole_writer(settings.artifacts / "shop", 1), pytest.raises(UdbError) as raised:
        published(settings)
    assert raised.value.code == "E_LOCK_TIMEOUT"


def _publish_until_step(settings: Settings, profiles: ProfileSet, fatal: int) -> None:
    """Die by SIGKILL just before the nth system call that makes something durable or visible."""
    done = 0

    def counted(call):
        def wrapper(*args: object, **kwargs: object) -> object:
            nonlocal done
            if done == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return call(*args, **kwargs)

        return wrapper

    os.fsync = counted(os.fsync)
    os.rename = counted(os.rename)
    published(settings, profiles)
    os._exit(0)


@pytest.mark.parametrize("replacing", [False, True], ids=["new", "replacing"])
def test_a_kill_at_any_step_leaves_no_half_published_folder(tmp_path, replacing):
    fork = multiprocessing.get_context("fork")
    for fatal in range(40):
        settings = Settings(home=tmp_path / str(fatal))
        profiles = job(1, unchanged=True)
        if replacing:
            (published(settings, profiles).folder / "orders" / "report.html").unlink()
        child = fork.Process(target=_publish_until_step, args=(settings, profiles, fatal))
        child.start()
        child.join()
        visible = list(settings.artifacts.glob("shop/[!.]*"))
        whole = [path for path in visible if verify(load_manifest(path)) == ()]
        assert replacing or visible == whole
        assert verify(published(settings, profiles)) == ()
        assert [path.name for path in (settings.artifacts / "shop").iterdir()] == [profiles.job_id]
        if child.exitcode == 0:
            break
    assert child.exitcode == 0
    assert fatal > 8


CHILD = """
import sys
from pathlib import Path
from udb_pipelines.config import Settings
from udb_pipelines_tests.publishing.test_publisher import job, published
settings = Settings(home=Path(sys.argv[1]))
for number in range(10_000):
    published(settings, job(number))
    if number == 0:
        print("ready", flush=True)
"""


def test_kills_at_random_instants_leave_only_complete_folders(settings):
    chance = random.Random(20260314)
    acknowledged = 0
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(settings.home)], stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.15))
            child.kill()
        for path in settings.artifacts.glob("shop/[!.]*"):
            assert verify(load_manifest(path)) == ()
            acknowledged += 1
        assert len(list(settings.artifacts.glob("shop/.*"))) <= 1
    assert acknowledged >= 10
    published(settings, job(99_999))
    assert not list(settings.artifacts.glob("shop/.*"))


def test_the_manifest_is_plain_json_for_other_programs(settings):
    content = json.loads((published(settings).folder / "manifest.json").read_text())
    assert content["schema_version"] == 1
    assert {"path", "bytes", "sha256", "media_type", "dataset"} == set(content["artifacts"][0])
    assert {entry["media_type"].split(";")[0] for entry in content["artifacts"]} == {
        "application/json", "application/yaml", "text/csv", "text/html",
    }  # fmt: skip
