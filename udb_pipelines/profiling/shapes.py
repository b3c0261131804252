"""Patterns of text: ``A`` for a letter of any script, ``9`` for a digit, everything else as it is.

Regular expressions replace one match at a time, which for a million distinct values costs more than the rest of
the profile. A large column is therefore mapped byte by byte through a table, in Arrow buffers, by a function
that DuckDB calls per batch; what is not ASCII, and every small column, goes through the regular expressions.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from udb_pipelines.profiling.session import SHOWN_CHARACTERS

if TYPE_CHECKING:
    import pyarrow as pa

_STANDS_FOR = bytes.maketrans(
    (string.digits + string.ascii_letters).encode(), b"9" * len(string.digits) + b"A" * len(string.ascii_letters)
)
_FUNCTION = "udb_ascii_shape"
LARGE = 100_000
"""Distinct values from which mapping bytes pays for importing Arrow."""


def shape(text: str, *, all_ascii: bool = False) -> str:
    """SQL of the pattern of a text, by regular expressions; of its first characters when it is long.

    The Unicode classes are costly to compile, so a column without them should say so.
    """
    letter, digit = ("[A-Za-z]", "[0-9]") if all_ascii else (r"\p{L}\p{M}*", r"\p{Nd}")
    letters = f"regexp_replace(left({text}, {SHOWN_CHARACTERS}), '{letter}', 'A', 'g')"
    return f"regexp_replace({letters}, '{digit}', '9', 'g')"


def fast_shape(text: str, *, all_ascii: bool) -> str:
    """SQL of the same pattern for many values; needs :func:`byte_mapping` on the connection."""
    mapped = f"{_FUNCTION}(left({text}, {SHOWN_CHARACTERS}))"
    if all_ascii:
        return mapped
    return f"CASE WHEN strlen({text}) = length({text}) THEN {mapped} ELSE {shape(text)} END"


@contextmanager
def byte_mapping(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Give the connection the function that :func:`fast_shape` calls, for as long as the block lasts."""
    from duckdb.func import ARROW
    from duckdb.sqltypes import VARCHAR

    with suppress(duckdb.InvalidInputException):
        connection.remove_function(_FUNCTION)
    # Behind a lambda, since DuckDB evaluates annotations and those name a module not imported yet.
    connection.create_function(_FUNCTION, lambda texts: _ascii_shapes(texts), [VARCHAR], VARCHAR, type=ARROW)
    try:
        yield
    finally:
        connection.remove_function(_FUNCTION)


def _ascii_shapes(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    mapped = []
    for chunk in texts.chunks:
        valid, offsets, data = chunk.buffers()
        shapes = pa.py_buffer(data.to_pybytes().translate(_STANDS_FOR)) if data else None
        mapped.append(pa.Array.from_buffers(chunk.type, len(chunk), [valid, offsets, shapes], offset=chunk.offset))
    return pa.chunked_array(mapped, type=texts.type)
