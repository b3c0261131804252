"""Texts of the fourth set: each kind makes one file of a table, and says what must come back."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.pollution.judging import Cells, Polluted, Record, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound

REFUSED = ("E_NOT_A_TABLE", "E_DIALECT")
LARGE_ROWS = 60_000

Maker = Callable[[str, Table, random.Random], Polluted]


def file(
    kind: str, table: Table, data: bytes, truths: Sequence[Truth] = (), refusals: tuple[str, ...] = (),
    suffix: str = ".csv",
) -> Polluted:  # fmt: skip
    """A file; without ``truths`` the table itself must come back."""
    return Polluted(kind, table.name, data, tuple(truths) or (whole(table),), refusals, suffix)


def whole(table: Table) -> Truth:
    """The table as it is."""
    return Truth(table.header, sound(table))


def unnamed(rows: Sequence[Cells]) -> Truth:
    """Rows without names."""
    return Truth(None, tuple(map(Record, rows)))


def _bank(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines = Style(";", quoting="texts").lines(table, rng)
    head = ['"Kontonummer:";"DE12 3456 / Girokonto";', "", '"Von:";"01.01.2023";', '"Bis:";"31.12.2023";']
    head += ['"Kontostand vom 31.12.2023:";"5.211,20 EUR";', ""]
    return file(kind, table, "\r\n".join([*head, *lines, ""]).encode("cp1252"))


def _erp_list(kind: str, table: Table, rng: random.Random) -> Polluted:
    """A bordered list with page heads and sub-totals."""
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    rule = "-" * (sum(widths) + len(widths) + 1)
    records: list[Record] = []
    lines: list[str] = []
    for first in range(0, len(table.rows), 15):
        lines += [f"25.03.2024      Dynamic List Display      {first // 15 + 1}", rule, _barred(table.header, widths)]
        lines += [rule, *(_barred(cells, widths) for cells in table.rows[first : first + 15])]
        total = ("*", "", "", "9.999,99", "")
        lines += [_barred(total, widths)]
        records += [*map(Record, table.rows[first : first + 15])]
        records += [Record(total, (0, 1), (total,)), *[Record((), (0, 1))] * 4]
    return file(kind, table, joined([*lines, rule], "\r\n"), [Truth(table.header, tuple(records))], suffix=".txt")


def _barred(cells: Cells, widths: Sequence[int]) -> str:
    return "|" + "|".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + "|"


def _form_feeds(kind: str, table: Table, rng: random.Random) -> Polluted:
    """Pages in columns of fixed width, each with its title and names."""
    widths = [max(map(len, column)) + 2 for column in zip(table.header, *table.rows, strict=True)]
    records: list[Record] = []
    lines: list[str] = []
    for first in range(0, len(table.rows), 12):
        feed = "\f" if first else ""
        lines += [f"{feed}MONTHLY REPORT".ljust(40) + f"Page {first // 12 + 1}", "", _placed(table.header, widths), ""]
        lines += [_placed(cells, widths) for cells in table.rows[first : first + 12]]
        records += [*map(Record, table.rows[first : first + 12]), *[Record((), (0, 1))] * 2]
    return file(kind, table, joined(lines), [Truth(table.header, tuple(records))], REFUSED, ".lst")


def _placed(cells: Cells, widths: Sequence[int]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _many_lines_above(kind: str, table: Table, rng: random.Random) -> Polluted:
    head = [f"{number}. The station was serviced, see log; all well." for number in range(1, 52)]
    return file(kind, table, joined([*head, "", *Style(";").lines(table, rng)]))


def _delimited_by(delimiter: str, end: str = "\n", refusals: tuple[str, ...] = ()) -> Maker:
    def write(kind: str, table: Table, rng: random.Random) -> Polluted:
        return file(kind, table, joined([delimiter.join(cells) for cells in (table.header, *table.rows)], end),
                    refusals=refusals, suffix=".txt")  # fmt: skip

    return write


def _dump(kind: str, table: Table, rng: random.Random) -> Polluted:
    """As taxonomies are published: every field ends in its delimiter, no names."""
    closed = [(*cells, "") for cells in table.rows]
    data = joined(["\t|\t".join(cells) for cells in table.rows], "\t|\n")
    return file(kind, table, data, [unnamed(table.rows), unnamed(closed)], suffix=".dmp")


def _lines_in_quotes(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines = ['"' + line.replace('"', '""') + '"' for line in PLAIN.lines(table, rng)]
    return file(kind, table, joined(lines), refusals=REFUSED)


def _two_line_records(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines = [";".join(part) for cells in table.rows for part in (cells[:2], cells[2:])]
    firsts = tuple(r for cells in table.rows for r in (Record(cells[:2]), Record((), (1, 1))))
    seconds = tuple(r for cells in table.rows for r in (Record((), (0, 1)), Record(cells[2:])))
    return file(kind, table, joined(lines), [Truth(None, firsts), Truth(None, seconds)], REFUSED)


def _mixed_encodings(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines = PLAIN.lines(Table(table.name, table.header, tuple((c[0], f"{c[1]} é", *c[2:]) for c in table.rows)), rng)
    half = len(lines) // 2
    data = joined(lines[:half]) + "".join(f"{line}\n" for line in lines[half:]).encode("latin-1")
    return file(kind, table, data, [Truth((), ())], ("E_UTF8_INVALID", "E_ENCODING"))


def _in_encoding(codec: str) -> Maker:
    def write(kind: str, table: Table, rng: random.Random) -> Polluted:
        return file(kind, table, joined(Style(";").lines(table, rng), "\r\n").decode().encode(codec))

    return write


def _odd_line_ends(kind: str, table: Table, rng: random.Random) -> Polluted:
    """Characters that end a line for some, in values."""
    marks = "\u2028\u0085\x0b\x0c\x1c\u2029"
    rows = tuple((*c[:1], f"{c[1]}{marks[n % 6]}x", *c[2:]) for n, c in enumerate(table.rows))
    other = Table(table.name, table.header, rows)
    return file(kind, other, joined(Style("\t").lines(other, rng)), suffix=".tsv")


def _right_to_left(kind: str, table: Table, rng: random.Random) -> Polluted:
    words = ("מים, גז", "חשמל", "شركة الكهرباء", "\u200fدبي\u200f", "بنك")
    rows = tuple((c[0], words[n % 5], *c[2:]) for n, c in enumerate(table.rows))
    other = Table(table.name, ("تاریخ", "שם", *table.header[2:]), rows)
    return file(kind, other, joined(PLAIN.lines(other, rng)))


def _invisible(kind: str, table: Table, rng: random.Random) -> Polluted:
    """Characters without width around the names."""
    shown = (f"\u200b{table.header[0]}", f"{table.header[1]}\u200b", f"\ufeff{table.header[2]}", *table.header[3:])
    lines = PLAIN.lines(table, rng)
    return file(kind, table, joined([",".join(shown), *lines[1:]]), [whole(table), Truth(shown, sound(table))])


def _many(table: Table) -> Table:
    rows = tuple(table.rows[number % len(table.rows)] for number in range(LARGE_ROWS))
    return Table(table.name, table.header, rows)


def _changes_late(kind: str, table: Table, rng: random.Random) -> Polluted:
    """Another delimiter in the last tenth of a file of some megabytes."""
    large = _many(table)
    cut = LARGE_ROWS * 9 // 10
    lines = [*PLAIN.lines(large, rng)[: cut + 1], *Style(";").lines(large, rng)[cut + 1 :]]
    records = (*map(Record, large.rows[:cut]), *(Record(cells, (1, 1)) for cells in large.rows[cut:]))
    return file(kind, table, joined(lines), [Truth(table.header, records)])


def _long_notes(kind: str, table: Table, rng: random.Random) -> Polluted:
    """A long quoted text of many lines, with what looks like records in it, everywhere a sample may end."""
    note = "\n".join([",".join(table.rows[0])[:40], 'he said ""no"", twice', "", "a;b;c"] * 60)
    text = note.replace('""', '"')
    rows = tuple((*cells, text) for cells in table.rows * 12)
    large = Table(table.name, (*table.header, "note"), rows)
    return file(kind, large, joined(PLAIN.lines(large, rng)))


def _names_of_two_lines(kind: str, table: Table, rng: random.Random) -> Polluted:
    header = tuple(f"{name}\n({number})" for number, name in enumerate(table.header))
    return file(kind, table, joined(Style(",", quoting="all").lines(Table("", header, table.rows), rng)),
                [Truth(header, sound(table))])  # fmt: skip


def _blank_rows(kind: str, table: Table, rng: random.Random) -> Polluted:
    """Rows of nothing but delimiters among the others, and columns without anything at the right."""
    lines = [f"{line};;;" for line in Style(";").lines(table, rng)]
    records: list[Record] = []
    for number in range(len(table.rows), 0, -1):
        records.insert(0, Record((*table.rows[number - 1], "", "", "")))
        if number % 7 == 0:
            lines.insert(number, ";" * 7)
            records.insert(0, Record(("",) * 8, (0, 1), (("",) * 8,)))
    header = (*table.header, "", "", "")
    # Columns that have neither a name nor a value are no loss.
    bare = [replace(record, cells=record.cells[:-3], others=()) for record in records]
    return file(kind, table, joined(lines), [Truth(header, tuple(records)), Truth(table.header, tuple(bare))])


def _web_log(kind: str, table: Table, rng: random.Random) -> Polluted:
    """The extended log format: names after ``#Fields:``, blanks between, plus signs for blanks in values."""
    rows = tuple(tuple(cell.replace(" ", "+") for cell in cells) for cells in table.rows)
    lines = ["#Software: Information Server 10.0", "#Version: 1.0", "#Date: 2024-01-02 00:00:00"]
    lines += [f"#Fields: {' '.join(table.header)}", *map(" ".join, rows)]
    return file(kind, table, joined(lines, "\r\n"), [Truth(table.header, tuple(map(Record, rows)))], suffix=".log")


def _network_log(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn"]
    lines += ["\t".join(["#fields", *table.header]), "\t".join(["#types", *["string"] * 5])]
    lines += ["\t".join(cells) for cells in table.rows]
    return file(kind, table, joined([*lines, "#close\t2024-01-02-00-00-00"]), suffix=".log")


def _attributes(kind: str, table: Table, rng: random.Random) -> Polluted:
    """ARFF: names in declarations above."""
    lines = [f"@relation {table.name}", "", *(f"@attribute {name} string" for name in table.header), "", "@data"]
    return file(kind, table, joined([*lines, *PLAIN.lines(table, rng)[1:]]), [whole(table), unnamed(table.rows)],
                REFUSED, ".arff")  # fmt: skip


def _features(kind: str, table: Table, rng: random.Random) -> Polluted:
    """GFF3: nine columns without names, directives above and among the records."""
    rows = tuple(
        (f"chr{1 + n % 3}", "src", ("gene", "exon")[n % 2], str(100 * n + 1), str(100 * n + 90), ".", "+-"[n % 2],
         (".", "0")[n % 2], f"ID=g{n};Name={cells[0]};Note=a,b")
        for n, cells in enumerate(table.rows)
    )  # fmt: skip
    lines = ["##gff-version 3", "##sequence-region chr1 1 99999"]
    for number, cells in enumerate(rows):
        lines += ["\t".join(cells), *(["###"] if number % 10 == 9 else [])]
    return file(kind, table, joined(lines), [unnamed(rows)], suffix=".gff3")


def _alignments(kind: str, table: Table, rng: random.Random) -> Polluted:
    """SAM: lines of another kind above, and as many tags at the end as there are."""
    rows: list[Cells] = []
    for number, _ in enumerate(table.rows):
        tags = ("NM:i:0", "MD:Z:10", "AS:i:7")[: 3 if number % 4 else 2]
        rows.append((f"r{number}", "99", "chr1", str(number * 7), "60", "10M", "=", str(number), "0", "ACGTACGTAC",
                     "IIIIIIIIII", *tags))  # fmt: skip
    lines = ["@HD\tVN:1.6\tSO:coordinate", "@SQ\tSN:chr1\tLN:248956422", "@PG\tID:bwa\tPN:bwa"]
    short = tuple(Record(row if len(row) == 14 else (*row, ""), None if len(row) == 14 else (1, 1)) for row in rows)
    padded = tuple(Record((*row, "")[:14]) for row in rows)
    return file(kind, table, joined([*lines, *map("\t".join, rows)]), [Truth(None, short), Truth(None, padded)],
                suffix=".sam")  # fmt: skip


def _intervals(kind: str, table: Table, rng: random.Random) -> Polluted:
    """BED: a line for the browser, and no names."""
    rows = tuple((f"chr{1 + n % 3}", str(n * 50), str(n * 50 + 40), f"p{n}", str(n % 9 * 100), "+") for n in range(40))
    top = 'track name="peaks" description="Peaks, all" useScore=1'
    return file(kind, table, joined([top, *map("\t".join, rows)]), [unnamed(rows)], suffix=".bed")


def _sentences(kind: str, table: Table, rng: random.Random) -> Polluted:
    """NMEA: records of three types and widths, without names."""
    records: list[Record] = []
    lines: list[str] = []
    for n, _ in enumerate(table.rows):
        cells = (
            "$GPGGA",
            f"1235{n % 60:02d}",
            "4807.038",
            "N",
            "01131.000",
            "E",
            "1",
            "08",
            "0.9",
            "545.4",
            "M",
            "*47",
        )
        others = [f"$GPRMC,1235{n % 60:02d},A,4807.038,N*6A", "$GPGSV,2,1,08*75"]
        lines += [",".join(cells), *others]
        records += [Record(cells), Record((), (1, 1)), Record((), (1, 1))]
    return file(kind, table, joined(lines, "\r\n"), [Truth(None, tuple(records))], REFUSED, ".nmea")


def _directory(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines: list[str] = []
    for n, cells in enumerate(table.rows):
        lines += [f"dn: uid={n},dc=org", "objectClass: top", f"cn: {cells[1]}", f"mail: {n}@x.org", ""]
    return file(kind, table, joined(lines), [Truth((), ())], REFUSED, ".ldif")


def _cards(kind: str, table: Table, rng: random.Random) -> Polluted:
    """RIS: a tag, two blanks and a dash, a value."""
    lines = [line for n, cells in enumerate(table.rows)
             for line in ("TY  - JOUR", f"AU  - {cells[1]}", f"PY  - {1990 + n % 30}", "ER  - ", "")]  # fmt: skip
    return file(kind, table, joined(lines), [Truth((), ())], REFUSED, ".ris")


def _subtitles(kind: str, table: Table, rng: random.Random) -> Polluted:
    lines = [line for n, cells in enumerate(table.rows, start=1)
             for line in (str(n), f"00:{n:02d}:01,000 --> 00:{n:02d}:04,500", f"Well, {cells[1]}.", "")]  # fmt: skip
    return file(kind, table, joined(lines), [Truth((), ())], REFUSED, ".srt")


def _typeset(kind: str, table: Table, rng: random.Random) -> Polluted:
    body = [" & ".join(cells) + r" \\" for cells in (table.header, *table.rows)]
    lines = [r"\begin{tabular}{lllrl}", r"\hline", body[0], r"\hline", *body[1:], r"\hline", r"\end{tabular}"]
    return file(kind, table, joined(lines), refusals=REFUSED, suffix=".tex")


TEXTS: dict[str, Maker] = {
    "statement of a bank": _bank,
    "list of a planning system": _erp_list,
    "pages with form feeds": _form_feeds,
    "fifty lines above the names": _many_lines_above,
    "delimiter |~|": _delimited_by("|~|"),
    "delimiter @@": _delimited_by("@@"),
    "delimiter <>": _delimited_by("<>"),
    "delimiter tab, bar, tab": _dump,
    "wide comma": _delimited_by("\uff0c", refusals=REFUSED),
    "wide bar": _delimited_by("\uff5c", "\r\n", REFUSED),
    "whole lines in quotes": _lines_in_quotes,
    "records of two lines": _two_line_records,
    "two encodings": _mixed_encodings,
    "UTF-16 without a mark": _in_encoding("utf-16-le"),
    "UTF-16 big-endian without a mark": _in_encoding("utf-16-be"),
    "other line ends in values": _odd_line_ends,
    "right to left": _right_to_left,
    "invisible characters in names": _invisible,
    "another delimiter late": _changes_late,
    "long notes of many lines": _long_notes,
    "names of two lines": _names_of_two_lines,
    "rows and columns of nothing": _blank_rows,
    "extended web log": _web_log,
    "network log": _network_log,
    "declared attributes": _attributes,
    "features of a genome": _features,
    "alignments": _alignments,
    "intervals": _intervals,
    "sentences of a receiver": _sentences,
    "directory": _directory,
    "cards of literature": _cards,
    "subtitles": _subtitles,
    "typeset": _typeset,
}
