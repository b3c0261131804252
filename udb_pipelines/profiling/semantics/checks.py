"""SQL predicates over a text ``v``: does the value look like one of its kind, check digits included?

An expression that costs more than a comparison stands behind a guard that it implies.
"""

from __future__ import annotations

from collections.abc import Iterable

from udb_pipelines.engine import quote_literal
from udb_pipelines.profiling.expressions import full_match
from udb_pipelines.profiling.long_values import is_short_form
from udb_pipelines.profiling.semantics.vocabulary import GENDERS, words

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HEX4 = "[0-9A-Fa-f]{1,4}"
_IPV6 = rf"({_HEX4}:){{7}}{_HEX4}|({_HEX4}:){{1,7}}:|:(:{_HEX4}){{1,7}}|::|" + "|".join(
    rf"({_HEX4}:){{1,{n}}}(:{_HEX4}){{1,{7 - n}}}" for n in range(1, 7)
)
_LARGE_OCTET = r"(^|\.)(3[2-9]|[4-9][0-9]|[12][0-9]{2})(\.|$)"

EMAIL = r"[^@\s\"(),:;<>\[\]]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
URL = r"(?i)((https?|ftps?|sftp|wss?|s3|gs)://[^\s/]+(/\S*)?|www\.[a-z0-9-]+(\.[a-z0-9-]+)+(/\S*)?)"
UUID = r"\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\}?"
MAC = r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
IBAN = "[A-Z]{2}[0-9]{2} ?([A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}"
CARD = r"(4[0-9]|5[0-9]|6[0-9]|2[2-7]|3[0-9])[0-9]{2}([ -]?[0-9]{2,6}){2,4}"
NPI = "[12][0-9]{9}"
_SSN_AREA = "(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6([0-57-9][0-9]|6[0-57-9]))"
_SSN_REST = r"(0[1-9]|[1-9][0-9]){0}([1-9][0-9]{{3}}|0[1-9][0-9]{{2}}|00[1-9][0-9]|000[1-9])"
SSN = f"{_SSN_AREA}-{_SSN_REST.format('-')}"
SSN_LOOSE = f"{SSN}|{_SSN_AREA}[ ]?{_SSN_REST.format(' ?')}"
_EXTENSION = r"( ?(x|ext\.?|#) ?[0-9]{1,6})?"
PHONE = (
    rf"\(?\+[1-9][0-9]{{0,2}}[ .()/-]{{0,2}}([0-9][ .()/-]{{0,2}}){{6,13}}{_EXTENSION}|"
    rf"00[1-9][0-9]{{0,2}}[ .(/-]([0-9][ .()/-]{{0,2}}){{6,13}}{_EXTENSION}|"
    rf"((\+|00)?1[-. ])?(\([0-9]{{3}}\) ?-?|[2-9][0-9]{{2}}[-. ])[0-9]{{3}}[-. ][0-9]{{4}}{_EXTENSION}|"
    r"\(0[1-9][0-9]{0,4}\)[ .-]{0,2}[0-9]([0-9 .-]){4,10}|0[1-9][0-9]{0,4}([ /][0-9]{2,8}){1,4}|0[1-9](\.[0-9]{2}){4}|"
    r"0[1-9][0-9]{0,3}-[1-9][0-9]{1,3}( [0-9]{2,3}){1,3}|0[1-9][0-9]{1,3}-[1-9][0-9]{5,6}|"
    r"\([1-9][0-9]\) ?[0-9]{4,5}-[0-9]{4}|"
    r"0[1-9][0-9]{1,3}([-.][0-9]{3}){2}|0[1-9][0-9]{0,3}-[0-9]{1,4}-[0-9]{4}"
)
PHONE_LOOSE = rf"[+(]{{0,2}}[0-9][0-9 ().+/-]{{5,20}}[0-9]{_EXTENSION}"
POSTCODE = (
    "(GIR ?0AA|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2})|[A-Z][0-9][A-Z][ -]?[0-9][A-Z][0-9]|[1-9][0-9]{3} ?[A-Z]{2}|"
    "[0-9]{5}-[0-9]{4}"
)
POSTCODE_LOOSE = (
    rf"(?i){POSTCODE}|[A-Z]{{1,2}}[0-9][0-9A-Z]?[0-9][A-Z]{{2}}|[A-Z]{{0,2}}-?[0-9]{{3,7}}|[0-9]{{2,5}}[- ][0-9]{{2,4}}"
)
PHONE_GROUPED = rf"{PHONE}|[+(]{{0,2}}[0-9]([ ().+/-]{{0,3}}[0-9]){{6,14}}{_EXTENSION}"
"""Seven digits and more in any groups: says nothing alone, but much beside some that are surely numbers."""
MRN = r"(?i)(MRN|MR|PAT|PT|PID)[#:_ -]*[0-9][0-9-]{3,11}"
MRN_LOOSE = r"[A-Za-z]{0,4}[#:_ -]*[0-9][A-Za-z0-9-]{3,14}"
PASSPORT = "[A-Z]{0,2}[0-9][A-Z0-9]{4,8}[0-9]"
ACCOUNT = "[0-9][0-9 -]{4,22}[0-9]"
BASE64 = r"[A-Za-z0-9+/]{14,}={0,2}"


_SHELVES = 64


def guarded(guard: str, predicate: str) -> str:
    """``predicate``, evaluated only where a cheap ``guard`` holds."""
    return f"(CASE WHEN {guard} THEN {predicate} ELSE false END)"


def matches(pattern: str, shortest: int = 1, longest: int = 255, containing: str = "") -> str:
    """Whether the whole value matches, its length in bytes being within limits and a character being in it."""
    contains = f" AND contains(v, {quote_literal(containing)})" if containing else ""
    return guarded(f"strlen(v) BETWEEN {shortest} AND {longest}{contains}", full_match("v", pattern))


def _digit(number: str, place: int) -> str:
    return f"({number} // {10**place} % 10)"


def luhn(number: str, digits: int = 19) -> str:
    """Whether an unsigned number of at most 19 digits ends in its Luhn check digit: arithmetic, no loops."""
    terms = []
    for place in range(digits):
        digit = _digit(number, place)
        terms.append(digit if place % 2 == 0 else f"({digit} * 2 - CASE WHEN {digit} > 4 THEN 9 ELSE 0 END)")
    return f"(({' + '.join(terms)}) % 10 = 0)"


def credit_card() -> str:
    """A card number: its issuer's range, 12 to 19 digits, Luhn."""
    digits = "replace(replace(v, ' ', ''), '-', '')"
    checked = f"strlen({digits}) BETWEEN 12 AND 19 AND {luhn(f'TRY_CAST({digits} AS UBIGINT)')}"
    return guarded(matches(CARD, 12, 23), checked)


def imei() -> str:
    """The number of a mobile device: 15 digits, Luhn."""
    return guarded(matches("[0-9]{15}", 15, 15), luhn("TRY_CAST(v AS UBIGINT)", 15))


def npi() -> str:
    """A National Provider Identifier: Luhn over its digits after 80840, which adds 24 to the sum."""
    prefixed = "(808400000000000 + TRY_CAST(v AS UBIGINT))"
    return guarded(matches(NPI, 10, 10), luhn(prefixed, 15))


def iban() -> str:
    """An IBAN whose check digits are right (ISO 7064, mod 97)."""
    plain = "replace(v, ' ', '')"
    digits = f"(substr({plain}, 5) || left({plain}, 4))"
    for place in range(26):
        digits = f"replace({digits}, '{chr(65 + place)}', '{place + 10}')"
    # A HUGEINT holds 38 digits, and there may be more: the first 28 are reduced first.
    first = f"TRY_CAST(left({digits}, 28) AS HUGEINT) % 97"
    rest = f"TRY_CAST(({first})::VARCHAR || substr({digits}, 29) AS HUGEINT)"
    return guarded(matches(IBAN, 15, 42), f"coalesce({rest} % 97 = 1, false)")


def ip_address() -> str:
    """IPv4 with a part above 31, which four-part versions hardly ever have, or IPv6."""
    four = guarded("contains(v, '.')", f"{full_match('v', rf'({_OCTET}[.]){{3}}{_OCTET}')} AND "
                   f"regexp_matches(v, {quote_literal(_LARGE_OCTET)})")  # fmt: skip
    six = guarded("contains(v, ':')", full_match("v", _IPV6))
    return guarded("strlen(v) BETWEEN 2 AND 39", f"({four} OR {six})")


def json_document() -> str:
    """An object or an array; of one too long to be kept whole, its first and last character."""
    ends = "(starts_with(v, '{') AND ends_with(v, '}') OR starts_with(v, '[') AND ends_with(v, ']'))"
    return guarded(
        "(starts_with(v, '{') OR starts_with(v, '['))", f"(json_valid(v) OR {is_short_form('v')} AND {ends})"
    )


def base64_text() -> str:
    """Base64 of at least a dozen bytes, in upper and lower case and with digits or signs among them."""
    varied = "regexp_matches(v, '[a-z]') AND regexp_matches(v, '[A-Z]') AND regexp_matches(v, '[0-9+/]')"
    return guarded(
        f"strlen(v) >= 16 AND ({is_short_form('v')} OR strlen(v) % 4 = 0)", f"({full_match('v', BASE64)} AND {varied})"
    )


def base64_sign() -> str:
    """What text of letters and digits alone never has: padding, plus or slash."""
    return "(ends_with(v, '=') OR contains(v, '+') OR contains(v, '/'))"


def one_of(vocabulary: Iterable[str], value: str = "v") -> str:
    """Whether a value is one of the words."""
    # One text of a thousand words is planned in a tenth of the time that a list of them takes.
    lines = "\n".join(["", *sorted(vocabulary), ""])
    return f"(NOT contains({value}, chr(10)) AND contains({quote_literal(lines)}, chr(10) || {value} || chr(10)))"


def one_of_many(vocabulary: Iterable[str], value: str) -> str:
    """The same for thousands of words: a value is looked for among those that begin like it and are as long."""
    shelves: list[list[str]] = [[] for _ in range(_SHELVES)]
    for word in sorted(vocabulary):
        shelves[(ord(word[0]) + len(word)) % _SHELVES].append(word)
    texts = ", ".join(quote_literal("\n".join(["", *words, ""])) for words in shelves)
    shelf = f"[{texts}][(unicode({value}) + length({value})) % {_SHELVES} + 1]"
    return f"(NOT contains({value}, chr(10)) AND contains({shelf}, chr(10) || {value} || chr(10)))"


def country() -> str:
    """A code of ISO 3166-1 in capitals, or a name."""
    names = one_of(words("country_names"), "lower(v)")
    codes = one_of(words("countries_alpha2") | words("countries_alpha3"))
    return guarded("strlen(v) <= 64", f"CASE WHEN strlen(v) <= 3 THEN {codes} ELSE {names} END")


def currency() -> str:
    """A code of ISO 4217."""
    return guarded("strlen(v) = 3", one_of(words("currencies")))


def gender(*, named: bool) -> str:
    """A word for a gender; without a name only the two that stand for nothing else."""
    return one_of(GENDERS if named else ("male", "female"), "lower(v)")
