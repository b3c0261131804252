"""Answers as CSV and JSON, one line of text per row, made by DuckDB: the rows never become Python objects.

Every function gives an SQL expression over the columns ``#1``, ``#2`` ..., in the order of ``types``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from udb_pipelines.engine import quote_literal

_PLAIN = re.compile(r"(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL.*|FLOAT|DOUBLE|BOOLEAN|DATE|TIME.*|UUID)")
"""Types whose text never needs quotes in CSV."""

_NESTED = re.compile(r"(STRUCT|MAP|UNION)\(.*|.*\[\d*\]|JSON|VARIANT", re.DOTALL)


def csv_line(types: Sequence[str]) -> str:
    """A CSV line: nothing for NULL, ``""`` for the empty text, quotes where needed; nested values as JSON."""
    return f"concat_ws(',', {', '.join(_csv_cell(f'#{place}', kind) for place, kind in enumerate(types, 1))})"


def csv_header(columns: Sequence[str]) -> str:
    """The first line of the CSV, which is text already."""
    return ",".join(_quoted(name) if re.search(r'[",\r\n]', name) or not name else name for name in columns)


def json_line(columns: Sequence[str], types: Sequence[str]) -> str:
    """A JSON object. Times are ISO 8601, bytes are hexadecimal, and what JSON has no number for is null."""
    pairs = (
        f"{quote_literal(name)}, {_json_value(f'#{place}', kind)}"
        for place, (name, kind) in enumerate(zip(columns, types, strict=True), 1)
    )
    return f"json_object({', '.join(pairs)})::VARCHAR"


def _csv_cell(column: str, kind: str) -> str:
    if _PLAIN.fullmatch(kind):
        return f"coalesce({column}::VARCHAR, '')"
    if kind == "BLOB":
        return f"coalesce(lower(hex({column})), '')"
    text = f"to_json({column})::VARCHAR" if _NESTED.fullmatch(kind) else f"{column}::VARCHAR"
    # contains() is twice as fast as one regular expression.
    special = " OR ".join(f"contains({text}, {mark})" for mark in ("'\"'", "','", "chr(10)", "chr(13)"))
    quoted = f"""'"' || replace({text}, '"', '""') || '"'"""
    return f"CASE WHEN {column} IS NULL THEN '' WHEN {text} = '' OR {special} THEN {quoted} ELSE {text} END"


def _json_value(column: str, kind: str) -> str:
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({column}) THEN {column} END"
    if kind == "BLOB":
        return f"lower(hex({column}))"
    if kind == "TIMESTAMP WITH TIME ZONE":  # written in UTC, see engine.connect
        return f"replace(replace({column}::VARCHAR, ' ', 'T'), '+00', '+00:00')"
    return f"replace({column}::VARCHAR, ' ', 'T')" if kind.startswith("TIMESTAMP") else column


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
