"""Clean tables, polluted in every way we could name, each with what a reader must bring back.

``polluted()`` makes the files; ``right()`` judges what a reader made of one. Row-level pollution damages single rows:
they may be rejected, where they are counted, or be repaired, but every sound row must come back exactly, in order.
File-level pollution changes how the whole file is written: everything must come back.

Everything follows from fixed seeds: the same files in every run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What stands between two others: a sound record, or damage.

    Damage (``rejects`` is not None) may come back as one of ``others``, or be rejected, which costs between
    ``rejects[0]`` and ``rejects[1]`` counted rows.
    """

    cells: Cells
    rejects: tuple[int, int] | None = None
    others: tuple[Cells, ...] = ()


@dataclass(frozen=True)
class Truth:
    """What must come back; ``header`` is None where the file names no columns."""

    header: Cells | None
    records: tuple[Record, ...]

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.header) if self.header is not None else len(self.records[0].cells)


@dataclass(frozen=True)
class Polluted:
    """A file, the pollution it suffers from, and its truths: any of them is right."""

    kind: str
    table: str
    data: bytes = field(repr=False)
    truths: tuple[Truth, ...] = field(repr=False)
    refusals: tuple[str, ...] = ()
    """Codes with which a refusal is as right."""


@dataclass(frozen=True)
class Loaded:
    """What a reader made of a file. ``rejected`` is None for one that does not count."""

    header: Cells | None
    rows: Sequence[Cells]
    rejected: int | None = None


@dataclass(frozen=True)
class Table:
    """A clean table."""

    name: str
    header: Cells
    rows: tuple[Cells, ...]


# --- judging ----------------------------------------------------------------------------------------------


def right(loaded: Loaded, truths: Sequence[Truth]) -> bool:
    """Whether ``loaded`` is exactly what one of ``truths`` says."""
    return any(_same_header(loaded.header, truth.header) and _same_records(loaded, truth) for truth in truths)


def _same_header(found: Cells | None, expected: Cells | None) -> bool:
    if found is None or expected is None:
        return found == expected
    # Who renames blank and repeated names does nothing wrong.
    free = {index for index, name in enumerate(expected) if not name.strip() or expected.count(name) > 1}
    return len(found) == len(expected) and all(
        index in free or " ".join(a.split()) == " ".join(b.split())
        for index, (a, b) in enumerate(zip(found, expected, strict=True))
    )


def _same_records(loaded: Loaded, truth: Truth) -> bool:
    position = low = high = 0
    rows = loaded.rows
    for record in truth.records:
        row = rows[position] if position < len(rows) else None
        allowed = (record.cells, *record.others) if record.rejects is None else record.others
        if row is not None and any(_same_cells(row, cells) for cells in allowed):
            position += 1
        elif record.rejects is None:
            return False
        else:
            low += record.rejects[0]
            high += record.rejects[1]
    return position == len(rows) and (loaded.rejected is None or low <= loaded.rejected <= high)


def _same_cells(found: Cells, expected: Cells) -> bool:
    return len(found) == len(expected) and all(
        a == b or _same_value(a, b) for a, b in zip(found, expected, strict=True)
    )


def _same_value(found: str, expected: str) -> bool:
    """Whether a typed value, printed, is what the text says."""
    if found in ("true", "false"):
        return found == expected.casefold()
    try:
        return float(found) == float(expected) and expected == expected.strip()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(found) == _moment(expected)
    except ValueError:
        return False


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.strptime(text, "%d.%m.%Y")  # noqa: DTZ007


# --- clean tables -----------------------------------------------------------------------------------------

WORDS = "red green blue large small paper metal glass north south river market station garden window".split()  # noqa: SIM905
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


# --- writing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How a table is written."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    """A character before inner quotes; they are doubled when empty."""
    newline: str = "\n"
    quoting: str = "needed"
    """``needed``, ``all``, ``texts`` or ``some``."""

    def cell(self, text: str, rng: random.Random) -> str:
        """One field, in quotes where the style wants them."""
        needed = any(mark in text for mark in (self.delimiter, self.quote, "\n", "\r")) or (
            bool(self.escape) and self.escape in text
        )
        number = text.replace(".", "").replace("-", "").isdigit()
        wanted = {"needed": False, "all": True, "texts": not number, "some": rng.random() < 0.4}[self.quoting]
        if not needed and not wanted:
            return text
        inner = text.replace(self.escape, self.escape * 2) if self.escape else text
        return f"{self.quote}{inner.replace(self.quote, (self.escape or self.quote) + self.quote)}{self.quote}"

    def line(self, cells: Sequence[str], rng: random.Random) -> str:
        """One record without its line end."""
        return self.delimiter.join(self.cell(cell, rng) for cell in cells)

    def lines(self, table: Table, rng: random.Random) -> list[str]:
        """Header and records."""
        return [self.line(cells, rng) for cells in (table.header, *table.rows)]


PLAIN = Style()


def _sound(table: Table) -> tuple[Record, ...]:
    return tuple(map(Record, table.rows))


def _joined(lines: Sequence[str], newline: str = "\n") -> bytes:
    return "".join(line + newline for line in lines).encode()


# --- row-level --------------------------------------------------------------------------------------------

Damage = Callable[[Cells, str, random.Random], tuple[list[str], list[Record]] | None]
"""Cells and line of one row to the lines and records in their stead; None where the table has no place for it."""


def _padded(cells: Sequence[str], width: int) -> Cells:
    return (*cells, *[""] * width)[:width]


def _missing_field(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 2:
        return None
    return [PLAIN.line(cells[:-1], rng)], [Record(cells, (1, 1), (_padded(cells[:-1], len(cells)),))]


def _missing_delimiter(cells: Cells, _line: str, rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 3:
        return None
    merged = (cells[0] + " " + cells[1], *cells[2:])
    return [PLAIN.line(merged, rng)], [Record(cells, (1, 1), (_padded(merged, len(cells)),))]


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
            [Record(cells, (1, 1), (_padded(cells[: len(cells) // 2], len(cells)),))],
        )
        if len(cells) > 3
        else None
    )


def _wrapped(cells: Cells, line: str, _rng: random.Random) -> tuple[list[str], list[Record]] | None:
    if len(cells) < 2 or "\n" in line:
        return None
    quoted = '"' + line.replace('"', '""') + '"'
    return [quoted], [Record(cells, (1, 1), (cells, _padded((line,), len(cells))))]


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
    return Polluted(kind, table.name, _joined(lines), (Truth(table.header, tuple(records)),))


def _row_level(table: Table, rng: random.Random) -> Iterator[Polluted]:
    last = len(table.rows) - 1
    for kind, damage in ROW_DAMAGE.items():
        for places in ([0], [last // 2], [last], sorted(rng.sample(range(1, last), 3))):
            made = _damaged(table, kind, damage, places, rng)
            if made:
                yield made
    if len(table.header) > 1:
        for place in (last // 2, last // 4):
            lines = PLAIN.lines(table, rng)
            records = list(_sound(table))
            lines.insert(1 + place, lines[0])
            records.insert(place, Record(table.header, (0, 1)))
            yield Polluted("row: header repeated", table.name, _joined(lines), (Truth(table.header, tuple(records)),))


# --- file-level -------------------------------------------------------------------------------------------


def _styles() -> Iterator[tuple[str, Style]]:
    for delimiter in (";", "\t", "|"):
        yield "file: usual delimiter", Style(delimiter)
    for delimiter in ("^", "~", "§", "¦", ":", "\x1f", "\x01", "*", "!"):
        yield "file: uncommon delimiter", Style(delimiter)
    yield "file: space as delimiter", Style(" ")
    for delimiter in ("||", "::", "~|~", ", ", ";;", "|;|", "<>", " | "):
        yield "file: delimiter of several characters", Style(delimiter)
    for quote in ("'", "`"):
        yield "file: other quote", Style(quote=quote, quoting="texts")
        yield "file: other quote", Style(";", quote=quote)
    yield "file: backslash before quotes", Style(escape="\\")
    yield "file: backslash before quotes", Style(";", escape="\\", quoting="all")
    yield "file: everything quoted", Style(quoting="all")
    yield "file: everything quoted", Style(";", quoting="all")
    yield "file: texts quoted", Style(quoting="texts")
    yield "file: some values quoted", Style(quoting="some")
    yield "file: some values quoted", Style("\t", quoting="some")
    yield "file: lines end in CRLF", Style(newline="\r\n")
    yield "file: lines end in CR", Style(newline="\r")
    yield "file: lines end in CR", Style(";", newline="\r", quoting="all")


def _written(table: Table, rng: random.Random) -> Iterator[Polluted]:
    truth = (Truth(table.header, _sound(table)),)
    for kind, style in _styles():
        if len(table.header) == 1 and "delimiter" in kind:
            continue
        yield Polluted(kind, table.name, _joined(style.lines(table, rng), style.newline), truth)
    lines = PLAIN.lines(table, rng)
    mixed = "".join(line + rng.choice(("\n", "\r\n")) for line in lines)
    yield Polluted("file: line ends mixed", table.name, mixed.encode(), truth)
    if all(";" not in cell for cells in table.rows for cell in cells) and table.name in ("numeric", "wide"):
        rows = tuple(tuple(cell.replace(".", ",") for cell in cells) for cells in table.rows)
        commas = Table(table.name, table.header, rows)
        yield Polluted(
            "file: decimal commas",
            table.name,
            _joined(Style(";").lines(commas, rng)),
            (Truth(table.header, _sound(commas)),),
        )


def _encoded(table: Table, rng: random.Random) -> Iterator[Polluted]:
    truth = (Truth(table.header, _sound(table)),)
    text = _joined(PLAIN.lines(table, rng)).decode()
    for codec in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        kind = "file: byte order mark" if codec == "utf-8-sig" else "file: UTF-16 or UTF-32"
        yield Polluted(kind, table.name, text.encode(codec), truth)


LEGACY = {
    "cp1252": ("Müller", "Größe", "français", "señor", "São", "Åse", "naïve", "Übung", "été", "garçon"),
    "cp1250": ("Łódź", "Kraków", "żółć", "świat", "Gdańsk", "chrząszcz", "źrebię", "pięć", "będzie", "dąb"),
    "cp1251": ("Москва", "Иван", "улица", "зелёный", "дом", "книга", "река", "город", "хлеб", "снег"),
    "koi8-r": ("Москва", "Иван", "улица", "зелёный", "дом", "книга", "река", "город", "хлеб", "снег"),
    "shift_jis": ("東京", "大阪市", "日本語", "カタカナ", "ひらがな", "会社", "電話番号", "住所", "名前", "こんにちは"),
    "gb18030": ("北京", "上海市", "中文", "公司名称", "电话", "地址", "姓名", "你好", "客户", "价格"),
    "euc-kr": ("서울", "부산", "한국어", "회사", "전화번호", "주소", "이름", "안녕하세요", "고객", "가격"),
    "cp1253": ("Αθήνα", "Ελλάδα", "όνομα", "πόλη", "διεύθυνση", "τηλέφωνο", "τιμή", "πελάτης", "δρόμος", "ημέρα"),
}


def _legacy(rng: random.Random) -> Iterator[Polluted]:
    for codec, words in LEGACY.items():
        for count in (12, 80):
            rows = tuple(
                (str(i), rng.choice(words), f"{rng.choice(words)} {rng.choice(words)}", f"{rng.uniform(0, 90):.2f}")
                for i in range(count)
            )
            table = Table(codec, ("id", "name", words[0], "price"), rows)
            data = _joined(Style(";").lines(table, rng)).decode().encode(codec)
            yield Polluted("file: legacy encoding", codec, data, (Truth(table.header, _sound(table)),))


def _headed(table: Table, rng: random.Random) -> Iterator[Polluted]:
    lines, records, width = PLAIN.lines(table, rng), _sound(table), len(table.header)
    if table.name != "single":
        # A header over a column of texts cannot be told from one more text.
        yield Polluted("file: no header", table.name, _joined(lines[1:]), (Truth(None, records),))
    yield Polluted("file: one row", table.name, _joined(lines[:2]), (Truth(table.header, records[:1]),))
    if width > 1:
        yield Polluted("file: header only", table.name, _joined(lines[:1]), (Truth(table.header, ()),))
    spaced = tuple(f" {name} " for name in table.header)
    yield Polluted(
        "file: blanks around names",
        table.name,
        _joined([PLAIN.line(spaced, rng), *lines[1:]]),
        (Truth(table.header, records),),
    )
    if width < 2:
        return
    for change in ({1: table.header[0]}, {width - 1: ""}, {0: ""}, {0: "", width - 1: ""} if width > 2 else {0: ""}):
        header = tuple(change.get(index, name) for index, name in enumerate(table.header))
        kind = "file: name stands twice" if change.get(1) else "file: name missing"
        yield Polluted(kind, table.name, _joined([PLAIN.line(header, rng), *lines[1:]]), (Truth(header, records),))
    broken = (table.header[0], f"{table.header[1]}\n(net)", *table.header[2:])
    yield Polluted(
        "file: line end in a name",
        table.name,
        _joined([PLAIN.line(broken, rng), *lines[1:]]),
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
        kind, table.name, _joined([lines[0], PLAIN.line(units, rng), *lines[1:]]), (Truth(below, _sound(table)),)
    )
    yield Polluted(kind, table.name, _joined([PLAIN.line(span, rng), *lines]), (Truth(above, _sound(table)),))
    both = tuple(f"{name} {unit}" for name, unit in zip(above, units, strict=True))
    yield Polluted(
        kind,
        table.name,
        _joined([PLAIN.line(span, rng), lines[0], PLAIN.line(units, rng), *lines[1:]]),
        (Truth(both, _sound(table)),),
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


def _framed(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Lines before and after the table."""
    lines, width = PLAIN.lines(table, rng), len(table.header)
    truth = (Truth(table.header, _sound(table)),)
    yield Polluted("file: blank lines first", table.name, _joined(["", "", *lines]), truth)
    yield Polluted("file: blank lines last", table.name, _joined([*lines, "", "", ""]), truth)
    yield Polluted(
        "file: every second line blank", table.name, _joined([part for line in lines for part in (line, "")]), truth
    )
    yield Polluted("file: last line not ended", table.name, _joined(lines)[:-1], truth)
    if width < 2:
        return
    for count in range(1, 9):
        yield Polluted("file: preamble", table.name, _joined([*PREAMBLE[:count], *lines]), truth)
    yield Polluted("file: preamble", table.name, _joined(["Sales report", "", *lines]), truth)
    pairs = ["Report,Sales", "Branch,North", "Date,2024-05-01", ""]
    yield Polluted(
        "file: preamble of names and values", table.name, _joined([*pairs, *lines]), _unless(width > 2, truth)
    )
    padded = ["Report" + "," * (width - 1), "Sales of the year" + "," * (width - 1)]
    yield Polluted("file: preamble padded with delimiters", table.name, _joined([*padded, *lines]), truth)
    yield Polluted(
        "file: comments first", table.name, _joined(["# exported, by hand", "# second remark", *lines]), truth
    )
    yield Polluted("file: sep= line", table.name, _joined(["sep=;", *Style(";").lines(table, rng)]), truth)
    yield from _footed(table, lines, width)


def _unless(possible: bool, truth: tuple[Truth, ...]) -> tuple[Truth, ...]:
    """Truths that also allow the preamble to be rejected, where its rows are as wide as the table's."""
    return truth if possible else ()


def _footed(table: Table, lines: list[str], width: int) -> Iterator[Polluted]:
    total = ("Total", *[""] * (width - 2), "12345")
    tail = Record(total, (0, 1), (total,))
    note = Record((), (0, 1))
    records = _sound(table)
    for extra in (
        ["Source: the shop"],
        ["", "Source: the shop"],
        ["", "Note 1: estimated", "Note 2: without returns", "End of report"],
    ):
        notes = (note,) * sum(map(bool, extra))
        yield Polluted(
            "file: footer", table.name, _joined([*lines, *extra]), (Truth(table.header, (*records, *notes)),)
        )
    for extra in ([",".join(total)], ["", ",".join(total)]):
        yield Polluted(
            "file: line of totals", table.name, _joined([*lines, *extra]), (Truth(table.header, (*records, tail)),)
        )


def _edged(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Delimiters too many on every line, and what follows the text."""
    lines, width = PLAIN.lines(table, rng), len(table.header)
    records = _sound(table)
    truth = Truth(table.header, records)
    for count in (1, 3):
        blank = ("",) * count
        wide = Truth((*table.header, *blank), tuple(Record((*row, *blank)) for row in table.rows))
        kind = "file: delimiter at the end of lines" if count == 1 else "file: blank columns last"
        if width > 1:
            yield Polluted(kind, table.name, _joined([line + "," * count for line in lines]), (truth, wide))
    if width > 1:
        wide = Truth((*table.header, ""), tuple(Record((*row, "")) for row in table.rows))
        body = [lines[0], *(line + "," for line in lines[1:])]
        yield Polluted(
            "file: delimiter at the end of rows, not of the header", table.name, _joined(body), (truth, wide)
        )
        numbered = [lines[0], *(f"{index},{line}" for index, line in enumerate(lines[1:]))]
        own = Truth(("", *table.header), tuple(Record((str(index), *row)) for index, row in enumerate(table.rows)))
        yield Polluted("file: row numbers without a name", table.name, _joined(numbered), (own,))
        yield Polluted(
            "file: row numbers without a name", table.name, _joined(["," + numbered[0], *numbered[1:]]), (own,)
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
        yield Polluted("file: blank after every delimiter", table.name, _joined(aligned), (truth, kept))
    tail = Record((), (0, 1))
    ended = Truth(table.header, (*records, tail))
    yield Polluted("file: NULs after the text", table.name, _joined(lines) + b"\x00" * 200, (ended,))
    yield Polluted("file: end mark (0x1A) after the text", table.name, _joined(lines) + b"\x1a", (ended,))


def _several_tables(table: Table, others: Sequence[Table], rng: random.Random) -> Iterator[Polluted]:
    """A second table below the first: its lines may be rejected, not mixed in."""
    if len(table.header) < 3:
        return
    lines, records = PLAIN.lines(table, rng), _sound(table)
    for other in others:
        if other.name in (table.name, "single", "texts") or len(other.header) == len(table.header):
            continue
        more = PLAIN.lines(other, rng)[: max(4, len(lines) // 3)]
        for between in ([""], ["", "Another table", ""]):
            foreign = (Record((), (0, 1)),) * (len(more) + sum(map(bool, between)))
            truth = Truth(table.header, (*records, *foreign))
            yield Polluted("file: two tables of other widths", table.name, _joined([*lines, *between, *more]), (truth,))
    again = [lines[0], *lines[1:8]]
    for between in ([""], ["", "The same again", ""]):
        head = (Record((), (0, 1)),) * (1 + sum(map(bool, between)))
        truth = Truth(table.header, (*records, *head, *records[:7]))
        foreign = Truth(table.header, (*records, *((Record((), (0, 1)),) * (len(again) + sum(map(bool, between))))))
        yield Polluted(
            "file: two tables of one width", table.name, _joined([*lines, *between, *again]), (truth, foreign)
        )


def _undecodable(table: Table, rng: random.Random) -> Iterator[Polluted]:
    lines = _joined(PLAIN.lines(table, rng)).split(b"\n")
    lines[len(lines) // 2] = lines[len(lines) // 2][:2] + b"\xff" + lines[len(lines) // 2][2:]
    if table.name == "unicode":
        yield Polluted("file: a byte that is no UTF-8", table.name, b"\n".join(lines), (), ("E_UTF8_INVALID",))


def polluted(seed: int = 1) -> list[Polluted]:
    """All files."""
    rng = random.Random(seed)
    clean = tables(seed)
    found = list(_legacy(rng))
    for table in clean:
        truth = (Truth(table.header, _sound(table)),)
        found.append(Polluted("clean", table.name, _joined(PLAIN.lines(table, rng)), truth))
        for part in (_row_level, _written, _encoded, _headed, _framed, _edged, _undecodable):
            found += part(table, rng)
        found += _several_tables(table, clean, rng)
    return [item for item in found if item.truths or item.refusals]
