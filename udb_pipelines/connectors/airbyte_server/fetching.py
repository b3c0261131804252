"""Sync for an Airbyte server: it copies the streams into its destination; then it is known where their rows are.

What :func:`fetch` leaves for the loading of each stream is a :class:`Landed`: the query of its rows there, and what
the server says that it wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server import address, jobs, upkeep
from udb_pipelines.connectors.airbyte_server.client import AirbyteServer, opened
from udb_pipelines.connectors.airbyte_server.wire import ServerConnection, StreamSetup
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.connectors.databases.postgres import Postgres
from udb_pipelines.connectors.reading import FETCHED
from udb_pipelines.detection.location import mask
from udb_pipelines.detection.naming import safe_name
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Connection, DetectedStream, Model, SourceOptions, Stream

POSTGRES = "postgres"
BOOKKEEPING = ("_airbyte_", "_ab_")
"""How columns begin that Airbyte adds to every table: when it wrote a row, in which generation, what went wrong."""


class Landed(Model):
    """Where the rows of a stream are, and how many the server wrote in this sync."""

    query: str | None
    """SELECT of the destination; None when it has no table for the stream, since nothing ever came."""
    columns: tuple[ColumnSchema, ...] = ()
    committed: int | None = None
    sync_mode: str | None = None


def fetch(connection: Connection, settings: Settings, folder: Path, request: Request) -> None:
    """Run the sync to its end; leaves ``<dataset>.json`` for each stream.

    The server decides what it fetches anew; ``request`` decides what is read of the destination, by the loading.

    Raises:
        UdbError: ``E_CONNECTOR`` when the sync fails, ``E_UNSUPPORTED`` for a destination that is no PostgreSQL
            database, ``E_NOT_FOUND`` for a stream that the connection does not copy (any more), ``E_AUTH``,
            ``E_CONNECT``, ``E_HTTP``.
    """
    url = address.destination_url(connection.options.config, settings)
    with opened(settings) as server:
        own = address.parse(connection.uri).connection_id
        found = upkeep.existing(server, settings, own) if own else upkeep.connection_for(server, settings, connection)
        schema = _destination_schema(server, found)
        setups = {(setup.namespace or None, setup.name): setup for setup in found.configurations.streams}
        _check_copied(connection, setups, found)
        outcome = jobs.run(server, found.connection_id, settings.airbyte_sync_hours * 3600)
    tables = _tables(url, settings)
    target = folder / FETCHED
    target.mkdir(parents=True, exist_ok=True)
    for stream in connection.streams:
        place = stream.detected.place
        setup = setups[place]
        table = _table_of(setup, found, schema, tables)
        landed = _landed(stream, table, outcome.committed.get(place), setup.sync_mode)
        (target / f"{stream.dataset}.json").write_text(landed.model_dump_json(), encoding="utf-8")


def _destination_schema(server: AirbyteServer, connection: ServerConnection) -> str:
    """The schema that the destination writes to when the source names none."""
    destination = server.actor("destination", connection.destination_id)
    if destination.kind != POSTGRES:
        raise UdbError(
            "E_UNSUPPORTED",
            f"the connection writes to a destination of the kind {destination.kind}, which cannot be read from",
            remedy="let a connection of Airbyte write to a PostgreSQL database, or run the connector with "
            "airbyte-server:NAME, which makes one",
        )
    return str(destination.configuration.get("schema") or "public")


def _check_copied(
    connection: Connection, setups: Mapping[tuple[str | None, str], StreamSetup], found: ServerConnection
) -> None:
    missing = [stream.detected.name for stream in connection.streams if stream.detected.place not in setups]
    if missing:
        raise UdbError(
            "E_NOT_FOUND",
            f"Airbyte's connection {found.connection_id} does not copy {', '.join(missing)} any more",
            remedy="choose the stream in Airbyte again, or leave it out with --table",
        )


# --- the tables of the destination ----------------------------------------------------------------------


def _tables(url: str, settings: Settings) -> tuple[DetectedStream, ...]:
    from udb_pipelines.detection.servers import server_tables

    try:
        return server_tables(url, mask(url), SourceOptions(), settings)
    except UdbError as error:
        if error.code == "E_EMPTY":
            return ()
        raise


def _table_of(
    setup: StreamSetup, connection: ServerConnection, default: str, tables: Sequence[DetectedStream]
) -> DetectedStream | None:
    """The destination's table of a stream.

    The destination's own rules for names differ between its versions (case, blanks, signs), so names are compared
    as they are first and by their letters and digits then.

    Raises:
        UdbError: ``E_NOT_FOUND`` when several tables could be meant.
    """
    schema = _schema_of(setup, connection, default)
    name = f"{connection.prefix or ''}{setup.name}"
    exact = [table for table in tables if table.member == f"{schema}.{name}"]
    alike = exact or [table for table in tables if _plain(table.member or "") == _plain(f"{schema}.{name}")]
    if len(alike) > 1:
        raise UdbError("E_NOT_FOUND", f"several tables of Airbyte's destination may be the stream {setup.name}")
    return alike[0] if alike else None


def _schema_of(setup: StreamSetup, connection: ServerConnection, default: str) -> str:
    if connection.namespace_definition == "source":
        return setup.namespace or default
    if connection.namespace_definition == "custom_format" and connection.namespace_format:
        return connection.namespace_format.replace(address.NAMESPACE, setup.namespace or "") or default
    return default


def _plain(name: str) -> str:
    """What is left of a qualified name whatever a destination makes of case and signs.

    >>> _plain("udb_shop.Order Lines"), _plain("udb_shop.order_lines")
    ('udb_shop.order_lines', 'udb_shop.order_lines')
    """
    return re.sub(r"[^\w.]", "_", name).casefold()


def _landed(stream: Stream, table: DetectedStream | None, committed: int | None, sync_mode: str | None) -> Landed:
    if table is None:
        if committed:
            raise UdbError(
                "E_COUNT_MISMATCH",
                f"{stream.dataset}: Airbyte says that it wrote {committed} records, its destination has no such table",
                remedy="check that AIRBYTE_DESTINATION is the database that Airbyte writes to",
            )
        return Landed(query=None, columns=stream.detected.columns, committed=committed, sync_mode=sync_mode)
    columns = _columns(table.columns, stream.detected.columns)
    sql = Postgres()
    names = ", ".join(sql.identifier(column.original_name or column.name) for column in columns)
    query = f"SELECT {names} FROM {sql.table(table.member or '')}"
    return Landed(query=query, columns=columns, committed=committed, sync_mode=sync_mode)


def _columns(there: Iterable[ColumnSchema], declared: Iterable[ColumnSchema]) -> tuple[ColumnSchema, ...]:
    """The table's columns but Airbyte's own, under the names that detection gave them."""
    names = {_plain(column.original_name or column.name): column.name for column in declared}
    found: dict[str, ColumnSchema] = {}
    for column in there:
        original = column.original_name or column.name
        if original.startswith(BOOKKEEPING):
            continue
        name = names.get(_plain(original)) or safe_name(original) or column.name
        if name in found:
            name = f"{column.name}_{len(found) + 1}"
        found[name] = ColumnSchema(name=name, type=column.type, original_name=original)
    return tuple(found.values())
