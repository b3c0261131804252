"""What native connectors need that does not come with UDB, and what their tests had to do with.

Belongs here: facts to be shown. A connector itself says what is missing when it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Extra:
    """An optional part of UDB: the package that reads, what the system must have, which servers tests ran against."""

    name: str
    package: str
    system: str
    tried: str

    @property
    def command(self) -> str:
        """What installs the package."""
        return f"pip install 'udb-pipelines[{self.name}]'"

    @property
    def is_there(self) -> bool:
        """Whether the package is installed."""
        return find_spec(self.package) is not None


EXTRAS = {
    "odbc": Extra(
        "odbc",
        "arrow_odbc",
        "a driver manager and the database's driver, such as: apt-get install unixodbc odbc-postgresql",
        "PostgreSQL 18 and MariaDB 10.11, by their ODBC drivers 13.02 and 3.1",
    ),
    "mssql": Extra(
        "odbc",
        "arrow_odbc",
        "a driver manager and a driver: Microsoft's msodbcsql18, or: apt-get install unixodbc tdsodbc",
        "no SQL Server: the tests had none. What it shares with odbc was tried there",
    ),
    "mongodb": Extra(
        "mongodb",
        "pymongo",
        "nothing else",
        "mongo-java-server 1.47, which speaks MongoDB's protocol; not with MongoDB itself, nor with a replica set",
    ),
}
"""By connector."""


def status_of(connector: str) -> str:
    """Whether a native connector can be used as it is."""
    extra = EXTRAS.get(connector)
    return "native" if extra is None or extra.is_there else "to install"


def to_install(connector: str) -> str:
    """What there is to install for a native connector."""
    extra = EXTRAS.get(connector)
    return "there is nothing to install" if extra is None or extra.is_there else f"install it with {extra.command}"


def about(connector: str) -> list[str]:
    """Lines that tell what a connector needs; none when it needs nothing."""
    extra = EXTRAS.get(connector)
    if extra is None:
        return []
    return [
        f"needs: {extra.command}{' (installed)' if extra.is_there else ''}; {extra.system}",
        f"tested with: {extra.tried}",
    ]
