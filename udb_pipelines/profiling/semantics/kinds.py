"""The semantic types: how their values are told, what a column's name adds, and how personal they are.

A kind is accepted on its values alone when ``alone`` of them match, and on fewer, or on a looser expression, when
the column's name says the same. A bare number of nine digits is a social security number only by its name; an
IBAN needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from udb_pipelines.models import PiiSeverity
from udb_pipelines.profiling.semantics import checks, column_names, people, streets


class Shape(StrEnum):
    """What a column's values are made of: decides which kinds are worth a look."""

    DIGITS = "digits"
    """Whole numbers, stored as such or as text."""
    LETTERS = "letters"
    MIXED = "mixed"


@dataclass(frozen=True)
class Kind:
    """A semantic type that is told from text or digits."""

    name: str
    severity: PiiSeverity | None
    shapes: frozenset[Shape]
    strict: Callable[[], str] | None = None
    """Makes the SQL that decides without a name; absent: only with one."""
    loose: Callable[[], str] | None = None
    """What is enough with a name; the strict one when absent."""
    named: str = ""
    """Expression over the words of a column's name, each between underscores."""
    never: str = ""
    """Names that speak against it."""
    alone: float = 0.85
    with_name: float = 0.6
    tell: Callable[[], str] | None = None
    """A sign that at least ``tell_share`` of the values must show, unless the name agrees."""
    tell_share: float = 0.0
    least_distinct: int = 1
    """Distinct values below which the values alone say nothing."""
    least_named: int = 1
    """Distinct values below which the values say nothing even with the name."""
    needs: str = ""
    """Characters of which nearly every value has one, where the column is no mere number: looked for first."""
    checksum: str = ""
    """What every value counted has passed, in words."""


_DIGITS, _LETTERS, _MIXED = frozenset({Shape.DIGITS}), frozenset({Shape.LETTERS}), frozenset({Shape.MIXED})
_ANY = _DIGITS | _LETTERS | _MIXED


def _matching(pattern: str, shortest: int, longest: int, containing: str = "") -> Callable[[], str]:
    return lambda: checks.matches(pattern, shortest, longest, containing)


KINDS = (
    Kind("json", None, _MIXED, checks.json_document, needs="{[", named="_json_"),
    Kind("uuid", None, _MIXED, _matching(checks.UUID, 36, 38), needs="-", named="_(uuid|guid)_"),
    Kind("email", "high", _MIXED, _matching(checks.EMAIL, 5, 254, "@"), needs="@", named=column_names.EMAIL),
    Kind("url", None, _MIXED, _matching(checks.URL, 6, 4000, "."), needs=".",
         named=column_names.URL),
    Kind("ip", "medium", _MIXED, checks.ip_address, needs=".:", named=column_names.IP,
         never="version|release|build"),
    Kind("device_id", "medium", _MIXED, _matching(checks.MAC, 14, 17), needs=":-.", named="_mac_"),
    Kind("iban", "critical", _MIXED, checks.iban, named="_iban_", checksum="mod 97"),
    Kind("credit_card", "critical", _DIGITS | _MIXED, checks.credit_card, needs=" -",
         named=column_names.CARD, checksum="Luhn"),
    Kind("npi", "medium", _DIGITS, checks.npi, named="_npi_|provider_id", never="time|epoch|date", checksum="Luhn",
         least_distinct=20),
    Kind("device_id", "medium", _DIGITS, None, checks.imei, named="_imei_|device_(id|no|number)", checksum="Luhn"),
    Kind("ssn", "critical", _DIGITS | _MIXED, _matching(checks.SSN, 11, 11, "-"), _matching(checks.SSN_LOOSE, 9, 11),
         needs="-", named=column_names.SSN, never="part|sku|serial", alone=0.94,
         least_distinct=10),
    Kind("bank_account", "critical", _DIGITS | _MIXED, None, _matching(checks.ACCOUNT, 6, 24),
         named=column_names.ACCOUNT),
    Kind("passport", "critical", _DIGITS | _MIXED, None, _matching(checks.PASSPORT, 6, 10),
         named=column_names.PASSPORT),
    Kind("medical_record_number", "critical", _DIGITS | _MIXED, _matching(checks.MRN, 5, 20),
         _matching(checks.MRN_LOOSE, 4, 20),
         named=column_names.MRN),
    Kind("phone", "high", _DIGITS | _MIXED, _matching(checks.PHONE, 8, 30), _matching(checks.PHONE_LOOSE, 7, 30),
         needs="+(-. /", named=column_names.PHONE,
         never="model|version"),
    Kind("phone", "high", _DIGITS | _MIXED, _matching(checks.PHONE_GROUPED, 7, 30), needs="+(-. /",
         never="model|version|serial|part|sku|isbn|invoice|order", alone=0.93, least_distinct=10,
         tell=_matching(checks.PHONE, 8, 30), tell_share=0.12),
    Kind("postcode", "medium", _DIGITS | _MIXED, _matching(checks.POSTCODE, 5, 10),
         _matching(checks.POSTCODE_LOOSE, 3, 10), needs=" -",
         named=column_names.POSTCODE, alone=0.9, least_distinct=5,
         never="part|sku|model|flight"),
    Kind("currency", None, _LETTERS, checks.currency, named=column_names.CURRENCY,
         alone=0.9, least_distinct=3, never="airport|iata"),
    Kind("country", None, _LETTERS | _MIXED, checks.country, named=column_names.COUNTRY,
         never="state|provinc|region|lang|locale|airport", alone=0.95, least_distinct=5),
    Kind("gender", "low", _LETTERS, lambda: checks.gender(named=False), lambda: checks.gender(named=True),
         named=column_names.GENDER, least_distinct=2),
    Kind("street_address", "high", _MIXED, _matching(streets.STREET, 6, 250), _matching(streets.ADDRESS_LOOSE, 4, 300),
         needs=" ", named=column_names.ADDRESS,
         never="mail|_ip_|_mac_|_url_|_web_|memory", alone=0.6, least_distinct=5),
    Kind("street_address", "high", _MIXED, _matching(streets.HOUSE, 5, 150), needs=" ",
         never="mail|product|model|item|title|version|flight|team|room|gate|season|term|semester", alone=0.85,
         least_distinct=10, tell=_matching(streets.STREET, 6, 250), tell_share=0.2),
    Kind("street_address", "high", _LETTERS | _MIXED, None, _matching(streets.ADDRESS_NAMED, 4, 300),
         named=column_names.ADDRESS, with_name=0.9, least_named=30),
    Kind("street_address", "high", _LETTERS | _MIXED, _matching(streets.EAST_STREET, 9, 150), alone=0.85,
         least_distinct=10),
    Kind("street_address", "high", _LETTERS | _MIXED, _matching(streets.CASELESS_STREET, 6, 300), needs=" ",
         never="city|company|school|shop", alone=0.6, least_distinct=10),
    Kind("person_name", "high", _LETTERS | _MIXED, people.person_name, people.any_name, needs=" ",
         named=column_names.NAME,
         never="company|product|file|host|domain|brand|street|city|school|firm|title|username",
         alone=0.7, tell=people.telling_name, tell_share=0.18, least_distinct=5),
    Kind("person_name", "high", _LETTERS, people.eastern_name, alone=0.9, tell=people.eastern_family_name,
         tell_share=0.8, least_distinct=10),
    Kind("person_name", "high", _LETTERS | _MIXED, people.caseless_name, needs=" ",
         never="company|product|brand|street|city|school|title", alone=0.8, tell=people.telling_caseless_name,
         tell_share=0.2, least_distinct=10),
    Kind("person_name", "high", _LETTERS, people.given_name,
         never="company|product|file|host|domain|brand|street|city|school|town|place|month|state", alone=0.75,
         least_distinct=8),
    Kind("base64", None, _MIXED, checks.base64_text, named="base64|_b64_", tell=checks.base64_sign, tell_share=0.25,
         alone=0.95, least_distinct=3),
)  # fmt: skip
"""In order of precedence: the first that is accepted is the column's."""


@cache
def predicate_of(kind: Kind, *, named: bool) -> str | None:
    """The SQL that counts for a kind, depending on whether the column's name agrees; None when it cannot be."""
    make = (kind.loose or kind.strict) if named else kind.strict
    return make() if make else None
