"""Documents, workbooks and archives of the fourth set."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import zipfile
from xml.sax.saxutils import escape

from benchmarks.pollution.fourth_texts import REFUSED, Maker, file
from benchmarks.pollution.judging import Polluted, Record, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound


def _objects(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.header, cells, strict=True)) for cells in table.rows]


def _broken_lines(kind: str, table: Table, rng: random.Random) -> Polluted:
    """JSON lines, some of them cut off."""
    lines = [json.dumps(item, ensure_ascii=False) for item in _objects(table)]
    records = list(sound(table))
    for number in (7, 19):
        lines[number] = lines[number][:-9]
        records[number] = Record(table.rows[number], (1, 1))
    return file(kind, table, joined(lines), [Truth(table.header, tuple(records))],
                ("E_CORRUPT", "E_JSON_MALFORMED"), ".jsonl")  # fmt: skip


def _one_after_another(kind: str, table: Table, rng: random.Random) -> Polluted:
    """JSON documents of several lines each, with nothing between them."""
    return file(kind, table, joined([json.dumps(item, indent=2) for item in _objects(table)]), suffix=".json")


def _enveloped(kind: str, table: Table, rng: random.Random) -> Polluted:
    answer = {"status": "ok", "count": len(table.rows), "links": {"next": None}, "result": {"items": _objects(table)}}
    return file(kind, table, json.dumps(answer).encode(), suffix=".json")


def _split(kind: str, table: Table, rng: random.Random) -> Polluted:
    """Names and rows apart."""
    return file(kind, table, json.dumps({"columns": table.header, "data": table.rows}).encode(),
                refusals=(*REFUSED, "E_CORRUPT"), suffix=".json")  # fmt: skip


def _lists(kind: str, table: Table, rng: random.Random) -> Polluted:
    """A list of lists, the names first."""
    return file(kind, table, json.dumps([table.header, *table.rows]).encode(),
                refusals=(*REFUSED, "E_CORRUPT"), suffix=".json")  # fmt: skip


def _assigned(kind: str, table: Table, rng: random.Random) -> Polluted:
    return file(kind, table, b"var data = " + json.dumps(_objects(table), indent=1).encode() + b";\n",
                refusals=(*REFUSED, "E_CORRUPT"), suffix=".json")  # fmt: skip


def _title_and_notes(kind: str, table: Table, rng: random.Random) -> Polluted:
    """A workbook with a title, a date, and notes to the right of the table."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"] = "Quarterly list"
    sheet["A2"] = "as of 31 March"
    for row, cells in enumerate((table.header, *table.rows), start=4):
        for column, cell in enumerate(cells, start=2):
            sheet.cell(row, column, cell)
    sheet.cell(8, 9, "please check")
    sheet.cell(20, 9, "seen, A. B.")
    out = io.BytesIO()
    book.save(out)
    noted = tuple(
        Record((*cells, {3: "please check", 15: "seen, A. B."}.get(number, "")))
        for number, cells in enumerate(table.rows)
    )
    gap = tuple(Record((*record.cells[:5], "", record.cells[5])) for record in noted)
    truths = [Truth(table.header, sound(table)), Truth((*table.header, ""), noted), Truth((*table.header, "", ""), gap)]
    return file(kind, table, out.getvalue(), truths, suffix=".xlsx")


def _grouped_names(kind: str, table: Table, rng: random.Random) -> Polluted:
    """A workbook with merged cells over the names, and a total below."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["", "who", "", "what", ""])
    sheet.merge_cells("B1:C1")
    sheet.merge_cells("D1:E1")
    for cells in (table.header, *table.rows):
        sheet.append(cells)
    sheet.append(["Total", None, None, "99", None])
    out = io.BytesIO()
    book.save(out)
    total = Record(("Total", "", "", "99", ""), (0, 1), (("Total", "", "", "99", ""),))
    header = table.header
    groups = ("", "who", "who", "what", "what")
    both = tuple(f"{group} {name}".strip() for group, name in zip(groups, header, strict=True))
    return file(kind, table, out.getvalue(), [Truth(names, (*sound(table), total)) for names in (header, both)],
                suffix=".xlsx")  # fmt: skip


def _page_as_workbook(kind: str, table: Table, rng: random.Random) -> Polluted:
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"
        for cells in (table.header, *table.rows)
    )
    page = f"<html><head><meta charset='utf-8'></head><body><table border=1>\n{rows}</table></body></html>"
    return file(kind, table, page.encode(), refusals=REFUSED, suffix=".xls")


def _text_as_workbook(kind: str, table: Table, rng: random.Random) -> Polluted:
    return file(kind, table, joined(Style("\t").lines(table, rng)).decode().encode("utf-16"), suffix=".xls")


def _commas_as_workbook(kind: str, table: Table, rng: random.Random) -> Polluted:
    return file(kind, table, joined(PLAIN.lines(table, rng)), suffix=".xlsx")


def _workbook_in_xml(kind: str, table: Table, rng: random.Random) -> Polluted:
    """SpreadsheetML of 2003, called .xls."""
    rows = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{escape(cell)}</Data></Cell>' for cell in cells) + "</Row>\n"
        for cells in (table.header, *table.rows)
    )
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    text = (
        f'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="{space}" '
        f'xmlns:ss="{space}"><Styles><Style ss:ID="s1"/><Style ss:ID="s2"/></Styles>\n<Worksheet ss:Name="One">'
        f"<Table>\n{rows}</Table></Worksheet></Workbook>\n"
    )
    return file(kind, table, text.encode(), refusals=REFUSED, suffix=".xls")


def _flat_document(kind: str, table: Table, rng: random.Random) -> Polluted:
    """A flat OpenDocument sheet."""
    rows = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{escape(cell)}</text:p></table:table-cell>" for cell in cells)
        + "</table:table-row>"
        for cells in (table.header, *table.rows)
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    text = (
        f'<?xml version="1.0"?><office:document{spaces}><office:body><office:spreadsheet><table:table table:name="One">'
        f"{rows}</table:table></office:spreadsheet></office:body></office:document>"
    )
    return file(kind, table, text.encode(), refusals=REFUSED, suffix=".fods")


def _feed(kind: str, table: Table, rng: random.Random) -> Polluted:
    """XML with other elements above the records, and namespaces."""
    items = "".join(
        "<x:entry>" + "".join(f"<x:c{n}>{escape(cell)}</x:c{n}>" for n, cell in enumerate(cells)) + "</x:entry>\n"
        for cells in table.rows
    )
    top = "<x:title>List</x:title><x:link href='a'/><x:author><x:name>B</x:name></x:author>"
    names = tuple(f"c{number}" for number in range(len(table.header)))
    return file(kind, table, f"<x:feed xmlns:x='urn:x'>{top}{items}</x:feed>".encode(), [Truth(names, sound(table))],
                suffix=".xml")  # fmt: skip


def _tracks(kind: str, table: Table, rng: random.Random) -> Polluted:
    """GPX: points inside of segments inside of tracks."""
    points = [(f"{48 + n / 100:.2f}", f"{11 + n / 50:.2f}", str(500 + n)) for n in range(len(table.rows))]
    inner = "".join(f'<trkpt lat="{a}" lon="{b}"><ele>{c}</ele></trkpt>' for a, b, c in points)
    text = (
        '<?xml version="1.0"?><gpx version="1.1" xmlns="urn:gpx"><metadata><name>n</name></metadata>'
        f"<trk><name>t</name><trkseg>{inner}</trkseg></trk></gpx>"
    )
    return file(kind, table, text.encode(), [Truth(("lat", "lon", "ele"), tuple(map(Record, points)))], suffix=".gpx")


def _packed_twice(kind: str, table: Table, rng: random.Random) -> Polluted:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("export/data.csv.gz", gzip.compress(joined(PLAIN.lines(table, rng))))
    return file(kind, table, out.getvalue(), suffix=".zip")


def _with_readme(kind: str, table: Table, rng: random.Random) -> Polluted:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in (
            (
                "export/README.txt",
                b"What this is.\n\nThe file beside this one holds the rows of last year,\nas sent.\n",
            ),
            ("export/data.csv", joined(PLAIN.lines(table, rng))),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file(kind, table, out.getvalue(), suffix=".tgz")


FORMATS: dict[str, Maker] = {
    "JSON lines, two cut off": _broken_lines,
    "JSON documents one after another": _one_after_another,
    "JSON rows deep in an answer": _enveloped,
    "JSON names and rows apart": _split,
    "JSON list of lists": _lists,
    "JSON assigned to a variable": _assigned,
    "sheet with title and notes": _title_and_notes,
    "sheet with grouped names": _grouped_names,
    "web page called .xls": _page_as_workbook,
    "tabs in UTF-16 called .xls": _text_as_workbook,
    "commas called .xlsx": _commas_as_workbook,
    "workbook in XML": _workbook_in_xml,
    "flat OpenDocument": _flat_document,
    "XML with namespaces": _feed,
    "points of tracks": _tracks,
    "gzip in zip": _packed_twice,
    "table and readme in tar": _with_readme,
}
