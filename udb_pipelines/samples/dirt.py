"""The dirt of real exports, planted in known amounts: the clean shop in, text as some system would export it out.

Each kind has a name; :data:`PLANTED` says how many of it are in ``customers.csv``. The text is built by hand, not by
a CSV writer, because a writer would not make these mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from udb_pipelines.samples.shop import Customer

HEADER = (
    "customer_no", "name", "e-mail", "phone", "street", "postcode", "city", "country", "born", "registered",
    "newsletter", "note",
)  # fmt: skip

PLANTED = {
    "byte_order_mark": 1,
    "quoted_newline": 24,
    "null_marker": 96,
    "trailing_space": 30,
    "bad_email": 12,
    "other_date_format": 48,
    "date_out_of_range": 5,
    "duplicate_row": 6,
    "blank_line": 3,
    "too_few_fields": 2,
    "too_many_fields": 2,
}
"""How many of each kind of dirt ``customers.csv`` holds."""

REJECTED_ROWS = PLANTED["too_few_fields"] + PLANTED["too_many_fields"]

_MARKERS = ("N/A", "-", "NULL")


def customers_csv(customers: tuple[Customer, ...]) -> str:
    """The customers as a semicolon-separated export with a byte order mark and :data:`PLANTED` dirt."""
    rows = [_fields(customer) for customer in customers]
    _edit(rows, "quoted_newline", 11, lambda row: row | {"note": "gate code 12\nthen ring"})
    for index, row in enumerate(_every(rows, "null_marker", 5)):
        row["phone"] = _MARKERS[index % len(_MARKERS)]
    _edit(rows, "trailing_space", 17, lambda row: row | {"city": row["city"] + "  "})
    _edit(rows, "bad_email", 3, lambda row: row | {"e-mail": row["e-mail"].replace("@", " at ")})
    _edit(rows, "other_date_format", 7, lambda row: row | {"registered": _day_first(row["registered"])})
    _edit(rows, "date_out_of_range", 13, lambda row: row | {"born": "1870" + row["born"][4:]})
    lines = [_line(row.values()) for row in rows]
    lines += lines[40 : 40 + PLANTED["duplicate_row"]]
    broken = _broken_lines(customers)
    for number, line in enumerate([*broken, *[""] * PLANTED["blank_line"]]):
        lines.insert(500 + 150 * number, line)
    return "\ufeff" + "".join(line + "\r\n" for line in [";".join(HEADER), *lines])


def _broken_lines(customers: tuple[Customer, ...]) -> list[str]:
    """Rows cut off after five fields, and rows whose remark holds the separator without quotes."""
    short = [";".join(_fields(customer).values()) for customer in customers[60 : 60 + PLANTED["too_few_fields"]]]
    long = [replace(customers[0], number=9001 + n, note="call first; rings") for n in range(PLANTED["too_many_fields"])]
    return [";".join(line.split(";")[:5]) for line in short] + [";".join(_fields(row).values()) for row in long]


def _fields(customer: Customer) -> dict[str, str]:
    values = (
        str(customer.number), customer.name, customer.email, customer.phone, customer.street, customer.postcode,
        customer.city, customer.country, customer.born.isoformat(), customer.registered.isoformat(),
        "yes" if customer.newsletter else "no", customer.note,
    )  # fmt: skip
    return dict(zip(HEADER, values, strict=True))


def _every(rows: list[dict[str, str]], kind: str, start: int) -> list[dict[str, str]]:
    """As many rows as ``kind`` needs, spread evenly, the first at ``start``."""
    count = PLANTED[kind]
    return rows[start :: len(rows) // count][:count]


def _edit(
    rows: list[dict[str, str]], kind: str, start: int, change: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    for row in _every(rows, kind, start):
        row.update(change(row))


def _day_first(iso: str) -> str:
    year, month, day = iso.split("-")
    return f"{day}/{month}/{year}"


def _line(values: Iterable[str]) -> str:
    return ";".join(_quoted(value) for value in values)


def _quoted(value: str) -> str:
    """Quoted where the format needs it, inner quotes doubled."""
    return '"' + value.replace('"', '""') + '"' if any(mark in value for mark in ';"\n') else value
