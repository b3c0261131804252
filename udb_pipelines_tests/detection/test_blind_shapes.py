"""Shapes that files of a blind set had: each by the rule that a careful reader goes by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openpyxl import Workbook

from udb_pipelines.config import Settings
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Detection, Dialect
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of


def found(settings: Settings, folder: Path, text: str, name: str = "data.csv") -> Detection:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return detect(source_of(path), settings)


def names(detection: Detection) -> list[str]:
    return [column.original_name or column.name for column in detection.streams[0].columns]


def dialect_of(detection: Detection) -> Dialect:
    found = detection.streams[0].dialect
    assert found is not None
    return found


def codes(detection: Detection) -> set[str]:
    return {item.code for item in detection.streams[0].findings}


def test_quotes_that_only_make_an_even_table_uneven_are_characters(settings: Settings, tmp_path: Path) -> None:
    marks = ('"', 'all the world"', 'he said "yes"', "plain", '"half')
    text = "doc\tyear\tquote\tpages\n" + "".join(f"d{n}\t{1900 + n}\t{marks[n % 5]}\t{n}\n" for n in range(60))
    assert dialect_of(found(settings, tmp_path, text, "quotes.tsv")).quote == ""
    (loaded,) = read_detected(settings, tmp_path / "quotes.tsv").datasets
    assert [row[2] for row in rows(loaded)] == [marks[n % 5] for n in range(60)]


def test_one_quote_that_is_not_closed_leaves_the_others_their_meaning(settings: Settings, tmp_path: Path) -> None:
    lines = [f'"{n}","name {n}","{n}.5"\n' for n in range(40)]
    lines[20] = '"20","name 20,"20.5"\n'
    assert dialect_of(found(settings, tmp_path, '"id","name","price"\n' + "".join(lines))).quote == '"'


def test_quoted_line_ends_keep_their_quotes(settings: Settings, tmp_path: Path) -> None:
    text = "id,note,n\n" + "".join(f'{n},"two\nlines, {n}",{n}\n' for n in range(30))
    assert dialect_of(found(settings, tmp_path, text)).quote == '"'


def test_dashes_of_dates_part_no_fields_where_commas_stand(settings: Settings, tmp_path: Path) -> None:
    text = "timestamp,level,message\n" + "".join(
        f"2024-03-01T00:00:{n:02d},INFO,{'a, b, c' if n % 3 else 'done'}\n" for n in range(50)
    )
    try:
        dialect = dialect_of(found(settings, tmp_path, text))
    except UdbError as refused:
        assert refused.code == "E_DIALECT"
    else:
        assert dialect.delimiter == ","


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"*********** {n}. row ***********\n   id: {n}\n login: bob\n" for n in range(1, 9)),
        "".join(f"-[ RECORD {n} ]------\nid    | {n}\nlogin | cy\n" for n in range(1, 9)),
    ],
)
def test_records_printed_upright_are_refused(settings: Settings, tmp_path: Path, text: str) -> None:
    with pytest.raises(UdbError, match="one below the other"):
        found(settings, tmp_path, text, "out.txt")


def test_a_row_of_formats_names_nothing(settings: Settings, tmp_path: Path) -> None:
    text = "site\tday\tflow\n5s\t10d\t14n\n" + "".join(f"0164\t2024-01-{n:02d}\t{n}.5\n" for n in range(1, 20))
    detection = found(settings, tmp_path, text, "flow.rdb")
    assert names(detection) == ["site", "day", "flow"]
    assert "W_UNITS_ROW" in codes(detection)
    (loaded,) = read_detected(settings, tmp_path / "flow.rdb").datasets
    assert loaded.rows_staged == 19


def test_rows_without_their_empty_ends_are_filled(settings: Settings, tmp_path: Path) -> None:
    text = "day,station,rain,remark\n" + "".join(
        f"2024-05-{1 + n % 28:02d},ST{n % 3},{n}.5" + ("" if n % 5 == 0 else ",ok") + "\n" for n in range(100)
    )
    assert dialect_of(found(settings, tmp_path, text)).short_rows
    (loaded,) = read_detected(settings, tmp_path / "data.csv").datasets
    assert (loaded.rows_staged, loaded.rows_rejected) == (100, 0)


def test_rows_cut_in_the_middle_are_no_short_rows(settings: Settings, tmp_path: Path) -> None:
    text = "day,station,rain,remark\n" + "".join(
        f"2024-05-{1 + n % 28:02d}," + ("cut off\n" if n % 5 == 0 else f"{n},{n}.5,ok\n") for n in range(100)
    )
    assert not dialect_of(found(settings, tmp_path, text)).short_rows


@pytest.mark.parametrize("rule", ["\n", "__________\n"])
def test_notes_apart_from_the_table_are_its_footer(settings: Settings, tmp_path: Path, rule: str) -> None:
    notes = "* provisional\nSource: accounts, own figures\nLast updated: 2024-05-02\n"
    text = "country,year,growth,status\n" + "".join(f"Austria,{2000 + n},{n}.5,ok\n" for n in range(20)) + rule + notes
    found(settings, tmp_path, text)
    (loaded,) = read_detected(settings, tmp_path / "data.csv").datasets
    assert (loaded.rows_staged, loaded.rows_rejected) == (20, 0)


def test_formulas_that_keep_codes_leave_quotes_their_meaning(settings: Settings, tmp_path: Path) -> None:
    text = "SKU,Title,Qty\n" + "".join(f'="0{n:04d}","Gloves, size {n}",{n}\n' for n in range(30))
    found(settings, tmp_path, text)
    (loaded,) = read_detected(settings, tmp_path / "data.csv").datasets
    assert rows(loaded)[3] == ('="00003"', "Gloves, size 3", 3)


def test_a_log_with_named_fields_that_begins_again(settings: Settings, tmp_path: Path) -> None:
    head = "#Software: IIS\n#Date: 2024-04-01 00:00:00\n#Fields: date time ip status\n"
    lines = "".join(f"2024-04-01 00:00:{n:02d} 10.0.0.{n} 200\n" for n in range(40))
    detection = found(settings, tmp_path, head + lines + head + lines, "u_ex.log")
    assert names(detection) == ["date", "time", "ip", "status"]
    (loaded,) = read_detected(settings, tmp_path / "u_ex.log").datasets
    assert (loaded.rows_staged, loaded.rows_rejected) == (80, 0)


def test_labels_above_a_table_are_no_table(settings: Settings, tmp_path: Path) -> None:
    text = "Name: ,Saver\nBalance: ,120.50\nFree: ,99.00\n\nday,what,paid\n" + "".join(
        f"2024-05-{n:02d},card,{n}.25\n" for n in range(1, 20)
    )
    detection = found(settings, tmp_path, text)
    assert len(detection.streams) == 1
    assert names(detection) == ["day", "what", "paid"]


@pytest.mark.parametrize(
    "document",
    [
        {"place": "Bern", "hourly": {"time": ["a", "b", "c"], "temp": [1, 2, 3]}},
        {f"-N{n}": {"name": "x", "age": n} for n in range(6)},
    ],
)
def test_tables_that_are_no_arrays_of_records_are_doubted(
    settings: Settings, tmp_path: Path, document: dict[str, object]
) -> None:
    detection = found(settings, tmp_path, json.dumps(document), "data.json")
    assert "W_DIALECT_AMBIGUOUS" in codes(detection)


@pytest.mark.parametrize("between", ["", "\n", " ", "\r\n\r\n"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_stream_of_objects_is_read_however_they_are_parted(
    settings: Settings, tmp_path: Path, between: str, indent: int | None
) -> None:
    text = between.join(json.dumps({"id": n, "name": f"n{n}"}, indent=indent) for n in range(20))
    found(settings, tmp_path, text, "stream.json")
    (loaded,) = read_detected(settings, tmp_path / "stream.json").datasets
    assert rows(loaded) == [(n, f"n{n}") for n in range(20)]


def test_a_long_stream_of_objects_is_read_to_its_end(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udb_pipelines.detection.jsontext.FULL_BYTES", 4000)
    text = "".join(json.dumps({"id": n, "name": f"n{n}"}, indent=1) for n in range(500))
    found(settings, tmp_path, text, "stream.json")
    (loaded,) = read_detected(settings, tmp_path / "stream.json").datasets
    assert loaded.rows_staged == 500


@pytest.mark.parametrize("text", ["[1][2]", '{"a": 1}]', '{"a": 1}{"a": ', '{"a": 1}x', '{"a": 1},{"a": 2}'])
def test_what_is_no_stream_of_objects_stays_refused(settings: Settings, tmp_path: Path, text: str) -> None:
    with pytest.raises(UdbError, match="E_CORRUPT"):
        found(settings, tmp_path, text, "data.json")


def test_notes_below_the_table_of_a_sheet_are_its_footer(settings: Settings, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Employee", "From", "Days"])
    for number in range(12):
        sheet.append([f"Name {number}", "2024-01-02", number])
    sheet.append([])
    sheet.append(["* sick leave not included"])
    sheet.append(["Source: HR"])
    book.save(tmp_path / "absence.xlsx")
    (loaded,) = read_detected(settings, tmp_path / "absence.xlsx").datasets
    assert (loaded.rows_read, loaded.rows_staged, loaded.rows_rejected) == (12, 12, 0)
    assert rows(loaded)[-1][0] == "Name 11"


PROSE = "".join(f"Note {n}: the readings of this station are provisional, see the manual.\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "rows_below", "columns"),
    [
        (PROSE + "\nid,name,price\n" + "".join(f"{n},n{n},{n}.5\n" for n in range(12)), 12, ["id", "name", "price"]),
        (PROSE + "Data:   y      x\n" + "".join(f"{n / 7:10.3f}{n * 3.25:10.3f}\n" for n in range(36)), 36, ["y", "x"]),
        (PROSE + "Data:   Y\n" + "".join(f"{n * 7 % 10:8d}\n" for n in range(100)), 100, ["Y"]),
    ],
)
def test_what_is_written_above_a_table_may_be_longer_than_it(
    settings: Settings, tmp_path: Path, text: str, rows_below: int, columns: list[str]
) -> None:
    detection = found(settings, tmp_path, text, "norris.dat")
    assert "W_PREAMBLE" in {item.code for item in detection.findings}
    assert names(detection) == columns
    (loaded,) = read_detected(settings, tmp_path / "norris.dat").datasets
    assert (loaded.rows_staged, loaded.rows_rejected) == (rows_below, 0)


def test_pages_below_titles_of_their_own_are_no_table_and_no_log(settings: Settings, tmp_path: Path) -> None:
    pages = [
        f"2024-01-0{page} 10:00:00 Daily list, page {page}\nid    name       qty\n"
        + "".join(f"{page * 10 + n:<5} name{n:<6} {n:>3}\n" for n in range(10))
        for page in range(1, 5)
    ]
    with pytest.raises(UdbError, match="printout in pages"):
        found(settings, tmp_path, "\f".join(pages), "list.txt")


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_table_of_texts_above_another_is_neither_prose_nor_are_its_rows_notes(
    settings: Settings, tmp_path: Path, gap: str
) -> None:
    wide = "ref,customer,remark,status\n" + "".join(f"T-{n},Tom Hill,red metal {n},paid\n" for n in range(40))
    narrow = "city,people\n" + "".join(f"Bern north {n},{n}\n" for n in range(12))
    for text in (wide + gap + narrow, narrow + gap + wide):
        detection = found(settings, tmp_path, text)
        assert "W_PREAMBLE" not in {item.code for item in detection.findings}
        assert len(detection.streams) == 2 or "W_SEVERAL_TABLES" in codes(detection)
