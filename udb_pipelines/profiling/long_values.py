"""Long text, in short: what is grouped, sorted and kept in place of a value of more than a page.

A cell may hold a megabyte, and millions of such values fit into no memory. A value of more than :data:`LONGEST`
bytes is therefore represented by its first characters, its MD5, its length and its last character: two values have
the same representation only if they are equal, and what a figure needs (length, white space at the ends, the
beginning that is shown and whose pattern is told) can be read from it. A shorter value represents itself; every
representation is longer than the longest of those, so that the two are never taken for each other.
"""

from __future__ import annotations

LONGEST = 4096
"""Bytes of the longest value that is kept as it is; characters that are kept of a longer one."""
_DIGITS, _AS_LETTERS = "0123456789", "ghijklmnop"
_LENGTH_DIGITS = 10
_HASH_LETTERS = 32
TAIL = _HASH_LETTERS + _LENGTH_DIGITS + 1
"""Characters after the beginning: the hash, the length, the last character."""


def in_short(text: str) -> str:
    """SQL of the representation of a text.

    Hash and length are letters, in the case of the beginning: so a text of letters stays one, capitals stay so.
    """
    beginning = f"left({text}, {LONGEST})"
    marks = f"md5({text}) || lpad(length({text})::VARCHAR, {_LENGTH_DIGITS}, '0')"
    letters = f"translate({marks}, '{_DIGITS}', '{_AS_LETTERS}')"
    cased = f"CASE WHEN {beginning} = upper({beginning}) THEN upper({letters}) ELSE {letters} END"
    short = f"{beginning} || {cased} || right({text}, 1)"
    return f"CASE WHEN strlen({text}) > {LONGEST} THEN {short} ELSE {text} END"


def is_short_form(value: str) -> str:
    """SQL: whether a value stands for a longer one."""
    return f"(strlen({value}) > {LONGEST})"


def length(value: str) -> str:
    """SQL of the characters of the text that a value stands for."""
    digits = f"lower(left(right({value}, {_LENGTH_DIGITS + 1}), {_LENGTH_DIGITS}))"
    told = f"translate({digits}, '{_AS_LETTERS}', '{_DIGITS}')::BIGINT"
    return f"CASE WHEN {is_short_form(value)} THEN {told} ELSE length({value}) END"
