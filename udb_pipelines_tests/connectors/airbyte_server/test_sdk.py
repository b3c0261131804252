"""The official client of Airbyte is a second client of the fake: what ours makes, it understands, and the reverse."""

from __future__ import annotations

import uuid

from airbyte_api import AirbyteAPI, api, models

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server import jobs
from udb_pipelines.connectors.airbyte_server.client import opened
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_SECRET, FakeAirbyte


def official(airbyte: FakeAirbyte) -> AirbyteAPI:
    public = f"{airbyte.url}/api/public/v1"
    # It keeps tokens for the whole process, by id and secret, also those of a server that is gone.
    client_id = f"official-{uuid.uuid4()}"
    airbyte.state.applications[client_id] = CLIENT_SECRET
    credentials = models.SchemeClientCredentials(
        client_id=client_id, client_secret=CLIENT_SECRET, token_url=f"{public}/applications/token"
    )
    return AirbyteAPI(server_url=public, security=models.Security(client_credentials=credentials))


def test_what_the_official_client_makes_ours_runs(airbyte: FakeAirbyte, connected: Settings) -> None:
    airbyte.state.writes = False
    airbyte.state.records = {"notes": [{"text": "a"}]}
    sdk, workspace = official(airbyte), airbyte.state.workspace
    source = sdk.sources.create_source(
        request=models.SourceCreateRequest(
            name="faked", workspace_id=workspace, configuration=models.SourceFaker(count=3)
        )
    ).source_response
    destination = sdk.destinations.create_destination(
        request=models.DestinationCreateRequest(
            name="pg",
            workspace_id=workspace,
            configuration=models.DestinationPostgres(database="d", host="h", username="u", password="planted"),
        )
    ).destination_response
    assert source is not None
    assert destination is not None
    streams = [models.StreamConfiguration(name="notes", sync_mode=models.ConnectionSyncModeEnum.FULL_REFRESH_OVERWRITE)]
    made = sdk.connections.create_connection(
        request=models.ConnectionCreateRequest(
            name="joined",
            source_id=source.source_id,
            destination_id=destination.destination_id,
            configurations=models.StreamConfigurations(streams=streams),
        )
    ).connection_response
    assert made is not None
    with opened(connected) as server:
        found = server.connection_named(workspace, "joined")
        assert found is not None
        assert found.connection_id == made.connection_id
        outcome = jobs.run(server, found.connection_id, 60)
    seen = sdk.jobs.list_jobs(request=api.ListJobsRequest(connection_id=made.connection_id)).jobs_response
    assert seen is not None
    assert [(job.job_id, job.status, job.rows_synced) for job in seen.data] == [
        (outcome.job.job_id, models.JobStatusEnum.SUCCEEDED, 1)
    ]


def test_what_ours_makes_the_official_client_reads(airbyte: FakeAirbyte, connected: Settings) -> None:
    with opened(connected) as server:
        workspace = server.workspace(None).workspace_id
        source, _ = server.keep_actor("source", workspace, "udb/default/shop", {"count": 3})
        streams = server.streams(source.id)
    sdk = official(airbyte)
    listed = sdk.sources.list_sources(request=api.ListSourcesRequest(workspace_ids=[workspace])).sources_response
    assert listed is not None
    assert [(item.name, item.source_id) for item in listed.data] == [("udb/default/shop", source.id)]
    properties = sdk.streams.get_stream_properties(
        request=api.GetStreamPropertiesRequest(source_id=source.id)
    ).stream_properties_response
    assert [item.stream_name for item in properties or []] == [item.stream_name for item in streams]
    assert sdk.health.get_health_check().status_code == 200
