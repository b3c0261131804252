"""Which streams a source on the server has, with their columns, and whether each can be copied by what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from udb_pipelines.connectors.airbyte.discovery import declared_type
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer
from udb_pipelines.connectors.airbyte_server.wire import CatalogStream, StreamProperties


@dataclass(frozen=True)
class Offer:
    """A stream, and what can be done with it."""

    name: str
    namespace: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """DuckDB type by name; VARCHAR where the server does not tell types."""
    primary_key: tuple[tuple[str, ...], ...] = ()
    cursor: tuple[str, ...] = ()
    incremental: bool = False
    """Whether the connector can go on from where it was."""


def offers(server: AirbyteServer, source_id: str, destination_id: str | None = None) -> tuple[Offer, ...]:
    """The streams of a source: with types where the server tells them, by name otherwise."""
    catalog = server.catalog(source_id)
    if catalog is not None:
        return tuple(map(_typed, catalog))
    return tuple(map(_named, server.streams(source_id, destination_id)))


def _typed(stream: CatalogStream) -> Offer:
    properties = stream.json_schema.get("properties", {})
    return Offer(
        name=stream.name,
        namespace=stream.namespace or None,
        columns={name: declared_type(about) for name, about in properties.items()},
        primary_key=stream.source_defined_primary_key,
        cursor=stream.default_cursor_field,
        incremental="incremental" in stream.supported_sync_modes,
    )


def _named(stream: StreamProperties) -> Offer:
    return Offer(
        name=stream.stream_name,
        namespace=stream.namespace or None,
        columns={path[0]: "VARCHAR" for path in stream.property_fields if path},
        primary_key=stream.source_defined_primary_key,
        cursor=stream.default_cursor_field,
        incremental=any(mode.startswith("incremental") for mode in stream.sync_modes),
    )
