"""Figures and foreign text as a person reads them in the report. Pure functions."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime

SHOWN_CHARACTERS = 160
"""Longer values are cut in the report; profile.json has them whole."""

NO_FIGURE = "–"
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_IN_ID = re.compile(r"\W")


def integer(value: int | None) -> str:
    """A count with thousands separators.

    >>> integer(1234567)
    '1,234,567'
    """
    return NO_FIGURE if value is None else f"{value:,}".replace("-", "−")


def number(value: float | None) -> str:
    """A figure with up to six significant digits, separators, and an exponent only where nothing else fits.

    >>> number(1234.5678), number(-0.000012345), number(3.0), number(12345678.9)
    ('1,234.57', '−1.2345e−05', '3', '12,345,679')
    """
    if value is None or math.isnan(value):
        return NO_FIGURE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        text = f"{value:.6g}"
    elif size >= 1e5 or value == int(value):
        text = f"{value:,.0f}"
    else:
        decimals = 5 - math.floor(math.log10(size))
        text = f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def short_number(value: float) -> str:
    """For the axes of charts: at most four significant digits and a unit letter.

    >>> short_number(1250000), short_number(0.25), short_number(-40.0)
    ('1.25M', '0.25', '−40')
    """
    if not math.isfinite(value) or 0 < abs(value) < 1e-3 or abs(value) >= 1e15:
        return number(value) if not math.isfinite(value) else f"{value:.1e}".replace("-", "−")
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share given as 0 to 100. Never rounded to 0 or to 100 when it is neither.

    >>> percent(0.0), percent(0.001), percent(12.345), percent(99.999), percent(100)
    ('0 %', '< 0.01 %', '12.3 %', '> 99.99 %', '100 %')
    """
    if value is None or math.isnan(value):
        return NO_FIGURE
    if 0 < value < 0.01:
        return "< 0.01 %"
    if 99.99 < value < 100:
        return "> 99.99 %"
    decimals = 2 if value < 1 or value > 99 else 1
    text = f"{value:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.')} %"


def share(part: float, whole: float) -> float:
    """``part`` of ``whole`` in percent; 0 of nothing."""
    return 100 * part / whole if whole else 0.0


def moment(time: datetime) -> str:
    """A time in UTC: ``21 Nov 2026, 12:37 UTC``."""
    return f"{time.astimezone(UTC):%d %b %Y, %H:%M} UTC".lstrip("0")


def shown(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Foreign text made visible and harmless to look at.

    Control characters become their Unicode pictures, characters that turn the reading direction are spelled
    out, and what is longer than ``limit`` characters is cut with its full length named.
    """
    cut = text[:limit]
    visible = "".join(_picture(character) for character in cut) if not cut.isprintable() else cut
    return visible if len(text) <= limit else f"{visible}… ({integer(len(text))} characters)"


def _picture(character: str) -> str:
    point = ord(character)
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "␡"
    if _BIDI_CONTROLS.match(character) or unicodedata.category(character) in {"Cc", "Cn", "Cs", "Zl", "Zp"}:
        return f"⟨U+{point:04X}⟩"
    return character


def anchor(name: str, position: int) -> str:
    """The ``id`` of a column's section: ``col-<name>``; unique and legal for any name.

    Letters, digits and underscores stay; anything else becomes a hyphen, and then, or when the name is
    long, the position is added, which no untouched name can end in.

    >>> anchor("order_id", 1), anchor("5% <b>", 2)
    ('col-order_id', 'col-5---b--2')
    """
    safe = _NOT_IN_ID.sub("-", name[:60])
    return f"col-{safe}" if safe == name and name else f"col-{safe}-{position}"
