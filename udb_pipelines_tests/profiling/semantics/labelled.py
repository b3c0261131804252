"""Columns whose meaning is known: made by Faker in several languages, under telling names and under none.

Every kind comes with what looks like it. Types that nothing but the name can tell (a latitude, a bare number of
nine digits) have telling names only; their decoys have the same values under other names.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faker import Faker

ROWS = 300
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL")
AIRPORTS = ("JFK", "LAX", "ORD", "FRA", "MUC", "CDG", "LHR", "AMS", "MAD", "FCO", "WAW", "TXL", "BER", "ARN", "CPH")
Maker = Callable[[], object]


@dataclass(frozen=True)
class Labelled:
    name: str
    label: str | None
    values: list[str | None]


def luhn_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2
        total += (doubled - 9 if doubled > 9 else doubled) if place % 2 == 0 else int(digit)
    return str(-total % 10)


def columns(seed: int) -> Iterator[Labelled]:
    """Every labelled column, a few per cent of whose values are missing or dirt."""
    dice = random.Random(seed)
    for number, (names, label, make) in enumerate([*_kinds(dice, seed), *_decoys(dice, seed)]):
        for name in names:
            values = [str(make()) for _ in range(ROWS)]
            for row in dice.sample(range(ROWS), 12):
                values[row] = dice.choice([None, None, "unknown", "-", "see note"])
            yield Labelled(name or f"c{number}", label, values)


def _kinds(dice: random.Random, seed: int) -> list[tuple[tuple[str, ...], str, Maker]]:
    fakers = {locale: Faker(locale) for locale in LOCALES}
    for faker in fakers.values():
        faker.seed_instance(seed)
    us, gb = fakers["en_US"], fakers["en_GB"]
    unknown = ""
    found: list[tuple[tuple[str, ...], str, Maker]] = [
        (("email", "Contact E-Mail", unknown), "email", us.email),
        (("mail", unknown), "email", fakers["de_DE"].company_email),
        (("url", unknown), "url", us.url),
        (("link", unknown), "url", lambda: f"https://shop.example/{us.uri_path()}?id={dice.randrange(10**6)}"),
        (("ip", "client_ip", unknown), "ip", us.ipv4_public),
        (("ipv6", unknown), "ip", us.ipv6),
        (("uuid", unknown), "uuid", lambda: uuid.UUID(int=dice.getrandbits(128))),
        (("guid", unknown), "uuid", lambda: f"{{{str(uuid.UUID(int=dice.getrandbits(128))).upper()}}}"),
        (("ssn", unknown), "ssn", us.ssn),
        (("social_security_number",), "ssn", lambda: us.ssn().replace("-", "")),
        (("card", unknown), "credit_card", us.credit_card_number),
        (("credit_card_no", unknown), "credit_card", lambda: _grouped(us.credit_card_number("visa16"))),
        (("iban", unknown), "iban", fakers["de_DE"].iban),
        (("IBAN", unknown), "iban", lambda: _grouped(gb.iban())),
        (("npi", "provider_npi", unknown), "npi", lambda: _npi(dice)),
        (("zip", "postal_code"), "postcode", us.postcode),
        (("plz",), "postcode", fakers["de_DE"].postcode),
        (("postcode", unknown), "postcode", gb.postcode),
        (("country", unknown), "country", us.country_code),
        (("Country Name", unknown), "country", us.country),
        (("currency", unknown), "currency", us.currency_code),
        (("latitude", "geo_lat", "shopLat"), "latitude", us.latitude),
        (("longitude", "lng", "geo_lon"), "longitude", us.longitude),
        (("date_of_birth", "DOB", "birthDate"), "date_of_birth", us.date_of_birth),
        (("mrn", unknown), "medical_record_number", lambda: f"MRN{dice.randrange(10**7):07d}"),
        (("patient_id", "medical_record_number"), "medical_record_number", lambda: f"H{dice.randrange(10**8):08d}"),
        (("payload_json", unknown), "json", lambda: json.dumps({"a": dice.random(), "b": [us.word()]})),
        (("attributes", unknown), "json", lambda: json.dumps([dice.randrange(99), us.word()])),
        (("thumbnail_base64", unknown), "base64", lambda: _base64(dice)),
        (("blob", unknown), "base64", lambda: _base64(dice)),
    ]
    for locale, faker in fakers.items():
        found += [
            (("phone", "mobile", unknown), "phone", _international(faker, locale, dice)),
            (
                ("full_name", "customer_name", unknown),
                "person_name",
                lambda f=faker: f"{f.first_name()} {f.last_name()}",
            ),
            (("last_name",), "person_name", faker.last_name),
            (("street_address", unknown), "street_address", faker.street_address),
        ]
    found.append((("phone_number", unknown), "phone", us.phone_number))
    return found


def _decoys(dice: random.Random, seed: int) -> list[tuple[tuple[str, ...], None, Maker]]:
    us, de = Faker("en_US"), Faker("de_DE")
    us.seed_instance(seed)
    de.seed_instance(seed)

    def digits(count: int) -> str:
        return str(dice.randrange(10 ** (count - 1), 10**count))

    makers: list[tuple[tuple[str, ...], Maker]] = [
        (("handle", ""), lambda: f"@{us.user_name()}"),
        (("package",), lambda: f"{us.word()}@{dice.randrange(20)}.{dice.randrange(9)}.{dice.randrange(9)}"),
        (("host", ""), us.hostname),
        (("path", ""), us.file_path),
        (("version", ""), lambda: ".".join(str(dice.randrange(12)) for _ in range(4))),
        (("hash", ""), us.md5),
        (("part_number", ""), lambda: f"{digits(3)}-{digits(2)}-{digits(4)}"),
        (("order_no", ""), lambda: digits(16)),
        (("account", ""), lambda: digits(10)),
        (("epoch", ""), lambda: 1_600_000_000 + dice.randrange(10**8)),
        (("isbn", ""), us.isbn13),
        (("invoice", ""), lambda: f"2024-{digits(6)}"),
        (("quantity", ""), lambda: dice.randrange(100_000)),
        (("amount", ""), lambda: f"{dice.random() * 1000:.2f}"),
        (("score", ""), lambda: dice.uniform(-90, 90)),
        (("state", ""), lambda: us.state_abbr()),
        (("airport", ""), lambda: dice.choice(AIRPORTS)),
        (("language", ""), us.language_code),
        (("status", ""), lambda: dice.choice(["open", "paid", "sent", "lost"])),
        (("company", "company_name", ""), us.company),
        (("firma", ""), de.company),
        (("city", ""), us.city),
        (("Stadt", ""), de.city),
        (("job", "title", ""), us.job),
        (("colour", ""), us.color_name),
        (("comment", ""), us.sentence),
        (("product", ""), lambda: f"{us.word().title()} {us.word().title()} {dice.randrange(500)}"),
        (("shipped", ""), us.date),
        (("changed_at", ""), us.iso8601),
        (("token", ""), lambda: us.pystr(16, 16)),
        (("sku", ""), lambda: us.bothify("??-####-?").upper()),
        (("flight", ""), lambda: us.bothify("??###").upper()),
        (("licence_plate", ""), us.license_plate),
        (("dimensions", ""), lambda: f"{digits(2)}x{digits(2)}x{digits(2)}"),
        (("template", ""), lambda: f"{{{{ {us.word()} }}}}"),
        (("serial", ""), lambda: f"{digits(4)}-{digits(4)}-{digits(4)}"),
        (("range", ""), lambda: f"{digits(3)}-{digits(3)}"),
        (("address_line_count",), lambda: dice.randrange(1, 5)),
        (("patient_count",), lambda: dice.randrange(1, 500)),
        (("phone_model",), lambda: f"{us.word().title()} {dice.randrange(20)}"),
    ]  # fmt: skip
    return [(names, None, make) for names, make in makers]


def _grouped(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _npi(dice: random.Random) -> str:
    nine = f"{dice.choice('12')}{dice.randrange(10**8):08d}"
    return nine + luhn_digit(f"80840{nine}")


def _base64(dice: random.Random) -> str:
    return base64.b64encode(dice.randbytes(dice.randrange(16, 80))).decode()


def _international(faker: Faker, locale: str, dice: random.Random) -> Maker:
    prefix = {"en_US": "+1", "en_GB": "+44", "de_DE": "+49", "fr_FR": "+33", "es_ES": "+34", "it_IT": "+39"}
    return lambda: f"{prefix.get(locale, '+48')} {dice.randrange(20, 900)} {dice.randrange(10**6, 10**8)}"


def side_by_side(labelled: list[Labelled]) -> list[list[Labelled]]:
    """The columns in tables, each name once in a table: one table of many costs less than many tables of one."""
    tables: list[list[Labelled]] = []
    for column in labelled:
        fitting = (
            table
            for table in tables
            if len(table[0].values) == len(column.values) and column.name not in {other.name for other in table}
        )
        table = next(fitting, None)
        if table is None:
            tables.append([column])
        else:
            table.append(column)
    return tables
