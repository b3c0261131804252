"""Dagster's own house: ``dagster.yaml`` in DAGSTER_HOME, written from the settings, and storage made ready.

``dagster.yaml`` cannot branch, so it is generated: SQLite files by default, PostgreSQL when
``UDB_DAGSTER_PG_URL`` is set (the file names the variable, never its value). A file without our first line is
somebody's own and stays. The one in the repository equals the default, for ``DAGSTER_HOME`` set to the checkout.

Two processes that open a fresh SQLite home together crash one of them; so the first opening, migrations and
pool limits happen under a file lock, once per change of Dagster's version or of the configuration.

``python -m udb_pipelines.orchestration.instance`` does it by hand, before a daemon or a web server starts.
Docs: https://docs.dagster.io/deployment/oss/oss-instance-configuration
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from udb_pipelines.config import Settings, load_settings
from udb_pipelines.orchestration.pools import limits, set_limits

CONFIG = "dagster.yaml"
IN_PROCESS = "in-process.yaml"
"""The same instance for jobs inside a command: without capturing stdout and stderr, which belong to the command."""

HEADER = "# Written by UDB from its settings; delete this line to keep your own changes."

DEFAULT_YAML = f"""{HEADER}
# https://docs.dagster.io/deployment/oss/oss-instance-configuration

telemetry:
  enabled: false

nux:
  enabled: false # no invitation over the first page

run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1 # 5 by default: a landed file would wait for nothing

run_launcher:
  module: dagster.core.launcher
  class: DefaultRunLauncher

concurrency:
  runs:
    max_concurrent_runs: 4
  pools:
    default_limit: 1 # duckdb_writer; udb_analysis is set from UDB_MAX_ANALYSIS_JOBS
    granularity: op

run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 60
  free_slots_after_run_end_seconds: 60 # slots of runs that were killed
  poll_interval_seconds: 30

run_retries:
  enabled: true
  max_retries: 1
  retry_on_asset_or_op_failure: false # only runs whose process died; a stage says itself whether to try again

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 1
      started: 7
      success: 30
      failure: 90
  auto_materialize:
    purge_after_days:
      skipped: 1
      started: 7
      success: 30
      failure: 90
"""

POSTGRES_YAML = """
storage:
  custom:
    module: udb_pipelines.orchestration.storage
    class: PostgresStorage
    config:
      postgres_url:
        env: UDB_DAGSTER_PG_URL
"""


def dagster_yaml(settings: Settings) -> str:
    """The text of ``dagster.yaml`` for these settings."""
    return DEFAULT_YAML + (POSTGRES_YAML if settings.dagster_pg_url else "")


def prepare(settings: Settings) -> Path:
    """Make DAGSTER_HOME usable by any number of processes; does nothing when it is already.

    Returns:
        The folder.

    Raises:
        OSError: the folder cannot be written.
    """
    home = settings.dagster_home
    if _stamp(home).is_file() and _stamp(home).read_text(encoding="utf-8") == _wanted(settings):
        return home
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        used_before = (home / "history").exists() or settings.dagster_pg_url is not None
        _write_config(settings)
        with dg.DagsterInstance.from_config(str(home), IN_PROCESS) as instance:
            if used_before:
                # Storage says on stdout what it migrates; a command's stdout is its answer.
                with redirect_stdout(sys.stderr):
                    instance.upgrade()
            set_limits(instance, settings)
        _replace(_stamp(home), _wanted(settings))
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The persistent instance, for a job inside this process. A context manager; the caller closes it."""
    return dg.DagsterInstance.from_config(str(prepare(settings)), IN_PROCESS)


def _stamp(home: Path) -> Path:
    return home / ".prepared.json"


def _wanted(settings: Settings) -> str:
    """What the home must have been prepared for."""
    url = settings.dagster_pg_url.get_secret_value() if settings.dagster_pg_url else ""
    config = _own_config(settings.dagster_home) or dagster_yaml(settings)
    return json.dumps(
        {
            "dagster": version("dagster"),
            "config": hashlib.sha256(config.encode()).hexdigest(),
            "storage": hashlib.sha256(url.encode()).hexdigest(),
            "limits": limits(settings),
        }
    )


def _own_config(home: Path) -> str | None:
    """Somebody's own ``dagster.yaml``; None when there is none or it is ours."""
    path = home / CONFIG
    text = path.read_text(encoding="utf-8") if path.is_file() else HEADER
    return None if text.startswith(HEADER) else text


def _write_config(settings: Settings) -> None:
    home = settings.dagster_home
    text = _own_config(home)
    if text is None:
        text = dagster_yaml(settings)
        _replace(home / CONFIG, text)
    config: dict[str, Any] = yaml.safe_load(text) or {}
    config["compute_logs"] = {
        "module": "dagster.core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
    _replace(home / IN_PROCESS, f"# Made from {CONFIG}; do not edit.\n{yaml.safe_dump(config)}")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / ".prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.stdout.write(f"{prepare(load_settings())}\n")
