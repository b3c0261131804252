"""One table under profile: its connection, its settings, and the few ways in which it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.models import ValueCount
from udb_pipelines.profiling.storage import Column

VALUES = "udb_profile_values"
"""Temporary table, the distinct-value pass of the column at hand: ``v`` and how many rows have it, ``n``."""

SHOWN_CHARACTERS = 200
"""A value kept in the profile is cut to this length."""


@dataclass(frozen=True)
class Session:
    """What every pass needs to know."""

    connection: duckdb.DuckDBPyConnection
    table: str
    """SQL that may stand after FROM."""
    rows: int
    settings: Settings
    today: date
    """Dates more than a year after it are out of range."""

    def rows_of(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query whose result is small."""
        return self.connection.execute(sql).fetchall()

    def record_of(self, expressions: dict[str, str], source: str) -> dict[str, Any]:
        """Several named expressions evaluated in one pass over ``source``."""
        selected = ", ".join(f"{sql} AS {name}" for name, sql in expressions.items())
        return dict(zip(expressions, self.rows_of(f"SELECT {selected} FROM {source}")[0], strict=True))

    def value_counts(self, sql: str) -> tuple[ValueCount, ...]:
        """The result of a query of texts and counts; long texts are cut."""
        return tuple(ValueCount(value=shown(value), count=count) for value, count in self.rows_of(sql))

    def load_values(self, column: Column, keep: str = "true") -> None:
        """Run the distinct-value pass of a column into :data:`VALUES`; ``keep`` filters the values ``v``."""
        # Dropped, not replaced: the values of two large columns need not be in memory together.
        self.drop(VALUES)
        self.connection.execute(
            f"CREATE TEMP TABLE {VALUES} AS SELECT v, n FROM ("
            f"SELECT {column.value_sql} AS v, count(*) AS n FROM {self.table} GROUP BY 1"
            f") WHERE v IS NOT NULL AND {keep}"
        )

    def drop(self, table: str) -> None:
        """Give back the space of a temporary table, if there is one."""
        self.connection.execute(f"DROP TABLE IF EXISTS temp.{table}")

    def first_row(self, column: Column, predicate: str) -> int | None:
        """Number, from 1, of the first row whose value ``v`` satisfies ``predicate``.

        A limited scan in storage order: for a dirty column it ends after a few rows.
        """
        found = self.rows_of(
            f"SELECT number FROM (SELECT row_number() OVER () AS number, {column.value_sql} AS v FROM {self.table}) "
            f"WHERE {predicate} LIMIT 1"
        )
        return int(found[0][0]) if found else None


def shown(value: str) -> str:
    """A value as the profile keeps it: cut to :data:`SHOWN_CHARACTERS`, an ellipsis telling so."""
    return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"


def count_where(predicate: str) -> str:
    """SQL that counts the rows whose value satisfies ``predicate``, over :data:`VALUES`."""
    return f"coalesce(sum(n) FILTER (WHERE {predicate}), 0)::BIGINT"


def double(value: float) -> str:
    """SQL of exactly this DOUBLE. A bare literal would go through DECIMAL, and has no way to say infinity."""
    return f"'{value!r}'::DOUBLE"
