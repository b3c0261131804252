"""The resource ``airbyte``: assets of dagster-airbyte, on jobs that are watched as they should be.

Dagster reads the annotations of assets, so this module does without postponed evaluation.
"""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster_airbyte import airbyte_assets
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server.client import opened
from udb_pipelines.orchestration.airbyte import UdbAirbyteWorkspace, airbyte_resources
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_ID, CLIENT_SECRET, FakeAirbyte, serving


@pytest.fixture
def airbyte() -> Iterator[FakeAirbyte]:
    with serving() as fake:
        fake.state.writes = False
        fake.state.records = {"notes": [{"text": "a"}]}
        yield fake


@pytest.fixture
def connected(airbyte: FakeAirbyte, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", CLIENT_SECRET)
    own = {"airbyte_url": airbyte.url, "airbyte_client_id": CLIENT_ID, "airbyte_client_secret": CLIENT_SECRET}
    secrets = {name: SecretStr(value) for name, value in own.items() if name != "airbyte_url"}
    return settings.model_copy(update={**own, **secrets})


def connection(settings: Settings) -> str:
    """A connection of the only workspace that copies one stream."""
    with opened(settings) as server:
        workspace = server.workspace(None).workspace_id
        source, _ = server.keep_actor("source", workspace, "s", {})
        target = {"destinationType": "postgres", "host": "h", "database": "d", "username": "u"}
        destination, _ = server.keep_actor("destination", workspace, "d", target)
        streams = [{"name": "notes", "syncMode": "full_refresh_overwrite"}]
        body = {
            "name": "c", "sourceId": source.id, "destinationId": destination.id,
            "configurations": {"streams": streams},
        }  # fmt: skip
        return server.make_connection(workspace, body).connection_id


def synced(settings: Settings, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    workspace: Any = airbyte_resources(settings)["airbyte"]

    @airbyte_assets(connection_id=connection(settings), workspace=workspace)
    def tables(context: dg.AssetExecutionContext, airbyte: UdbAirbyteWorkspace) -> Iterator[Any]:
        yield from airbyte.sync_and_poll(context=context)

    return dg.materialize([tables], resources={"airbyte": workspace}, instance=instance, raise_on_error=False)


def test_it_is_there_only_when_a_server_is_named(connected: Settings) -> None:
    named = build_defs(connected).resources or {}
    unnamed = build_defs(connected.model_copy(update={"airbyte_url": None})).resources or {}
    assert set(named) - set(unnamed) == {"airbyte"}


def test_assets_of_dagster_airbyte_are_made_by_a_job_that_queues(
    airbyte: FakeAirbyte, connected: Settings, instance: dg.DagsterInstance
) -> None:
    airbyte.state.script = ("pending", "queued", "running", "succeeded")
    result = synced(connected, instance)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    assert event.asset_key == dg.AssetKey("notes")
    assert [job["status"] for job in airbyte.state.jobs] == ["succeeded"]


def test_a_failed_job_tells_its_reason_and_no_secret_is_on_the_ledger(
    airbyte: FakeAirbyte, connected: Settings, instance: dg.DagsterInstance
) -> None:
    airbyte.state.script = ("running", "failed")
    airbyte.state.failure = f"the source is closed to {CLIENT_SECRET}"
    result = synced(connected, instance)
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    error = failed.step_failure_data.error
    assert error is not None
    assert "E_CONNECTOR: Airbyte's job 11 failed (source, config_error: the source is closed to ***)" in str(error)
    ledger = json.dumps([dg.serialize_value(entry) for entry in instance.all_logs(result.run_id)])
    run = instance.get_run_by_id(result.run_id)
    for secret in (CLIENT_SECRET, *airbyte.state.tokens):
        assert secret not in ledger
        assert secret not in str(run)


def test_a_workspace_may_be_named(airbyte: FakeAirbyte, connected: Settings) -> None:
    airbyte.state.add_workspace("second")
    resource = airbyte_resources(connected.model_copy(update={"airbyte_workspace": "second"}))["airbyte"]
    assert isinstance(resource, UdbAirbyteWorkspace)
    with resource.process_config_and_initialize_cm() as workspace:
        assert workspace.get_client().workspace_id == airbyte.state.workspaces[1]["workspaceId"]
    absent = airbyte_resources(connected.model_copy(update={"airbyte_workspace": "third"}))["airbyte"]
    assert isinstance(absent, UdbAirbyteWorkspace)
    with absent.process_config_and_initialize_cm() as workspace, pytest.raises(dg.Failure) as refused:
        workspace.get_client()
    assert "it has: main, second" in str(refused.value.description)
