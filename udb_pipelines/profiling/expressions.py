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
THOUSANDS = "thousands separators (1,234.50)"
DECIMAL_COMMA = "decimal comma (1.234,50)"
NOTATIONS = {
    "currency symbol ($1,234.50)": (
        rf"[+-]?\(?[+-]?({_CURRENCY}) ?[+-]?({_GROUPS}|{_PLAIN})\)?|[+-]?({_GROUPS}|{_PLAIN}) ?({_CURRENCY})"
    ),
    THOUSANDS: rf"[+-]?{_GROUPS}",
    DECIMAL_COMMA: r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+( ?€)?",
    "percent sign (12%)": rf"[+-]?({_PLAIN}|[0-9]+,[0-9]+) ?%",
    "parentheses for negatives ((12.00))": rf"\(({_GROUPS}|{_PLAIN})\)",
    "white space around the number": rf"[{SPACE}]+{NUMBER}[{SPACE}]*|{NUMBER}[{SPACE}]+",
}
"""Other ways to write a number: what to call it, and its regular expression. None matches a plain number."""

_LOOSE_NUMBER = r"[0-9]([0-9,]*(\.[0-9]+)?|[0-9.]*,[0-9]+)([eE][+-]?[0-9]+)?"
LOOSE_NOTATION = rf"[{SPACE}+(-]*({_CURRENCY})?[ +-]?{_LOOSE_NUMBER}[)]?[{SPACE}]*(%|{_CURRENCY})?"
"""Everything :data:`NOTATIONS` match, and more: but no address of a computer, which has dots alone."""


def full_match(value: str, pattern: str) -> str:
    """Whether the whole of ``value`` matches the RE2 ``pattern``; a dot matches line ends too."""
    return f"regexp_full_match({value}, {quote_literal(pattern)}, 's')"


def _when(guard: str, predicate: str) -> str:
    """``predicate``, evaluated only for the values that pass a cheap ``guard`` it implies."""
    return f"(CASE WHEN {guard} THEN {predicate} ELSE false END)"


def _may_be_number_or_date(value: str) -> str:
    # Digits, signs and brackets come before the colon, and so does all ASCII white space.
    return f"{value} < ':'"


def blank(value: str) -> str:
    """Whether a text is empty or white space only, which counts as null."""
    # The exclamation mark is the first character after the space; from U+0080 on there is other white space.
    return _when(f"{value} < '!' OR {value} >= chr(128)", full_match(value, BLANK))


def padded(value: str) -> str:
    """Whether a text begins or ends with white space."""
    one = quote_literal(f"[{SPACE}]")
    either = f"(regexp_matches({value}[1], {one}) OR regexp_matches({value}[-1], {one}))"
    return _when(f"{value} < '!' OR {value}[-1] <= ' ' OR strlen({value}) <> length({value})", either)


def written_as_number(value: str) -> str:
    """Whether a text is written as a number is, which a DOUBLE may hold or not."""
    return _when(_may_be_number_or_date(value), full_match(value, NUMBER))


def number(value: str) -> str:
    """The number a text stands for as a finite DOUBLE, or NULL."""
    cast = f"TRY_CAST({value} AS DOUBLE)"
    return f"CASE WHEN {written_as_number(value)} AND isfinite({cast}) THEN {cast} END"


def numeric(value: str) -> str:
    """Whether a text is a number that a DOUBLE can hold."""
    return f"({number(value)}) IS NOT NULL"


def money(value: str) -> str:
    """Whether a text is an amount with exactly two decimals."""
    return _when(_may_be_number_or_date(value), full_match(value, MONEY))


def alpha(value: str) -> str:
    """Whether a text consists of letters of any script, marks, spaces and ``.'-``."""
    return _when(f"{value} < '0' OR {value} >= ':'", full_match(value, ALPHA))


def dateish(value: str) -> str:
    """Whether a text looks so much like a date that the formats are worth trying."""
    return _when(_may_be_number_or_date(value), full_match(value, DATEISH))


def notation(value: str) -> str:
    """Whether a text is made like a number in another notation, loosely: worth trying each of them."""
    # The last letter a currency begins with is U; symbols of currencies are not ASCII, but for the dollar.
    return _when(f"{value} < 'V' OR {value} >= chr(128)", full_match(value, LOOSE_NOTATION))


def null_marker(value: str) -> str:
    """Whether a text is a word that often stands for 'no value'."""
    words = ", ".join(map(quote_literal, NULL_MARKERS))
    return _when(f"strlen({value}) <= {max(map(len, NULL_MARKERS))}", f"lower({value}) IN ({words})")
