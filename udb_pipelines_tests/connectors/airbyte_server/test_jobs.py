"""A sync is started once, watched through whatever statuses there are, and ends with the run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server import jobs, transport
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer, opened
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress, scrub
from udb_pipelines_tests.connectors.airbyte_server.fake import NOTES, FakeAirbyte, Trouble

LONG = 60.0


@pytest.fixture
def server(airbyte: FakeAirbyte, connected: Settings) -> Iterator[AirbyteServer]:
    airbyte.state.writes = False
    airbyte.state.records = {"notes": [{"text": "a"}, {"text": "b"}]}
    with opened(connected) as opened_server:
        yield opened_server


@pytest.fixture
def connection(airbyte: FakeAirbyte, server: AirbyteServer) -> str:
    workspace = server.workspace(None).workspace_id
    source, _ = server.keep_actor("source", workspace, "s", {})
    target = {"destinationType": "postgres", "host": "h", "database": "d", "username": "u"}
    destination, _ = server.keep_actor("destination", workspace, "d", target)
    body = {
        "name": "c", "sourceId": source.id, "destinationId": destination.id,
        "configurations": {"streams": [{"name": NOTES["name"], "syncMode": "full_refresh_overwrite"}]},
    }  # fmt: skip
    return server.make_connection(workspace, body).connection_id


def started(airbyte: FakeAirbyte) -> int:
    return airbyte.state.count("POST .*/public/v1/jobs")


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("detour", ["queued", "pending", "incomplete", "rebalancing"])
def test_a_job_goes_on_through_every_status_that_is_no_end(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str, detour: str
) -> None:
    airbyte.state.script = ("pending", detour, "running", "succeeded")
    seen = []
    with progress.reporting(lambda what, done, total, unit: seen.append(what)):
        outcome = jobs.run(server, connection, LONG)
    assert outcome.committed == {(None, "notes"): 2}
    assert outcome.job.rows_synced == 2
    assert any(detour in what for what in seen)
    assert started(airbyte) == 1


def test_failures_while_watching_do_not_end_the_job(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "FIRST_PAUSE", 0.01)
    airbyte.state.script = ("running", "running", "running", "succeeded")
    airbyte.state.troubles = [
        Trouble("GET", r"/jobs/\d+$", status=500, times=2),
        Trouble("GET", r"/jobs/\d+$", status=0),
        Trouble("GET", r"/jobs/\d+$", status=429, headers={"Retry-After": "0"}),
    ]
    assert jobs.run(server, connection, LONG).job.status == "succeeded"
    assert airbyte.state.jobs[0]["status"] == "succeeded"


def test_a_token_may_expire_while_the_job_runs(airbyte: FakeAirbyte, server: AirbyteServer, connection: str) -> None:
    airbyte.state.token_seconds = 0.5
    airbyte.state.tokens.clear()
    airbyte.state.script = (*["running"] * 3, "succeeded")
    assert jobs.run(server, connection, LONG).job.status == "succeeded"
    assert airbyte.state.count("POST .*/applications/token") > 2


def test_a_job_that_runs_already_is_joined(airbyte: FakeAirbyte, server: AirbyteServer, connection: str) -> None:
    theirs = server.start_job(connection)
    assert jobs.run(server, connection, LONG).job.job_id == theirs.job_id
    assert started(airbyte) == 1


def test_a_job_that_somebody_starts_at_the_same_moment_is_joined(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str
) -> None:
    # The list still shows nothing when it is asked before the start.
    airbyte.state.troubles = [
        Trouble(
            "GET", "/public/v1/jobs$", status=200, problem={"data": []}, headers={"Content-Type": "application/json"}
        )
    ]
    theirs = server.start_job(connection)
    assert jobs.run(server, connection, LONG).job.job_id == theirs.job_id
    assert len(airbyte.state.jobs) == 1


def test_a_start_whose_answer_is_lost_is_found_again(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str
) -> None:
    airbyte.state.script = ("succeeded",)
    jobs.run(server, connection, LONG)
    airbyte.state.script = ("queued", "succeeded")
    airbyte.state.troubles = [Trouble("POST", "/public/v1/jobs$", status=0, done=True)]
    outcome = jobs.run(server, connection, LONG)
    assert outcome.job.job_id == airbyte.state.jobs[1]["jobId"]
    assert len(airbyte.state.jobs) == 2
    assert started(airbyte) == 2


def test_a_start_that_left_no_trace_is_not_repeated(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOKS_FOR_LOST", 2)
    airbyte.state.troubles = [Trouble("POST", "/public/v1/jobs$", status=504)]
    with pytest.raises(UdbError) as refused:
        jobs.run(server, connection, LONG)
    assert refused.value.code == "E_CONNECTOR"
    assert started(airbyte) == 1


def test_a_failed_job_tells_why_without_secrets(airbyte: FakeAirbyte, server: AirbyteServer, connection: str) -> None:
    scrub.register("planted-api-key")
    airbyte.state.script = ("running", "incomplete", "failed")
    airbyte.state.failure = "the key planted-api-key is not valid"
    with pytest.raises(UdbError) as refused:
        jobs.run(server, connection, LONG)
    assert refused.value.code == "E_CONNECTOR"
    assert "source, config_error: the key *** is not valid" in refused.value.message
    assert "planted" not in str(refused.value.as_dict())


def test_a_job_that_was_cancelled_elsewhere_is_told(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str
) -> None:
    airbyte.state.script = ("running", "cancelled")
    with pytest.raises(UdbError, match="was cancelled"):
        jobs.run(server, connection, LONG)


def test_the_job_is_cancelled_with_the_run(airbyte: FakeAirbyte, server: AirbyteServer, connection: str) -> None:
    airbyte.state.script = ("running",) * 200
    with interrupted_after(0.8), pytest.raises(KeyboardInterrupt):
        jobs.run(server, connection, LONG)
    assert airbyte.state.jobs[0]["status"] == "cancelled"


def test_a_job_of_somebody_else_outlives_the_run(airbyte: FakeAirbyte, server: AirbyteServer, connection: str) -> None:
    airbyte.state.script = ("running",) * 200
    server.start_job(connection)
    with interrupted_after(0.8), pytest.raises(KeyboardInterrupt):
        jobs.run(server, connection, LONG)
    assert airbyte.state.jobs[0]["status"] == "running"


def test_a_job_past_its_deadline_is_cancelled(airbyte: FakeAirbyte, server: AirbyteServer, connection: str) -> None:
    airbyte.state.script = ("running",) * 200
    with pytest.raises(UdbError, match="did not end in time") as refused:
        jobs.run(server, connection, 0.6)
    assert "UDB_AIRBYTE_SYNC_HOURS" in refused.value.remedy
    assert airbyte.state.jobs[0]["status"] == "cancelled"


def test_counts_are_unknown_where_the_configuration_api_is_closed(
    airbyte: FakeAirbyte, server: AirbyteServer, connection: str
) -> None:
    airbyte.state.configuration_api = False
    assert jobs.run(server, connection, LONG).committed == {}
