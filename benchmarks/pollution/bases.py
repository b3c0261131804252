"""Clean tables of several sorts, from fixed seeds."""

from __future__ import annotations

import random
from datetime import date, timedelta

from benchmarks.pollution.judging import Table

WORDS = (
    "red", "green", "blue", "large", "small", "paper", "metal", "glass", "north", "south", "river", "market",
    "station", "garden", "window",
)  # fmt: skip
NAMES = ("Ann Lee", "Bob O'Neil", "Eve Stone", "Max Roe", "Ida Poe", "Tom Hill", "Una Bell", "Ken West")
CITIES = ("Zürich", "København", "São Paulo", "Łódź", "Kraków", "Αθήνα", "Москва", "東京", "Malmö", "Brașov")


def _numeric(rng: random.Random, count: int) -> Table:
    rows = [
        (
            str(1000 + i),
            str(rng.randint(-500, 99999)),
            f"{rng.uniform(0, 999):.2f}",
            f"{rng.uniform(-90, 90):.5f}",
            str(rng.randint(0, 1)),
            f"{rng.randint(0, 99)}%",
        )
        for i in range(count)
    ]
    return Table("numeric", ("id", "quantity", "price", "latitude", "active", "discount"), tuple(rows))


def _texts(rng: random.Random, count: int) -> Table:
    def remark() -> str:
        few = rng.sample(WORDS, 4)
        return rng.choice(
            (
                " ".join(few),
                f"{few[0]}, {few[1]}",
                f'said "{few[0]}" twice',
                f"{few[0]}\n{few[1]} {few[2]}",
                "",
                f"{few[0]}; {few[1]}",
                f"it's {few[2]}",
                f'"{few[3]}"',
            )
        )

    rows = [
        (f"T-{100 + i}", rng.choice(NAMES), remark(), rng.choice(("open", "paid", "sent")), remark())
        for i in range(count)
    ]
    return Table("texts", ("reference", "customer", "remark", "status", "answer"), tuple(rows))


def _dates(rng: random.Random, count: int) -> Table:
    start = date(2021, 1, 1)

    def day() -> date:
        return start + timedelta(days=rng.randint(0, 1200))

    rows = [
        (
            day().isoformat(),
            f"{day().isoformat()} {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:00",
            day().strftime("%d.%m.%Y"),
            rng.choice(NAMES),
            f"{rng.uniform(1, 90):.1f}",
        )
        for _ in range(count)
    ]
    return Table("dates", ("ordered on", "changed at", "due", "clerk", "weight"), tuple(rows))


def _wide(rng: random.Random, count: int) -> Table:
    header = ("station", *(f"m{number:02d}" for number in range(1, 40)))
    rows = [
        (f"S{i:03d}", *(f"{rng.uniform(0, 50):.1f}" if rng.random() > 0.1 else "" for _ in header[1:]))
        for i in range(count)
    ]
    return Table("wide", header, tuple(rows))


def _narrow(rng: random.Random, count: int) -> Table:
    return Table(
        "narrow", ("item", "stock"), tuple((f"{rng.choice(WORDS)} {i}", str(rng.randint(0, 900))) for i in range(count))
    )


def _single(rng: random.Random, count: int) -> Table:
    return Table("single", ("customer",), tuple((f"{rng.choice(WORDS)}{rng.randint(1, 9999)}",) for _ in range(count)))


def _unicode(rng: random.Random, count: int) -> Table:
    rows = [
        (
            str(i + 1),
            rng.choice(CITIES),
            rng.choice(("été", "größer", "niño", "łąka", "ёлка", "日本語")),
            f"{rng.randint(1, 999)} €",
            rng.choice(("✓", "✗", "")),
        )
        for i in range(count)
    ]
    return Table("unicode", ("nº", "città", "naïve", "montant", "état"), tuple(rows))


MAKERS = (_numeric, _texts, _dates, _wide, _narrow, _single, _unicode)


def tables(seed: int = 1) -> list[Table]:
    """One clean table of each sort."""
    rng = random.Random(seed)
    return [maker(rng, rng.randint(25, 60)) for maker in MAKERS]
