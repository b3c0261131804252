"""A fourth set of kinds, written after the rules had passed the third; its first score is in RESULTS-detect.md.

What banks, planning systems, laboratories, loggers and genome browsers export: bookings and readings.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.pollution.fourth_formats import FORMATS
from benchmarks.pollution.fourth_texts import TEXTS
from benchmarks.pollution.judging import Polluted, Table


def _bookings(rng: random.Random, count: int) -> Table:
    payees = ("Müller & Söhne", "REWE, Filiale 12", "Stadtwerke", "Café Zoë", "Lohn/Gehalt", 'Verein "Süd"')
    rows = [
        (
            f"{rng.randint(1, 28):02d}.{1 + number // 25 % 12:02d}.2023",
            rng.choice(payees),
            f"DE{rng.randint(10, 99)}{rng.randint(10**17, 10**18 - 1)}",
            f"{rng.choice(('', '-'))}{rng.randint(1, 9)}.{rng.randint(0, 999):03d},{rng.randint(0, 99):02d}",
            rng.choice(("EUR", "EUR", "CHF")),
        )
        for number in range(count)
    ]
    return Table("bookings", ("Buchungstag", "Empfänger", "IBAN", "Betrag", "Währung"), tuple(rows))


def _readings(rng: random.Random, count: int) -> Table:
    rows = [
        (
            f"2023-05-{1 + number // 24 % 28:02d} {number % 24:02d}:00:00",
            f"dev-{rng.randint(1, 9)}",
            f"{rng.uniform(10, 99):.2f}",
            str(rng.randint(100, 900)),
            rng.choice(("ok", "low battery", "ok")),
        )
        for number in range(count)
    ]
    return Table("readings", ("measured_at", "device", "level", "raw", "state"), tuple(rows))


MAKERS = (_bookings, _readings)


def fourth(seed: int = 41) -> list[Polluted]:
    """All files."""
    rng = random.Random(seed)
    return [item for maker in MAKERS for item in _of(maker(rng, rng.randint(30, 60)), rng)]


def _of(table: Table, rng: random.Random) -> Iterator[Polluted]:
    for kind, write in {**TEXTS, **FORMATS}.items():
        yield write(f"fourth: {kind}", table, rng)
