"""The SQL predicates that say what a text value looks like.

Each takes the SQL of a text expression and returns the SQL of a boolean. Whether a value *is* a number is
decided here and nowhere else, so that counting, statistics and the search for the first bad row agree.
"""

from __future__ import annotations

from udb_pipelines.engine import quote_literal

SPACE = r"\s\x{0b}\x{85}\p{Z}"
"""White space inside a character class: RE2's own ``\\s`` knows only ASCII."""

NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
MONEY = r"[+-]?[0-9]+\.[0-9]{2}"
ALPHA = r"[\p{L}\p{M} .'-]*\p{L}[\p{L}\p{M} .'-]*"
BLANK = f"[{SPACE}]*"
DATEISH = r"[0-9]{1,4}[-/.]([0-9]{1,2}|[A-Za-z]{3})[-/.][0-9]{1,4}([T ].*)?|[0-9]{8}([T ].*)?"

NULL_MARKERS = (
    "null", "(null)", "<null>", r"\n", "none", "nil", "n/a", "na", "n.a.", "#n/a", "nan", "-", "--", "---", "?",
    "missing",
)  # fmt: skip
"""Words, in lower case, that often stand for 'no value'."""

_GROUPS = r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?"
_PLAIN = r"[0-9]+(\.[0-9]+)?"
_CURRENCY = r"[$€£¥₹]|USD|EUR|GBP|CHF|JPY"
NOTATIONS: tuple[tuple[str, str], ...] = (
    (
        "currency symbol ($1,234.50)",
        rf"[+-]?\(?[+-]?({_CURRENCY}) ?[+-]?({_GROUPS}|{_PLAIN})\)?|[+-]?({_GROUPS}|{_PLAIN}) ?({_CURRENCY})",
    ),
    ("thousands separators (1,234.50)", rf"[+-]?{_GROUPS}"),
    ("decimal comma (1.234,50)", r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+( ?€)?"),
    ("percent sign (12%)", rf"[+-]?({_PLAIN}|[0-9]+,[0-9]+) ?%"),
    ("parentheses for negatives ((12.00))", rf"\(({_GROUPS}|{_PLAIN})\)"),
    ("white space around the number", rf"[{SPACE}]+{NUMBER}[{SPACE}]*|{NUMBER}[{SPACE}]+"),
)
"""Other ways to write a number: what to call it, and its regular expression."""


def full_match(value: str, pattern: str) -> str:
    """Whether the whole of ``value`` matches the RE2 ``pattern``; a dot matches line ends too."""
    return f"regexp_full_match({value}, {quote_literal(pattern)}, 's')"


def blank(value: str) -> str:
    """Whether a text is empty or white space only, which counts as null."""
    return full_match(value, BLANK)


def padded(value: str) -> str:
    """Whether a text begins or ends with white space."""
    one = quote_literal(f"[{SPACE}]")
    return f"(regexp_matches({value}[1], {one}) OR regexp_matches({value}[-1], {one}))"


def number(value: str) -> str:
    """The number a text stands for as a finite DOUBLE, or NULL."""
    cast = f"TRY_CAST({value} AS DOUBLE)"
    return f"CASE WHEN {full_match(value, NUMBER)} AND isfinite({cast}) THEN {cast} END"


def numeric(value: str) -> str:
    """Whether a text is a number that a DOUBLE can hold."""
    return f"({number(value)}) IS NOT NULL"


def money(value: str) -> str:
    """Whether a text is an amount with exactly two decimals."""
    return full_match(value, MONEY)


def alpha(value: str) -> str:
    """Whether a text consists of letters of any script, marks, spaces and ``.'-``."""
    return full_match(value, ALPHA)


def dateish(value: str) -> str:
    """Whether a text looks so much like a date that the formats are worth trying."""
    return full_match(value, DATEISH)


def null_marker(value: str) -> str:
    """Whether a text is a word that often stands for 'no value'."""
    words = ", ".join(map(quote_literal, NULL_MARKERS))
    return f"(length({value}) <= 8 AND lower({value}) IN ({words}))"


def shape(value: str) -> str:
    """The pattern of a text: ``A`` for a letter of any script, ``9`` for a digit, the rest as it is."""
    letters = f"regexp_replace({value}, '\\p{{L}}\\p{{M}}*', 'A', 'g')"
    return f"regexp_replace({letters}, '\\p{{Nd}}', '9', 'g')"
