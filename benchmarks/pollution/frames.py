"""What stands around the table: headers, preambles, footers, edges, other tables. Everything must come back."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from benchmarks.pollution.judging import Polluted, Record, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound


def headed(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Headers missing, repeated, over several rows, with odd names."""
    lines, records, width = PLAIN.lines(table, rng), sound(table), len(table.header)
    if table.name != "single":
        # A header over a column of texts cannot be told from one more text.
        yield Polluted("file: no header", table.name, joined(lines[1:]), (Truth(None, records),))
    yield Polluted("file: one row", table.name, joined(lines[:2]), (Truth(table.header, records[:1]),))
    if width > 1:
        yield Polluted("file: header only", table.name, joined(lines[:1]), (Truth(table.header, ()),))
    spaced = tuple(f" {name} " for name in table.header)
    yield Polluted(
        "file: blanks around names",
        table.name,
        joined([PLAIN.line(spaced, rng), *lines[1:]]),
        (Truth(table.header, records),),
    )
    if width < 2:
        return
    for change in ({1: table.header[0]}, {width - 1: ""}, {0: ""}, {0: "", width - 1: ""} if width > 2 else {0: ""}):
        header = tuple(change.get(index, name) for index, name in enumerate(table.header))
        kind = "file: name stands twice" if change.get(1) else "file: name missing"
        yield Polluted(kind, table.name, joined([PLAIN.line(header, rng), *lines[1:]]), (Truth(header, records),))
    broken = (table.header[0], f"{table.header[1]}\n(net)", *table.header[2:])
    yield Polluted(
        "file: line end in a name",
        table.name,
        joined([PLAIN.line(broken, rng), *lines[1:]]),
        (Truth(broken, records),),
    )
    if table.name in ("numeric", "wide", "dates"):
        yield from _several_header_rows(table, lines, rng)


def _several_header_rows(table: Table, lines: list[str], rng: random.Random) -> Iterator[Polluted]:
    width = len(table.header)
    groups = ["", *("first" if index < width // 2 else "second" for index in range(1, width))]
    units = tuple(rng.choice(("kg", "EUR", "pieces", "m")) for _ in table.header)
    span = ["" if index and groups[index - 1] == group else group for index, group in enumerate(groups)]
    below = tuple(f"{name} {unit}" for name, unit in zip(table.header, units, strict=True))
    above = tuple(f"{group} {name}".strip() for group, name in zip(groups, table.header, strict=True))
    kind = "file: header of several rows"
    yield Polluted(
        kind, table.name, joined([lines[0], PLAIN.line(units, rng), *lines[1:]]), (Truth(below, sound(table)),)
    )
    yield Polluted(kind, table.name, joined([PLAIN.line(span, rng), *lines]), (Truth(above, sound(table)),))
    both = tuple(f"{name} {unit}" for name, unit in zip(above, units, strict=True))
    yield Polluted(
        kind,
        table.name,
        joined([PLAIN.line(span, rng), lines[0], PLAIN.line(units, rng), *lines[1:]]),
        (Truth(both, sound(table)),),
    )


PREAMBLE = (
    "Sales report of the northern branch",
    "Created on 2024-05-01 by the export",
    "",
    "Source: warehouse, all items",
    "Period: 2024-01-01 to 2024-04-30",
    "Figures in thousands",
    "Status: final",
    "",
)


def framed(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Lines before and after the table."""
    lines, width = PLAIN.lines(table, rng), len(table.header)
    truth = (Truth(table.header, sound(table)),)
    yield Polluted("file: blank lines first", table.name, joined(["", "", *lines]), truth)
    yield Polluted("file: blank lines last", table.name, joined([*lines, "", "", ""]), truth)
    yield Polluted(
        "file: every second line blank", table.name, joined([part for line in lines for part in (line, "")]), truth
    )
    yield Polluted("file: last line not ended", table.name, joined(lines)[:-1], truth)
    if width < 2:
        return
    for count in range(1, 9):
        yield Polluted("file: preamble", table.name, joined([*PREAMBLE[:count], *lines]), truth)
    yield Polluted("file: preamble", table.name, joined(["Sales report", "", *lines]), truth)
    pairs = ["Report,Sales", "Branch,North", "Date,2024-05-01", ""]
    yield Polluted(
        "file: preamble of names and values", table.name, joined([*pairs, *lines]), _unless(width > 2, truth)
    )
    padded = ["Report" + "," * (width - 1), "Sales of the year" + "," * (width - 1)]
    yield Polluted("file: preamble padded with delimiters", table.name, joined([*padded, *lines]), truth)
    yield Polluted(
        "file: comments first", table.name, joined(["# exported, by hand", "# second remark", *lines]), truth
    )
    yield Polluted("file: sep= line", table.name, joined(["sep=;", *Style(";").lines(table, rng)]), truth)
    yield from _footed(table, lines, width)


def _unless(possible: bool, truth: tuple[Truth, ...]) -> tuple[Truth, ...]:
    """Truths that also allow the preamble to be rejected, where its rows are as wide as the table's."""
    return truth if possible else ()


def _footed(table: Table, lines: list[str], width: int) -> Iterator[Polluted]:
    total = ("Total", *[""] * (width - 2), "12345")
    tail = Record(total, (0, 1), (total,))
    note = Record((), (0, 1))
    records = sound(table)
    for extra in (
        ["Source: the shop"],
        ["", "Source: the shop"],
        ["", "Note 1: estimated", "Note 2: without returns", "End of report"],
    ):
        notes = (note,) * sum(map(bool, extra))
        yield Polluted("file: footer", table.name, joined([*lines, *extra]), (Truth(table.header, (*records, *notes)),))
    for extra in ([",".join(total)], ["", ",".join(total)]):
        yield Polluted(
            "file: line of totals", table.name, joined([*lines, *extra]), (Truth(table.header, (*records, tail)),)
        )


def edged(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Delimiters too many on every line, and what follows the text."""
    lines, width = PLAIN.lines(table, rng), len(table.header)
    records = sound(table)
    truth = Truth(table.header, records)
    for count in (1, 3):
        blank = ("",) * count
        wide = Truth((*table.header, *blank), tuple(Record((*row, *blank)) for row in table.rows))
        kind = "file: delimiter at the end of lines" if count == 1 else "file: blank columns last"
        if width > 1:
            yield Polluted(kind, table.name, joined([line + "," * count for line in lines]), (truth, wide))
    if width > 1:
        wide = Truth((*table.header, ""), tuple(Record((*row, "")) for row in table.rows))
        body = [lines[0], *(line + "," for line in lines[1:])]
        yield Polluted("file: delimiter at the end of rows, not of the header", table.name, joined(body), (truth, wide))
        numbered = [lines[0], *(f"{index},{line}" for index, line in enumerate(lines[1:]))]
        own = Truth(("", *table.header), tuple(Record((str(index), *row)) for index, row in enumerate(table.rows)))
        yield Polluted("file: row numbers without a name", table.name, joined(numbered), (own,))
        yield Polluted(
            "file: row numbers without a name", table.name, joined(["," + numbered[0], *numbered[1:]]), (own,)
        )
        aligned = [", ".join(PLAIN.cell(cell, rng) for cell in row) for row in (table.header, *table.rows)]
        kept = Truth(
            table.header,
            tuple(
                Record(
                    row,
                    None,
                    ((row[0], *(f" {cell}" if PLAIN.cell(cell, rng) == cell else cell for cell in row[1:])),),
                )
                for row in table.rows
            ),
        )
        yield Polluted("file: blank after every delimiter", table.name, joined(aligned), (truth, kept))
    tail = Record((), (0, 1))
    ended = Truth(table.header, (*records, tail))
    yield Polluted("file: NULs after the text", table.name, joined(lines) + b"\x00" * 200, (ended,))
    yield Polluted("file: end mark (0x1A) after the text", table.name, joined(lines) + b"\x1a", (ended,))


def several_tables(table: Table, others: Sequence[Table], rng: random.Random) -> Iterator[Polluted]:
    """A second table below the first: its lines may be rejected, not mixed in."""
    if len(table.header) < 3:
        return
    lines, records = PLAIN.lines(table, rng), sound(table)
    for other in others:
        if other.name in (table.name, "single", "texts") or len(other.header) == len(table.header):
            continue
        more = PLAIN.lines(other, rng)[: max(4, len(lines) // 3)]
        for between in ([""], ["", "Another table", ""]):
            foreign = (Record((), (0, 1)),) * (len(more) + sum(map(bool, between)))
            truth = Truth(table.header, (*records, *foreign))
            yield Polluted("file: two tables of other widths", table.name, joined([*lines, *between, *more]), (truth,))
    again = [lines[0], *lines[1:8]]
    for between in ([""], ["", "The same again", ""]):
        head = (Record((), (0, 1)),) * (1 + sum(map(bool, between)))
        truth = Truth(table.header, (*records, *head, *records[:7]))
        without = Truth(table.header, (*records, *((Record((), (0, 1)),) * (len(again) + sum(map(bool, between))))))
        yield Polluted(
            "file: two tables of one width", table.name, joined([*lines, *between, *again]), (truth, without)
        )


def undecodable(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """A byte that the encoding does not know."""
    lines = joined(PLAIN.lines(table, rng)).split(b"\n")
    lines[len(lines) // 2] = lines[len(lines) // 2][:2] + b"\xff" + lines[len(lines) // 2][2:]
    if table.name == "unicode":
        yield Polluted("file: a byte that is no UTF-8", table.name, b"\n".join(lines), (), ("E_UTF8_INVALID",))
