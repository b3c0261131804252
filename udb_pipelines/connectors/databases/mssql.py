"""SQL Server, by Microsoft's ODBC driver or FreeTDS.

What is exact in the driver's own types comes as it is: whole numbers, decimals, floats, dates, times up to a
microsecond. Times finer than that, times with an offset and what only SQL Server knows come as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import duckdb

from udb_pipelines.connectors.casting import TextColumn, as_stored
from udb_pipelines.connectors.databases import odbc_address
from udb_pipelines.connectors.databases.odbc import DATES, Odbc
from udb_pipelines.engine import quote_identifier
from udb_pipelines.models import ColumnSchema

TYPES = {
    "tinyint": "UTINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT", "bit": "BOOLEAN",
    "real": "DOUBLE", "float": "DOUBLE", "money": "DECIMAL(19,4)", "smallmoney": "DECIMAL(10,4)", "date": "DATE",
    "datetime": "TIMESTAMP", "smalldatetime": "TIMESTAMP", "uniqueidentifier": "UUID", "binary": "BLOB",
    "varbinary": "BLOB", "image": "BLOB", "timestamp": "BLOB", "rowversion": "BLOB",
    "datetimeoffset": "TIMESTAMP WITH TIME ZONE", "datetime2": "TIMESTAMP", "time": "TIME",
}  # fmt: skip
TEXT = re.compile(r"n?(var)?char|n?text|sysname")
FRACTION = re.compile(r"(datetime2|datetimeoffset|time)\((\d)\)")
MICROSECONDS = 6
OBJECTS = ("geography", "geometry", "hierarchyid")
CONVERTED = {
    "uniqueidentifier": "CONVERT(varchar(36), {c})",
    "xml": "CONVERT(nvarchar(max), {c})",
    "sql_variant": "CONVERT(nvarchar(4000), {c})",
}


class SqlServer(Odbc):
    """SQL Server from 2016 on, and Azure SQL. Each query sees its own moment."""

    wide = True

    def target(self, address: str) -> odbc_address.Target:
        """By the drivers for SQL Server."""
        return odbc_address.sql_server_target(address)

    def type_name(self, kind: str, digits: int | None, scale: int | None, fraction: int | None) -> str:
        """With the digits of the fraction of a second."""
        name = kind.lower()
        if name in ("datetime2", "datetimeoffset", "time"):
            return f"{name}({7 if fraction is None else int(fraction)})"
        return super().type_name(kind, digits, scale, fraction)

    def columns_of_query(self, duck: duckdb.DuckDBPyConnection, query: str) -> list[ColumnSchema]:
        """What others call a timestamp is no time here."""
        found = super().columns_of_query(duck, query)
        return [
            column.model_copy(update={"type": "datetime"}) if column.type == "timestamp" else column for column in found
        ]

    def text(self, value: str) -> str:
        """A literal of any letters."""
        return f"N{super().text(value)}"

    def asked(self, column: ColumnSchema) -> str:
        """As it is where the driver is exact."""
        name, kind = self.original(column), column.type
        if kind in CONVERTED:
            return CONVERTED[kind].replace("{c}", name)
        if kind in OBJECTS:
            return f"{name}.ToString()"
        if kind.startswith("datetimeoffset"):
            return f"CONVERT(varchar(40), SWITCHOFFSET({name}, '+00:00'), 127)"
        return f"CONVERT(varchar(40), {name}, 126)" if FRACTION.fullmatch(kind) else name

    def stored(self, column: ColumnSchema, null_markers: Sequence[str]) -> TextColumn:
        """Times finer than a microsecond are typed where no value needs more."""
        name, kind = quote_identifier(column.name), column.type
        found = FRACTION.fullmatch(kind)
        if found and int(found[2]) <= MICROSECONDS:
            return TextColumn(column.name, source=f"CAST({name} AS {self.stored_type(column)})", allowed=())
        if found and found[1] != "time":
            # Without a fraction when it is zero; seven digits otherwise, the last of them mostly 0.
            shorter = f"regexp_replace({name}, '([.][0-9]{{6}})0(Z?)$', '\\1\\2')"
            longer = f"regexp_replace({name}, '(Z?)$', '.000000\\1')"
            six = f"CASE WHEN contains({name}, '.') THEN {shorter} ELSE {longer} END"
            return TextColumn(column.name, tuple(null_markers), source=six, allowed=DATES)
        if kind == "uniqueidentifier":
            return TextColumn(column.name, source=f"CAST({name} AS UUID)", allowed=())
        return as_stored(column.name)

    def stored_type(self, column: ColumnSchema) -> str:
        """By the name of the type.

        >>> types = ("tinyint", "decimal(10,2)", "datetime2(7)", "datetimeoffset(3)", "rowversion", "nvarchar")
        >>> [SqlServer().stored_type(ColumnSchema(name="x", type=kind)) for kind in types]
        ['UTINYINT', 'DECIMAL(10,2)', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'BLOB', 'VARCHAR']
        """
        kind = column.type
        if kind.startswith(("decimal(", "numeric(")):
            return f"DECIMAL({kind.partition('(')[2]}"
        return TYPES.get(kind.partition("(")[0], "VARCHAR")

    def compared(self, column: ColumnSchema) -> str:
        """Text without the collation of the column."""
        name = self.original(column)
        return f"{name} COLLATE Latin1_General_100_BIN2" if TEXT.fullmatch(column.type) else name

    def greatest(self, column: ColumnSchema) -> str:
        """Times as ISO 8601, which no language of a session reads otherwise; floats with all of their digits."""
        greatest, kind = f"MAX({self.compared(column)})", column.type
        if kind.startswith("datetimeoffset"):
            return f"CONVERT(varchar(40), SWITCHOFFSET({greatest}, '+00:00'), 127)"
        if kind.startswith(("date", "smalldatetime", "time(")):
            return f"CONVERT(varchar(40), {greatest}, 126)"
        if kind in ("real", "float"):
            return f"CONVERT(varchar(40), {greatest}, 3)"
        if kind in ("timestamp", "rowversion", "binary", "varbinary"):
            return f"CONVERT(varchar(100), {greatest}, 1)"
        return greatest if TEXT.fullmatch(kind) else f"CONVERT(varchar(64), {greatest})"

    def literal(self, column: ColumnSchema) -> Callable[[str], str]:
        """A rowversion as what it is, in hexadecimal digits."""
        if column.type in ("timestamp", "rowversion", "binary", "varbinary"):
            return lambda value: value if re.fullmatch(r"0x[0-9A-Fa-f]*", value) else self.text(value)
        return super().literal(column)
