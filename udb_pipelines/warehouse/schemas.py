"""The schemas that a tenant's lake catalog has in a PostgreSQL database: one for each timeline, and nobody else's.

In SQLite the catalog lies in the tenant's folder and goes with it; here it must be dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import duckdb

from udb_pipelines.config import DEFAULT_TENANT
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.catalog import PostgresCatalog
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.drafting import open_server


def schemas(lake: Lake) -> tuple[str, ...]:
    """Names of the schemas of a tenant; none where its catalog is a file, and none of the default tenant's.

    The default tenant's lie in the schema that the database has for everything else, too.

    Raises:
        UdbError: ``E_WAREHOUSE`` when the database cannot be asked.
    """
    catalog = lake.catalog
    if not isinstance(catalog, PostgresCatalog) or lake.settings.tenant == DEFAULT_TENANT:
        return ()
    own = catalog.at(1).schema
    query = (
        "SELECT schema_name::text FROM information_schema.schemata "
        f"WHERE schema_name = '{own}' OR starts_with(schema_name, '{own}__') ORDER BY 1"
    )
    try:
        with closing(open_server(lake, catalog)) as server:
            rows = server.execute(f"FROM postgres_query('pg', {quote_literal(query)})").fetchall()
    except duckdb.Error as error:
        raise _refused("cannot be asked for its schemas", error) from error
    return tuple(str(name) for (name,) in rows)


def drop_schemas(lake: Lake, names: Sequence[str]) -> None:
    """Drop schemas, all or none, with all that is in them; those that are gone already are no error.

    Args:
        lake: any whose catalog is in the same database.
        names: as :func:`schemas` told them.

    Raises:
        UdbError: ``E_WAREHOUSE`` when the database refuses; they are as they were then.
    """
    if not names or not isinstance(lake.catalog, PostgresCatalog):
        return
    statement = f"DROP SCHEMA IF EXISTS {', '.join(map(quote_identifier, names))} CASCADE"
    try:
        with closing(open_server(lake, lake.catalog)) as server:
            server.execute(f"CALL postgres_execute('pg', {quote_literal(statement)})")
    except duckdb.Error as error:
        raise _refused("did not drop the tenant's schemas", error) from error


def _refused(what: str, error: duckdb.Error) -> UdbError:
    return UdbError(
        "E_WAREHOUSE",
        f"the database of the lake catalog {what} ({type(error).__name__})",
        remedy="look at the server and at the rights of the user, then run the same command again",
    )
