"""The catalog of a timeline that is being made: a copy beside the others, which nobody looks for yet.

Until :meth:`Draft.publish`, the register does not name it: a crash leaves a file or a schema that the next restore
or the doctor removes. ``publish`` is the swap. While a draft is open, no commit can reach the current timeline:
the caller holds the writer lock, and in PostgreSQL, which several machines write, a lock in the database does it.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.engine import connect, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import steps, timelines
from udb_pipelines.warehouse.catalog import REGISTER, Catalog, PostgresCatalog, SqliteCatalog
from udb_pipelines.warehouse.files import make_folder, sync_all, sync_folder
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.loading import load
from udb_pipelines.warehouse.restore.truncating import Columns
from udb_pipelines.warehouse.timelines import Register


class Draft(ABC):
    """A catalog to be worked on in plain SQL."""

    catalog: Catalog
    """As a lake catalog, pinned."""
    schema: str
    """What stands before a table's name in :meth:`run`, with the dot."""

    @abstractmethod
    def columns(self) -> Columns:
        """The tables and their columns."""

    @abstractmethod
    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""

    @abstractmethod
    def run(self, statements: Iterable[str]) -> None:
        """Execute in one transaction."""

    @abstractmethod
    def publish(self, register: Register) -> None:
        """Make the draft what ``register`` says, durably and at one instant."""


class SqliteDraft(Draft):
    """A file beside the catalogs of the other timelines."""

    schema = ""

    def __init__(self, catalog: SqliteCatalog) -> None:
        self.catalog = catalog
        self._file = catalog.file

    def columns(self) -> Columns:
        """The tables and their columns."""
        with closing(self._open()) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                name: frozenset(row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,)))
                for name in names
            }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        with closing(self._open()) as connection:
            return connection.execute(query).fetchall()

    def run(self, statements: Iterable[str]) -> None:
        """Execute in one transaction."""
        with closing(self._open()) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def publish(self, register: Register) -> None:
        """Complete the file, then rename a new register over the old one."""
        with closing(self._open()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sync_all([self._file])
        timelines.write(self._file.with_name(timelines.FILE), register)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, isolation_level="IMMEDIATE")


class PostgresDraft(Draft):
    """A schema beside those of the other timelines."""

    catalog: PostgresCatalog

    def __init__(self, lake: Lake, catalog: PostgresCatalog, left: PostgresCatalog) -> None:
        self.catalog = catalog
        self.schema = f"{catalog.schema}."
        self._lake = lake
        self._own = catalog.schema
        self._left = left
        """The timeline that is current now."""
        self._work = open_server(lake, catalog)
        self._guard = open_server(lake, catalog)

    def copy(self, source: PostgresCatalog | Path) -> None:
        """Keep others from committing, then copy a catalog: inside the server, or from an SQLite file."""
        if not self._columns_of(self._left.schema).keys() >= {"ducklake_snapshot"}:
            self._begin_empty()
        _execute(self._guard, "BEGIN")
        # ROW SHARE and reads go on; a commit on another machine waits, and is refused once the swap is done.
        _do(self._guard, f"LOCK TABLE {self._left.schema}.ducklake_snapshot IN SHARE ROW EXCLUSIVE MODE")
        if isinstance(source, Path):
            self.run([f"DROP SCHEMA IF EXISTS {self._own} CASCADE"])
            load(self._lake, self.catalog, source)
            return
        tables = self._columns_of(source.schema)
        statements = [f"DROP SCHEMA IF EXISTS {self._own} CASCADE", f"CREATE SCHEMA {self._own}"]
        for table in sorted(tables):
            if table.startswith("ducklake_"):
                statements.append(
                    f'CREATE TABLE {self._own}."{table}" (LIKE {source.schema}."{table}" INCLUDING ALL); '
                    f'INSERT INTO {self._own}."{table}" SELECT * FROM {source.schema}."{table}"'
                )
        self.run(statements)

    def _begin_empty(self) -> None:
        """An empty lake in an empty database, so that there is something to lock and to close to writers."""
        with closing(connect(self._lake.settings, self._left.extensions, 1)) as connection:
            try:
                self._left.prepare(connection)
                self._left.attach(connection)
            except duckdb.Error as error:
                raise _refused(error) from error

    def columns(self) -> Columns:
        """The tables and their columns."""
        return self._columns_of(self._own)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        return _ask(self._work, query)

    def run(self, statements: Iterable[str]) -> None:
        """Execute in one transaction."""
        _execute(self._work, "BEGIN")
        for statement in statements:
            _do(self._work, statement)
        _execute(self._work, "COMMIT")

    def publish(self, register: Register) -> None:
        """Close the old timeline to writers and name the new one, in one transaction."""
        own = self.catalog.at(1).schema
        _do(self._guard, _registering(own, register))
        _do(
            self._guard,
            f"CREATE OR REPLACE FUNCTION {own}.udb_timeline_left() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RAISE EXCEPTION ''this timeline was left by a restore'' USING ERRCODE = ''serialization_failure'';"
            " END'; "
            f"CREATE OR REPLACE TRIGGER udb_timeline_left BEFORE INSERT ON {self._left.schema}.ducklake_snapshot "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {own}.udb_timeline_left()",
        )
        _execute(self._guard, "COMMIT")

    def close(self) -> None:
        """Let go of the locks; what was not published stays unnamed."""
        for connection in (self._guard, self._work):
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            connection.close()

    def _columns_of(self, schema: str) -> Columns:
        found = _ask(
            self._work,
            "SELECT table_name::text, column_name::text FROM information_schema.columns "
            f"WHERE table_schema = '{schema}'",
        )
        names = {table for table, _ in found}
        return {name: frozenset(column for table, column in found if table == name) for name in names}


def _registering(own: str, register: Register) -> str:
    content = quote_literal(register.model_dump_json())
    return (
        f"CREATE TABLE IF NOT EXISTS {own}.{REGISTER} (register text NOT NULL); "
        f"DELETE FROM {own}.{REGISTER}; INSERT INTO {own}.{REGISTER} VALUES ({content})"
    )


def _do(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Execute in PostgreSQL's own SQL."""
    _execute(connection, f"CALL postgres_execute('pg', {quote_literal(statement)})")


def _ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """Query in PostgreSQL's own SQL."""
    return _execute(connection, f"FROM postgres_query('pg', {quote_literal(query)})")


def open_server(lake: Lake, catalog: PostgresCatalog) -> duckdb.DuckDBPyConnection:
    """The whole database of the catalog, attached as ``pg``; to be closed by the caller."""
    connection = connect(lake.settings, catalog.extensions, 1)
    catalog.prepare(connection)
    catalog.attach_server(connection)
    return connection


def _execute(connection: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(statement).fetchall()
    except duckdb.Error as error:
        raise _refused(error) from error


def _refused(error: duckdb.Error) -> UdbError:
    return UdbError(
        "E_WAREHOUSE",
        f"the lake catalog refused a step of the restore ({type(error).__name__})",
        kept="the current timeline, as it is",
    )


@contextmanager
def open_draft(lake: Lake, register: Register, source: int | Path) -> Iterator[Draft]:
    """A copy of a timeline's catalog for the timeline to come; nothing commits to the current one while it is open.

    Args:
        lake: the warehouse, whose writer lock the caller holds.
        register: the timelines there are.
        source: the timeline to copy, or the file of an SQLite catalog from elsewhere.

    Raises:
        UdbError: ``E_RESTORE`` when the catalog cannot be read, ``E_WAREHOUSE`` when no copy can be made.
    """
    catalog, number = lake.catalog, register.last + 1
    if isinstance(catalog, PostgresCatalog):
        draft = PostgresDraft(lake, catalog.at(number), catalog.at(register.current))
        try:
            draft.copy(source if isinstance(source, Path) else catalog.at(source))
            yield draft
        finally:
            draft.close()
    elif isinstance(catalog, SqliteCatalog):
        made = catalog.at(number)
        copied = SqliteCatalog(source, catalog.files, 1) if isinstance(source, Path) else catalog.at(source)
        remove_sqlite(made.file)
        make_folder(made.file.parent)
        with readable(copied.file):
            copied.copy_to(made.file)
        yield SqliteDraft(made)


def forget(lake: Lake, register: Register, number: int) -> None:
    """Make ``register`` the register, then remove the catalog of the timeline ``number``, which it no longer names.

    The caller holds the writer lock.
    """
    catalog = lake.catalog.at(number)
    if isinstance(catalog, SqliteCatalog):
        timelines.write(catalog.register_file, register)
        steps.reached("timeline_forgotten")
        remove_sqlite(catalog.file)
    elif isinstance(catalog, PostgresCatalog):
        with closing(open_server(lake, catalog)) as server:
            own = catalog.at(1).schema
            _do(server, _registering(own, register))
            steps.reached("timeline_forgotten")
            if number != 1:
                _do(server, f"DROP SCHEMA {catalog.schema} CASCADE")
                return
            # The first timeline shares its schema with the register, and perhaps with other things.
            names = _ask(
                server,
                "SELECT table_name::text FROM information_schema.tables "
                f"WHERE table_schema = '{own}' AND starts_with(table_name, 'ducklake_')",
            )
            _do(server, "; ".join(f'DROP TABLE {own}."{name}"' for (name,) in names))


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Tell of a damaged SQLite catalog instead of the library's own words."""
    try:
        yield
    except sqlite3.DatabaseError:
        raise UdbError(
            "E_RESTORE",
            f"the lake catalog {file} is damaged",
            kept="the warehouse as it is",
            remedy="restore the newest snapshot: udb restore from SNAPSHOT; udb snapshot list shows them",
        ) from None


def remove_sqlite(file: Path) -> None:
    """Remove an SQLite file with what belongs to it."""
    for path in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        path.unlink(missing_ok=True)
    if file.parent.is_dir():
        sync_folder(file.parent)
