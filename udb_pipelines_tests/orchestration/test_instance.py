"""DAGSTER_HOME: generated, left alone when it is somebody's own, safe to open at once, PostgreSQL by environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.orchestration import instance as house
from udb_pipelines.orchestration import pools, runner
from udb_pipelines.orchestration.storage import with_driver
from udb_pipelines_tests.orchestration.conftest import GOOD, add_source
from udb_pipelines_tests.orchestration.daemon import environment

ROOT = Path(__file__).parents[2]


def test_the_file_in_the_repository_is_the_generated_default(settings: Settings):
    assert (ROOT / "dagster.yaml").read_text() == house.dagster_yaml(settings)


def test_dagster_accepts_every_line_of_it(settings: Settings):
    house.prepare(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as opened:
        config = opened.get_concurrency_config()
        assert config.pool_config.default_pool_limit == 1
        assert opened.run_coordinator.inst_data is not None
        assert opened.get_settings("telemetry") == {"enabled": False}


def test_pools_have_their_limits_and_follow_the_settings(settings: Settings):
    for analyses in (2, 5):
        changed = settings.model_copy(update={"max_analysis_jobs": analyses})
        with house.open_instance(changed) as opened:
            limits = {pool.name: pool.limit for pool in opened.event_log_storage.get_pool_limits()}
        assert limits == {pools.WRITER: 1, pools.ANALYSIS: analyses}


def test_somebodys_own_file_stays_and_is_used(settings: Settings):
    settings.dagster_home.mkdir(parents=True)
    own = "telemetry:\n  enabled: false\nrun_monitoring:\n  enabled: false\n"
    (settings.dagster_home / "dagster.yaml").write_text(own)
    house.prepare(settings)
    assert (settings.dagster_home / "dagster.yaml").read_text() == own
    derived = yaml.safe_load((settings.dagster_home / house.IN_PROCESS).read_text())
    assert derived.pop("compute_logs")["class"] == "NoOpComputeLogManager"
    assert derived == yaml.safe_load(own)


def test_processes_that_open_a_fresh_home_together_all_succeed(settings: Settings):
    command = [sys.executable, "-m", "udb_pipelines.orchestration.instance"]
    env = environment(settings)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen(command, env=env, text=True, **pipes) for _ in range(3)]
    ended = [(process.communicate(timeout=400), process.returncode) for process in started]
    assert [code for _, code in ended] == [0, 0, 0], ended
    assert {out for (out, _), _ in ended} == {f"{settings.dagster_home}\n"}


def test_the_url_names_the_driver_however_it_was_written():
    for url in ("postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg2://u@h/d"):
        assert with_driver(url) == "postgresql+psycopg2://u@h/d"


def test_the_ledger_lives_in_postgresql_when_its_url_is_set(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UDB_DAGSTER_PG_URL", postgres_url)
    settings = Settings(home=tmp_path / "home", dagster_pg_url=SecretStr(postgres_url))
    (tmp_path / "people.csv").write_text(GOOD)
    add_source(settings, "people", tmp_path / "people.csv")
    outcome = runner.run_source("people", settings)
    assert (outcome.status, outcome.error) == ("success", None)
    assert [job.job_id for job in runner.jobs(settings)] == [outcome.job_id]
    assert not (settings.dagster_home / "history").exists(), "no SQLite file is made"
    password = postgres_url.split(":")[2].split("@")[0]
    for path in settings.dagster_home.rglob("*"):
        assert not path.is_file() or password not in path.read_text(errors="ignore"), path
