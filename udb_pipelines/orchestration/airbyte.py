"""The resource ``airbyte``, for people's own assets: the workspace of dagster-airbyte, watched by our client.

What dagster-airbyte does well stays: sign-in, specs of the connections' tables, ``@airbyte_assets``. Its polling takes
``queued``, a legal status, for a failure and cancels the job, it starts jobs again blindly, and one failed look ends a
healthy sync; so that part is ours (:mod:`udb_pipelines.connectors.airbyte_server.jobs`).

Sources of UDB do not need it: ``airbyte-server:`` sources take the path that every source takes.
Docs: https://docs.dagster.io/integrations/libraries/airbyte
"""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID

import dagster as dg
from dagster_airbyte import AirbyteOutput, AirbyteWorkspace
from dagster_airbyte.resources import AirbyteClient
from pydantic import Field, PrivateAttr, SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server import jobs
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer, endpoint_of
from udb_pipelines.connectors.airbyte_server.transport import Endpoint, Transport
from udb_pipelines.errors import UdbError
from udb_pipelines.orchestration.failures import failure


class WatchingClient(AirbyteClient):
    """The client of dagster-airbyte, whose syncs are started once and watched to their end."""

    def sync_and_poll(self, connection_id: str) -> AirbyteOutput:
        """Run a sync, or join one that runs, to its end; what this call started is cancelled with it.

        Raises:
            dagster.Failure: it failed or passed its deadline, with the reasons that Airbyte gives.
        """
        refused = None
        try:
            with closing(_transport(self)) as transport:
                job = jobs.run(AirbyteServer(transport), connection_id, self.poll_timeout or _FOR_EVER).job
        except UdbError as error:
            refused = failure(error)
        if refused:
            # Outside of the handler: Dagster would store the context too.
            raise refused
        return AirbyteOutput(
            job_details=self.get_job_details(job.job_id), connection_details=self.get_connection_details(connection_id)
        )


_FOR_EVER = 10 * 365 * 24 * 3600.0


class UdbAirbyteWorkspace(AirbyteWorkspace):
    """A workspace of a server, self-managed or cloud. Without an id it is the server's only one; a name does too."""

    workspace_id: str = Field(default="", description="Id or name of the workspace; the only one when empty")

    _watching: WatchingClient | None = PrivateAttr(default=None)

    def get_client(self) -> WatchingClient:
        """The client, made when it is first asked for.

        Raises:
            dagster.Failure: there is no such workspace.
        """
        if self._watching is None:
            self._watching = self._made(self.workspace_id)
            if not _is_id(self.workspace_id):
                self._watching = self._made(_id_of(self._watching, self.workspace_id))
        return self._watching

    def _made(self, workspace_id: str) -> WatchingClient:
        shared: dict[str, Any] = {name: getattr(self, name) for name in _SHARED}
        return WatchingClient(**{**shared, "workspace_id": workspace_id})


_SHARED = (
    "rest_api_base_url", "configuration_api_base_url", "client_id", "client_secret", "username", "password",
    "request_max_retries", "request_retry_delay", "request_timeout", "max_items_per_page", "poll_interval",
    "poll_timeout", "cancel_on_termination", "poll_previous_running_sync",
)  # fmt: skip


def airbyte_resources(settings: Settings) -> dict[str, object]:
    """``airbyte``, for a server that the settings name; nothing is asked of it until an asset does.

    Id and secret are references to the environment: values would be kept in the run's configuration, for all to see.

    Raises:
        UdbError: ``E_CONFIG`` for no server, or half of an application.
    """
    endpoint = endpoint_of(settings)
    return {
        "airbyte": UdbAirbyteWorkspace(
            rest_api_base_url=endpoint.public,
            configuration_api_base_url=endpoint.configuration,
            workspace_id=settings.airbyte_workspace or "",
            poll_timeout=settings.airbyte_sync_hours * 3600,
            client_id=dg.EnvVar("AIRBYTE_CLIENT_ID") if endpoint.client_id else None,
            client_secret=dg.EnvVar("AIRBYTE_CLIENT_SECRET") if endpoint.client_secret else None,
        )
    }


def _transport(client: AirbyteClient) -> Transport:
    return Transport(
        Endpoint(
            client.rest_api_base_url.rstrip("/"),
            client.configuration_api_base_url.rstrip("/"),
            SecretStr(client.client_id) if client.client_id else None,
            SecretStr(client.client_secret) if client.client_secret else None,
        ),
        client.request_timeout,
    )


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _id_of(client: AirbyteClient, wanted: str) -> str:
    refused = None
    try:
        with closing(_transport(client)) as transport:
            return AirbyteServer(transport).workspace(wanted or None).workspace_id
    except UdbError as error:
        refused = failure(error)
    raise refused
