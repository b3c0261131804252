"""What an Airbyte server answers, as far as it is used. Fields that it adds are ignored, statuses are any text.

Public API: https://reference.airbyte.com; configuration API: ``airbyte-api/server-api/src/main/openapi/config.yaml``
of airbytehq/airbyte-platform.
"""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Workspace(Wire):
    """A workspace of the server."""

    workspace_id: str
    name: str


class Definition(Wire):
    """A connector that the server can run."""

    id: str
    name: str
    docker_repository: str = ""


class Actor(Wire):
    """A source or a destination: a connector with its configuration, the secrets in it as asterisks."""

    id: str = Field(validation_alias=AliasChoices("sourceId", "destinationId"))
    kind: str = Field(validation_alias=AliasChoices("sourceType", "destinationType"))
    name: str
    configuration: dict[str, Any] = {}


class StreamSetup(Wire):
    """How a connection copies one stream."""

    name: str
    namespace: str | None = None
    sync_mode: str | None = None
    primary_key: list[list[str]] | None = None
    cursor_field: list[str] | None = None


class StreamSetups(Wire):
    """The streams that a connection copies."""

    streams: tuple[StreamSetup, ...] = ()


class ServerConnection(Wire):
    """A source, a destination, and what is copied from one to the other."""

    connection_id: str
    name: str
    source_id: str
    destination_id: str
    workspace_id: str
    configurations: StreamSetups = StreamSetups()
    namespace_definition: str | None = None
    namespace_format: str | None = None
    prefix: str | None = None


class Job(Wire):
    """A sync that was asked for."""

    job_id: int
    status: str
    rows_synced: int | None = None
    bytes_synced: int | None = None


class StreamProperties(Wire):
    """A stream, as the public API describes it: without types."""

    stream_name: str
    namespace: str | None = Field(default=None, validation_alias=AliasChoices("streamnamespace", "streamNamespace"))
    sync_modes: tuple[str, ...] = ()
    default_cursor_field: tuple[str, ...] = ()
    source_defined_primary_key: tuple[tuple[str, ...], ...] = ()
    property_fields: tuple[tuple[str, ...], ...] = ()


class CatalogStream(Wire):
    """A stream, as the configuration API describes it: with its JSON Schema."""

    name: str
    namespace: str | None = None
    json_schema: dict[str, Any] = {}
    supported_sync_modes: tuple[str, ...] = ()
    default_cursor_field: tuple[str, ...] = ()
    source_defined_primary_key: tuple[tuple[str, ...], ...] = ()


class StreamStats(Wire):
    """What a job did with one stream."""

    stream_name: str
    stream_namespace: str | None = None
    records_emitted: int | None = None
    records_committed: int | None = None


class AttemptStream(Wire):
    """The same, of one attempt."""

    stream_name: str
    stream_namespace: str | None = None
    stats: dict[str, Any] = {}


class FailureReason(Wire):
    """Why an attempt failed."""

    failure_origin: str | None = None
    failure_type: str | None = None
    external_message: str | None = None


class FailureSummary(Wire):
    """All reasons of an attempt."""

    failures: tuple[FailureReason, ...] = ()


class Attempt(Wire):
    """One try of a job."""

    status: str = ""
    stream_stats: tuple[AttemptStream, ...] | None = None
    failure_summary: FailureSummary | None = None


class AttemptInfo(Wire):
    """An attempt within a job's details; its logs, which quote data, are not read."""

    attempt: Attempt


class JobRead(Wire):
    """A job, as the configuration API describes it."""

    stream_aggregated_stats: tuple[StreamStats, ...] | None = None


class JobDetails(Wire):
    """Counts and failure reasons of a job."""

    job: JobRead
    attempts: tuple[AttemptInfo, ...] = ()
