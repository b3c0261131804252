"""Kinds of files that no rule was tuned on when they were written; their first score is in RESULTS-detect.md.

Exports as programs of several trades and countries write them: banking, laboratory, sensors, library, payroll.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from benchmarks.pollution.judging import Cells, Polluted, Record, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound


def _bank(rng: random.Random, count: int) -> Table:
    partner = ("Stadtwerke Köln", "Bäckerei Öz, Mainz", "Müller & Söhne", "Amt für Straßen", "Ärzte; Büro Nord")
    rows = [
        (
            f"{rng.randint(1, 28):02d}.{rng.randint(1, 12):02d}.2023",
            rng.choice(partner),
            f"DE{rng.randint(10**19, 10**20 - 1)}",
            f"{rng.choice(('-', ''))}{rng.randint(0, 3)}.{rng.randint(100, 999)},{rng.randint(10, 99)}",
            "EUR",
        )
        for _ in range(count)
    ]
    return Table("bank", ("Buchungstag", "Empfänger", "IBAN", "Betrag", "Währung"), tuple(rows))


def _laboratory(rng: random.Random, count: int) -> Table:
    rows = [
        (
            f"S-{number:04d}",
            rng.choice(("<0.05", f"{rng.uniform(0, 9):.3f}", "n.d.")),
            f"{rng.uniform(1e-9, 1e-6):.3e}",
            rng.choice(("mg/L", "µmol/L", "%")),
            rng.choice(("ok", "repeat, see note 3", 'marked "B"')),
        )
        for number in range(count)
    ]
    return Table("laboratory", ("sample", "result", "activity", "unit", "remark"), tuple(rows))


def _sensors(rng: random.Random, count: int) -> Table:
    rows = [
        (
            f"2024-03-{1 + number % 28:02d}T{number % 24:02d}:00:00+01:00",
            f"{rng.gauss(20, 3):.2f}",
            rng.choice(("", f"{rng.gauss(50, 9):.1f}")),
            str(rng.randint(0, 1)),
        )
        for number in range(count)
    ]
    return Table("sensors", ("time", "temp_c", "humidity", "alarm"), tuple(rows))


def _library(rng: random.Random, count: int) -> Table:
    titles = (
        "戦争と平和",
        "El coronel, no tiene quien le escriba",
        "Преступление и наказание",
        "Le Père Goriot",
        "Emma",
    )
    rows = [
        (
            f"978-{rng.randint(0, 9)}-{rng.randint(100, 999)}-{rng.randint(10000, 99999)}-{rng.randint(0, 9)}",
            rng.choice(titles),
            rng.choice(("García Márquez, Gabriel", "Толстой, Лев", "Balzac", "Austen, Jane")),
            str(rng.randint(1800, 2020)),
        )
        for _ in range(count)
    ]
    return Table("library", ("isbn", "título", "autor", "año"), tuple(rows))


def _payroll(rng: random.Random, count: int) -> Table:
    rows = [
        (f"{number:06d}", f"{rng.randint(1000, 9999)}.00", rng.choice(("Y", "N")), f"{rng.randint(0, 40)}%")
        for number in range(count)
    ]
    return Table("payroll", ("EMP NO", "GROSS PAY", "UNION?", "TAX RATE"), tuple(rows))


MAKERS = (_bank, _laboratory, _sensors, _library, _payroll)

Kind = Callable[[Table, random.Random], bytes]


def _separator_line(table: Table, rng: random.Random) -> bytes:
    return b"sep=;\r\n" + joined(Style(";").lines(table, rng), "\r\n")


def _trailing_delimiters(table: Table, rng: random.Random) -> bytes:
    return joined([f"{line}," for line in PLAIN.lines(table, rng)])


def _blank_between(table: Table, rng: random.Random) -> bytes:
    return joined(PLAIN.lines(table, rng), "\n\n")


def _excel_formulas(table: Table, rng: random.Random) -> bytes:
    lines = [
        ",".join([f'="{cells[0]}"', *(PLAIN.cell(cell, rng) for cell in cells[1:])])
        for cells in (table.header, *table.rows)
    ]
    return joined(lines)


def _database_dump(table: Table, rng: random.Random) -> bytes:
    lines = Style("|").lines(table, rng)
    rule = "+".join("-" * 12 for _ in table.header)
    return joined([lines[0], rule, *lines[1:], f"({len(table.rows)} rows)"])


def _markdown(table: Table, rng: random.Random) -> bytes:
    lines = [f"| {' | '.join(cells)} |" for cells in (table.header, *table.rows)]
    return joined([lines[0], f"|{'|'.join('---' for _ in table.header)}|", *lines[1:]])


def _aligned(table: Table, rng: random.Random) -> bytes:
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    lines = [
        " ; ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in (table.header, *table.rows)
    ]
    return joined(lines)


def _tab_utf16_crlf(table: Table, rng: random.Random) -> bytes:
    return joined(Style("\t").lines(table, rng), "\r\n").decode().encode("utf-16")


def _report(table: Table, rng: random.Random) -> bytes:
    lines = Style(";").lines(table, rng)
    return joined(["Report: monthly", "By: J. Doe; Accounting", "", *lines, "", "Total rows: many", "End of report"])


def _hash_header(table: Table, rng: random.Random) -> bytes:
    lines = PLAIN.lines(table, rng)
    return joined(["# generated by logger 4.2", f"# {lines[0]}", *lines[1:]])


def _units(table: Table, rng: random.Random) -> bytes:
    lines = PLAIN.lines(table, rng)
    return joined([lines[0], ",".join("-" for _ in table.header), *lines[1:]])


KINDS: dict[str, Kind] = {
    "unseen: sep= line": _separator_line,
    "unseen: delimiter at the end of all lines": _trailing_delimiters,
    "unseen: a blank line between all": _blank_between,
    "unseen: first column as a formula": _excel_formulas,
    "unseen: dump of a database shell": _database_dump,
    "unseen: Markdown table": _markdown,
    "unseen: aligned with blanks": _aligned,
    "unseen: UTF-16 with tabs": _tab_utf16_crlf,
    "unseen: report with head and foot": _report,
    "unseen: header in a comment": _hash_header,
    "unseen: line of dashes below the header": _units,
}


def unseen(seed: int = 11) -> list[Polluted]:
    """All files."""
    rng = random.Random(seed)
    return [item for maker in MAKERS for item in _of(maker(rng, rng.randint(20, 70)), rng)]


def _of(table: Table, rng: random.Random) -> Iterator[Polluted]:
    for kind, write in KINDS.items():
        if kind in ("unseen: Markdown table", "unseen: aligned with blanks") and _holds(table, '|;"'):
            continue
        truths = [Truth(table.header, sound(table))]
        if write is _trailing_delimiters:
            wider = tuple(Record((*cells, "")) for cells in table.rows)
            truths.append(Truth((*table.header, ""), wider))
        if write is _excel_formulas:
            raw = tuple(Record((f'="{cells[0]}"', *cells[1:])) for cells in table.rows)
            truths.append(Truth((f'="{table.header[0]}"', *table.header[1:]), raw))
        if write is _units:
            dashes: Cells = tuple("-" for _ in table.header)
            truths.append(Truth(table.header, (Record(dashes), *sound(table))))
        yield Polluted(kind, table.name, write(table, rng), tuple(truths))


def _holds(table: Table, marks: str) -> bool:
    return any(mark in cell for cells in (table.header, *table.rows) for cell in cells for mark in marks)
