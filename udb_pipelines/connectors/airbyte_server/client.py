"""The calls to an Airbyte server that the path needs, typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server.transport import Endpoint, LostAnswerError, Transport
from udb_pipelines.connectors.airbyte_server.wire import (
    Actor,
    CatalogStream,
    Definition,
    Job,
    JobDetails,
    ServerConnection,
    StreamProperties,
    Workspace,
)
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub

CLOUD = "api.airbyte.com"
CLOUD_CONFIGURATION = "https://cloud.airbyte.com/api/v1"

CONNECTOR_SECONDS = 600.0
"""How long the server may take to try a source, or to list its streams: it starts a container for that."""

Role = Literal["source", "destination"]


def endpoint_of(settings: Settings) -> Endpoint:
    """Both APIs of the server that the settings name.

    Raises:
        UdbError: ``E_CONFIG`` when they name none, or only half of an application.
    """
    if settings.airbyte_url is None:
        raise UdbError(
            "E_CONFIG",
            "the source needs an Airbyte server, and AIRBYTE_URL is not set",
            remedy="set AIRBYTE_URL, AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET",
        )
    if (settings.airbyte_client_id is None) != (settings.airbyte_client_secret is None):
        raise UdbError("E_CONFIG", "AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET are only good together")
    url = settings.airbyte_url.rstrip("/")
    if urlsplit(url).hostname == CLOUD:
        public, configuration = f"https://{CLOUD}/v1", CLOUD_CONFIGURATION
    else:
        root = url.removesuffix("/api/public/v1").removesuffix("/api/v1")
        public, configuration = f"{root}/api/public/v1", f"{root}/api/v1"
    for secret in (settings.airbyte_client_id, settings.airbyte_client_secret):
        if secret is not None:
            scrub.register(secret.get_secret_value())
    return Endpoint(public, configuration, settings.airbyte_client_id, settings.airbyte_client_secret)


@contextmanager
def opened(settings: Settings) -> Iterator[AirbyteServer]:
    """A session with the server of the settings, for the enclosed work.

    Raises:
        UdbError: ``E_CONFIG``.
    """
    transport = Transport(endpoint_of(settings), settings.http_timeout_seconds)
    try:
        yield AirbyteServer(transport)
    finally:
        transport.close()


class AirbyteServer:
    """A server. Every call raises ``UdbError``: ``E_AUTH``, ``E_CONNECT``, ``E_HTTP``, or a ``RefusedError``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def host(self) -> str:
        """For messages."""
        return self._transport.endpoint.host

    # --- workspaces, connectors -------------------------------------------------------------------------

    def workspace(self, wanted: str | None) -> Workspace:
        """The workspace of that id or name; the only one when none is named.

        Raises:
            UdbError: ``E_CONFIG`` when there is no such workspace, or several and none was named.
        """
        there = [Workspace.model_validate(item) for item in self._transport.pages("/workspaces", {})]
        found = [item for item in there if wanted in (None, item.workspace_id, item.name)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(sorted(item.name for item in there)[:20]) or "none"
        what = f"no workspace {wanted}" if wanted and not found else "no single workspace that is meant"
        raise UdbError(
            "E_CONFIG", f"Airbyte at {self.host} has {what}; it has: {names}", remedy="set AIRBYTE_WORKSPACE to an id"
        )

    def definition(self, workspace: str, name: str) -> Definition:
        """The source connector called ``name``: ``faker``, ``source-faker``, its image or its title.

        Raises:
            UdbError: ``E_NOT_FOUND``.
        """
        answer = self._transport.get(f"/workspaces/{workspace}/definitions/sources")
        there = [Definition.model_validate(item) for item in answer.get("data", [])]
        wanted = name.lower()
        for item in there:
            image = item.docker_repository.rpartition("/")[2]
            if wanted in (item.id, item.name.lower(), item.docker_repository, image, image.removeprefix("source-")):
                return item
        close = sorted(item.name for item in there if wanted in item.name.lower())[:10]
        hint = f"; it has: {', '.join(close)}" if close else f" among {len(there)}"
        raise UdbError(
            "E_NOT_FOUND",
            f"Airbyte at {self.host} has no source connector {name}{hint}",
            remedy="name it as its image is named, such as airbyte-server:faker for airbyte/source-faker",
        )

    # --- sources, destinations --------------------------------------------------------------------------

    def actor(self, role: Role, actor_id: str) -> Actor:
        """One source or destination."""
        return Actor.model_validate(self._transport.get(f"/{role}s/{actor_id}"))

    def actor_named(self, role: Role, workspace: str, name: str) -> Actor | None:
        """The one of that name; the oldest, as the server lists them, if there are several."""
        return next((item for item in self._actors(role, workspace) if item.name == name), None)

    def _actors(self, role: Role, workspace: str) -> Iterator[Actor]:
        for item in self._transport.pages(f"/{role}s", {"workspaceIds": workspace}):
            yield Actor.model_validate(item)

    def keep_actor(
        self,
        role: Role,
        workspace: str,
        name: str,
        configuration: Mapping[str, Any],
        definition: str | None = None,
    ) -> tuple[Actor, bool]:
        """The source or destination of that name, with this configuration: made, or found again and brought up to date.

        Secrets cannot be compared, the server shows asterisks; so what is found is always sent its configuration.

        Returns:
            It, and whether it was made just now.

        Raises:
            UdbError: ``E_CONNECTOR`` with the server's words when the configuration is refused.
        """
        body = {"name": name, "configuration": dict(configuration)}
        found = self.actor_named(role, workspace, name)
        if found is None:
            about = {**body, "workspaceId": workspace, **({"definitionId": definition} if definition else {})}
            try:
                return Actor.model_validate(self._transport.make(f"/{role}s", about)), True
            except LostAnswerError as lost:
                found = self.actor_named(role, workspace, name)
                if found is None:
                    raise _lost(f"the {role} {name}", self.host, lost) from None
        return Actor.model_validate(self._transport.change("PATCH", f"/{role}s/{found.id}", body)), False

    def check(self, source_id: str) -> None:
        """Let the server try the source, where its configuration API is open to us.

        Raises:
            UdbError: ``E_CONNECTOR`` with the connector's words.
        """
        answer = self._transport.configuration("/sources/check_connection", {"sourceId": source_id}, CONNECTOR_SECONDS)
        if answer and answer.get("status") == "failed":
            told = scrub.text(" ".join(str(answer.get("message") or "it does not say why").split()))[:300]
            raise UdbError("E_CONNECTOR", f"the source does not work: {told}", remedy="correct its --config values")

    # --- streams ----------------------------------------------------------------------------------------

    def catalog(self, source_id: str) -> tuple[CatalogStream, ...] | None:
        """The streams with their types; None where the configuration API is not open to us.

        Raises:
            UdbError: ``E_CONNECTOR`` when the connector cannot list them.
        """
        about = {"sourceId": source_id, "disable_cache": True}
        answer = self._transport.configuration("/sources/discover_schema", about, CONNECTOR_SECONDS)
        if answer is None:
            return None
        if "catalog" not in answer:
            raise UdbError("E_CONNECTOR", "the source cannot list its streams; the log of Airbyte tells more")
        return tuple(CatalogStream.model_validate(item["stream"]) for item in answer["catalog"]["streams"])

    def streams(self, source_id: str, destination_id: str | None = None) -> tuple[StreamProperties, ...]:
        """The streams by name, with their fields."""
        about = {"sourceId": source_id, "destinationId": destination_id, "ignoreCache": "true"}
        asked = {key: value for key, value in about.items() if value is not None}
        answer = self._transport.get("/streams", asked, CONNECTOR_SECONDS)
        return tuple(StreamProperties.model_validate(item) for item in answer)

    # --- connections ------------------------------------------------------------------------------------

    def connection(self, connection_id: str) -> ServerConnection:
        """One connection."""
        return ServerConnection.model_validate(self._transport.get(f"/connections/{connection_id}"))

    def connection_named(self, workspace: str, name: str) -> ServerConnection | None:
        """The connection of that name."""
        for item in self._transport.pages("/connections", {"workspaceIds": workspace}):
            if item.get("name") == name:
                return ServerConnection.model_validate(item)
        return None

    def make_connection(self, workspace: str, body: Mapping[str, Any]) -> ServerConnection:
        """A new connection, or the one of its name when it turns out to have been made.

        Raises:
            UdbError: ``E_CONNECTOR``.
        """
        try:
            return ServerConnection.model_validate(self._transport.make("/connections", body))
        except LostAnswerError as lost:
            found = self.connection_named(workspace, str(body["name"]))
            if found is None:
                raise _lost(f"the connection {body['name']}", self.host, lost) from None
            return found

    def change_connection(self, connection_id: str, body: Mapping[str, Any]) -> ServerConnection:
        """A connection, changed."""
        return ServerConnection.model_validate(self._transport.change("PATCH", f"/connections/{connection_id}", body))

    # --- jobs -------------------------------------------------------------------------------------------

    def start_job(self, connection_id: str) -> Job:
        """Ask for a sync.

        Raises:
            LostAnswerError: nothing says whether there is one now.
            UdbError: a ``RefusedError`` of status 409 when one is running.
        """
        return Job.model_validate(self._transport.make("/jobs", {"connectionId": connection_id, "jobType": "sync"}))

    def job(self, job_id: int) -> Job:
        """How a job is."""
        return Job.model_validate(self._transport.get(f"/jobs/{job_id}"))

    def jobs(self, connection_id: str) -> Sequence[Job]:
        """The newest syncs of a connection, newest first."""
        about = {"connectionId": connection_id, "jobType": "sync", "orderBy": "createdAt|DESC", "limit": 20}
        answer = self._transport.get("/jobs", about)
        found = [Job.model_validate(item) for item in answer.get("data", [])]
        return sorted(found, key=lambda job: -job.job_id)

    def cancel_job(self, job_id: int) -> None:
        """End a job."""
        self._transport.change("DELETE", f"/jobs/{job_id}")

    def details(self, job_id: int) -> JobDetails | None:
        """Counts and failure reasons; None where the configuration API is not open to us."""
        answer = self._transport.configuration("/jobs/get", {"id": job_id})
        return JobDetails.model_validate(answer) if answer else None


def _lost(what: str, host: str, lost: LostAnswerError) -> UdbError:
    return UdbError("E_CONNECT", f"Airbyte at {host} did not say whether it made {what} ({lost})", remedy="run again")
