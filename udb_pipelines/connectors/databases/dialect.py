"""What reading needs to know of one kind of database server: its SQL, its types, its words for a failure.

Every column is asked for in a form that keeps all of its values, and stored as what it was: as the scanner gives it
where that is exact, as text otherwise. What a dialect is for is in :mod:`udb_pipelines.connectors.databases.server`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import duckdb

from udb_pipelines.connectors.casting import TextColumn
from udb_pipelines.detection.database import Listed, derived, parts_of
from udb_pipelines.engine import Extension, extension_file, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema

ALIAS = "udb_source"
CONNECT_SECONDS = 10
WIDEST = 38
"""Digits that a DECIMAL of the warehouse can hold."""


class Dialect(ABC):
    """One kind of server, connected to by :meth:`attach`. Columns carry the server's own types and names."""

    holds: bool
    """Whether all queries of one DuckDB transaction see the same moment."""
    failures: tuple[type[Exception], ...] = (duckdb.Error,)
    """What reading raises, for :meth:`refusal` to put into our words."""

    @abstractmethod
    def attach(self, duck: duckdb.DuckDBPyConnection, address: str, shown: str) -> None:
        """Connect, to read only. ``shown`` is the address for people.

        Raises:
            UdbError: ``E_AUTH``, ``E_NOT_FOUND``, ``E_CONNECT``, ``E_CONFIG`` for an address that is not understood.
        """

    @abstractmethod
    def remote(self, query: str) -> str:
        """SQL of DuckDB that runs ``query`` on the server; good for one use."""

    @abstractmethod
    def catalog(self, duck: duckdb.DuckDBPyConnection) -> list[Listed]:
        """Every column of the tables and views that the user may read, in order."""

    @abstractmethod
    def columns(self, duck: duckdb.DuckDBPyConnection, member: str) -> list[ColumnSchema]:
        """The columns of the table ``schema.table`` as they are now, in order."""

    @abstractmethod
    def columns_of_query(self, duck: duckdb.DuckDBPyConnection, query: str) -> list[ColumnSchema]:
        """The columns that ``query`` gives."""

    def table(self, member: str) -> str:
        """The server's SQL of a table that a stream names."""
        schema, table = parts_of(member)
        return f"{self.identifier(schema)}.{self.identifier(table)}"

    def derived(self, query: str) -> str:
        """The server's SQL of a query's rows."""
        return derived(query)

    def identifier(self, name: str) -> str:
        """The server's SQL of a name."""
        return quote_identifier(name)

    @abstractmethod
    def asked(self, column: ColumnSchema) -> str:
        """The server's SQL of a column, in a form that keeps all of its values."""

    @abstractmethod
    def stored(self, column: ColumnSchema, null_markers: Sequence[str]) -> TextColumn:
        """How what was asked for becomes a column of the warehouse."""

    @abstractmethod
    def stored_type(self, column: ColumnSchema) -> str:
        """The DuckDB type that a column will most likely have."""

    def doubt(self, column: ColumnSchema) -> str | None:
        """The server's SQL: a value of the column would be wrong as it is asked for. None where none can be.

        Asked of all rows before they are read, where they are counted.
        """
        return None

    def doubtful(self, column: ColumnSchema) -> ColumnSchema:
        """The column with another type, in which it is asked for when there is such a value."""
        return column

    @abstractmethod
    def compared(self, column: ColumnSchema) -> str:
        """The server's SQL of a column in the order that its text has elsewhere too."""

    @abstractmethod
    def greatest(self, column: ColumnSchema) -> str:
        """The server's SQL of the greatest value of a column, as text."""

    @abstractmethod
    def literal(self, column: ColumnSchema) -> Callable[[str], str]:
        """How a value to compare a column with is written."""

    @abstractmethod
    def refusal(self, error: Exception, shown: str, what: str) -> UdbError:
        """A failure in our words; none of the client's are passed on."""

    def fits(self, error: Exception) -> bool:
        """Whether the same may be tried again after ``error``, because room was made for what did not fit."""
        return False

    def original(self, column: ColumnSchema) -> str:
        """The server's SQL of a column's name."""
        return self.identifier(column.original_name or column.name)


class Scanned(Dialect):
    """A server that one of DuckDB's scanners reads."""

    extension: Extension
    attached_as: str
    function: str
    """DuckDB's table function that runs a query on the server."""
    session: str
    """DuckDB's settings for the scanner."""
    listing: str
    """Lists schema, table, column, type, estimate of rows and place in the primary key, of every column in order."""

    def attach(self, duck: duckdb.DuckDBPyConnection, address: str, shown: str) -> None:
        """Connect by the scanner."""
        try:
            duck.load_extension(str(extension_file(self.extension)))
            duck.execute(self.session)
            target = quote_literal(self.address(address))
            duck.execute(f"ATTACH {target} AS {ALIAS} (TYPE {self.attached_as}, READ_ONLY)")
        except duckdb.Error as error:
            raise self.refusal(error, shown, shown) from None

    @abstractmethod
    def address(self, address: str) -> str:
        """``address`` as the scanner wants it."""

    def remote(self, query: str) -> str:
        """By the scanner's function for queries."""
        return f"FROM {self.function}('{ALIAS}', {quote_literal(query)})"

    def catalog(self, duck: duckdb.DuckDBPyConnection) -> list[Listed]:
        """As the server's own catalog lists them."""
        return [
            Listed(schema, table, column, self.stored_type(ColumnSchema(name=column, type=kind)), size, place)
            for schema, table, column, kind, size, place in duck.execute(self.remote(self.listing)).fetchall()
        ]

    def columns(self, duck: duckdb.DuckDBPyConnection, member: str) -> list[ColumnSchema]:
        """As the server's own catalog has them."""
        found = duck.execute(self.remote(self.described(member))).fetchall()
        return [ColumnSchema(name=name, type=kind) for name, kind in found]

    @abstractmethod
    def described(self, member: str) -> str:
        """The server's SQL that lists names and types of a table's columns in order."""

    def names_of_query(self, duck: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
        """Names of a query's columns, with the types that DuckDB sees. Runs it for no row."""
        asked = self.remote(f"SELECT * FROM {self.derived(query)} LIMIT 0")
        return [(name, kind) for name, kind, *_ in duck.execute(f"DESCRIBE {asked}").fetchall()]
