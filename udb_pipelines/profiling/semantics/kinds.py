"""The semantic types: how their values are told, what a column's name adds, and how personal they are.

A kind is accepted on its values alone when ``alone`` of them match, and on fewer, or on a looser expression, when
the column's name says the same. A bare number of nine digits is a social security number only by its name; an
IBAN needs none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from udb_pipelines.models import PiiSeverity
from udb_pipelines.profiling.semantics import checks


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
    Kind("email", "high", _MIXED, _matching(checks.EMAIL, 5, 254, "@"), needs="@", named="_e_?mail_|_email|_mail_"),
    Kind("url", None, _MIXED, _matching(checks.URL, 6, 4000, "."), needs=".",
         named="_(url|uri|link|website|homepage|href)_"),
    Kind("ip", "medium", _MIXED, checks.ip_address, needs=".:", named="_ip_|_ipv[46]_|_ip_?addr",
         never="version|release|build"),
    Kind("device_id", "medium", _MIXED, _matching(checks.MAC, 14, 17), needs=":-.", named="_mac_"),
    Kind("iban", "critical", _MIXED, checks.iban, named="_iban_", checksum="mod 97"),
    Kind("credit_card", "critical", _DIGITS | _MIXED, checks.credit_card, needs=" -",
         named="credit_?card|_card_(no|num|number)_|_pan_", checksum="Luhn"),
    Kind("npi", "medium", _DIGITS, checks.npi, named="_npi_|provider_id", never="time|epoch|date", checksum="Luhn",
         least_distinct=20),
    Kind("device_id", "medium", _DIGITS, None, checks.imei, named="_imei_|device_(id|no|number)", checksum="Luhn"),
    Kind("ssn", "critical", _DIGITS | _MIXED, _matching(checks.SSN, 11, 11, "-"), _matching(checks.SSN_LOOSE, 9, 11),
         needs="-", named="_ssn_|social_sec|_social_|_tax_?id_|_sin_", never="part|sku|serial", alone=0.94,
         least_distinct=10),
    Kind("bank_account", "critical", _DIGITS | _MIXED, None, _matching(checks.ACCOUNT, 6, 24),
         named="bank_acc|_acct_(no|num)|account_(no|nr|num|number)_|_kontonummer_|_kontonr_"),
    Kind("passport", "critical", _DIGITS | _MIXED, None, _matching(checks.PASSPORT, 6, 10),
         named="_passport|_reisepass"),
    Kind("medical_record_number", "critical", _DIGITS | _MIXED, _matching(checks.MRN, 5, 20),
         _matching(checks.MRN_LOOSE, 4, 20),
         named="_mrn_|medical_rec|_patient_(id|no|nr|num|number)_|_health_id_|_nhs_"),
    Kind("phone", "high", _DIGITS | _MIXED, _matching(checks.PHONE, 8, 30), _matching(checks.PHONE_LOOSE, 7, 30),
         needs="+(-. /", named="phone|_tel_|_telefon|_mobile_|_mobil_|_cell_|_fax_|_handy_|_msisdn_",
         never="model|version"),
    Kind("phone", "high", _MIXED, _matching(checks.PHONE_GROUPED, 7, 30), needs="+(-. /",
         never="model|version|serial|part|sku|isbn|invoice|order", alone=0.93, least_distinct=10,
         tell=_matching(checks.PHONE, 8, 30), tell_share=0.12),
    Kind("postcode", "medium", _DIGITS | _MIXED, _matching(checks.POSTCODE, 5, 10),
         _matching(checks.POSTCODE_LOOSE, 3, 10), needs=" -",
         named="_zip|postal|_post_?code|_plz_|_postleitzahl_|_codigo_postal_|_cap_", alone=0.9, least_distinct=5,
         never="part|sku|model|flight"),
    Kind("currency", None, _LETTERS, checks.currency, named="currency|_ccy_|_curr_|_waehrung_|_währung_|_devise_",
         alone=0.9, least_distinct=3, never="airport|iata"),
    Kind("country", None, _LETTERS | _MIXED, checks.country, named="countr|_nation|_land_|_pays_|_pais_",
         never="state|provinc|region|lang|locale|airport", alone=0.95, least_distinct=5),
    Kind("gender", "low", _LETTERS, lambda: checks.gender(named=False), lambda: checks.gender(named=True),
         named="_gender_|_sex_|_geschlecht_|_sexe_|_sexo_", least_distinct=2),
    Kind("street_address", "high", _MIXED, _matching(checks.STREET, 6, 200), _matching(checks.ADDRESS_LOOSE, 5, 250),
         needs=" ", named="address|_addr|street|strasse|straße|_adresse_|_calle_|_rue_|_indirizzo_|_adres_",
         never="mail|_ip_|_mac_|_url_|_web_|memory", alone=0.6, least_distinct=5),
    Kind("street_address", "high", _MIXED, _matching(checks.HOUSE, 5, 120), needs=" ",
         never="mail|product|model|item|title|version|flight|team|room", alone=0.85, least_distinct=10,
         tell=_matching(checks.STREET, 6, 200), tell_share=0.2),
    Kind("person_name", "high", _LETTERS | _MIXED, checks.person_name, _matching(checks.NAME, 2, 80), needs=" ",
         named="_(first|last|full|given|family|sur|middle|maiden|patient|customer|employee|person|contact|client)_?name_|"
               "_surname_|_forename_|_nachname_|_vorname_|_nom_|_prenom_|_apellidos?_|_nombre_|_cognome_|^_name_$",
         never="company|product|file|host|domain|brand|street|city|school|firm|title|username",
         alone=0.7, tell=lambda: checks.given_name(alone=False), tell_share=0.18, least_distinct=5),
    Kind("person_name", "high", _LETTERS, lambda: checks.given_name(alone=True),
         never="company|product|file|host|domain|brand|street|city|school|town|place|month|state", alone=0.75,
         least_distinct=8),
    Kind("base64", None, _MIXED, checks.base64_text, named="base64|_b64_", tell=checks.base64_sign, tell_share=0.25,
         alone=0.95, least_distinct=3),
)  # fmt: skip
"""In order of precedence: the first that is accepted is the column's."""

LATITUDE, LONGITUDE = "_lat_|latitude|_breitengrad_", "_lon_|_lng_|_long_|longitude|_laengengrad_|_längengrad_"
AGE = "_age_|_alter_|_edad_"
BIRTH = "birth|_dob_|_born_|_geboren|_geburt|_naissance_|_nacimiento_|_nascita_|_bday_"

_WORD = re.compile(r"[A-ZÀ-Þ]+(?![a-zß-ÿ])|[A-ZÀ-Þ]?[a-zß-ÿ]+|[0-9]+|[^\W_]+")


def name_words(name: str) -> str:
    """A column's name as words in lower case, between underscores.

    >>> name_words("customerEMail"), name_words("Date of Birth"), name_words("IPAddress")
    ('_customer_e_mail_', '_date_of_birth_', '_ip_address_')
    """
    # IPAddress: a run of capitals belongs together up to the one that begins the next word.
    spaced = re.sub(r"([A-ZÀ-Þ]+)([A-ZÀ-Þ][a-zß-ÿ])", r"\1 \2", name)
    return "_" + "_".join(word.lower() for word in _WORD.findall(spaced)) + "_"


def says(pattern: str, words: str) -> bool:
    """Whether a column's words agree with a pattern."""
    return bool(pattern) and re.search(pattern, words) is not None


@cache
def predicate_of(kind: Kind, *, named: bool) -> str | None:
    """The SQL that counts for a kind, depending on whether the column's name agrees; None when it cannot be."""
    make = (kind.loose or kind.strict) if named else kind.strict
    return make() if make else None
