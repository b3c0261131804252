"""Where the lake catalog is and how DuckDB attaches it: an SQLite file, or a PostgreSQL database.

Knows nothing of what the lake contains. Each timeline has a catalog of its own: a file, or a schema of the
database. A :class:`Catalog` that is not pinned to one means the timeline that is current whenever it is used.
The password of a PostgreSQL catalog goes into a DuckDB secret, which DuckDB redacts, and never into the text of a
statement that could end up in an error message or a listing.
"""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.engine import Extension, quote_literal, quote_value
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import apart, timelines
from udb_pipelines.warehouse.files import make_folder, sync_all, sync_folder

BUSY_MS = 30_000
"""How long SQLite waits for a checkpoint of another process; a commit itself waits in the writer lock."""

REGISTER = "udb_timelines"
"""Table with one row, in the database's own schema: the register of timelines of a PostgreSQL catalog."""

_SECRET = "udb_catalog"  # noqa: S105 - the name of a DuckDB secret, not its content


_KEPT = "__ducklake_kept_open"
"""Name of an SQLite catalog, attached once more. It is hidden, and beginning like this, none that people may query."""

_PAUSES = 0.001, 0.05
"""First and longest pause, in seconds, before it is tried again to open an SQLite catalog."""


class Catalog(ABC):
    """One lake catalog. ``files`` is the folder of the data files, wherever the catalog says they were."""

    extensions: tuple[Extension, ...]
    exclusive: bool
    """Only one writer can commit at a time, so a conflict means a fault, not bad luck."""
    _writing = ""
    """Options that only a writer needs."""

    def __init__(self, files: Path, timeline: int | None = None) -> None:
        self.files = files
        self.timeline = timeline
        """The timeline this is pinned to; None follows the register."""

    @abstractmethod
    def register(self, connection: duckdb.DuckDBPyConnection) -> timelines.Register:
        """The timelines there are. ``connection`` is prepared and has no ``udb_register`` attached."""

    @abstractmethod
    def at(self, timeline: int) -> Catalog:
        """The catalog of one timeline."""

    def current(self, connection: duckdb.DuckDBPyConnection) -> Catalog:
        """This catalog, pinned: what opens it in several steps must not change timelines between them."""
        return self if self.timeline is not None else self.at(self.register(connection).current)

    @abstractmethod
    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make credentials known to the connection."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether it is worth attaching; true where only attaching can tell."""

    @abstractmethod
    def draft(self) -> AbstractContextManager[Catalog | None]:
        """What to create the lake in, put in place at the end; None when it is there already."""

    @abstractmethod
    def _plain(self) -> str:
        """ATTACH target and options of the catalog as a plain database."""

    @abstractmethod
    def _lake(self) -> tuple[str, str]:
        """ATTACH target and options of the catalog as a lake."""

    def attach(
        self, connection: duckdb.DuckDBPyConnection, *, version: int | None = None, read_only: bool = False
    ) -> None:
        """Attach the lake as ``lake``, at its newest or at a given version."""
        target, options = self.current(connection)._lake()
        options += "" if read_only else self._writing
        pinned = f", SNAPSHOT_VERSION {version:d}" if version is not None else ""
        read = ", READ_ONLY" if read_only else ""
        connection.execute(
            f"ATTACH {quote_literal(target)} AS lake (DATA_PATH {quote_literal(f'{self.files}/')}, "
            f"OVERRIDE_DATA_PATH true{options}{read}{pinned})"
        )

    @contextmanager
    def kept_open(self, connection: duckdb.DuckDBPyConnection, *, writing: bool) -> Iterator[None]:
        """Around several transactions of ``connection``; there is nothing to do for a server."""
        yield

    def attach_plain(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach the catalog's own tables, read-only, as ``catalog``."""
        connection.execute(f"ATTACH {self.current(connection)._plain()}")

    def version(self, connection: duckdb.DuckDBPyConnection, as_of: datetime | int | None) -> int | None:
        """The version to read for ``as_of``; None when nothing was ever committed.

        Raises:
            UdbError: ``E_VERSION`` when the lake holds no such version.
        """
        if not self.exists():
            return None
        self.attach_plain(connection)
        try:
            return find_version(connection, as_of)
        finally:
            connection.execute("DETACH catalog")


def find_version(connection: duckdb.DuckDBPyConnection, as_of: datetime | int | None) -> int | None:
    """The version for ``as_of`` in the catalog that is attached as ``catalog``; see :meth:`Catalog.version`."""
    try:
        oldest, newest = connection.execute(
            "SELECT min(snapshot_id), max(snapshot_id) FROM catalog.ducklake_snapshot"
        ).fetchall()[0]
    except duckdb.CatalogException:
        return None
    if as_of is None:
        return int(newest)
    if isinstance(as_of, int):
        wanted = f"snapshot_id = {as_of:d}"
        what = f"version {as_of}"
    else:
        moment = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
        wanted = f"CAST(snapshot_time AS TIMESTAMPTZ) <= {quote_value(moment)}"
        what = f"version as old as {moment:%Y-%m-%d %H:%M:%S %Z}"
    query = f"SELECT max(snapshot_id) FROM catalog.ducklake_snapshot WHERE {wanted}"
    found = connection.execute(query).fetchall()[0][0]
    if found is None:
        raise UdbError("E_VERSION", f"the warehouse holds no {what}; it holds versions {oldest} to {newest}")
    return int(found)


class SqliteCatalog(Catalog):
    """A file beside the data, in WAL mode: readers never wait for the writer."""

    extensions = ("sqlite_scanner", "ducklake")
    exclusive = True
    _writing = ", META_JOURNAL_MODE 'WAL'"

    def __init__(self, file: Path, files: Path, timeline: int | None = None) -> None:
        super().__init__(files, timeline)
        self._first = file

    @property
    def file(self) -> Path:
        """The file of the timeline; that of the first bears the plain name."""
        number = self.timeline or timelines.read(self.register_file).current
        return self._first if number == 1 else self._first.with_name(f"{self._first.stem}.{number}.sqlite")

    @property
    def register_file(self) -> Path:
        """Where the register of timelines is kept."""
        return self._first.with_name(timelines.FILE)

    def register(self, connection: duckdb.DuckDBPyConnection) -> timelines.Register:
        """What the file beside the catalog says."""
        return timelines.read(self.register_file)

    def at(self, timeline: int) -> SqliteCatalog:
        """The catalog of one timeline."""
        return SqliteCatalog(self._first, self.files, timeline)

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Nothing to do: a file needs no credentials."""

    def exists(self) -> bool:
        """Whether the file is there. Only the first timeline may lack it: the others were made with theirs.

        Raises:
            UdbError: ``E_WAREHOUSE`` when the file of a later timeline is gone.
        """
        file = self.file
        if not file.exists() and file != self._first:
            raise UdbError(
                "E_WAREHOUSE",
                f"the lake catalog {file} of the current timeline is missing",
                kept="the data files, and every other timeline",
                remedy="udb restore list shows what can be restored",
            )
        return file.exists()

    def integrity(self) -> str:
        """SQLite's own verdict on the file: ``ok``, or the first thing that is wrong."""
        try:
            return apart.integrity(self.file, BUSY_MS / 1000)
        except sqlite3.DatabaseError as error:
            return str(error)

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy of the catalog, while others read and write it.

        Raises:
            sqlite3.Error: the catalog cannot be read, or the copy not be written.
        """
        apart.copy(self.file, target, BUSY_MS / 1000)
        sync_folder(target.parent)

    @contextmanager
    def draft(self) -> Iterator[Catalog | None]:
        """A file beside, renamed when it is complete: a crash leaves no half-made catalog."""
        if self.exists():
            yield None
            return
        make_folder(self.file.parent)
        draft = self.file.with_suffix(".new")
        for leftover in self.file.parent.glob(f"{draft.name}*"):
            leftover.unlink()
        yield SqliteCatalog(draft, self.files, 1)
        draft.rename(self.file)
        sync_all([self.file])

    @contextmanager
    def kept_open(self, connection: duckdb.DuckDBPyConnection, *, writing: bool) -> Iterator[None]:
        """Keep the file open from the first transaction to the last.

        DuckDB opens it for each transaction. SQLite, when the first one opens it, reads its log anew, and when the
        last one closes it, brings the log into it and removes that. It turns everybody away meanwhile: in each commit
        several times, and whoever is turned away by the SQLite in DuckDB sleeps for a whole second. So there is always
        one more that has it open, and tries again by itself until it has; at the end of a writer, the log is brought
        in while others read.
        """
        with closing(connection.cursor()) as first:
            # A copy of a catalog has no log yet, and gets one only while nobody else has it open.
            self._open(first, self._writing.replace("META_", "") if writing else ", READ_ONLY")
            yield
            if writing:
                with closing(connection.cursor()) as last, suppress(duckdb.Error):  # what is committed stays committed
                    last.execute(f"BEGIN; {_look('user_version')}")
                    first.execute(f"ROLLBACK; {_look('wal_checkpoint(PASSIVE)')}")

    def _open(self, connection: duckdb.DuckDBPyConnection, options: str) -> None:
        """Attach the file, begin a transaction and read, so that it is open; try again while others keep it locked."""
        deadline = time.monotonic() + BUSY_MS / 1000
        pause, longest = _PAUSES
        while True:
            try:
                connection.execute(
                    f"ATTACH {quote_literal(self.file)} AS {_KEPT} (TYPE sqlite, HIDDEN true, BUSY_TIMEOUT 0{options})"
                )
                connection.execute(f"BEGIN; {_look('user_version')}").fetchall()
                return
            except duckdb.Error as error:
                if not held_elsewhere(error) or time.monotonic() > deadline:
                    raise
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            connection.execute(f"DETACH DATABASE IF EXISTS {_KEPT}")
            time.sleep(pause)
            pause = min(pause * 1.5, longest)

    def _plain(self) -> str:
        return f"{quote_literal(self.file)} AS catalog (TYPE sqlite, READ_ONLY, BUSY_TIMEOUT {BUSY_MS})"

    def _lake(self) -> tuple[str, str]:
        return f"ducklake:sqlite:{self.file}", f", META_BUSY_TIMEOUT {BUSY_MS}"


def held_elsewhere(error: duckdb.Error) -> bool:
    """Whether SQLite has waited in vain for a lock on its file. DuckDB has no kind of error for that."""
    return "database is locked" in str(error)


def kept_locked() -> UdbError:
    """Our own writers queue, so it is somebody else's lock."""
    return UdbError(
        "E_LOCK_TIMEOUT",
        f"another program has kept the lake catalog locked for {BUSY_MS / 1000:.0f} s",
        kept="the warehouse, as it is",
        remedy="close what has the file open, such as an SQLite shell or a backup, and run again",
    )


def _look(pragma: str) -> str:
    return f"FROM sqlite_query('{_KEPT}', 'PRAGMA {pragma}')"


class PostgresCatalog(Catalog):
    """A database that writers of several machines share; conflicts are retried."""

    extensions = ("postgres_scanner", "ducklake")
    exclusive = False

    def __init__(self, url: str, files: Path, timeline: int | None = None, own_schema: str = "public") -> None:
        super().__init__(files, timeline)
        self._own_schema = own_schema
        """The tenant's: that of its first timeline and of its register."""
        self._url = url
        self._options = _secret_options(url)

    @property
    def schema(self) -> str:
        """The schema of the timeline; the first has the database's own.

        Only of a catalog that is pinned: see :meth:`Catalog.current`.
        """
        if self.timeline == 1:
            return self._own_schema
        tenant = "" if self._own_schema == "public" else f"{self._own_schema}__"
        return f"{tenant}udb_timeline_{self.timeline}"

    def register(self, connection: duckdb.DuckDBPyConnection) -> timelines.Register:
        """What the table :data:`REGISTER` says; nothing was ever restored when there is none."""
        own = quote_literal(self._own_schema)
        connection.execute(f"ATTACH '' AS udb_register (TYPE postgres, READ_ONLY, SECRET {_SECRET}, SCHEMA {own})")
        try:
            rows = connection.execute(f"SELECT register FROM udb_register.{REGISTER}").fetchall()
        except duckdb.CatalogException:
            return timelines.Register()
        finally:
            connection.execute("DETACH udb_register")
        return timelines.Register.model_validate_json(rows[0][0])

    def at(self, timeline: int) -> PostgresCatalog:
        """The catalog of one timeline."""
        return PostgresCatalog(self._url, self.files, timeline, self._own_schema)

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Hand the credentials to DuckDB."""
        options = ", ".join(f"{name} {quote_literal(value)}" for name, value in self._options.items())
        connection.execute(f"CREATE TEMPORARY SECRET {_SECRET} (TYPE postgres, {options})")

    def exists(self) -> bool:
        """Only attaching can tell."""
        return True

    @contextmanager
    def draft(self) -> Iterator[Catalog | None]:
        """The database itself: DuckLake creates its tables in one transaction."""
        yield self

    def attach_server(self, connection: duckdb.DuckDBPyConnection, schema: str = "") -> None:
        """Attach the whole database, or one schema of it, as ``pg``, to write in it and to use its own SQL."""
        only = f", SCHEMA {quote_literal(schema)}" if schema else ""
        connection.execute(f"ATTACH '' AS pg (TYPE postgres, SECRET {_SECRET}{only})")

    def _plain(self) -> str:
        return f"'' AS catalog (TYPE postgres, READ_ONLY, SECRET {_SECRET}, SCHEMA {quote_literal(self.schema)})"

    def _lake(self) -> tuple[str, str]:
        # Only where it is another than the default: DuckLake creates a schema that it is told to use, and machines
        # that create the lake at the same moment would be in each other's way.
        schema = "" if self.schema == "public" else f", METADATA_SCHEMA {quote_literal(self.schema)}"
        return "ducklake:postgres:", f", META_SECRET {quote_literal(_SECRET)}{schema}"


def _secret_options(url: str) -> dict[str, str]:
    """Parts of a PostgreSQL URL as options of a DuckDB secret.

    >>> _secret_options("postgresql://me:p%40ss@db:5433/lake")
    {'HOST': 'db', 'PORT': '5433', 'DATABASE': 'lake', 'USER': 'me', 'PASSWORD': 'p@ss'}
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if not parts.scheme.startswith("postgres"):
        raise UdbError("E_CONFIG", "UDB_CATALOG_URL must be a PostgreSQL URL: postgresql://user:password@host/name")
    options = {
        "HOST": parts.hostname or query.get("host", ""),
        "PORT": str(parts.port or query.get("port", "")),
        "DATABASE": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "SSLMODE": query.get("sslmode", ""),
    }
    return {name: value for name, value in options.items() if value}


def catalog_of(settings: Settings, timeline: int | None = None) -> Catalog:
    """The catalog that the settings name, of one timeline or of the current one."""
    files = settings.warehouse / "files"
    if settings.catalog_url is not None:
        own_schema = "public" if settings.tenant == DEFAULT_TENANT else f"tenant_{settings.tenant}"
        return PostgresCatalog(settings.catalog_url.get_secret_value(), files, timeline, own_schema)
    return SqliteCatalog(settings.warehouse / "lake.sqlite", files, timeline)
