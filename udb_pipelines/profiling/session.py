"""One table under profile: its connection, its settings, and the few ways in which it is read.

Columns of one storage type are read together where they are short: a table of their distinct values has the
position ``c`` of the column in front, and every figure is asked for once, grouped by it. A long column is a group
of its own, with the same queries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.models import ValueCount
from udb_pipelines.profiling import grouping
from udb_pipelines.profiling.long_values import LONGEST
from udb_pipelines.profiling.storage import Column

VALUES = "udb_profile_values"
"""Temporary table, the distinct-value pass of the columns at hand: column ``c``, value ``v`` and its rows ``n``."""

PREFIX_ROWS = 2048
"""Rows that tell roughly how long the values of a column are."""

SHOWN_CHARACTERS = 200
"""A value kept in the profile is cut to this length."""

Facts = dict[str, Any]
"""What one pass says about one column."""


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
    memory: float
    """Bytes that DuckDB may use."""
    lists: bool = False
    """Whether values against their column's type are listed, see :mod:`.listing`."""

    def rows_of(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query whose result is small."""
        return self.connection.execute(sql).fetchall()

    def by_column(self, expressions: Mapping[str, str], source: str = VALUES) -> dict[int, Facts]:
        """Several named aggregates for each column ``c`` of ``source``, in one pass; a column without rows has none."""
        selected = ", ".join(f"{sql} AS {name}" for name, sql in expressions.items())
        rows = self.rows_of(f"SELECT c, {selected} FROM {source} GROUP BY c")
        return {c: dict(zip(expressions, found, strict=True)) for c, *found in rows}

    def value_counts(self, sql: str) -> dict[int, tuple[ValueCount, ...]]:
        """The result of a query of columns, texts and counts, by column; long texts are cut."""
        found: dict[int, list[ValueCount]] = {}
        for c, value, count in self.rows_of(sql):
            found.setdefault(c, []).append(ValueCount(value=shown(value), count=count))
        return {c: tuple(counts) for c, counts in found.items()}

    def ranked(self, table: str, columns: int, *, rarest: bool = False) -> dict[int, tuple[ValueCount, ...]]:
        """The values ``v`` of each of so many columns with most rows ``n``, or with fewest; of several the first."""
        most, sign = self.settings.max_top_values, "" if rarest else "-"
        if columns == 1:
            first = f"(FROM {table} ORDER BY {sign}n, v LIMIT {most})"
            return self.value_counts(f"SELECT c, v::VARCHAR, n FROM {first} ORDER BY {sign}n, v")
        # A window would sort everything; this aggregate keeps ten entries per column.
        first = f"(SELECT c, unnest(min({{'n': {sign}n, 'v': v}}, {most})) AS e FROM {table} GROUP BY c)"
        return self.value_counts(f"SELECT c, e.v::VARCHAR, abs(e.n) FROM {first}")

    def load_values(self, columns: Sequence[Column], keep: str = "true") -> None:
        """Run the distinct-value pass of columns of one type into :data:`VALUES`; ``keep`` filters the values ``v``."""
        # Dropped, not replaced: the values of two large columns need not be in memory together.
        self.drop(VALUES)
        kept = f"WHERE v IS NOT NULL AND {keep}"
        if len(columns) == 1:
            (column,) = columns
            counted = (
                f"SELECT {column.position}::USMALLINT AS c, {column.value_sql} AS v, count(*) AS n FROM {self.table}"
            )
            grouping.lay_down(
                self.connection,
                VALUES,
                lambda part: f"SELECT c, v, n FROM ({counted} WHERE {part} GROUP BY v) {kept}",
                column.hashed_sql,
                self._parts(column),
            )
            return
        numbers = ", ".join(str(column.position) for column in columns)
        values = ", ".join(column.value_sql for column in columns)
        listed = f"unnest([{numbers}]::USMALLINT[]) AS c, unnest([{values}]) AS v"
        grouped = f"SELECT c, v, count(*) AS n FROM (SELECT {listed} FROM {self.table}) GROUP BY c, v"
        self.connection.execute(f"CREATE TEMP TABLE {VALUES} AS SELECT c, v, n FROM ({grouped}) {kept}")

    def _parts(self, column: Column) -> int:
        """Parts in which the values of a column are grouped; numbers of it are asked for only where it is large."""
        if not column.grouped_as_text or self.rows * (grouping.BESIDE + LONGEST) <= grouping.SHARE * self.memory:
            return 1
        of = f"SELECT avg(least(strlen({column.value_sql}), {LONGEST}))"
        ((length,),) = self.rows_of(f"{of} FROM (FROM {self.table} LIMIT {PREFIX_ROWS})")
        if grouping.parts_needed(self.rows, length or 0, self.memory) == 1:
            return 1
        ((length, distinct),) = self.rows_of(f"{of}, approx_count_distinct({column.hashed_sql}) FROM {self.table}")
        return grouping.parts_needed(distinct, length or 0, self.memory)

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
    # Not a FILTER: DuckDB plans many of them in a time that grows with the square of their number.
    return f"coalesce(sum(CASE WHEN {predicate} THEN n END), 0)::BIGINT"


def is_one_of(columns: Collection[int]) -> str:
    """SQL: whether a row belongs to one of the columns."""
    return f"c IN ({', '.join(map(str, columns)) or 'NULL'})"


def among(columns: Collection[int], table: str = VALUES) -> str:
    """SQL that may stand after FROM: the rows of these columns."""
    return f"(FROM {table} WHERE {is_one_of(columns)})"


def double(value: float) -> str:
    """SQL of exactly this DOUBLE. A bare literal would go through DECIMAL, and has no way to say infinity."""
    return f"'{value!r}'::DOUBLE"


def with_parameters(source: str, parameters: Mapping[int, Mapping[str, float]]) -> str:
    """SQL that may stand after FROM: the rows of ``source``, each with the parameters of its column beside it."""
    if len(parameters) == 1:
        ((c, named),) = parameters.items()
        constants = ", ".join(f"{double(value)} AS {name}" for name, value in named.items())
        return f"(SELECT *, {constants} FROM {source} WHERE c = {c})"
    names = ", ".join(next(iter(parameters.values())))
    rows = ", ".join(f"({c}::USMALLINT, {', '.join(map(double, named.values()))})" for c, named in parameters.items())
    return f"(FROM {source} JOIN (VALUES {rows}) AS parameters(c, {names}) USING (c))"
