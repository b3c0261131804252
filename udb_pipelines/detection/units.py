"""A row of units below the names of a table: it is neither a name nor a value."""

from __future__ import annotations

import re
from collections.abc import Sequence

from udb_pipelines.detection.celltypes import dominant

LOOKED_AT = 300
IN_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)")
NO_UNIT = frozenset({"-", "--", "n/a", "none", "text", "string"})
FORMATS = re.compile(
    r"\d{1,3}[sdnSDN]|(?:var)?char(?:\(\d+\))?|string|text|int(?:eger|32|64)?|long|float(?:32|64)?|double|numeric|decimal"
    r"|bool(?:ean)?|date|datetime|timestamp|continuous|discrete|factor",
    re.IGNORECASE,
)
"""Widths and types, as some writers put them below the names."""
UNITS = frozenset({
    "m", "mm", "cm", "km", "µm", "um", "nm", "in", "ft", "mi", "s", "sec", "ms", "min", "h", "hr", "d", "days", "yr",
    "kg", "g", "mg", "µg", "ug", "t", "lb", "°C", "degC", "deg C", "C", "°F", "degF", "F", "K", "%", "‰", "ppm", "ppb",
    "V", "mV", "kV", "A", "mA", "W", "kW", "MW", "kWh", "MWh", "J", "kJ", "N", "Pa", "hPa", "kPa", "MPa", "bar",
    "mbar", "Hz", "kHz", "MHz", "m/s", "km/h", "mph", "kn", "m2", "m²", "ha", "km2", "km²", "m3", "m³", "l", "L", "ml",
    "mL", "mg/l", "mg/L", "µg/l", "µg/L", "g/l", "mol/l", "mmol/l", "mmol/L", "kg/m3", "kg/m³", "g/cm3", "W/m2", "W/m²",
    "deg", "°", "rad", "dB", "lx", "Ohm", "Ω", "EUR", "USD", "GBP", "€", "$", "£", "UTC", "yyyy-mm-dd", "YYYY-MM-DD",
})  # fmt: skip
"""As instruments write them below the names."""


def are_units(row: tuple[str, ...], below: Sequence[tuple[str, ...]], columns: int) -> bool:
    """Whether a row holds units: all its cells are in brackets, types, or known units, and other values stand below.

    >>> are_units(("[s]", "[-]"), [("1", "x")], 2), are_units(("h", "mm"), [("1", "2"), ("3", "4")], 2)
    (True, True)
    """
    filled = [(index, cell.strip()) for index, cell in enumerate(row) if cell.strip()]
    body = [other for other in below[:LOOKED_AT] if len(other) == columns]
    if len(row) != columns or len(filled) < max(2, columns / 2) or not body:
        return False
    again = {(index, other[index].strip()) for other in body for index, _ in filled}
    if all(IN_BRACKETS.fullmatch(cell) for _, cell in filled):
        return not any(item in again for item in filled)
    if len(filled) == columns and all(FORMATS.fullmatch(cell) for _, cell in filled):
        return not any(item in again for item in filled)
    units = [(index, cell) for index, cell in filled if cell in UNITS or IN_BRACKETS.fullmatch(cell)]
    known = len(units) >= 2 and all(item in units or item[1] in NO_UNIT for item in filled)
    return known and all(dominant(body, index) in ("number", "date") for index, _ in units)
