"""Database servers: their tables, views and the user's queries, as the catalogs of the servers list them."""

from __future__ import annotations

from contextlib import closing

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.connectors.databases.dialect import Dialect
from udb_pipelines.connectors.databases.server import connected
from udb_pipelines.detection.database import Table, refused, streams_of, tables_of
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.engine import connect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream, SourceOptions


def server_tables(uri: str, shown: str, options: SourceOptions, settings: Settings) -> tuple[DetectedStream, ...]:
    """Tables and views the user may read, and queries; rows are the server's estimate.

    ``member`` is ``<schema>.<table>``, or ``<database>.<table>`` where databases are what others call schemas.

    Raises:
        UdbError: ``E_AUTH`` for refused credentials, ``E_CONNECT`` for a host that does not answer, ``E_NOT_FOUND``
            for a database or table that is not there, ``E_EMPTY``, ``E_SQL`` for a query that the server refuses.
    """
    with closing(connect(settings)) as duck:
        dialect = connected(duck, uri, settings)
        try:
            tables = tables_of(dialect.catalog(duck))
        except dialect.failures as error:
            raise dialect.refusal(error, shown, shown) from None
        queries = [_query(dialect, duck, *named) for named in options.queries.items()]
    return streams_of(tables, queries, shown, shown, "database", options)


def _query(dialect: Dialect, duck: duckdb.DuckDBPyConnection, name: str, query: str) -> Table:
    try:
        found = dialect.columns_of_query(duck, query)
    except UdbError as error:
        raise (refused(name) if error.code == "E_SQL" else error) from None
    except dialect.failures as error:
        known = dialect.refusal(error, name, name)
        if known.code in ("E_AUTH", "E_CONNECT"):
            raise known from None
        raise refused(name, absent=known.code == "E_VANISHED") from None
    if len({column.name for column in found}) < len(found):
        raise UdbError("E_SQL", f"two columns of the query {name} have the same name", remedy="name them with AS")
    columns = name_columns([column.name for column in found], map(dialect.stored_type, found))
    return Table("", name, columns, query=query)
