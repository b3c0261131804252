"""Dagster's ledger in PostgreSQL, named by one URL in the environment.

dagster-postgres hands the URL to SQLAlchemy as it is. SQLAlchemy 2.1 takes ``postgresql://`` for psycopg 3,
which is not what dagster-postgres uses; so the driver is named here, whatever way the URL was written.
"""

from __future__ import annotations

from typing import Any

from dagster_postgres import DagsterPostgresStorage

DRIVER = "postgresql+psycopg2"


def with_driver(url: str) -> str:
    """The URL with the driver that dagster-postgres works with.

    >>> with_driver("postgres://udb@db/ledger")
    'postgresql+psycopg2://udb@db/ledger'
    """
    return f"{DRIVER}://{url.partition('://')[2]}"


class PostgresStorage(DagsterPostgresStorage):
    """``storage: custom`` in ``dagster.yaml``; built by Dagster."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> PostgresStorage:  # noqa: ANN401 - Dagster's own types are private
        """Called by Dagster with the resolved configuration."""
        return cls(
            postgres_url=with_driver(config_value["postgres_url"]),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )
