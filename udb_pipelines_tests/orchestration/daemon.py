"""A real ``dagster dev`` (web server, daemon, code server) on a free port, in a session of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from udb_pipelines.config import Settings
from udb_pipelines.orchestration.instance import prepare

T = TypeVar("T")

LAUNCH = """
mutation Launch($job: String!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "udb_pipelines.definitions", repositoryName: "__repository__", jobName: $job}
    executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
TICKS = """
query Ticks($sensor: String!, $after: Float!) {
  sensorOrError(sensorSelector: {
    repositoryLocationName: "udb_pipelines.definitions", repositoryName: "__repository__", sensorName: $sensor
  }) { ... on Sensor { sensorState { ticks(afterTimestamp: $after, statuses: [SKIPPED, SUCCESS]) { id } } } }
}"""
RUNS = "query Runs { runsOrError { ... on Runs { results { runId status jobName tags { key value } } } } }"


@dataclass(frozen=True)
class Dev:
    """A running Dagster."""

    url: str
    log: Path

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/graphql", json={"query": text, "variables": variables}, timeout=240).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str, partition: str) -> str:
        launched = self.query(LAUNCH, job=job, tags=[{"key": "dagster/partition", "value": partition}])["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def finished(self, run_id: str, seconds: float = 120) -> str:
        def ended() -> str | None:
            status = str(self.query(STATUS, id=run_id)["runOrError"]["status"])
            return status if status in {"SUCCESS", "FAILURE", "CANCELED"} else None

        return until(ended, seconds)

    def looks_of(self, sensor: str, after: float) -> int:
        """How many ticks of a sensor have begun after a moment (seconds since the epoch) and have ended."""
        return len(self.query(TICKS, sensor=sensor, after=after)["sensorOrError"]["sensorState"]["ticks"])

    def runs_of(self, partition: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self.query(RUNS)["runsOrError"]["results"]
        return [run for run in runs if {"key": "dagster/partition", "value": partition} in run["tags"]]


def until(look: Callable[[], T | None], seconds: float) -> T:
    """What ``look`` returns, as soon as it is not None."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.5)
    raise TimeoutError(f"nothing after {seconds} s")


def environment(settings: Settings, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "UDB_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        "UDB_LANDING_QUIET_SECONDS": "1",
        **more,
    }


@contextmanager
def dagster_dev(settings: Settings, **more: str) -> Iterator[Dev]:
    prepare(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = settings.home / "dev.log"
    program = Path(sys.executable).with_name("dagster")
    workspace = Path(__file__).parents[2] / "workspace.yaml"
    command = [str(program), "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment(settings, **more), stdout=output, stderr=output, start_new_session=True
        )
    dev = Dev(f"http://127.0.0.1:{port}", log)
    try:
        until(lambda: _ready(dev, process), 400)
        yield dev
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ready(dev: Dev, process: subprocess.Popen[bytes]) -> bool | None:
    assert process.poll() is None, dev.log.read_text()
    try:
        answer = dev.query("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
    except (httpx.HTTPError, json.JSONDecodeError):
        return None
    return True if answer["repositoriesOrError"]["nodes"] else None
