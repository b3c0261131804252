"""Sources, destinations and connections on the server: made, or found again by name, and kept as the options say.

Everything that UDB makes is called ``udb/<tenant>/<source>``. It is found by that name, so that making it twice makes
it once, also after a crash in between and from another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.connectors.airbyte_server import address
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer
from udb_pipelines.connectors.airbyte_server.wire import Actor, ServerConnection, StreamSetup
from udb_pipelines.egress import Guard
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, SourceOptions, Stream
from udb_pipelines.warehouse.steps import reached

DEFINITION = "namespaceDefinition"
OVERWRITE, APPEND, DEDUPED = "full_refresh_overwrite", "incremental_append", "incremental_deduped_history"


def source_for(
    server: AirbyteServer, settings: Settings, source: str, connector: str, options: SourceOptions
) -> tuple[Actor, str]:
    """The server's source for ours, with our configuration, and the workspace it is in. A new one is tried out.

    Raises:
        UdbError: ``E_EGRESS`` for a connector that may not be run, ``E_NOT_FOUND`` for one that the server does not
            have, ``E_CONNECTOR`` for a configuration that it refuses, ``E_AUTH`` for a secret that is not there.
    """
    Guard(settings).check_connector(f"{address.SCHEME}{connector}")
    workspace = server.workspace(settings.airbyte_workspace).workspace_id
    definition = server.definition(workspace, connector)
    configuration = address.configuration(options.config, settings)
    name = address.server_name(settings, source)
    actor, made = server.keep_actor("source", workspace, name, configuration, definition.id)
    reached("airbyte-source-kept")
    if made:
        server.check(actor.id)
    return actor, workspace


def existing(server: AirbyteServer, settings: Settings, connection_id: str) -> ServerConnection:
    """A connection that somebody made. Tenants but the default one have only those that are called after them.

    Raises:
        UdbError: ``E_NOT_FOUND``, also for a connection that is not the tenant's.
    """
    found = server.connection(connection_id)
    if settings.tenant != DEFAULT_TENANT and not found.name.startswith(address.server_name(settings, "")):
        raise UdbError(
            "E_NOT_FOUND",
            f"Airbyte at {server.host} has no connection {connection_id} for the tenant {settings.tenant}",
            remedy=f"let its name in Airbyte begin with {address.server_name(settings, '')}",
        )
    return found


def connection_for(server: AirbyteServer, settings: Settings, connection: Connection) -> ServerConnection:
    """The server's connection that copies our streams into a schema of their own.

    Raises:
        UdbError: as :func:`source_for`; ``E_OPTION`` without a destination.
    """
    connector = address.parse(connection.uri).connector or ""
    url = address.destination_url(connection.options.config, settings)
    schema = address.schema_name(settings, connection.source)
    destination_configuration = address.destination_configuration(url, schema, settings)
    source, workspace = source_for(server, settings, connection.source, connector, connection.options)
    name = address.server_name(settings, connection.source)
    destination, _ = server.keep_actor("destination", workspace, name, destination_configuration)
    reached("airbyte-destination-kept")
    setups = tuple(setup_of(stream) for stream in connection.streams)
    spaces = _spaces(setups, settings, connection.source)
    found = server.connection_named(workspace, name)
    if found is None:
        return server.make_connection(workspace, _new(name, source.id, destination.id, setups, spaces))
    if (found.source_id, found.destination_id) != (source.id, destination.id):
        raise UdbError(
            "E_CONNECTOR",
            f"the connection {name} at {server.host} joins another source or destination than those of its name",
            remedy="delete that connection in Airbyte; the next run makes it again",
        )
    if _shape(found.configurations.streams) != _shape(setups) or found.namespace_definition != spaces[DEFINITION]:
        return server.change_connection(found.connection_id, {"configurations": _streams(setups), **spaces})
    return found


def setup_of(stream: Stream) -> StreamSetup:
    """How the server is to copy a stream.

    In an incremental mode it goes on from where it was, if the connector can: its table then holds the present rows
    (upsert, with a key) or all that ever came. The key is named where the source itself names none; the server
    refuses one that it knows already.
    """
    detected = stream.detected
    originals = {column.name: column.original_name or column.name for column in detected.columns}
    namespace, name = detected.place
    key = None
    if not stream.sync_mode.startswith("incremental") or not detected.resumable:
        mode = OVERWRITE
    elif stream.sync_mode == "incremental_upsert" and stream.primary_key:
        mode = DEDUPED
        key = None if detected.primary_key else [[originals.get(column, column)] for column in stream.primary_key]
    else:
        mode = APPEND
    cursor = None
    if mode != OVERWRITE and stream.cursor and stream.cursor != detected.cursor:
        cursor = [originals.get(stream.cursor, stream.cursor)]
    return StreamSetup(name=name, namespace=namespace, sync_mode=mode, primary_key=key, cursor_field=cursor)


def _spaces(setups: Sequence[StreamSetup], settings: Settings, source: str) -> dict[str, str]:
    """One schema for all streams, that of the destination; one per namespace where streams have the same name."""
    if len({setup.name.casefold() for setup in setups}) == len(setups):
        return {DEFINITION: "destination"}
    return {DEFINITION: "custom_format", "namespaceFormat": address.schemas_format(settings, source)}


def _new(
    name: str, source_id: str, destination_id: str, setups: Iterable[StreamSetup], spaces: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "sourceId": source_id,
        "destinationId": destination_id,
        "configurations": _streams(setups),
        "schedule": {"scheduleType": "manual"},
        **spaces,
        "prefix": "",
        "nonBreakingSchemaUpdatesBehavior": "propagate_columns",
        "status": "active",
    }


def _streams(setups: Iterable[StreamSetup]) -> dict[str, Any]:
    return {"streams": [setup.model_dump(by_alias=True, exclude_none=True) for setup in setups]}


def _shape(setups: Iterable[StreamSetup]) -> set[tuple[str, str, str | None]]:
    return {(setup.namespace or "", setup.name, setup.sync_mode) for setup in setups}
