"""Any database that has an ODBC driver and an information schema, as ``arrow-odbc`` reads it.

Drivers differ in what they make of a value: of those that were tried, one rounds numbers, one gives -1 for a large
whole number. So everything but what all of them hand over exactly is asked for as text, and typed afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import duckdb

from udb_pipelines.connectors.casting import TextColumn, as_stored
from udb_pipelines.connectors.databases import odbc_address
from udb_pipelines.connectors.databases.dialect import CONNECT_SECONDS, WIDEST, Dialect
from udb_pipelines.connectors.databases.odbc_failures import CUT, NEEDED, told_by_driver
from udb_pipelines.connectors.databases.odbc_types import OF_DUCKDB, Kind, kind_of, longest_of, name_of_arrow, read_as
from udb_pipelines.detection.database import Listed, derived, parts_of, refused
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.models import ColumnSchema

if TYPE_CHECKING:
    import pyarrow as pa
    from arrow_odbc import BatchReader

    from udb_pipelines.errors import UdbError

VIEW = "udb_odbc"
"""What DuckDB knows the rows of the last query by."""
ROOM, MOST_ROOM = 8 << 10, 256 << 20
"""Bytes that are set aside for a long text at first, and at the most."""
MOST_BYTES_OF_A_CHARACTER = 4
BATCH_ROWS, BATCH_BYTES = 50_000, 64 << 20
DATES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")
NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|[();'\"`]", re.DOTALL)
PROBE = 'SELECT "udb" AS probe FROM (SELECT 1 AS udb) AS udb_query'
"""Gives 1 where double quotes are for names, as in standard SQL, and the word where they are for text."""

CATALOG = """
SELECT c.TABLE_SCHEMA AS s, c.TABLE_NAME AS t, c.COLUMN_NAME AS c, c.DATA_TYPE AS k, c.NUMERIC_PRECISION AS d,
       c.NUMERIC_SCALE AS e, c.DATETIME_PRECISION AS f, p.ORDINAL_POSITION AS p
FROM INFORMATION_SCHEMA.COLUMNS c
JOIN INFORMATION_SCHEMA.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
LEFT JOIN (
  SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.COLUMN_NAME, k.ORDINAL_POSITION
  FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS x
  JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE k
    ON k.CONSTRAINT_SCHEMA = x.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = x.CONSTRAINT_NAME
   AND k.TABLE_SCHEMA = x.TABLE_SCHEMA AND k.TABLE_NAME = x.TABLE_NAME
  WHERE x.CONSTRAINT_TYPE = 'PRIMARY KEY'
) p ON p.TABLE_SCHEMA = c.TABLE_SCHEMA AND p.TABLE_NAME = c.TABLE_NAME AND p.COLUMN_NAME = c.COLUMN_NAME
WHERE t.TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
  AND c.TABLE_SCHEMA NOT IN ('information_schema', 'INFORMATION_SCHEMA', 'pg_catalog', 'mysql', 'performance_schema',
                             'sys')
"""
OF_DATABASE = "  AND (c.TABLE_SCHEMA = DATABASE() OR DATABASE() IS NULL)\n"
"""Where databases are what others call schemas."""
IN_ORDER = "ORDER BY s, t, c.ORDINAL_POSITION"


class Odbc(Dialect):
    """A server behind an ODBC driver. Each query sees its own moment."""

    holds = False
    wide = False
    """Whether text comes in UTF-16: for drivers that take the locale for the encoding of all else."""

    def __init__(self) -> None:
        self._room = ROOM
        self._quote = '"'

    def attach(self, duck: duckdb.DuckDBPyConnection, address: str, shown: str) -> None:
        """Connect by the first of the drivers that is installed."""
        library = odbc_address.library()
        self.failures = (duckdb.Error, library.Error)
        self._encoding = library.TextEncoding.UTF16 if self.wide else library.TextEncoding.UTF8
        self._duck = duck
        target = self.target(address)
        for last, string in enumerate(target.strings, start=1 - len(target.strings)):
            try:
                self._connection = library.connect(
                    string, user=target.user, password=target.password, login_timeout_sec=CONNECT_SECONDS
                )
                break
            except library.Error as error:
                if last == 0 or "can't open lib" not in str(error).lower():
                    raise self.refusal(error, shown, shown) from None
        self._quote = self._quoting()

    def target(self, address: str) -> odbc_address.Target:
        """What the driver manager is told for ``address``."""
        return odbc_address.target(address)

    def _quoting(self) -> str:
        """What stands around names."""
        try:
            ((answer,),) = self._duck.execute(self.remote(PROBE)).fetchall()
        except self.failures:
            return '"'
        return "`" if answer == "udb" else '"'

    def remote(self, query: str) -> str:
        """Start ``query``; its rows come as Arrow batches, once."""
        import pyarrow as pa

        batches = self._started(query)
        self._duck.register(VIEW, pa.RecordBatchReader.from_batches(batches.schema, self._whole(batches)))
        return f"FROM {VIEW}"

    def _whole(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """``batches``, unless a value fills its room: MariaDB's driver 3.1 cuts values off and does not say so.

        A character that was cut in two is left out, so that up to three bytes may be missing.
        """
        for batch in batches:
            if longest_of(batch) > self._room - MOST_BYTES_OF_A_CHARACTER:
                raise ValueError(CUT.replace("{needed}", str(16 * self._room)))
            yield batch

    def _started(self, query: str) -> BatchReader:
        return self._connection.read_arrow_batches(
            query,
            batch_size=BATCH_ROWS,
            max_bytes_per_batch=max(BATCH_BYTES, 4 * self._room),
            max_text_size=self._room,
            max_binary_size=self._room,
            falliable_allocations=True,
            payload_text_encoding=self._encoding,
            map_schema=read_as,
        )

    def fits(self, error: Exception) -> bool:
        """Whether more room was made for a long value: the driver says how long it is."""
        found = NEEDED.search(str(error))
        needed = int(found[1]) + 1 if found else 0
        if needed <= self._room or self._room == MOST_ROOM:
            return False
        self._room = min(2 * needed, MOST_ROOM)
        return True

    def catalog(self, duck: duckdb.DuckDBPyConnection) -> list[Listed]:
        """As the information schema lists them; rows are not estimated there."""
        found = duck.execute(self.remote(self._listing() + IN_ORDER)).fetchall()
        return [
            Listed(
                schema,
                table,
                column,
                self.stored_type(ColumnSchema(name=column, type=self.type_name(*kind))),
                None,
                None if place is None else int(place),
            )
            for schema, table, column, *kind, place in found
        ]

    def columns(self, duck: duckdb.DuckDBPyConnection, member: str) -> list[ColumnSchema]:
        """From the information schema."""
        schema, table = parts_of(member)
        one = f"  AND c.TABLE_SCHEMA = {self.text(schema)} AND c.TABLE_NAME = {self.text(table)}\n"
        found = duck.execute(self.remote(self._listing() + one + IN_ORDER)).fetchall()
        return [ColumnSchema(name=column, type=self.type_name(*kind)) for _, _, column, *kind, _ in found]

    def _listing(self) -> str:
        return CATALOG + (OF_DATABASE if self._quote == "`" else "")

    def type_name(self, kind: str, digits: int | None, scale: int | None, fraction: int | None) -> str:
        """The name of a type, with the digits that it is limited to."""
        name = kind.lower()
        return f"{name}({int(digits)},{int(scale or 0)})" if digits and kind_of(name) == Kind.NUMBER else name

    def columns_of_query(self, duck: duckdb.DuckDBPyConnection, query: str) -> list[ColumnSchema]:
        """The columns that the driver says a query has; it is run for no row."""
        schema: pa.Schema = self._started(f"SELECT * FROM {self.derived(query)} WHERE 1 = 0").schema
        return [ColumnSchema(name=field.name, type=name_of_arrow(field.type)) for field in schema]

    def derived(self, query: str) -> str:
        """As part of a larger query, which it must not end: drivers take several statements at once.

        Raises:
            UdbError: ``E_SQL`` for what is more than one query.
        """
        depth, text = 0, query.strip().rstrip(";")
        for piece in PIECES.findall(text):
            depth += {"(": 1, ")": -1}.get(piece, 0)
            if depth < 0 or piece in (";", "'", '"', "`"):
                raise refused("that is asked for")
        return derived(text)

    def identifier(self, name: str) -> str:
        """In the quotes that the server takes for names."""
        return quote_identifier(name) if self._quote == '"' else "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        """A text literal; where names stand in backticks, a backslash escapes."""
        return quote_literal(value.replace("\\", "\\\\") if self._quote == "`" else value)

    def as_text(self, value: str) -> str:
        """SQL of the text of a number or a time."""
        return f"CAST({value} AS {'CHAR' if self._quote == '`' else 'VARCHAR'}(128))"

    def asked(self, column: ColumnSchema) -> str:
        """As it is where every driver is exact, as text otherwise."""
        name, kind = self.original(column), kind_of(column.type)
        if kind == Kind.BITS:
            return self.as_text(f"{name} + 0") if self._quote == "`" else name
        if kind in (Kind.NUMBER, Kind.TIME, Kind.MOMENT) or self._is_unsure(kind):
            return self.as_text(name)
        return name

    def _is_unsure(self, kind: Kind) -> bool:
        """Whole numbers without a sign, which drivers take for those with one."""
        return kind == Kind.WHOLE and self._quote == "`"

    def stored(self, column: ColumnSchema, null_markers: Sequence[str]) -> TextColumn:
        """By the declared type; by the values where none is declared that holds them all."""
        kind, name = kind_of(column.type), quote_identifier(column.name)
        markers = tuple(null_markers)
        if kind in (Kind.BOOLEAN, Kind.UUID, Kind.MOMENT) or (kind == Kind.NUMBER and self._is_narrow(column.type)):
            return TextColumn(column.name, source=f"CAST({name} AS {self.stored_type(column)})", allowed=())
        if kind in (Kind.NUMBER, Kind.BITS) or self._is_unsure(kind):
            return TextColumn(column.name, markers, allowed=NUMBERS) if self._is_text(kind) else as_stored(column.name)
        if kind == Kind.TIME:
            trimmed = f"CASE WHEN contains({name}, '.') THEN rtrim(rtrim({name}, '0'), '.') ELSE {name} END"
            return TextColumn(column.name, markers, source=trimmed, allowed=DATES)
        return as_stored(column.name)

    def _is_text(self, kind: Kind) -> bool:
        return kind != Kind.BITS or self._quote == "`"

    @staticmethod
    def _is_narrow(kind: str) -> bool:
        digits = re.search(r"\((\d+),", kind)
        return digits is not None and int(digits[1]) <= WIDEST

    def stored_type(self, column: ColumnSchema) -> str:
        """By the name of the type.

        >>> types = ("numeric(10,2)", "numeric", "int", "timestamp with time zone", "bytea", "uuid", "xml")
        >>> [Odbc().stored_type(ColumnSchema(name="x", type=kind)) for kind in types]
        ['DECIMAL(10,2)', 'VARCHAR', 'INTEGER', 'TIMESTAMP WITH TIME ZONE', 'BLOB', 'UUID', 'VARCHAR']
        """
        kind = kind_of(column.type)
        if kind == Kind.NUMBER and self._is_narrow(column.type):
            return f"DECIMAL({column.type.partition('(')[2]}"
        return OF_DUCKDB.get(column.type.partition("(")[0], OF_DUCKDB.get(kind, "VARCHAR"))

    def compared(self, column: ColumnSchema) -> str:
        """As the server compares it, which finds the greatest value, and all from it on, alike."""
        return self.original(column)

    def greatest(self, column: ColumnSchema) -> str:
        """As text."""
        greatest = f"MAX({self.compared(column)})"
        return greatest if kind_of(column.type) == Kind.OTHER else self.as_text(greatest)

    def literal(self, column: ColumnSchema) -> Callable[[str], str]:
        """Numbers as such, all else as text."""
        if kind_of(column.type) in (Kind.WHOLE, Kind.NUMBER, Kind.APPROXIMATE):
            return lambda value: value if NUMBER.fullmatch(value) else self.text(value)
        return self.text

    def refusal(self, error: Exception, shown: str, what: str) -> UdbError:
        """By the SQLSTATE, which all drivers give."""
        return told_by_driver(error, shown, what)
