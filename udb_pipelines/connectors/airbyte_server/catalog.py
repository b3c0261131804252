"""Which streams a source on the server has, with their columns, and whether each can be copied by what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from udb_pipelines.connectors.airbyte.discovery import declared_type
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer
from udb_pipelines.connectors.airbyte_server.wire import CatalogStream, StreamProperties
from udb_pipelines.models import DetectedStream


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

    def place(self, host: str) -> str:
        """The stream's address in a detection; see :func:`place_of`."""
        return f"airbyte-server://{host}/{quote(self.namespace or '', safe='')}/{quote(self.name, safe='')}"


def place_of(stream: DetectedStream) -> tuple[str | None, str]:
    """Namespace and name of a stream on the server; both may hold anything, dots and slashes included."""
    namespace, name = stream.files[0].rsplit("/", 2)[-2:]
    return unquote(namespace) or None, unquote(name)


def member_of(namespace: str | None, name: str) -> str:
    """A stream's name, which is unique within a namespace only.

    >>> member_of(None, "orders"), member_of("sales", "orders")
    ('orders', 'sales.orders')
    """
    return f"{namespace}.{name}" if namespace else name


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
        namespace=stream.namespace,
        columns={name: declared_type(about) for name, about in properties.items()},
        primary_key=stream.source_defined_primary_key,
        cursor=stream.default_cursor_field,
        incremental="incremental" in stream.supported_sync_modes,
    )


def _named(stream: StreamProperties) -> Offer:
    return Offer(
        name=stream.stream_name,
        namespace=stream.namespace,
        columns={path[0]: "VARCHAR" for path in stream.property_fields if path},
        primary_key=stream.source_defined_primary_key,
        cursor=stream.default_cursor_field,
        incremental=any(mode.startswith("incremental") for mode in stream.sync_modes),
    )
