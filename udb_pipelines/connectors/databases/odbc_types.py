"""The types of ODBC sources: names in information schemas, Arrow types of drivers, types of the warehouse.

What is known here is known of every driver; what one kind of server adds is with its dialect.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    """What a type's values have in common for reading them."""

    WHOLE = "whole"
    APPROXIMATE = "approximate"
    NUMBER = "number"
    """Decimal fractions, exact."""
    BOOLEAN = "boolean"
    BITS = "bits"
    TIME = "time"
    """Dates and times without a zone."""
    MOMENT = "moment"
    """Times with a zone."""
    UUID = "uuid"
    BINARY = "binary"
    OTHER = "other"
    """Text, and what comes as text."""


_KINDS = (
    (Kind.WHOLE, r"(tiny|small|medium|big)?int\b.*|integer|int[248]|year"),
    (Kind.APPROXIMATE, r"real|float\d?|double( precision)?"),
    (Kind.NUMBER, r"(numeric|decimal|number|dec)(\(.*\))?"),
    (Kind.BOOLEAN, r"bool(ean)?"),
    (Kind.BITS, r"bit"),
    (Kind.MOMENT, r"timestamp(\(\d+\))? with time zone|timestamptz|timestamp_tz"),
    (Kind.TIME, r"date|time|datetime.*|smalldatetime|timestamp.*"),
    (Kind.UUID, r"uuid|uniqueidentifier"),
    (Kind.BINARY, r"(tiny|medium|long)?blob|(var)?binary\b.*|bytea|image|rowversion"),
)
OF_DUCKDB: dict[str, str] = {
    "tinyint": "TINYINT", "smallint": "SMALLINT", "int2": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER",
    "integer": "INTEGER", "int4": "INTEGER", "year": "INTEGER", Kind.WHOLE: "BIGINT", Kind.APPROXIMATE: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN", "date": "DATE", "time": "VARCHAR", Kind.TIME: "TIMESTAMP",
    Kind.MOMENT: "TIMESTAMP WITH TIME ZONE", Kind.UUID: "UUID", Kind.BINARY: "BLOB",
}  # fmt: skip
"""DuckDB's types by name and, for names that are not in it, by kind."""


def kind_of(name: str) -> Kind:
    """What kind of type has that name.

    >>> [kind_of(name).value for name in ("bigint", "numeric(10,2)", "timestamp without time zone", "jsonb")]
    ['whole', 'number', 'time', 'other']
    """
    return next((kind for kind, names in _KINDS if re.fullmatch(names, name)), Kind.OTHER)


def name_of_arrow(found: pa.DataType) -> str:
    """A name for the type that a driver says a query's column has; its digits are not relied on."""
    import pyarrow as pa

    types = pa.types
    for is_one, name in (
        (types.is_int8, "tinyint"), (types.is_int16, "smallint"), (types.is_int32, "integer"),
        (types.is_integer, "bigint"), (types.is_floating, "double precision"), (types.is_decimal, "numeric"),
        (types.is_boolean, "boolean"), (types.is_date, "date"), (types.is_time, "time"),
        (types.is_timestamp, "timestamp"), (types.is_binary, "binary"), (types.is_fixed_size_binary, "binary"),
    ):  # fmt: skip
        if is_one(found):
            return name
    return "text"


def longest_of(batch: pa.RecordBatch) -> int:
    """Bytes of the longest text or binary value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = [
        pc.max(pc.binary_length(column)).as_py()
        for column in batch.columns
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type)
    ]
    return max((length for length in lengths if length is not None), default=0)


def read_as(schema: pa.Schema) -> pa.Schema:
    """How a result is fetched, where what the driver proposes may fail or lose something.

    A binary value may be shorter than the driver says, and a number that it calls single precision is double with
    some drivers.
    """
    import pyarrow as pa

    def wanted(found: pa.DataType) -> pa.DataType:
        if pa.types.is_fixed_size_binary(found):
            return pa.binary()
        return pa.float64() if pa.types.is_float32(found) else found

    return pa.schema([pa.field(field.name, wanted(field.type), nullable=True) for field in schema])
