"""Types that a Parquet file of the warehouse can hold without loss; others are kept as text."""

from __future__ import annotations

import re

from udb_pipelines.engine import quote_identifier

PORTABLE = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|VARCHAR|BLOB|DATE|TIME|UUID"
    r"|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE|JSON"
)


def stored_as(name: str, sql_type: str, target: str) -> str:
    """SQL that selects the column ``name`` as it can be stored, under the name ``target``.

    >>> print(stored_as("Big N", "HUGEINT", "big_n"))
    CAST("Big N" AS VARCHAR) AS "big_n"
    >>> print(stored_as("tags", "VARCHAR[]", "tags"))
    "tags" AS "tags"
    """
    column = quote_identifier(name)
    value = column if is_portable(sql_type) else f"CAST({column} AS VARCHAR)"
    return f"{value} AS {quote_identifier(target)}"


def is_portable(sql_type: str) -> bool:
    """Whether a DuckDB type, lists and structures of such included, is stored without loss.

    >>> is_portable("STRUCT(a INTEGER, b VARCHAR[])"), is_portable("HUGEINT[]"), is_portable("BIT")
    (True, False, False)
    """
    if sql_type.endswith("[]"):
        return is_portable(sql_type[:-2])
    if sql_type.startswith("STRUCT(") and sql_type.endswith(")"):
        return not re.search(r"HUGEINT|BIT\b|INTERVAL|UNION|VARINT|BIGNUM|TIME WITH|MAP|ENUM", sql_type)
    return PORTABLE.fullmatch(sql_type) is not None
