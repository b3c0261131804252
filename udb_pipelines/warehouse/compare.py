"""What changed in a table between two versions: rows added, removed, changed, and in which columns.

By key where one is known that is unique in both versions; otherwise as multisets, where a changed row is one removed
and one added. DuckDB compares; the result is a temporary table on the connection, spilled to disk if it is large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Model, SchemaChange
from udb_pipelines.warehouse import schema
from udb_pipelines.warehouse.lake import Lake, version_of

Key = tuple[str, ...]

_DIFF = "udb_diff"


class TableDiff(Model):
    """How a table differs between two versions."""

    table: str
    from_version: int
    to_version: int
    key: Key
    """What rows were matched by; empty: compared as multisets."""
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    changed_columns: dict[str, int]
    """Changed rows per column, most first."""
    schema_changes: tuple[SchemaChange, ...]
    """Columns that only one version has are compared by name alone."""


class Difference:
    """The differing rows, while :func:`compare` keeps them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, summary: TableDiff) -> None:
        self._connection = connection
        self.summary = summary

    def rows(self, limit: int) -> list[tuple[str, tuple[str, ...], dict[str, Any] | None, dict[str, Any] | None]]:
        """The first differing rows: what happened, the columns that changed, the row before and after."""
        answer = self._connection.execute(
            f"SELECT change, changed_columns, before, after FROM {_DIFF} ORDER BY place LIMIT {limit:d}"
        )
        return [(change, tuple(columns), before, after) for change, columns, before, after in answer.fetchall()]

    def write(self, file: Path) -> None:
        """Write every differing row as Parquet, or as CSV with the rows as JSON.

        Raises:
            UdbError: ``E_OPTION`` for another kind of file, ``E_NOT_WRITABLE`` when it cannot be written.
        """
        if file.suffix not in {".parquet", ".csv"}:
            raise UdbError("E_OPTION", f"{file.name} is neither .parquet nor .csv", remedy="--out changes.parquet")
        columns = "before, after"
        if file.suffix == ".csv":
            columns = "to_json(before) AS before, to_json(after) AS after"
        listed = "changed_columns" if file.suffix == ".parquet" else "array_to_string(changed_columns, ' ')"
        query = f"SELECT change, {listed} AS changed_columns, {columns} FROM {_DIFF} ORDER BY place"
        form = "FORMAT parquet, COMPRESSION zstd" if file.suffix == ".parquet" else "FORMAT csv, HEADER"
        try:
            self._connection.execute(f"COPY ({query}) TO {quote_literal(file)} ({form})")
        except duckdb.IOException:
            raise UdbError("E_NOT_WRITABLE", f"{file} cannot be written", remedy="name another file") from None


@contextmanager
def compare(
    lake: Lake,
    table: str,
    before: datetime | int,
    after: datetime | int | None = None,
    *,
    key: Key = (),
    known_keys: Sequence[Key] = (),
) -> Iterator[Difference]:
    """Compare a table at two versions of one timeline.

    Args:
        lake: the warehouse, or one of its timelines.
        table: its name.
        before: a version or a time.
        after: a version or a time; the newest when absent.
        key: what to match rows by.
        known_keys: what else may identify a row, best first; the first that does in both versions is used.

    Raises:
        UdbError: ``E_VERSION`` when a version is not there, or had no such table; ``E_OPTION`` when ``key`` has a
            column that is not in both, or does not identify the rows.
    """
    with lake.reader(before) as connection:
        old = version_of(connection)
    with lake.reader(after) as connection:
        new = version_of(connection)
    with lake.reader(max(old, new), threads=lake.settings.threads) as connection:
        columns = {version: _columns(connection, table, version) for version in (old, new)}
        sides = _Sides(connection, table, old, new, columns[old], columns[new])
        chosen = sides.chosen_key(key, known_keys)
        connection.execute(f"CREATE TEMP TABLE {_DIFF} AS {sides.by_key(chosen) if chosen else sides.as_multisets()}")
        yield Difference(connection, _summary(sides, chosen))


def _columns(connection: duckdb.DuckDBPyConnection, table: str, version: int) -> tuple[ColumnSchema, ...]:
    name = f"lake.main.{quote_identifier(table)} AT (VERSION => {version:d})"
    try:
        rows = connection.execute(f"DESCRIBE FROM {name}").fetchall()
    except duckdb.Error as error:
        if not isinstance(error, (duckdb.CatalogException, duckdb.BinderException)):
            raise
        raise UdbError(
            "E_VERSION", f"version {version} has no table {table}", remedy=f"udb history {table} shows its versions"
        ) from None
    return tuple(ColumnSchema(name=str(name), type=str(kind)) for name, kind, *_ in rows)


class _Sides:
    """The two versions of a table, as SQL."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        old: int,
        new: int,
        before: tuple[ColumnSchema, ...],
        after: tuple[ColumnSchema, ...],
    ) -> None:
        self.connection, self.table, self.old, self.new = connection, table, old, new
        self.before, self.after = before, after
        types = {column.name: column.type for column in before}
        self.shared = tuple(column.name for column in after if column.name in types)
        # Values of two types are compared as text, where 1 and '1' are the same value.
        self._as_text = {column.name for column in after if column.name in types and types[column.name] != column.type}

    def source(self, version: int) -> str:
        return f"lake.main.{quote_identifier(self.table)} AT (VERSION => {version:d})"

    def chosen_key(self, key: Key, known: Sequence[Key]) -> Key:
        if key:
            unknown = [name for name in key if name not in self.shared]
            if unknown:
                raise UdbError(
                    "E_OPTION",
                    f"{self.table} does not have the column {', '.join(unknown)} in both versions",
                    remedy=f"both have: {', '.join(self.shared)}",
                )
            if not self._identifies(key):
                raise UdbError(
                    "E_OPTION",
                    f"{', '.join(key)} does not identify the rows of {self.table}: some of them share their values",
                    remedy="name another key, or none",
                )
            return key
        fitting = (item for item in known if item and set(item) <= set(self.shared) and self._identifies(item))
        return next(fitting, ())

    def _identifies(self, key: Key) -> bool:
        names = ", ".join(map(quote_identifier, key))
        return not any(
            self.connection.execute(
                f"SELECT 1 FROM {self.source(version)} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
            ).fetchall()
            for version in (self.old, self.new)
        )

    def by_key(self, key: Key) -> str:
        same = " AND ".join(f"{self._value('o', name)} IS NOT DISTINCT FROM {self._value('n', name)}" for name in key)
        differing = ", ".join(
            f"CASE WHEN {self._value('o', name)} IS DISTINCT FROM {self._value('n', name)} "
            f"THEN {quote_literal(name)} END"
            for name in self.shared
            if name not in key
        )
        columns = f"list_filter([{differing}]::VARCHAR[], lambda name: name IS NOT NULL)"
        return (
            "SELECT row_number() OVER () AS place, CASE WHEN before IS NULL THEN 'added' "
            "WHEN after IS NULL THEN 'removed' ELSE 'changed' END AS change, "
            "CASE WHEN before IS NULL OR after IS NULL THEN [] ELSE columns END AS changed_columns, before, after "
            f"FROM (SELECT CASE WHEN o.here THEN o.row END AS before, CASE WHEN n.here THEN n.row END AS after, "
            f"{columns} AS columns FROM {self._side(self.old)} AS o FULL JOIN {self._side(self.new)} AS n ON {same}) "
            "WHERE before IS NULL OR after IS NULL OR len(columns) > 0"
        )

    def as_multisets(self) -> str:
        old, new = self._plain(self.old), self._plain(self.new)
        return (
            "SELECT row_number() OVER () AS place, change, []::VARCHAR[] AS changed_columns, before, after FROM ("
            f"SELECT 'removed' AS change, side AS before, NULL AS after FROM ({old} EXCEPT ALL {new}) AS side "
            "UNION ALL "
            f"SELECT 'added', NULL, side FROM ({new} EXCEPT ALL {old}) AS side)"
        )

    def _side(self, version: int) -> str:
        return f"(SELECT true AS here, t AS row FROM (FROM {self.source(version)}) AS t)"

    def _value(self, side: str, name: str) -> str:
        value = f"{side}.row.{quote_identifier(name)}"
        return f"CAST({value} AS VARCHAR)" if name in self._as_text else value

    def _plain(self, version: int) -> str:
        columns = ", ".join(
            f"CAST({quote_identifier(name)} AS VARCHAR) AS {quote_identifier(name)}"
            if name in self._as_text
            else quote_identifier(name)
            for name in self.shared
        )
        return f"SELECT {columns} FROM {self.source(version)}"

    def count(self, version: int) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM {self.source(version)}").fetchall()[0][0])


def _summary(sides: _Sides, key: Key) -> TableDiff:
    counted = dict(sides.connection.execute(f"SELECT change, count(*) FROM {_DIFF} GROUP BY change").fetchall())
    columns = sides.connection.execute(
        f"SELECT name, count(*) FROM (SELECT unnest(changed_columns) AS name FROM {_DIFF}) GROUP BY name "
        "ORDER BY count(*) DESC, name"
    ).fetchall()
    return TableDiff(
        table=sides.table,
        from_version=sides.old,
        to_version=sides.new,
        key=key,
        rows_before=sides.count(sides.old),
        rows_after=sides.count(sides.new),
        added=counted.get("added", 0),
        removed=counted.get("removed", 0),
        changed=counted.get("changed", 0),
        changed_columns=dict(columns),
        schema_changes=schema.compare(sides.before, sides.after),
    )
