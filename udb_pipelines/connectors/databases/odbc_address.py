"""Addresses of ODBC sources: from a URL to what a driver is told.

Belongs here: the spelling of addresses and of connection strings, which package brings what is missing. Nothing here
connects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import parse_qsl, unquote, urlsplit

from udb_pipelines.errors import UdbError

SQL_SERVER_DRIVERS = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server", "FreeTDS")
SQL_SERVER_PORT = 1433
KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
SPECIAL = re.compile(r"[\[\]{}(),;?*=!@]|^\s|\s$")
SIGN_IN = ("uid", "user", "user id", "username", "pwd", "password")
EXAMPLE = "odbc://user:${PASSWORD}@DSN, or odbc://user:${PASSWORD}@host/database?driver=NAME"


@dataclass(frozen=True)
class Target:
    """What the driver manager is told: several ways, the first whose driver is there is taken."""

    strings: tuple[str, ...]
    user: str | None
    password: str | None


def library() -> ModuleType:
    """The package that reads ODBC.

    Raises:
        UdbError: ``E_CONNECTOR`` with the command that brings what is missing.
    """
    try:
        import arrow_odbc
    except ImportError:
        raise UdbError(
            "E_CONNECTOR",
            "reading by ODBC needs a package that is not installed",
            remedy="pip install 'udb-pipelines[odbc]'",
        ) from None
    except OSError:
        raise UdbError(
            "E_CONNECTOR", "ODBC's driver manager is not installed", remedy="apt-get install unixodbc"
        ) from None
    module: ModuleType = arrow_odbc
    return module


def target(address: str) -> Target:
    """What ``odbc://user:password@host:port/database?driver=NAME&KEY=VALUE`` stands for, or ``odbc://user:password@DSN``.

    >>> target("odbc://ann:x@db:5432/shop?driver=PostgreSQL+Unicode&SSLmode=require").strings
    ('Driver={PostgreSQL Unicode};Server=db;Port=5432;Database=shop;SSLmode=require;',)
    >>> target("odbc://shop").strings
    ('DSN=shop;',)

    Raises:
        UdbError: ``E_CONFIG`` for an address that is not understood.
    """
    parts, settings = _parts(address)
    driver = settings.pop("driver", None)
    place: dict[str, str] = {} if driver else {"DSN": unquote(parts.host)}
    if driver:
        place |= {"Server": parts.host, "Port": parts.port, "Database": parts.database}
    elif parts.database:
        place["Database"] = parts.database
    return Target((_written(driver, place | settings),), parts.user, parts.password)


def sql_server_target(address: str) -> Target:
    """What ``mssql://user:password@host:port/database?KEY=VALUE`` stands for, by Microsoft's driver or by FreeTDS.

    >>> target = sql_server_target("mssql://sa:x@db/shop?TrustServerCertificate=yes")
    >>> target.strings[0]
    'Driver={ODBC Driver 18 for SQL Server};Server={db,1433};Database=shop;TrustServerCertificate=yes;'
    >>> target.strings[2]
    'Driver=FreeTDS;Server=db;Port=1433;TDS_Version=7.4;Database=shop;TrustServerCertificate=yes;'

    Raises:
        UdbError: ``E_CONFIG`` for an address that is not understood.
    """
    parts, settings = _parts(address)
    named = settings.pop("driver", None)
    port = parts.port or str(SQL_SERVER_PORT)

    def written(driver: str) -> str:
        tds = {"Server": parts.host, "Port": port, "TDS_Version": "7.4"}
        place = tds if driver == "FreeTDS" else {"Server": f"{parts.host},{port}"}
        return _written(driver, place | {"Database": parts.database} | settings)

    drivers: Sequence[str] = (named,) if named else SQL_SERVER_DRIVERS
    return Target(tuple(map(written, drivers)), parts.user, parts.password)


@dataclass(frozen=True)
class _Parts:
    host: str
    port: str
    database: str
    user: str | None
    password: str | None


def _parts(address: str) -> tuple[_Parts, dict[str, str]]:
    """The parts of an address, and its settings."""
    split = urlsplit(address)
    try:
        port = str(split.port or "")
    except ValueError:
        raise _misunderstood() from None
    settings = {}
    for key, value in parse_qsl(split.query, keep_blank_values=True):
        if not KEYWORD.fullmatch(key) or key.lower() in SIGN_IN:
            raise _misunderstood()
        settings["driver" if key.lower() == "driver" else key] = value
    # The name of a data source keeps its letters: urlsplit's hostname is in lower case.
    host = split.netloc.rpartition("@")[2].partition(":")[0]
    if not host:
        raise _misunderstood()
    user, password = (None if text is None else unquote(text) for text in (split.username, split.password))
    return _Parts(host, port, unquote(split.path.strip("/")), user or None, password), settings


def _misunderstood() -> UdbError:
    return UdbError("E_CONFIG", "the address of the ODBC source is not understood", remedy=f"write {EXAMPLE}")


def _written(driver: str | None, settings: dict[str, str]) -> str:
    """A connection string; what is empty is left out."""
    told = ({"Driver": driver} if driver else {}) | settings
    return "".join(f"{key}={_braced(key, value)};" for key, value in told.items() if value)


def _braced(key: str, value: str) -> str:
    """In braces where ODBC wants them. The name of a driver with a blank in it always has them."""
    if SPECIAL.search(value) or (key == "Driver" and " " in value):
        return "{" + value.replace("}", "}}") + "}"
    return value
