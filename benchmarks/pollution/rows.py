"""Damage of single rows: they may be rejected or repaired, every sound row must come back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from benchmarks.pollution.judging import Cells, Polluted, Record, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound

Damage = Callable[[Cells, str, random.Random], tuple[list[str], list[Record]] | None]
"""Cells and line of one row to the lines and records in their stead; None where the table has no place for it."""


def padded(cells: Sequence[str], width: int) -> Cells:
    """``cells``, with empty ones at the end up to ``width``."""
    return (*cells, *[""] * width)[:width]


def _missing_field(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 2:
        return None
    return [PLAIN.line(cells[:-1], rng)], [Record(cells, (1, 1), (padded(cells[:-1], len(cells)),))]


def _missing_delimiter(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 3:
        return None
    merged = (cells[0] + " " + cells[1], *cells[2:])
    return [PLAIN.line(merged, rng)], [Record(cells, (1, 1), (padded(merged, len(cells)),))]


def _extra_field(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return ([line + ",more"], [Record(cells, (1, 1), (cells,))]) if len(cells) > 1 else None


def _stray_delimiter(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 2:
        return None
    split = (cells[0][:2], cells[0][2:], *cells[1:])
    return [PLAIN.line(split, rng)], [Record(cells, (1, 1), (split[: len(cells)],))]


def _trailing_delimiter(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return [line + ","], [Record(cells, (1, 1), (cells,))]


def _leading_delimiter(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return ["," + line], [Record(cells, (1, 1), (cells, ("", *cells[:-1])))]


def _with_raw(cells: Cells, raw: str, value: str, rng: random.Random, most: int = 1) -> tuple[list[str], list[Record]]:
    """The second field (or the only one) written as ``raw``; a reader may take it for ``value`` or ``raw``."""
    index = min(1, len(cells) - 1)
    line = ",".join(raw if number == index else PLAIN.cell(cell, rng) for number, cell in enumerate(cells))
    others = tuple((*cells[:index], text, *cells[index + 1 :]) for text in (value, raw))
    return [line], [Record(cells, (1, most + line.count("\n")), others)]


def _bare_quote(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, '5" pipe', '5" pipe', rng)


def _unescaped_quote(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, '"a "big" one"', 'a "big" one', rng)


def _unterminated_quote(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, '"left open', "left open", rng)


def _unopened_quote(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, 'not opened"', "not opened", rng)


def _escaped_quote(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, '"a \\"big\\" one"', 'a "big" one', rng)


def _text_after_quote(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, '"quoted" and more', "quoted and more", rng)


def _bare_newline(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 3:
        return None
    lines = [PLAIN.line((*cells[:1], "first"), rng), PLAIN.line(("second", *cells[2:]), rng)]
    return lines, [Record(cells, (1, 2))]


def _blank_line(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return [line, ""], [Record(cells)]


def _blanks_line(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return ([line, "   "], [Record(cells), Record((), (0, 1))]) if len(cells) > 1 else None


def _empty_row(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 2:
        return None
    empty = ("",) * len(cells)
    return [line, "," * (len(cells) - 1)], [Record(cells), Record(empty, (0, 1), (empty,))]


def _comment_line(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return ([line, "# checked by hand"], [Record(cells), Record((), (0, 1))]) if len(cells) > 1 else None


def _other_delimiter(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return ([Style(";").line(cells, rng)], [Record(cells, (1, 3), (cells,))]) if len(cells) > 1 else None


def _blanks_around(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    padded = tuple(f" {cell} " if cell and '"' not in cell else cell for cell in cells)
    return [PLAIN.line(padded, rng)], [Record(cells, None, (padded,))]


def _nul(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    lines, records = _with_raw(cells, "a\x00b", "ab", rng)
    return lines, records


def _stray_return(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return _with_raw(cells, "first\rsecond", "first second", rng, most=2) if len(cells) > 1 else None


def _long_cell(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    own = (*cells[:-1], "very long " * 20_000 + "end")
    return [PLAIN.line(own, rng)], [Record(own)]


def _truncated(cells: Cells, line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    return (
        (
            [PLAIN.line(cells[: len(cells) // 2], rng)],
            [Record(cells, (1, 1), (padded(cells[: len(cells) // 2], len(cells)),))],
        )
        if len(cells) > 3
        else None
    )


def _wrapped(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 2 or "\n" in line:
        return None
    quoted = '"' + line.replace('"', '""') + '"'
    return [quoted], [Record(cells, (1, 1), (cells, padded((line,), len(cells))))]


ROW_DAMAGE: dict[str, Damage] = {
    "row: last field missing": _missing_field,
    "row: delimiter missing": _missing_delimiter,
    "row: cut off in the middle": _truncated,
    "row: one field more": _extra_field,
    "row: stray delimiter in a value": _stray_delimiter,
    "row: delimiter at its end": _trailing_delimiter,
    "row: delimiter at its start": _leading_delimiter,
    "row: other delimiter": _other_delimiter,
    "row: quote inside a bare value": _bare_quote,
    "row: quote inside quotes not escaped": _unescaped_quote,
    "row: quote inside quotes escaped otherwise": _escaped_quote,
    "row: quote not closed": _unterminated_quote,
    "row: quote not opened": _unopened_quote,
    "row: text after the closing quote": _text_after_quote,
    "row: whole row in quotes": _wrapped,
    "row: line end in a bare value": _bare_newline,
    "row: carriage return in a value": _stray_return,
    "row: blank line after it": _blank_line,
    "row: line of blanks after it": _blanks_line,
    "row: row of delimiters after it": _empty_row,
    "row: comment after it": _comment_line,
    "row: blanks around its values": _blanks_around,
    "row: NUL in a value": _nul,
    "row: very long value": _long_cell,
}


def _damaged(table: Table, kind: str, damage: Damage, places: Sequence[int], rng: random.Random) -> Polluted | None:
    lines = [PLAIN.line(table.header, rng)]
    records: list[Record] = []
    for index, cells in enumerate(table.rows):
        line = PLAIN.line(cells, rng)
        made = damage(cells, line, rng) if index in places else ([line], [Record(cells)])
        if made is None:
            return None
        lines += made[0]
        records += made[1]
    return Polluted(kind, table.name, joined(lines), (Truth(table.header, tuple(records)),))


def row_level(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Each kind of damage in the first, a middle, the last and three random rows."""
    last = len(table.rows) - 1
    for kind, damage in ROW_DAMAGE.items():
        for places in ([0], [last // 2], [last], sorted(rng.sample(range(1, last), 3))):
            made = _damaged(table, kind, damage, places, rng)
            if made:
                yield made
    if len(table.header) > 1:
        for place in (last // 2, last // 4):
            lines = PLAIN.lines(table, rng)
            records = list(sound(table))
            lines.insert(1 + place, lines[0])
            records.insert(place, Record(table.header, (0, 1)))
            yield Polluted("row: header repeated", table.name, joined(lines), (Truth(table.header, tuple(records)),))
