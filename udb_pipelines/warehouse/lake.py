"""Opening the lake: readers pinned to one version, writers at the newest, both in a few milliseconds.

Commits belong to ``commit``; this module only attaches, and creates the lake when it is first written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from udb_pipelines.engine import Extension, connect
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import leases, ledger
from udb_pipelines.warehouse.catalog import Catalog, catalog_of, held_elsewhere, kept_locked
from udb_pipelines.warehouse.files import make_folder
from udb_pipelines.warehouse.lock import WriterLock
from udb_pipelines.warehouse.timelines import Register

if TYPE_CHECKING:
    from pathlib import Path

    from udb_pipelines.config import Settings

_TIMELINE = "udb_timeline"
"""Variable of a writer's connection: the timeline that it has attached."""

_EMPTY = """
ATTACH ':memory:' AS lake;
CREATE MACRO lake.current_snapshot() AS TABLE SELECT 0::BIGINT AS id;
"""
"""Stands for the lake before its first commit, so that reading nothing is an answer and not an error."""


class Lake:
    """The warehouse that ``settings`` name. Cheap to make: nothing is opened before it is used."""

    def __init__(self, settings: Settings, timeline: int | None = None) -> None:
        self.settings = settings
        self.timeline = timeline
        """The timeline to read; None: the current one, which is the only one that can be written."""
        self.catalog: Catalog = catalog_of(settings, timeline)
        self.lock = WriterLock(settings.warehouse / "lock", settings.lock_timeout_seconds)

    def at(self, timeline: int) -> Lake:
        """One timeline of this warehouse, to be read."""
        other = Lake(self.settings, timeline)
        other.catalog = self.catalog.at(timeline)
        return other

    @contextmanager
    def reader(self, as_of: datetime | int | None = None, *, threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees exactly one version, attached read-only as ``lake`` and in use.

        Args:
            as_of: a version, or a time (UTC when it has no zone) whose newest version is meant; the newest
                when absent.
            threads: one is cheapest for the bookkeeping; ``settings.threads`` for scans.

        Raises:
            UdbError: ``E_VERSION`` when there is no such version, ``E_TIMELINE`` when there is no such timeline,
                ``E_WAREHOUSE`` when the lake cannot be opened.
        """
        with self._connected(threads) as connection, ExitStack() as around:
            with _opening():
                catalog = self._chosen(connection)
                around.enter_context(_kept_open(catalog, connection))
                version = self._leased(catalog, connection, as_of, around)
                if version is not None:
                    catalog.attach(connection, version=version, read_only=True)
                if version is None or not ledger.exists(connection):
                    _attach_empty(connection)
                connection.execute("USE lake")
            yield connection

    def _leased(
        self, catalog: Catalog, connection: duckdb.DuckDBPyConnection, as_of: datetime | int | None, around: ExitStack
    ) -> int | None:
        """The version to read; one asked for by name, or by its timeline, is leased: what removes leaves it alone."""
        if (as_of is None and self.timeline is None) or not catalog.exists():
            return catalog.version(connection, as_of)
        folder = self.settings.warehouse / "readers"
        try:
            with leases.gate(folder, alone=False):
                version = catalog.version(connection, as_of)
                if version is not None:
                    around.callback(leases.give_back, leases.take(folder, version))
                return version
        except OSError:
            return catalog.version(connection, as_of)  # who may not write here can still read

    @contextmanager
    def writer(self, *, threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that may write; the lake is created when there is none.

        The caller takes :attr:`lock` around its transaction, and names tables in full: with the lake in use,
        DuckDB would ask its catalog for every function of a statement too. DuckLake's own retry is off: it would
        commit on top of a version that the transaction has not seen.

        Raises:
            UdbError: ``E_TIMELINE`` for a timeline that was left, ``E_WAREHOUSE``.
        """
        if self.timeline is not None:
            raise UdbError("E_TIMELINE", f"timeline {self.timeline} can only be read: writing goes on with the current")
        with self._connected(threads) as connection, ExitStack() as around:
            with _opening():
                if not self.catalog.exists():
                    self._create()
                catalog = self.catalog.current(connection)
                around.enter_context(catalog.kept_open(connection, writing=True))
                if not catalog.exclusive and catalog.version(connection, None) is None:
                    self._create()  # of a database, only asking can tell
                _attach_for_writing(catalog, connection)
                if not ledger.exists(connection):
                    self._add_ledger(connection)
                connection.execute("SET ducklake_max_retry_count = 0")
            yield connection

    def follow(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Turn a writer to the timeline that is current by now; tells whether it was another one.

        A restore may have come in between while the writer waited. Outside a transaction.
        """
        with _opening():
            catalog = self.catalog.current(connection)
            if timeline_of(connection) == catalog.timeline:
                return False
            connection.execute("DETACH lake")
            _attach_for_writing(catalog, connection)
            return True

    def register(self) -> Register:
        """The timelines of the warehouse, and which one is current."""
        with self._connected() as connection, _opening():
            return self.catalog.register(connection)

    def current_version(self) -> int:
        """The newest version; 0 before the first commit."""
        with self._connected() as connection, _opening():
            catalog = self._chosen(connection)
            with _kept_open(catalog, connection):
                return catalog.version(connection, None) or 0

    @contextmanager
    def raw_catalog(self, more: tuple[Extension, ...] = ()) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """The catalog's own tables, attached read-only as ``catalog``; None before the first commit.

        Args:
            more: extensions that the caller needs beside the catalog's own.
        """
        with self._connected(more=more) as connection, _opening():
            catalog = self._chosen(connection)
            with _kept_open(catalog, connection):
                if catalog.version(connection, None) is None:
                    yield None
                    return
                catalog.attach_plain(connection)
                yield connection

    def _chosen(self, connection: duckdb.DuckDBPyConnection) -> Catalog:
        if self.timeline is not None:
            self.catalog.register(connection).find(self.timeline)
        return self.catalog.current(connection)

    @contextmanager
    def _connected(self, threads: int = 1, more: tuple[Extension, ...] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = connect(self.settings, (*self.catalog.extensions, *more), threads)
        try:
            with _opening():
                self.catalog.prepare(connection)
            yield connection
        finally:
            connection.close()

    def _create(self) -> None:
        with self.lock.held("creating the warehouse"), self.catalog.draft() as draft:
            if draft is None:
                return
            if next(draft.files.rglob("*.parquet"), None) is not None:
                raise missing_catalog(draft.files)
            make_folder(draft.files)
            with self._connected() as connection:
                _attach_first(draft, connection)
                self._add_ledger(connection)

    def _add_ledger(self, connection: duckdb.DuckDBPyConnection) -> None:
        # Another machine may do the same at the same moment; what counts is that it is there afterwards.
        try:
            ledger.create(connection)
        except duckdb.Error:
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            if not ledger.exists(connection):
                raise


def _attach_first(catalog: Catalog, connection: duckdb.DuckDBPyConnection) -> None:
    """Attach, which creates the lake. Another machine may do so at the same moment, and no lock spans machines."""
    try:
        catalog.attach(connection)
    except duckdb.Error:
        if catalog.exclusive or catalog.version(connection, None) is None:
            raise
        catalog.attach(connection)


def _kept_open(catalog: Catalog, connection: duckdb.DuckDBPyConnection) -> AbstractContextManager[None]:
    """Around reading; nothing is opened where nothing is."""
    return catalog.kept_open(connection, writing=False) if catalog.exists() else nullcontext()


def _attach_for_writing(catalog: Catalog, connection: duckdb.DuckDBPyConnection) -> None:
    catalog.attach(connection)
    connection.execute(f"SET VARIABLE {_TIMELINE} = {catalog.timeline}")


def missing_catalog(files: Path) -> UdbError:
    """There are data files, and no catalog says what they are. To begin anew beside them would orphan them all."""
    return UdbError(
        "E_WAREHOUSE",
        f"the lake catalog is missing, but there are data files in {files}",
        kept="every data file",
        remedy="put the catalog back, restore a snapshot (udb restore list), or move the folder away to begin anew",
    )


def timeline_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The timeline that a writer has attached."""
    found = connection.execute(f"SELECT getvariable('{_TIMELINE}')").fetchall()[0][0]
    return None if found is None else int(found)


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The version that a reader sees."""
    return int(connection.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0])


def _attach_empty(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DETACH DATABASE IF EXISTS lake")
    connection.execute(_EMPTY)
    ledger.create_empty(connection)


@contextmanager
def _opening() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if held_elsewhere(error):
            raise kept_locked() from error
        # The text may hold host names or statements; the kind of error is enough together with the doctor's view.
        raise UdbError("E_WAREHOUSE", f"the lake catalog cannot be opened ({type(error).__name__})") from error
