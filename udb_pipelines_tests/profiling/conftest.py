"""Profiles of small tables, the short way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.models import Profile
from udb_pipelines.profiling import Origin, profile_table

ProfileSql = Callable[..., Profile]


@pytest.fixture
def connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    opened = connect(settings)
    yield opened
    opened.close()


@pytest.fixture
def profile_sql(connection: duckdb.DuckDBPyConnection, settings: Settings) -> ProfileSql:
    """Profile the result of a query; keyword arguments are settings."""

    def run(sql: str, origin: Origin | None = None, **changes: object) -> Profile:
        connection.execute(f"CREATE OR REPLACE TABLE subject AS {sql}")
        return profile_table(connection, "subject", settings.model_copy(update=changes), origin)

    return run


@pytest.fixture
def profile_texts(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Callable[..., Profile]:
    """Profile one text column named ``v`` with the given values."""

    def run(values: list[str | None], **changes: object) -> Profile:
        connection.execute("CREATE OR REPLACE TABLE subject (v VARCHAR)")
        connection.execute("INSERT INTO subject SELECT unnest(?::VARCHAR[])", [values])
        return profile_table(connection, "subject", settings.model_copy(update=changes))

    return run
