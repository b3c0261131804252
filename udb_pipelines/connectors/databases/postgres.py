"""PostgreSQL, as its scanner reads it.

What the scanner would round or does not know (numbers without a precision, intervals, ranges, composites ...) is
asked for as text; numbers are then cast like any other text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import duckdb

from udb_pipelines.connectors.casting import TextColumn, as_stored
from udb_pipelines.connectors.databases.dialect import CONNECT_SECONDS, WIDEST, Scanned
from udb_pipelines.connectors.databases.unreached import no_database, unreached
from udb_pipelines.connectors.faults import from_duckdb
from udb_pipelines.engine import Extension, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema

NATIVE = re.compile(
    r"(boolean|smallint|integer|bigint|real|double precision|text|character( varying)?(\(\d+\))?|bytea|date|uuid|json"
    r"|jsonb|time(\(\d\))? without time zone|timestamp(\(\d\))? with(out)? time zone)(\[\])?"
)
"""PostgreSQL types, as ``format_type`` names them, that the scanner reads exactly."""
BASE = (
    "CASE d.typtype WHEN 'd' THEN format_type(d.typbasetype, d.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END"
)
"""The name of a column's type; of a domain, that of what it is made of, which the server sends."""
DECIMAL = re.compile(r"numeric\((\d+),(\d+)\)")
BEYOND = "294247-01-01"
"""The year in which DuckDB's timestamps end; PostgreSQL's go on for some decades."""
NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE")
REFUSED = ("password", "authentication", "pg_hba", "role ", "permission denied")
TYPES = {
    "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "FLOAT", "double precision": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "time without time zone": "TIME", "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE", "interval": "INTERVAL", "uuid": "UUID", "bytea": "BLOB",
}  # fmt: skip

CATALOG = f"""
SELECT n.nspname::text AS s, c.relname::text AS t, a.attname::text AS c, {BASE} AS k,
       CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples::bigint END AS n,
       array_position(i.indkey::int2[], a.attnum) + 1 AS p
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type d ON d.oid = a.atttypid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2, a.attnum
"""
"""An index counts its columns from 0."""


class Postgres(Scanned):
    """PostgreSQL and what speaks like it. Transactions of the scanner are REPEATABLE READ and read only."""

    extension: Extension = "postgres_scanner"
    attached_as = "postgres"
    function = "postgres_query"
    session = ""
    listing = CATALOG
    holds = True

    def address(self, address: str) -> str:
        """With a limit of time for connecting."""
        if "connect_timeout" in address:
            return address
        return f"{address}{'&' if '?' in address else '?'}connect_timeout={CONNECT_SECONDS}"

    def described(self, member: str) -> str:
        """From the catalog."""
        return (
            f"SELECT a.attname::text AS n, {BASE} AS t FROM pg_attribute a JOIN pg_type d ON d.oid = a.atttypid "
            f"WHERE a.attrelid = {quote_literal(self.table(member))}::regclass AND a.attnum > 0 "
            "AND NOT a.attisdropped ORDER BY a.attnum"
        )

    def columns_of_query(self, duck: duckdb.DuckDBPyConnection, query: str) -> list[ColumnSchema]:
        """The columns of a query; precisions are not known of them."""
        names = [name for name, _ in self.names_of_query(duck, query)]
        kinds = ", ".join(f"pg_typeof({self.identifier(name)})::text AS t{index}" for index, name in enumerate(names))
        # Joined on nothing, the query gives types and is not run.
        asked = f"SELECT {kinds} FROM (SELECT 1 AS one) AS one LEFT JOIN {self.derived(query)} ON false"
        (types,) = duck.execute(self.remote(asked)).fetchall()
        return [ColumnSchema(name=name, type=kind) for name, kind in zip(names, types, strict=True)]

    def asked(self, column: ColumnSchema) -> str:
        """As it is, or as text."""
        return f"{self.original(column)}{'' if _is_native(column.type) else '::text'}"

    def stored(self, column: ColumnSchema, null_markers: Sequence[str]) -> TextColumn:
        """Numbers without a precision get the type that all of them have."""
        if _is_native(column.type):
            return as_stored(column.name)
        allowed = NUMBERS if column.type.startswith("numeric") and not column.type.endswith("[]") else ()
        return TextColumn(column.name, tuple(null_markers), allowed=allowed)

    def stored_type(self, column: ColumnSchema) -> str:
        """By the name of the type.

        >>> [Postgres().stored_type(ColumnSchema(name="x", type=t)) for t in ("numeric(10,2)", "integer[]", "name")]
        ['DECIMAL(10,2)', 'INTEGER[]', 'VARCHAR']
        """
        kind = column.type
        if kind.endswith("[]"):
            return f"{self.stored_type(column.model_copy(update={'type': kind[:-2]}))}[]"
        if kind.startswith("numeric("):
            return kind.replace("numeric", "DECIMAL") if _is_native(kind) else "VARCHAR"
        return TYPES.get(re.sub(r"\(\d+\)", "", kind), "VARCHAR")

    def doubt(self, column: ColumnSchema) -> str | None:
        """What the scanner gives another value for, or stops at."""
        name, kind = self.original(column), column.type
        if not _is_native(kind):
            return None
        if kind.endswith("[]"):
            # The type of an array says nothing of its dimensions, nor where it begins.
            return f"array_ndims({name}) > 1 OR array_lower({name}, 1) <> 1"
        if kind.startswith("numeric"):
            return f"{name} = 'NaN'"
        if kind.startswith("timestamp"):
            return f"{name} >= '{BEYOND}' AND isfinite({name})"
        return None

    def doubtful(self, column: ColumnSchema) -> ColumnSchema:
        """As text: of numbers, by what all of them are."""
        kind = "numeric" if column.type.startswith("numeric") else "text of it"
        return column.model_copy(update={"type": kind})

    def compared(self, column: ColumnSchema) -> str:
        """Text without the collation of the server."""
        name = self.original(column)
        return f'{name} COLLATE "C"' if column.type.startswith(("text", "character")) else name

    def greatest(self, column: ColumnSchema) -> str:
        """Times with a zone in UTC."""
        greatest = f"max({self.compared(column)})"
        if column.type.endswith("with time zone"):
            return f"({greatest} AT TIME ZONE 'UTC')::text || '+00'"
        return f"{greatest}::text"

    def literal(self, column: ColumnSchema) -> Callable[[str], str]:
        """A quoted text has no type in PostgreSQL until it is compared."""
        return quote_literal

    def refusal(self, error: Exception, shown: str, what: str) -> UdbError:
        """Words are all by which the client library tells its failures apart."""
        text = str(error).lower()
        if "unable to connect" in text or "connection" in text or "server closed" in text:
            # Before this stands the address, in which any word may be.
            return _of_connection(text.rpartition('": ')[2], shown)
        if "permission denied" in text:
            return UdbError("E_AUTH", f"{what}: the user may not read this table")
        if "does not exist" in text:
            return UdbError("E_VANISHED", f"{what} is no longer in the database as it was detected")
        if "read-only transaction" in text or "syntax error" in text:
            return UdbError("E_SQL", f"{what}: the server does not take this as a query that only reads")
        return from_duckdb(error, what)


def _of_connection(said: str, shown: str) -> UdbError:
    if said.startswith("invalid") or "invalid integer" in said or "in uri" in said:
        return UdbError(
            "E_CONFIG",
            f"{shown}: an option of the address, or its port, is not understood",
            remedy="write postgresql://user:${PASSWORD}@host:5432/database?sslmode=require; the options are libpq's",
        )
    if any(word in said for word in REFUSED):
        return UdbError("E_AUTH", f"{shown} refused the credentials")
    return no_database(shown) if "does not exist" in said else unreached(said, shown)


def _is_native(sql_type: str) -> bool:
    decimal = DECIMAL.fullmatch(sql_type)
    if decimal:
        return int(decimal.group(2)) <= int(decimal.group(1)) <= WIDEST
    return NATIVE.fullmatch(sql_type) is not None
