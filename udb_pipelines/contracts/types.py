"""Types: what a contract calls them, and what DuckDB does. Pure."""

from __future__ import annotations

import re

_LOGICAL = {
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
         "UHUGEINT", "BIGNUM"),
        "integer",
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), "number"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"), "timestamp"),
    **dict.fromkeys(("TIME", "TIME WITH TIME ZONE"), "time"),
    **dict.fromkeys(("STRUCT", "MAP", "UNION", "JSON"), "object"),
    "DATE": "date", "BOOLEAN": "boolean", "LIST": "array", "VARCHAR": "string", "BLOB": "string", "UUID": "string",
    "INTERVAL": "string",
}  # fmt: skip
_SAME = {
    "INT": "INTEGER", "INT4": "INTEGER", "INT8": "BIGINT", "LONG": "BIGINT", "INT64": "BIGINT", "INT32": "INTEGER",
    "INT2": "SMALLINT", "SHORT": "SMALLINT", "TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR",
    "BPCHAR": "VARCHAR", "CHARACTER VARYING": "VARCHAR", "NVARCHAR": "VARCHAR", "NUMERIC": "DECIMAL", "REAL": "FLOAT",
    "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "DOUBLE PRECISION": "DOUBLE", "BOOL": "BOOLEAN", "DATETIME": "TIMESTAMP",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "BYTEA": "BLOB", "BINARY": "BLOB",
    "VARBINARY": "BLOB",
}  # fmt: skip
_WIDER = {"number": {"integer"}}
"""A promise of a number is kept by integers."""
_PARAMETERS = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def base(physical: str) -> str:
    """A type without its parameters, by the name DuckDB gives it.

    >>> base("decimal(12, 2)"), base("text"), base("INTEGER[]"), base("STRUCT(a INTEGER)")
    ('DECIMAL', 'VARCHAR', 'LIST', 'STRUCT')
    """
    name = physical.strip().upper()
    if name.endswith("]"):
        return "LIST"
    name = " ".join(re.sub(r"\(.*\)", " ", name, flags=re.DOTALL).split())
    return _SAME.get(name, name)


def logical_of(physical: str) -> str | None:
    """The standard's name for a DuckDB type; None for one that it has no name for.

    >>> logical_of("DECIMAL(12,2)"), logical_of("TIMESTAMP_NS"), logical_of("GEOMETRY")
    ('number', 'timestamp', None)
    """
    return _LOGICAL.get(base(physical))


def keeps_logical(promised: str, physical: str) -> bool:
    """Whether a column of type ``physical`` is what ``promised`` says."""
    found = logical_of(physical)
    return found is None or found == promised or found in _WIDER.get(promised, ())


def keeps_physical(promised: str, physical: str) -> bool | None:
    """Whether a column is stored as promised; None when the promised type is no type of DuckDB's.

    The length of a text and a narrower decimal with the scale promised do not matter.

    >>> keeps_physical("DECIMAL(12,2)", "DECIMAL(6,2)"), keeps_physical("DECIMAL(12,2)", "DECIMAL(12,3)")
    (True, False)
    """
    if base(promised) not in _LOGICAL:
        return None
    if base(promised) != base(physical):
        return False
    wanted, found = _PARAMETERS.search(promised), _PARAMETERS.search(physical)
    if base(promised) != "DECIMAL" or not wanted or not found:
        return True
    return int(found[1]) <= int(wanted[1]) and (found[2] or "0") == (wanted[2] or "0")
