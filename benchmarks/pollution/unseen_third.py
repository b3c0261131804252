"""A third set of kinds, written after the rules had passed the second; its first score is in RESULTS-detect.md.

What instruments, command lines, statistics programs and people at a keyboard write: parts, patients, races, weather.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from benchmarks.pollution.judging import Polluted, Record, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound

REFUSED = ("E_NOT_A_TABLE", "E_DIALECT")


def _parts(rng: random.Random, count: int) -> Table:
    names = ("Hex bolt M8", "Washer, flat", 'Pipe 3/4"', "O-ring 12x2", "Cable tie (100)", "Nut")
    rows = [
        (f"P{number:05d}", rng.choice(names), str(rng.randint(0, 5000)), f"{rng.uniform(0.01, 90):.2f}", "EUR")
        for number in range(count)
    ]
    return Table("parts", ("part_no", "description", "stock", "unit_price", "currency"), tuple(rows))


def _patients(rng: random.Random, count: int) -> Table:
    rows = [
        (
            str(1000 + number),
            rng.choice(("Smith", "O'Neil", "van der Berg", "Núñez", "Li")),
            rng.choice("MF"),
            f"{rng.randint(1930, 2020)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            f"{rng.uniform(35.5, 40):.1f}",
        )
        for number in range(count)
    ]
    return Table("patients", ("mrn", "surname", "sex", "born", "temp"), tuple(rows))


def _races(rng: random.Random, count: int) -> Table:
    rows = [
        (
            str(number),
            rng.choice(("A. Kipruto", "B. Jepsen", "C. Rossi", "D. Sato")),
            rng.choice(("KEN", "DEN", "ITA", "JPN")),
            f"2:{rng.randint(10, 59):02d}:{rng.randint(0, 59):02d}",
            rng.choice(("PB", "SB", "DNF")),
        )
        for number in range(1, count + 1)
    ]
    return Table("races", ("Rank", "Athlete", "Nation", "Time", "Mark"), tuple(rows))


def _weather(rng: random.Random, count: int) -> Table:
    rows = [
        (
            f"2022{1 + number // 28 % 12:02d}{1 + number % 28:02d}",
            f"{rng.gauss(12, 8):.1f}",
            f"{rng.uniform(0, 30):.1f}",
            str(rng.randint(0, 360)),
            str(rng.randint(960, 1040)),
        )
        for number in range(count)
    ]
    return Table("weather", ("date", "tavg", "prcp", "wdir", "pres"), tuple(rows))


MAKERS = (_parts, _patients, _races, _weather)


def _genome(table: Table, rng: random.Random) -> bytes:
    lines = Style("\t").lines(table, rng)
    return joined(
        ["##fileformat=v4", "##source=machine 7", '##INFO=<ID=DP,Number=1,Type="x">', f"#{lines[0]}", *lines[1:]]
    )


def _r_table(table: Table, rng: random.Random) -> bytes:
    style = Style(" ", escape="\\", quoting="texts")
    lines = [style.line(table.header, rng)]
    lines += [f'"{number}" {style.line(cells, rng)}' for number, cells in enumerate(table.rows, start=1)]
    return joined(lines)


def _savetxt(table: Table, rng: random.Random) -> bytes:
    return joined([f"# {' '.join(table.header)}", *(" ".join(cells) for cells in table.rows)])


def _grid(table: Table, rng: random.Random) -> bytes:
    widths = _widths(table)
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [rule]
    for number, cells in enumerate((table.header, *table.rows)):
        lines += [_boxed(cells, widths), rule.replace("-", "=") if number == 0 else rule]
    return joined(lines)


def _org(table: Table, rng: random.Random) -> bytes:
    widths = _widths(table)
    rule = "|" + "+".join("-" * (width + 2) for width in widths) + "|"
    return joined([_boxed(table.header, widths), rule, *(_boxed(cells, widths) for cells in table.rows)])


def _simple_rst(table: Table, rng: random.Random) -> bytes:
    widths = _widths(table)
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True)).rstrip() for cells in _all(table)]
    return joined([rule, lines[0], rule, *lines[1:], rule])


def _column_t(table: Table, rng: random.Random) -> bytes:
    widths = _widths(table)
    return joined(["  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip() for cells in _all(table)])


def _right_aligned(table: Table, rng: random.Random) -> bytes:
    widths = _widths(table)
    return joined([" " + "   ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)) for cells in _all(table)])


def _spaced_pipes(table: Table, rng: random.Random) -> bytes:
    return joined([" | ".join(cells) for cells in _all(table)])


def _pages(table: Table, rng: random.Random) -> bytes:
    lines = Style("\t").lines(table, rng)
    paged = []
    for number in range(0, len(lines) - 1, 12):
        paged += [lines[0], *lines[1 + number : 13 + number]]
    return joined(paged)


def _units_row(table: Table, rng: random.Random) -> bytes:
    lines = PLAIN.lines(table, rng)
    units = ",".join(f"[{rng.choice(('-', 'mm', 'degC', 'h'))}]" for _ in table.header)
    return joined([lines[0], units, *lines[1:]])


def _json_column(table: Table, rng: random.Random) -> bytes:
    return joined(PLAIN.lines(_with_json(table), rng))


def _with_json(table: Table) -> Table:
    rows = tuple((*cells, json.dumps({"key": cells[0], "tags": [cells[1], "b"]})) for cells in table.rows)
    return Table(table.name, (*table.header, "payload"), rows)


def _long_text(table: Table, rng: random.Random) -> bytes:
    return joined(PLAIN.lines(_with_letters(table), rng), "\r\n")


def _with_letters(table: Table) -> Table:
    letter = "Dear all,\n\nplease see; below:\n- one, two\n- three\n\nYours, {}"
    rows = tuple((cells[0], letter.format(cells[1]), *cells[2:]) for cells in table.rows)
    return Table(table.name, table.header, rows)


def _concatenated(table: Table, rng: random.Random) -> bytes:
    lines = PLAIN.lines(table, rng)
    half = len(lines) // 2
    return b"\xef\xbb\xbf" + joined(lines[:half]) + b"\xef\xbb\xbf" + joined([lines[0], *lines[half:]])


def _questionnaire(table: Table, rng: random.Random) -> bytes:
    names = [f"{number}. What is the {name}, as far as you know?" for number, name in enumerate(table.header, start=1)]
    return joined([PLAIN.line(names, rng), *PLAIN.lines(table, rng)[1:]])


def _tuples(table: Table, rng: random.Random) -> bytes:
    rows = ["(" + ", ".join("'" + cell.replace("'", "''") + "'" for cell in cells) + ")" for cells in table.rows]
    names = ", ".join(table.header)
    return joined([f"INSERT INTO {table.name} ({names}) VALUES", *(f"{row}," for row in rows[:-1]), f"{rows[-1]};"])


def _program(table: Table, rng: random.Random) -> bytes:
    lines = ["import csv", "", f"def read_{table.name}(path, *, limit=None):", '    """Read rows."""']
    for name in table.header:
        lines += [f"    {name.lower()} = row['{name}']", f"    if {name.lower()} is None:", "        continue"]
    return joined([*lines, "    return [a, b, c]", "", f"print(read_{table.name}('x.csv', limit=3))"])


def _settings(table: Table, rng: random.Random) -> bytes:
    lines = [f"{table.name}:"]
    for name, cell in zip(table.header, table.rows[0], strict=True):
        lines += [f"  {name}:", f"    example: {cell}", "    required: true"]
    return joined([*lines, "  indexes:", "    - one", "    - two"])


def _names(table: Table, rng: random.Random) -> bytes:
    return joined([cells[0] for cells in _name_list(table, rng).rows])


def _name_list(table: Table, rng: random.Random) -> Table:
    family = ("Lee", "García", "O'Neil", "Smith", "Kowalska", "Öz")
    rows = tuple(
        (f"{family[index % 6]}, {('Ann', 'Bo', 'Cy', 'Dee Dee')[index % 4]}",) for index in range(len(table.rows))
    )
    return Table("names", ("name",), rows)


def _all(table: Table) -> tuple[tuple[str, ...], ...]:
    return (table.header, *table.rows)


def _widths(table: Table) -> list[int]:
    return [max(map(len, column)) for column in zip(*_all(table), strict=True)]


def _boxed(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


KINDS: dict[str, Callable[[Table, random.Random], bytes]] = {
    "third: names after two hashes of comments": _genome,
    "third: rows named, blanks between (R)": _r_table,
    "third: numbers with names in a comment": _savetxt,
    "third: grid with a rule below every row": _grid,
    "third: table of Org mode": _org,
    "third: rules of equals signs": _simple_rst,
    "third: output of column -t": _column_t,
    "third: right-aligned": _right_aligned,
    "third: pipes with blanks, no border": _spaced_pipes,
    "third: header on every page": _pages,
    "third: row of units": _units_row,
    "third: JSON in a column": _json_column,
    "third: letters in a column": _long_text,
    "third: two files put together": _concatenated,
    "third: questions as names": _questionnaire,
    "third: INSERT statement": _tuples,
    "third: program": _program,
    "third: settings": _settings,
    "third: last name, first name": _names,
}


def third(seed: int = 23) -> list[Polluted]:
    """All files."""
    rng = random.Random(seed)
    return [item for maker in MAKERS for item in _of(maker(rng, rng.randint(25, 60)), rng)]


def _of(table: Table, rng: random.Random) -> Iterator[Polluted]:
    for kind, write in KINDS.items():
        if (
            write is _savetxt
            and table.name != "weather"
            and any(" " in cell for cells in _all(table) for cell in cells)
        ):
            continue
        yield Polluted(kind, table.name, write(table, rng), _truths(write, table, rng), _refusals(write))


def _refusals(write: Callable[[Table, random.Random], bytes]) -> tuple[str, ...]:
    return REFUSED if write in (_tuples, _program, _settings) else ()


def _truths(write: Callable[[Table, random.Random], bytes], table: Table, rng: random.Random) -> tuple[Truth, ...]:
    whole = Truth(table.header, sound(table))
    if write is _r_table:
        rows = tuple(Record((str(number), *cells)) for number, cells in enumerate(table.rows, start=1))
        return (Truth(("", *table.header), rows),)
    if write is _units_row:
        return (Truth(table.header, (Record(table.header, (0, 1)), *whole.records)),)
    if write in (_json_column, _long_text):
        other = _with_json(table) if write is _json_column else _with_letters(table)
        return (Truth(other.header, sound(other)),)
    if write is _questionnaire:
        names = tuple(f"{n}. What is the {name}, as far as you know?" for n, name in enumerate(table.header, start=1))
        return (Truth(names, whole.records),)
    if write is _names:
        names_only = sound(_name_list(table, rng))
        return (Truth(None, names_only), Truth(names_only[0].cells, names_only[1:]))
    if write in (_tuples, _program, _settings):
        return (whole,) if write is _tuples else ()
    return (whole,)
