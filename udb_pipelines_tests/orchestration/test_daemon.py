"""Real processes: web server, daemon, code server, browser. What a user of the UI meets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.orchestration import runner
from udb_pipelines.orchestration.instance import open_instance
from udb_pipelines.orchestration.partitions import register
from udb_pipelines.publishing import latest
from udb_pipelines.warehouse import Lake, query
from udb_pipelines_tests.orchestration.conftest import GOOD, JAGGED, add_source
from udb_pipelines_tests.orchestration.daemon import Dev, dagster_dev, environment, until

pytestmark = pytest.mark.timeout(1500)

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("daemon") / "home")


@pytest.fixture(scope="module")
def dev(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("sources")
    with open_instance(settings) as instance:
        for name in ("people", "second"):
            (folder / f"{name}.csv").write_text(GOOD)
            add_source(settings, name, folder / f"{name}.csv")
            register(instance, [name])
    with dagster_dev(settings) as running:
        yield running


def count(settings: Settings, table: str) -> int | None:
    try:
        return int(str(next(iter(query(Lake(settings), f"SELECT count(*) FROM {table}").rows))[0]))
    except Exception:
        return None


def test_a_run_launched_over_graphql_succeeds(dev: Dev, settings: Settings):
    run_id = dev.launch("udb_job", "people")
    assert dev.finished(run_id) == "SUCCESS", dev.log.read_text()[-4000:]
    assert count(settings, "people") == 3
    manifest = latest(settings, "people")
    assert manifest is not None and manifest.job_id == run_id
    assert run_id in {job.job_id for job in runner.jobs(settings)}, "udb jobs lists it"


@pytest.mark.browser
def test_the_asset_page_shows_row_count_and_verdict(dev: Dev, settings: Settings, tmp_path: Path):
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    if latest(settings, "people") is None:
        assert dev.finished(dev.launch("udb_job", "people")) == "SUCCESS"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1500, "height": 1600})
        page.goto(f"{dev.url}/assets/raw?view=partitions&partition=people")
        page.get_by_text("dagster/row_count").or_(page.get_by_text("Row count")).first.wait_for(timeout=300_000)
        raw = page.inner_text("body")
        page.screenshot(path=tmp_path / "raw.png")
        page.goto(f"{dev.url}/assets/publication?view=partitions&partition=people")
        page.get_by_text("verdict").first.wait_for(timeout=300_000)
        publication = page.inner_text("body")
        page.screenshot(path=tmp_path / "publication.png")
        browser.close()
    assert "lake.main.people" in raw
    assert "PASS" in publication
    assert "report.html" in publication


def test_a_landed_file_becomes_a_source_and_a_report(dev: Dev, settings: Settings):
    landing = settings.landing_folder
    landing.mkdir(parents=True, exist_ok=True)
    (landing / "half.csv.part").write_text("id\n1")
    (landing / "Orders 2024.csv").write_text(GOOD)
    until(lambda: latest(settings, "orders_2024"), 400)
    assert count(settings, "orders_2024") == 3
    assert [source.name for source in SourceRegistry(settings).list() if "half" in source.name] == []
    (landing / "Orders 2024.csv").write_text(GOOD + "4,Dan,1.00\n")
    until(lambda: count(settings, "orders_2024") == 4 or None, 400)
    loaded = time.time()
    until(lambda: dev.looks_of("landing_sensor", loaded) >= 2 or None, 400)
    assert len(dev.runs_of("orders_2024")) == 2, "the same content twice starts nothing"


def test_a_backfill_from_the_command_line_runs_every_source(dev: Dev, settings: Settings):
    before = len(dev.runs_of("second"))
    program = Path(sys.executable).with_name("dagster")
    arguments = ["job", "backfill", "-m", "udb_pipelines.definitions", "-j", "udb_job", "--all", "all", "--noprompt"]
    done = subprocess.run([program, *arguments], env=environment(settings), capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    until(lambda: len(dev.runs_of("second")) > before or None, 400)
    until(lambda: all(run["status"] == "SUCCESS" for run in dev.runs_of("second")) or None, 400)
    assert count(settings, "second") == 3


def test_a_failed_run_is_an_alert(dev: Dev, settings: Settings):
    source = SourceRegistry(settings).get("people")
    Path(source.uri).write_text(JAGGED)
    run_id = dev.launch("udb_job", "people")
    assert dev.finished(run_id) == "FAILURE"
    alerts = settings.home / "alerts.jsonl"

    def told() -> dict[str, object] | None:
        lines = alerts.read_text().splitlines() if alerts.exists() else []
        return next((entry for entry in map(json.loads, lines) if entry["job_id"] == run_id), None)

    entry = until(told, 300)
    assert (entry["code"], entry["stage"], entry["source"]) == ("E_REJECTS", "sync", "people")
    assert count(settings, "people") == 3
