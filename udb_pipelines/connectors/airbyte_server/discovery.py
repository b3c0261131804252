"""Detect for an Airbyte server: does the source work there, and which streams has it.

A connector that is named is configured on the server for that, since the server answers only for what it keeps. Of
a connection that exists already, the streams are those that it copies.
"""

from __future__ import annotations

from collections.abc import Iterable

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server import address, upkeep
from udb_pipelines.connectors.airbyte_server.catalog import Offer, offers
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer, endpoint_of, opened
from udb_pipelines.connectors.airbyte_server.wire import ServerConnection, StreamSetup
from udb_pipelines.detection import fingerprint
from udb_pipelines.detection.naming import name_columns, qualified, unique_names
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Candidate, DetectedStream, Detection, Evidence, Source
from udb_pipelines.operations import progress


def detect(source: Source, settings: Settings) -> Detection:
    """The streams that the server can copy.

    Raises:
        UdbError: ``E_CONFIG``, ``E_AUTH``, ``E_CONNECT``, ``E_HTTP`` of the server; ``E_OPTION``, ``E_NOT_FOUND``,
            ``E_CONNECTOR`` of the source.
    """
    wanted = address.parse(source.uri)
    endpoint_of(settings)
    # Told here rather than after the server has worked for minutes.
    address.destination_url(source.options.config, settings)
    progress.report("asking the Airbyte server for the streams", 0, None, "streams")
    with opened(settings) as server:
        if wanted.connection_id is not None:
            found = _copied(server, upkeep.existing(server, settings, wanted.connection_id))
        else:
            actor, _ = upkeep.source_for(server, settings, source.name, wanted.connector or "", source.options)
            found = offers(server, actor.id)
        streams = _streams(found, server.host)
    if not streams:
        raise UdbError("E_NO_DATA_FILES", f"Airbyte at {server.host} finds no stream in the source")
    return Detection(
        source=source.name,
        uri=source.uri,
        connector="airbyte_server",
        streams=streams,
        bytes=0,
        fingerprint=fingerprint.of_moment(),
    )


def _copied(server: AirbyteServer, connection: ServerConnection) -> tuple[Offer, ...]:
    """The streams of a connection, as the source describes them and the connection copies them."""
    known = {(offer.namespace, offer.name): offer for offer in offers(server, connection.source_id)}
    return tuple(
        _as_copied(setup, known.get((setup.namespace, setup.name)) or Offer(setup.name, setup.namespace))
        for setup in connection.configurations.streams
    )


def _as_copied(setup: StreamSetup, offer: Offer) -> Offer:
    key = tuple(map(tuple, setup.primary_key)) if setup.primary_key else offer.primary_key
    cursor = tuple(setup.cursor_field) if setup.cursor_field else offer.cursor
    return Offer(offer.name, offer.namespace, offer.columns, key, cursor, offer.incremental)


def _streams(found: Iterable[Offer], host: str) -> tuple[DetectedStream, ...]:
    ordered = list(found)
    names = unique_names(qualified([(offer.namespace, offer.name) for offer in ordered]))
    return tuple(_stream(name, offer, host) for name, offer in zip(names, ordered, strict=True))


def _stream(name: str, offer: Offer, host: str) -> DetectedStream:
    columns = name_columns(offer.columns, offer.columns.values()) if offer.columns else ()
    names = {column.original_name or column.name: column.name for column in columns}
    found = f"Airbyte at {host} names it, with {len(columns)} fields"
    return DetectedStream(
        name=name,
        format="airbyte_server",
        files=(f"airbyte-server://{host}",),
        member=offer.name,
        namespace=offer.namespace,
        columns=columns,
        primary_key=_own(offer.primary_key, names),
        cursor=names.get(offer.cursor[0]) if len(offer.cursor) == 1 and offer.incremental else None,
        resumable=offer.incremental,
        candidates=(Candidate(format="airbyte_server", confidence=1, evidence=(Evidence(what=found, weight=1),)),),
    )


def _own(key: tuple[tuple[str, ...], ...], names: dict[str, str]) -> tuple[str, ...]:
    """The key's columns; none when a part of it is nested, or no column that we know."""
    flat = [names.get(path[0], "") if len(path) == 1 else "" for path in key]
    return tuple(flat) if all(flat) else ()
