"""Questions in SQL: guarded, pinned to one version, answered with the version they saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import texts
from udb_pipelines.warehouse.guard import check_reading, first_lines, tables_read
from udb_pipelines.warehouse.lake import Lake, version_of

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]
_CHUNK = 10_000


@dataclass(frozen=True)
class QueryResult:
    """An answer in memory."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[Row, ...]
    version: int
    """The version of the lake that was read."""
    truncated: bool = False
    """There were more rows than ``limit``."""


class QueryStream:
    """An answer that is fetched while it is read; valid inside :func:`stream`, once."""

    def __init__(self, relation: duckdb.DuckDBPyRelation, version: int) -> None:
        self.columns = tuple(relation.columns)
        self.types = tuple(map(str, relation.types))
        self.version = version
        self._relation = relation

    def rows(self) -> Iterator[Row]:
        """The rows, fetched in chunks."""
        return _fetched(self._relation)

    def each(self, expression: str) -> Iterator[str]:
        """What ``expression`` makes of each row; it names the columns ``#1``, ``#2`` ... and gives text."""
        return (text for (text,) in _fetched(self._relation.project(expression)))

    def arrow(self) -> pa.RecordBatchReader:
        """The rows as Arrow record batches."""
        return self._relation.to_arrow_reader(_CHUNK)


def _fetched(relation: duckdb.DuckDBPyRelation) -> Iterator[Row]:
    with _told():
        while chunk := relation.fetchmany(_CHUNK):
            yield from chunk


@contextmanager
def stream(
    lake: Lake, sql: str, as_of: datetime | int | None = None, views: Mapping[str, str] | None = None
) -> Iterator[QueryStream]:
    """Run one reading statement and read the answer piece by piece, however large.

    ``views`` are names with reading statements that may be used as tables, at the same version.

    Raises:
        UdbError: ``E_SQL`` when the statement is wrong or does more than read; ``E_VERSION``.
    """
    with lake.reader(as_of, threads=lake.settings.threads) as connection:
        version = version_of(connection)
        statement = check_reading(connection, sql)
        texts.offer(connection, statement)
        folders = ", ".join(quote_literal(f"{path}/") for path in (lake.catalog.files, lake.settings.spill))
        connection.execute(
            f"SET allowed_directories = [{folders}]; SET enable_external_access = false; SET lock_configuration = true"
        )
        with _told():
            _make_views(connection, statement, views or {})
            relation = connection.sql(statement)
        yield QueryStream(relation, version)


def _make_views(connection: duckdb.DuckDBPyConnection, statement: str, views: Mapping[str, str]) -> None:
    """Make the views that a statement uses, those first that others use.

    Temporary ones, in this connection alone, so that they are read at its version and gone with it.
    """
    made: set[str] = set()

    def make(used_by: str, path: tuple[str, ...]) -> None:
        used = tables_read(connection, used_by)
        for name in sorted(name for name in views.keys() - made if name.lower() in used):
            if name in path:
                raise UdbError("E_SQL", f"the view {name} is made of itself")
            text = check_reading(connection, views[name])
            make(text, (*path, name))
            connection.execute(f"CREATE TEMP VIEW {quote_identifier(name)} AS {text}")
            made.add(name)

    if views:
        make(statement, ())


def query(lake: Lake, sql: str, as_of: datetime | int | None = None, limit: int | None = None) -> QueryResult:
    """Run one reading statement.

    Args:
        lake: what to ask.
        sql: SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.
        as_of: a version, or a time; the newest when absent.
        limit: most rows to return; all when absent.

    Raises:
        UdbError: ``E_SQL`` when the statement is wrong or does more than read; ``E_VERSION``.
    """
    with stream(lake, sql, as_of) as answer:
        rows: list[Row] = []
        for row in answer.rows():
            if len(rows) == limit:
                return QueryResult(answer.columns, answer.types, tuple(rows), answer.version, truncated=True)
            rows.append(row)
        return QueryResult(answer.columns, answer.types, tuple(rows), answer.version)


_ABOUT_TEXT = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.PermissionException,
    duckdb.SyntaxException,
)
"""Errors whose text speaks of the query; the text of all others may hold values from the data."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except _ABOUT_TEXT as error:
        raise UdbError("E_SQL", first_lines(error)) from None
    except duckdb.OutOfMemoryException:
        raise UdbError("E_SQL", "the query needs more memory than UDB_MEMORY_LIMIT, or more temporary disk") from None
    except duckdb.Error as error:
        name = type(error).__name__.removesuffix("Exception")
        raise UdbError("E_SQL", f"the query failed on the data ({name} error); TRY_CAST avoids failing casts") from None
