"""MongoDB: its collections, views and the user's queries, with the keys that the first documents have."""

from __future__ import annotations

from udb_pipelines.config import Settings
from udb_pipelines.connectors.databases.mongo_client import Server, connected, first_keys, told
from udb_pipelines.connectors.databases.mongo_queries import Part, of_query
from udb_pipelines.connectors.databases.mongo_values import as_texts, type_of
from udb_pipelines.detection.database import Table, streams_of
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, DetectedStream, SourceOptions

SAMPLE = 1_000
"""Documents that are looked at."""
KEY = "_id"


def collections(uri: str, shown: str, options: SourceOptions, settings: Settings) -> tuple[DetectedStream, ...]:
    """Collections and views the user may read, and queries; ``member`` is ``<database>.<collection>``.

    Raises:
        UdbError: ``E_AUTH`` for refused credentials, ``E_CONNECT`` for a host that does not answer, ``E_CONNECTOR``
            when the driver is not installed, ``E_NOT_FOUND``, ``E_EMPTY``, ``E_SQL`` for a query that is none.
    """
    with connected(uri, options.config, settings) as server, told(shown, shown):
        tables = [] if options.queries and not options.tables else _tables(server)
        queries = [_query(server, name, query, shown) for name, query in options.queries.items()]
    return streams_of(tables, queries, shown, shown, "mongodb", options)


def _tables(server: Server) -> list[Table]:
    return [
        _table(server, database, name, kind)
        for database in server.names()
        for name, kind in server.collections(database)
    ]


def _table(server: Server, database: str, name: str, kind: str) -> Table:
    columns = _columns(server, Part(database, name)) or name_columns([KEY])
    if kind == "view":
        return Table(database, name, columns)
    rows = server.client[database][name].estimated_document_count()
    return Table(database, name, columns, rows, (columns[0].name,))


def _query(server: Server, name: str, query: str, shown: str) -> Table:
    part = of_query(name, query)
    if server.database is None:
        raise UdbError("E_CONFIG", f"a query needs a database: name it in the address, {shown.rstrip('/')}/DATABASE")
    if part.collection not in (found for found, _ in server.collections(server.database)):
        raise UdbError("E_SQL", f"the query {name} names a collection that the database does not have")
    with told(shown, f"the query {name}"):
        columns = _columns(server, part)
    return Table("", name, columns or name_columns([KEY]), query=query)


def _columns(server: Server, part: Part) -> tuple[ColumnSchema, ...]:
    """By the first documents; ``_id``, which the server puts first, is the first."""
    with server.documents(part, {"$limit": SAMPLE}) as found:
        documents = list(found)
    keys = first_keys(documents)
    types = []
    for key in keys:
        kinds: set[str] = set()
        as_texts([document.get(key) for document in documents], kinds)
        types.append(type_of(kinds))
    return name_columns(keys, types)
