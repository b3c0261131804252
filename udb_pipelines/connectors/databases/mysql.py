"""MySQL and MariaDB, as their scanner reads them.

Dates and times come as text, for the scanner makes nothing of ``0000-00-00``: typed afterwards, with what is no
date kept beside. Numbers of more than 38 digits come as text, too. Sessions are in UTC.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import duckdb

from udb_pipelines.connectors.casting import TextColumn, as_stored
from udb_pipelines.connectors.databases.dialect import CONNECT_SECONDS, WIDEST, Scanned
from udb_pipelines.connectors.databases.unreached import no_database, unreached
from udb_pipelines.connectors.faults import from_duckdb
from udb_pipelines.detection.database import parts_of
from udb_pipelines.engine import Extension, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema

DEFAULT_PORT = 3306
SESSION = (
    "SET mysql_session_time_zone = '+00:00'; SET mysql_tinyint1_as_boolean = false; "
    "SET mysql_bit1_as_boolean = true; SET mysql_query_timeout_enabled = false"
)
"""A TINYINT(1) may hold 5; reading a large table may take longer than the five minutes that the scanner allows."""
NUMERIC = re.compile(r"(tiny|small|medium|big)?int\b.*|year\b.*|float\b.*|double\b.*|decimal\b.*")
DECIMAL = re.compile(r"decimal\((\d+),(\d+)\).*")
TEMPORAL = re.compile(r"(date|datetime|timestamp)(\((\d)\))?")
TEXT = re.compile(r"(tiny|medium|long)?text\b.*|(var)?char\b.*|enum\b.*|set\b.*|json")
BINARY = re.compile(r"(tiny|medium|long)?blob|(var)?binary\b.*")
SPATIAL = re.compile(r"geometry|(multi)?(point|linestring|polygon)|geometrycollection|geomcollection")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
DATES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")
NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE")
ZERO = ("0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00Z", "0000-00-00 00:00:00.000000Z")
"""What MySQL writes for no date."""
MICROSECONDS = len("2024-01-02 03:04:05.123456")
TYPES = {
    "tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT",
    "year": "INTEGER", "float": "FLOAT", "double": "DOUBLE", "date": "DATE", "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
OF_QUERY = {
    "UTINYINT": "tinyint unsigned", "USMALLINT": "smallint unsigned", "UINTEGER": "int unsigned",
    "UBIGINT": "bigint unsigned", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "int", "BIGINT": "bigint",
    "FLOAT": "float", "DOUBLE": "double", "DATE": "date", "TIMESTAMP": "datetime(6)", "BOOLEAN": "bit(1)",
    "BLOB": "blob",
}  # fmt: skip
WIDE = "decimal(65,30)"
MANY_DIGITS = "12345678901234567890123"
"""As a double it is written with an exponent, as a decimal with all of its digits."""
UNREACHED = ("can't connect", "unknown server host", "lost connection", "server has gone", "failed to connect")

CATALOG = """
SELECT CONVERT(c.table_schema USING utf8mb4) AS s, CONVERT(c.table_name USING utf8mb4) AS t,
       CONVERT(c.column_name USING utf8mb4) AS c, CONVERT(c.column_type USING utf8mb4) AS k,
       CAST(t.table_rows AS SIGNED) AS n, CAST(i.seq_in_index AS SIGNED) AS p
FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
LEFT JOIN information_schema.statistics i
  ON i.table_schema = c.table_schema AND i.table_name = c.table_name AND i.column_name = c.column_name
 AND i.index_name = 'PRIMARY'
WHERE t.table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
  AND c.table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
  AND (c.table_schema = DATABASE() OR DATABASE() IS NULL)
ORDER BY c.table_schema, c.table_name, c.ordinal_position
"""


class MySQL(Scanned):
    """MySQL from 5.7 on and MariaDB. Each query sees its own moment: the scanner runs it outside of transactions."""

    extension: Extension = "mysql_scanner"
    attached_as = "mysql"
    function = "mysql_query"
    session = SESSION
    listing = CATALOG
    holds = False

    def attach(self, duck: duckdb.DuckDBPyConnection, address: str, shown: str) -> None:
        """Connect, if anybody answers: the scanner would wait for minutes."""
        parts = urlsplit(address)
        if parts.hostname and "socket=" not in parts.query:
            try:
                socket.create_connection((parts.hostname, parts.port or DEFAULT_PORT), CONNECT_SECONDS).close()
            except (ValueError, OverflowError):
                raise _misunderstood(shown) from None
            except OSError as error:
                raise unreached(error, shown) from None
        super().attach(duck, address, shown)

    def address(self, address: str) -> str:
        """The scanner knows one scheme for both, and does not decode letters of more than one byte."""
        rest = address.partition("://")[2]
        return "mysql://" + re.sub(r"(%[89A-Fa-f][0-9A-Fa-f])+", lambda match: unquote(match[0]), rest)

    def remote(self, query: str) -> str:
        """Rows as they come: a result that is first kept whole may be larger than the memory."""
        return f"{super().remote(query)[:-1]}, stream_results := true)"

    def identifier(self, name: str) -> str:
        """In backticks, whatever the server takes double quotes for."""
        return "`" + name.replace("`", "``") + "`"

    def described(self, member: str) -> str:
        """From the information schema."""
        schema, table = parts_of(member)
        return (
            "SELECT CONVERT(column_name USING utf8mb4) AS n, CONVERT(column_type USING utf8mb4) AS t "
            f"FROM information_schema.columns WHERE table_schema = {text_literal(schema)} "
            f"AND table_name = {text_literal(table)} ORDER BY ordinal_position"
        )

    def columns_of_query(self, duck: duckdb.DuckDBPyConnection, query: str) -> list[ColumnSchema]:
        """The columns of a query: what the scanner does not tell apart is found by asking the server."""
        found = self.names_of_query(duck, query)
        unclear = [name for name, kind in found if kind in ("BLOB", "DOUBLE")]
        if not unclear:
            return [ColumnSchema(name=name, type=_of_query(kind, None)) for name, kind in found]
        asked = ", ".join(
            f"CONCAT(CHARSET({self.identifier(name)}), ' ', "
            f"CAST(COALESCE({self.identifier(name)}, {MANY_DIGITS}) AS CHAR)) AS c{index}"
            for index, name in enumerate(unclear)
        )
        # Joined on nothing, the query gives types and is not run.
        probe = f"SELECT {asked} FROM (SELECT 1 AS one) AS one LEFT JOIN {self.derived(query)} ON FALSE"
        (answers,) = duck.execute(self.remote(probe)).fetchall()
        answered = dict(zip(unclear, answers, strict=True))
        return [ColumnSchema(name=name, type=_of_query(kind, answered.get(name))) for name, kind in found]

    def asked(self, column: ColumnSchema) -> str:
        """As it is where the scanner is exact."""
        name, kind = self.original(column), column.type
        if _is_native(kind):
            return name
        if kind.startswith("bit"):
            return name if kind == "bit(1)" else f"{name} + 0"
        if TEXT.fullmatch(kind):
            return f"CONVERT({name} USING utf8mb4)"
        if SPATIAL.fullmatch(kind):
            return f"CONCAT('SRID=', ST_SRID({name}), ';', ST_AsText({name}))"
        text = f"CAST({name} AS CHAR)"
        moment = TEMPORAL.fullmatch(kind)
        if moment is None:
            return text
        fraction = int(moment.group(3) or 0)
        if moment.group(1) == "timestamp":
            return f"CONCAT({f'RPAD({text}, {MICROSECONDS}, 0)' if fraction else text}, 'Z')"
        return f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {text}))" if fraction else text

    def stored(self, column: ColumnSchema, null_markers: Sequence[str]) -> TextColumn:
        """Dates that are none are kept as text beside those that are."""
        if TEMPORAL.fullmatch(column.type):
            return TextColumn(column.name, (*null_markers, *ZERO), allowed=DATES)
        if column.type.startswith("decimal") and not _is_native(column.type):
            return TextColumn(column.name, tuple(null_markers), allowed=NUMBERS)
        return as_stored(column.name)

    def stored_type(self, column: ColumnSchema) -> str:
        """By the name of the type.

        >>> types = ("bigint(20) unsigned", "decimal(10,2)", "datetime(6)", "bit(1)", "bit(9)", "longblob", "enum('a')")
        >>> [MySQL().stored_type(ColumnSchema(name="x", type=kind)) for kind in types]
        ['UBIGINT', 'DECIMAL(10,2)', 'TIMESTAMP', 'BOOLEAN', 'UBIGINT', 'BLOB', 'VARCHAR']
        """
        kind = column.type
        if kind.startswith("bit"):
            return "BOOLEAN" if kind == "bit(1)" else "UBIGINT"
        if BINARY.fullmatch(kind):
            return "BLOB"
        decimal = DECIMAL.fullmatch(kind)
        if decimal:
            digits, scale = map(int, decimal.groups())
            return f"DECIMAL({digits},{scale})" if digits <= WIDEST else "VARCHAR"
        found = TYPES.get(re.split(r"[( ]", kind)[0], "VARCHAR")
        return f"U{found}" if kind.endswith(("unsigned", "zerofill")) and found.endswith(("INT", "INTEGER")) else found

    def compared(self, column: ColumnSchema) -> str:
        """Text byte by byte, without the collation of the column."""
        name = self.original(column)
        return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if TEXT.fullmatch(column.type) else name

    def greatest(self, column: ColumnSchema) -> str:
        """A float with all of its digits."""
        greatest = f"MAX({self.compared(column)})"
        if TEXT.fullmatch(column.type):
            return f"CONVERT({greatest} USING utf8mb4)"
        return f"CAST({greatest}{' + 0e0' if column.type.startswith('float') else ''} AS CHAR)"

    def literal(self, column: ColumnSchema) -> Callable[[str], str]:
        """Numbers as such, a moment in the session's zone, all else as text."""
        if NUMERIC.fullmatch(column.type):
            return lambda value: value if NUMBER.fullmatch(value) else text_literal(value)
        if column.type.startswith("timestamp"):
            return lambda value: text_literal(_in_utc(value))
        return text_literal

    def refusal(self, error: Exception, shown: str, what: str) -> UdbError:
        """Words are all by which the client library tells its failures apart."""
        text = str(error).lower()
        if "access denied" in text:
            return UdbError("E_AUTH", f"{shown} refused the credentials")
        if "command denied" in text:
            return UdbError("E_AUTH", f"{what}: the user may not read this table")
        if "unknown database" in text:
            return no_database(shown)
        if "invalid uri" in text or "unrecognized configuration" in text:
            return _misunderstood(shown)
        if any(words in text for words in UNREACHED):
            return unreached(text, shown)
        if "doesn't exist" in text or "unknown column" in text or "references invalid" in text:
            return UdbError("E_VANISHED", f"{what} is no longer in the database as it was detected")
        if "sql syntax" in text or "return types" in text:
            return UdbError("E_SQL", f"{what}: the server does not take this as a query that only reads")
        return from_duckdb(error, what)


def _misunderstood(shown: str) -> UdbError:
    return UdbError(
        "E_CONFIG",
        f"{shown}: an option of the address, or its port, is not understood",
        remedy="write mysql://user:${PASSWORD}@host:3306/database?ssl-mode=required; options are ssl-mode, ssl-ca, "
        "ssl-cert, ssl-key and compression",
    )


def text_literal(text: str) -> str:
    """MySQL's literal of a text, whatever its session makes of backslashes.

    >>> text_literal("ü")
    "_utf8mb4 x'c3bc'"
    """
    return f"_utf8mb4 x{quote_literal(text.encode().hex())}" if text else "''"


def _is_native(kind: str) -> bool:
    decimal = DECIMAL.fullmatch(kind)
    if decimal:
        return int(decimal.group(1)) <= WIDEST
    return bool(NUMERIC.fullmatch(kind) or BINARY.fullmatch(kind))


def _of_query(kind: str, answer: str | None) -> str:
    """MySQL's name of a type as DuckDB sees it, with the server's answer about what DuckDB does not tell apart."""
    charset, _, number = (answer or "").partition(" ")
    if kind == "BLOB" and charset != "binary":
        return "longtext"
    if kind == "DOUBLE" and "e" not in number:
        return WIDE
    if kind.startswith("DECIMAL"):
        return kind.lower()
    return OF_QUERY.get(kind, "longtext")


def _in_utc(value: str) -> str:
    """A moment with a zone as UTC without one; anything else as it is.

    >>> _in_utc("2026-03-01 12:00:00+02:00")
    '2026-03-01 10:00:00'
    """
    with suppress(ValueError):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value
