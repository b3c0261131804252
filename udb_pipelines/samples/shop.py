"""The shop's clean data, made up from a seed: pure functions, no files, no dirt.

The same seed gives the same rows on every machine. Amounts are whole cents, so that no rounding differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

FIRST_NAMES = (
    "Anna", "Jürgen", "Zoë", "Mateusz", "Søren", "Lucía", "Çağla", "Noah", "Émile", "Ingrid", "Marie", "Björn",
    "Ana", "Łukasz", "Aoife", "Max", "Sofia", "Tomáš", "Ida", "Giulia", "Ömer", "Nora", "Piotr", "Élise",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Weiß", "Nowak", "Jensen", "García", "O'Brien", "Lefèvre", "Rossi", "Novák", "Yılmaz", "Schröder",
    "van Dijk", "Świątek", "Åberg", "Kovács", "Meyer-Lübke", "Silva", "Dubois", "Bianchi", "Horváth",
)  # fmt: skip
PLACES = (
    ("Dresden", "01067", "DE"), ("Köln", "50667", "DE"), ("Kraków", "30-001", "PL"), ("Århus", "8000", "DK"),
    ("Málaga", "29001", "ES"), ("Orléans", "45000", "FR"), ("Torino", "10121", "IT"), ("Brno", "602 00", "CZ"),
    ("Leipzig", "04109", "DE"), ("Genève", "1201", "CH"), ("Linz", "4020", "AT"), ("Győr", "9021", "HU"),
)  # fmt: skip
STREETS = ("Hauptstraße", "Bahnhofstraße", "Am Markt", "rue de l'Église", "ul. Długa", "Vestergade", "Calle Mayor")
NOTES = ("", "", "", "", "", "pays by invoice", 'asked for "express" delivery', "call first; rings twice")
CATEGORIES = ("tea", "coffee", "spices", "chocolate", "cups", "books")
CHANNELS = ("web", "web", "web", "app", "app", "phone", "store")
METHODS = ("card", "card", "sepa", "paypal", "invoice")
WAREHOUSES = ("Halle", "Gdańsk")
OPENED = datetime(2023, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Customer:
    """One person who bought something, or may."""

    number: int
    name: str
    email: str
    phone: str
    street: str
    postcode: str
    city: str
    country: str
    born: date
    registered: date
    newsletter: bool
    note: str


@dataclass(frozen=True)
class Product:
    """One thing for sale; the price in cents."""

    sku: str
    name: str
    category: str
    cents: int
    grams: int
    active: bool


@dataclass(frozen=True)
class Order:
    """What a customer ordered: positions of SKU, quantity and price in cents."""

    number: str
    customer: int
    at: datetime
    channel: str
    status: str
    positions: tuple[tuple[str, int, int], ...]

    @property
    def cents(self) -> int:
        """Sum of the positions."""
        return sum(quantity * cents for _, quantity, cents in self.positions)


@dataclass(frozen=True)
class Payment:
    """Money that came in, or went back (negative)."""

    number: int
    order: str
    method: str
    cents: int
    at: datetime
    iban: str | None


@dataclass(frozen=True)
class Shop:
    """Everything, referring to each other without a gap."""

    customers: tuple[Customer, ...]
    products: tuple[Product, ...]
    orders: tuple[Order, ...]
    payments: tuple[Payment, ...]


def make_shop(seed: int, customers: int = 2_400, products: int = 240, orders: int = 6_000) -> Shop:
    """Make up a shop. The same arguments give the same shop."""
    random = Random(seed)  # noqa: S311 - made-up data, not a secret
    people = tuple(_customer(random, 1001 + index) for index in range(customers))
    goods = tuple(_product(random, index + 1) for index in range(products))
    bought = tuple(_order(random, index, people, goods, orders) for index in range(orders))
    return Shop(people, goods, bought, tuple(_payments(random, bought)))


def _customer(random: Random, number: int) -> Customer:
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    city, postcode, country = random.choice(PLACES)
    return Customer(
        number=number,
        name=f"{first} {last}",
        email=f"kunde{number}@example.org",
        phone=f"+49 30 {random.randint(1_000_000, 9_999_999)}",
        street=f"{random.choice(STREETS)} {random.randint(1, 180)}",
        postcode=postcode,
        city=city,
        country=country,
        born=date(1940, 1, 1) + timedelta(days=random.randint(0, 24_000)),
        registered=OPENED.date() + timedelta(days=random.randint(0, 900)),
        newsletter=random.random() < 0.4,
        note=random.choice(NOTES),
    )


def _product(random: Random, index: int) -> Product:
    category = random.choice(CATEGORIES)
    return Product(
        sku=f"P-{index:04d}",
        name=f"{category.title()} No. {random.randint(1, 60)}",
        category=category,
        cents=random.randint(199, 8_999),
        grams=random.randint(20, 2_500),
        active=random.random() < 0.93,
    )


def _order(random: Random, index: int, people: tuple[Customer, ...], goods: tuple[Product, ...], orders: int) -> Order:
    chosen = random.sample(goods, k=random.choice((1, 1, 2, 2, 3, 5)))
    minutes = int(index / orders * 900 * 24 * 60) + random.randint(0, 200)
    return Order(
        number=f"B-{100_001 + index}",
        customer=random.choice(people).number,
        at=OPENED + timedelta(minutes=minutes, seconds=random.randint(0, 59)),
        channel=random.choice(CHANNELS),
        status=random.choices(("delivered", "sent", "paid", "cancelled"), weights=(88, 5, 4, 3))[0],
        positions=tuple((product.sku, random.randint(1, 4), product.cents) for product in chosen),
    )


def _payments(random: Random, orders: tuple[Order, ...]) -> list[Payment]:
    payments: list[Payment] = []
    for order in orders:
        method = random.choice(METHODS)
        iban = _iban(random) if method == "sepa" else None
        paid = order.at + timedelta(hours=random.randint(0, 72))
        payments.append(Payment(len(payments) + 1, order.number, method, order.cents, paid, iban))
        if order.status == "cancelled":
            back = paid + timedelta(days=random.randint(1, 14))
            payments.append(Payment(len(payments) + 1, order.number, method, -order.cents, back, iban))
    return payments


def _iban(random: Random) -> str:
    """A German IBAN with right check digits over a bank code that no bank has."""
    account = "99999999" + str(random.randint(0, 9_999_999_999)).zfill(10)
    check = 98 - int(account + "131400") % 97  # DE00 moved to the end, letters as numbers (ISO 13616)
    return f"DE{check:02d}{account}"
