"""Opens the control database and brings its schema up to date.

Opening one that is up to date costs one query; Alembic is imported only when there is something to migrate.
Migrations run under a lock, so that any number of processes may be the first.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError

METADATA = MetaData()
"""The tables; each is added by the module that owns it."""

HEAD = "0004"
"""The newest revision in ``migrations/versions``; a test keeps the two in step."""

_CONNECT_SECONDS = 10
"""A server that does not answer by then is told of; the system alone would wait for minutes."""

_ADVISORY_LOCK = 0x7564_6263
"""Identifies our migrations among PostgreSQL's advisory locks."""


UNREACHABLE = frozenset({"E_CONTROL", "E_CONFIG"})
"""Codes of a control database that is down, or whose address is not understood. What can do without goes on."""


class Database:
    """The control database of one UDB home."""

    def __init__(self, settings: Settings) -> None:
        self._lock_file = settings.home / "control.lock"
        self._settings = settings
        self._ready = False

    @cached_property
    def _engine(self) -> Engine:
        """Made when it is first asked, so that to name a database that cannot be reached fails nobody."""
        return _engine(self._settings)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction on the up-to-date schema: committed at the end, rolled back on an exception.

        Raises:
            UdbError: ``E_CONTROL`` when the database cannot be opened or is newer than this program, ``E_CONFIG`` when
                its address is not understood.
        """
        try:
            if not self._ready:
                self._prepare()
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            # The driver's text may hold the address; its type is enough together with the remedy.
            raise UdbError("E_CONTROL", f"the control database failed with {type(error.orig).__name__}") from None

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            revision = _revision(connection)
        if revision != HEAD:
            with self._migration_lock():
                self._migrate()
        self._ready = True

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                raise UdbError(
                    "E_CONTROL",
                    "the control database was made by a newer version of UDB",
                    remedy="install that version, or point UDB_HOME somewhere else",
                ) from None

    @contextmanager
    def _migration_lock(self) -> Iterator[None]:
        if self._engine.dialect.name != "sqlite":
            with nullcontext():
                yield
            return
        with self._lock_file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _engine(settings: Settings) -> Engine:
    if settings.control_url is None:
        try:
            settings.home.mkdir(parents=True, exist_ok=True)
        except OSError:
            raise UdbError("E_NOT_WRITABLE", f"the folder cannot be created: {settings.home}") from None
        engine = create_engine(f"sqlite:///{settings.home / 'control.sqlite'}", poolclass=NullPool)
    else:
        try:
            url = make_url(settings.control_url.get_secret_value())
            if url.drivername in ("postgres", "postgresql"):
                url = url.set(drivername="postgresql+psycopg2")
            waits = {"connect_timeout": _CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
            engine = create_engine(url, poolclass=NullPool, connect_args=waits)
        except (ArgumentError, NoSuchModuleError):
            raise UdbError("E_CONFIG", "UDB_CONTROL_URL is not the address of a database SQLAlchemy knows") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _tune_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # Python's own transaction control would commit before every DDL statement.
    connection.isolation_level = None


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
