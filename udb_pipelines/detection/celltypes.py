"""What a cell looks like, for weighing dialects and finding headers.

Not the profiler's types: those are judged over the whole column; these only need to tell a cell that was cut well
from one that was cut badly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

DOMINANT = 0.75
QUOTES = "\"'`"
"""A cell that still stands in quotes was cut with the wrong quote."""

CellType = Literal["empty", "number", "date", "flag", "special", "word", "text", "odd"]

_NUMBER = re.compile(
    r"[-+(]?\s?(?:[$€£¥₹]|USD|EUR|GBP|CHF|R\$)?\s?[-+]?"
    r"(?:\d{1,3}(?:([,.' \u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?|\d+(?:[.,]\d*)?|[.,]\d+)"
    r"(?:[eE][-+]?\d+)?\s?(?:%|[$€£¥₹]|USD|EUR|GBP|CHF)?\)?"
)
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[- /.]?[A-Za-z]{3,9}\.?[- /.,]*\d{2,4}"
    r"|[A-Za-z]{3,9}\.?[ -]\d{1,2},? \d{4}|(?=\d)\d{1,2}:\d{2})"
    r"(?:[T ,]{0,2}\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?(?::\d{2}(?:[.,]\d+)?)?\s?(?:[AaPp]\.?[Mm]\.?)?"
    r"\s?(?:Z|UTC|GMT|[-+]\d{2}:?\d{2})?"
)
_SPECIAL = re.compile(
    r"(?:https?|ftp)://\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:\d{1,3}\.){3}\d{1,3}(?:/\d+)?"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\{.*\}|\[.*\]|(?:/[\w.-]+)+/?|[A-Za-z]:\\[^\t;|]*"
    r"|\+?\(?\d[\d ()/.-]{4,}\d|#[0-9a-fA-F]{6}|(?:POINT|LINESTRING|POLYGON|MULTI\w+) ?\(.*\)"
)
_FLAG = re.compile(r"true|false|yes|no|t|f|y|n|null|none|nan|n/a|na|-|\?|\.|\\n|#n/a", re.IGNORECASE)
_WORD = re.compile(r"[^\W_][\w.-]*|_\w+")
_TEXT = re.compile(r"[\w(¿¡«“‘'#&@*+-][\w \u00a0.'’‘“”«»()/&+*%#@°º–—!?…:,-]*", re.UNICODE)


@lru_cache(maxsize=65536)
def cell_type(cell: str) -> CellType:
    """The first type of the list that the whole cell, stripped, matches.

    >>> [cell_type(c) for c in ("", "1,234.5", "2024-02-29", "n/a", "a@b.org", "SKU-1", "New York", 'x" y')]
    ['empty', 'number', 'date', 'flag', 'special', 'word', 'text', 'odd']
    """
    cell = cell.strip()
    if not cell:
        return "empty"
    if len(cell) > 2000:
        return "text"
    if cell[0] in QUOTES and cell[-1] == cell[0] and len(cell) > 1:
        return "odd"
    for pattern, kind in _ORDER:
        if pattern.fullmatch(cell):
            return kind
    return "odd"


_ORDER: tuple[tuple[re.Pattern[str], CellType], ...] = (
    (_NUMBER, "number"),
    (_DATE, "date"),
    (_FLAG, "flag"),
    (_SPECIAL, "special"),
    (_WORD, "word"),
    (_TEXT, "text"),
)


def dominant(body: Sequence[tuple[str, ...]], column: int) -> CellType | None:
    """The type that at least three of four filled cells of a column have."""
    kinds = Counter(kind for kind in (cell_type(row[column]) for row in body) if kind != "empty")
    total = sum(kinds.values())
    kind, count = kinds.most_common(1)[0] if total else (None, 0)
    return kind if count >= DOMINANT * total else None
