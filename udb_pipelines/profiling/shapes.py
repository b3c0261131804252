"""Patterns of text: ``A`` for a letter of any script, ``9`` for a digit, everything else as it is.

Regular expressions replace one match at a time, which for a million distinct values costs more than the rest of
the profile. A large column is therefore mapped byte by byte through a table, in Arrow buffers; what is not ASCII,
and every small column, goes through the regular expressions.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import duckdb

from udb_pipelines.profiling.session import SHOWN_CHARACTERS

if TYPE_CHECKING:
    import pyarrow as pa

_STANDS_FOR = bytes.maketrans(
    (string.digits + string.ascii_letters).encode(), b"9" * len(string.digits) + b"A" * len(string.ascii_letters)
)
_SLICE = "udb_profile_slice"
SLICE = 4_000_000
"""Bytes of text, at the most, that are mapped at once."""
LARGE = 100_000
"""Distinct values from which mapping bytes pays for importing Arrow."""


def shape(text: str, *, all_ascii: bool = False) -> str:
    """SQL of the pattern of a text, by regular expressions; of its first characters when it is long.

    The Unicode classes are costly to compile, so a column without them should say so.
    """
    letter, digit = ("[A-Za-z]", "[0-9]") if all_ascii else (r"\p{L}\p{M}*", r"\p{Nd}")
    letters = f"regexp_replace(left({text}, {SHOWN_CHARACTERS}), '{letter}', 'A', 'g')"
    return f"regexp_replace({letters}, '{digit}', '9', 'g')"


def lay_down_mapped(connection: duckdb.DuckDBPyConnection, values: str, which: str, table: str, longest: int) -> None:
    """Make the temporary table ``table`` of the ASCII values ``v`` of ``values``: ``c``, patterns ``p``, and ``n``.

    Slice by slice, each of a few megabytes: a function that DuckDB calls gets two thousand values at a time, and the
    call costs several times what it does.

    Args:
        connection: has both tables.
        values: the name of a temporary table.
        which: SQL of the rows that are wanted.
        table: is not there.
        longest: characters of the longest value.
    """
    import pyarrow as pa

    text = f"left(v, {SHOWN_CHARACTERS})" if longest > SHOWN_CHARACTERS else "v"
    connection.execute(f"CREATE TEMP TABLE {table} (c USMALLINT, p VARCHAR, n BIGINT)")
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {values}").fetchall()
    size = SLICE // max(1, min(longest, SHOWN_CHARACTERS))
    for at in range(0, rows, size):
        taken = connection.execute(
            f"SELECT c, {text} AS v, n FROM {values} WHERE rowid >= {at} AND rowid < {at + size} "
            f"AND {which} AND strlen(v) = length(v)"
        ).to_arrow_table()
        mapped = pa.table({"c": taken["c"], "p": _ascii_shapes(taken["v"]), "n": taken["n"]})
        connection.register(_SLICE, mapped)
        try:
            connection.execute(f"INSERT INTO {table} FROM {_SLICE}")
        finally:
            connection.unregister(_SLICE)


def _ascii_shapes(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    mapped = []
    for chunk in texts.chunks:
        valid, offsets, data = chunk.buffers()
        shapes = pa.py_buffer(data.to_pybytes().translate(_STANDS_FOR)) if data else None
        mapped.append(pa.Array.from_buffers(chunk.type, len(chunk), [valid, offsets, shapes], offset=chunk.offset))
    return pa.chunked_array(mapped, type=texts.type)
