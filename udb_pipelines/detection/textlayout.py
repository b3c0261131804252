"""Texts that are tables without a delimiter, or no tables: fixed-width columns, logs, prose.

They must be known, because each of them would otherwise pass for a table of one column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Layout = Literal["fixed_width", "log", "prose", "values"]

MOST = 0.8
PROSE_WORDS = 6
_STAMP = re.compile(
    r"\W?(?:\d{4}[-/]\d{2}[-/]\d{2}|\d{2}/\w{3}/\d{4}|[A-Z][a-z]{2} [ \d]\d)[T :]\d{2}:\d{2}"
    r"|\d{1,3}(?:\.\d{1,3}){3} \S+ \S+ \["
)


def layout_of(lines: Sequence[str]) -> Layout:
    """What lines without a delimiter are; ``values`` when each may be one value."""
    lines = [line for line in lines if line.strip()]
    if len(lines) > 1 and _is_fixed_width(lines):
        return "fixed_width"
    if sum(bool(_STAMP.match(line)) and len(line.split()) > 3 for line in lines) >= MOST * len(lines):
        return "log"
    if sum(len(line.split()) for line in lines) > PROSE_WORDS * len(lines):
        return "prose"
    return "values"


def is_prose(lines: Sequence[str], delimiter: str) -> bool:
    """Whether what seems to part fields only parts the clauses of sentences.

    Sentences have many words, blanks after their marks, and no two of them have equally many.
    """
    lines = [line for line in lines if line.strip()]
    marks = sum(line.rstrip().count(delimiter) for line in lines)
    apart = sum(len(re.findall(re.escape(delimiter) + r"\s", line)) + line.endswith(delimiter) for line in lines)
    words = sum(len(line.split()) for line in lines)
    return words > PROSE_WORDS * len(lines) and (delimiter == " " or apart >= MOST * marks)


def _is_fixed_width(lines: Sequence[str]) -> bool:
    """Whether blank columns part the lines: at some position inside them nearly all lines have a blank.

    Single blanks meet by chance in short texts, so wide gaps must be there too.
    """
    gaps = sum(bool(re.search(r"\S {2,}\S|\S\t+\S", line)) for line in lines)
    if gaps < MOST * len(lines) / 2:
        return False
    width = sorted(map(len, lines))[len(lines) // 2]
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[column] == " " for line in padded) for column in range(width)]
    inside = blank[next((i for i, b in enumerate(blank) if not b), width) :]
    return True in inside and False in inside[inside.index(True) :]
