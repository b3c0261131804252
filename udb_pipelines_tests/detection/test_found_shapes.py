"""Shapes met in files that nobody had tuned on: each would load, and look right, and be wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import SourceOptions
from udb_pipelines_tests.connectors.sources import read_detected, rows, texts
from udb_pipelines_tests.detection.conftest import Detect

SUMS = "".join(f"{hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest()}  usr/bin/x{n}\n" for n in range(9))
KEY = "mQINBGPL0BUBEADmW5NdOOHwPIJlgPncxCR\n"
ROWS = "".join(f"{n};Müller {n};{n}.5\n" for n in range(8))


def test_the_first_sum_is_no_header(detected: Detect) -> None:
    (stream,) = detected("a.md5sums", text=SUMS).streams
    assert (stream.row_estimate, len(stream.columns)) == (9, 2)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("popul age vote\n0 36 1\n190 20 0\n31 24 12\n", ["popul", "age", "vote"]),
        ("1 1 0 1\n0 1 2 0\n15 0 1 1\n", ["column_1", "column_2", "column_3", "column_4"]),
        ("1 234 567\n2 345 678\n3 456 789\n", ["column_1"]),
        ("030 1234567\n089 7654321\n040 5554443\n", ["column_1"]),
    ],
)
def test_whole_numbers_between_blanks(detected: Detect, text: str, columns: list[str]) -> None:
    (stream,) = detected("a.txt", text=text).streams
    assert [column.name for column in stream.columns] == columns


def test_a_hash_that_begins_lines_parts_no_fields(detected: Detect) -> None:
    zones = "".join(f"Z{n:02}T     {n * 3600:<6}  # Island number {n}\n" for n in range(20))
    (stream,) = detected("zones.txt", text=f"# Zones\n#\n# of islands\n{zones}").streams
    assert stream.dialect is not None and stream.dialect.delimiter != "#"
    assert stream.row_estimate == 20


@pytest.mark.parametrize("mark", ["\uff0c", "\uff1b", "\uff5c"])
def test_wide_marks_part_fields(settings: Settings, tmp_path: Path, mark: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"id{mark}at\n1{mark}12:30:00\n2{mark}12:31:00\n")
    (found,) = read_detected(settings, file).datasets
    assert texts(found) == [("1", "12:30:00"), ("2", "12:31:00")]


def test_lines_that_stand_in_quotes_as_a_whole_are_refused(detected: Detect) -> None:
    with pytest.raises(UdbError, match=r"E_DIALECT.*in quotes as a whole"):
        detected("a.csv", text='"id,name,at"\n"1,ann,2024-01-02"\n"2,bob,2024-01-03"\n')


def test_two_encodings_in_one_file_are_refused_with_the_place(detected: Detect) -> None:
    head = ROWS.encode()
    with pytest.raises(UdbError, match=rf"E_UTF8_INVALID.*8 lines are UTF-8 and 8 are not.*byte {len(head)}"):
        detected("a.csv", data=head + ROWS.encode("latin-1"))


def test_a_text_in_one_legacy_encoding_is_not_taken_for_two(detected: Detect) -> None:
    text = "".join(f"{n};Café Müller {n};{'größer'}\n" for n in range(20))
    assert detected("a.csv", data=text.encode("cp1252")).streams[0].encoding == "cp1252"


def test_a_short_first_row_is_rejected_instead_of_taken_for_preamble(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "a.sam"
    short = "r0\t99\tchr1\t7\t60\t10M\t0\n"
    file.write_text(
        f"@HD\tVN:1.6\n{short}" + "".join(f"r{n}\t99\tchr1\t{n}\t60\t10M\t0\tNM:i:0\n" for n in range(1, 9))
    )
    (found,) = read_detected(settings, file, max_reject_pct=50).datasets
    assert (found.rows_staged, found.rows_rejected) == (8, 1)


def test_values_filled_up_to_columns_lose_the_blanks(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    lines = [f"|{n:<6}|{'Lee' if n % 2 else 'Garcia':<8}|{n * 1.5:<6}|" for n in range(1, 9)]
    file.write_text("\n".join(["|number|name    |price |", *lines]) + "\n")
    (found,) = read_detected(settings, file).datasets
    assert rows(found)[0] == (1, "Lee", 1.5)


@pytest.mark.parametrize("end", ["", "#close\t2024-01-02\n"])
@pytest.mark.parametrize("large", [False, True])
def test_names_after_a_label_in_a_comment(settings: Settings, tmp_path: Path, end: str, large: bool) -> None:
    count = 30_000 if large else 5
    file = tmp_path / "conn.log"
    body = "".join(f"{n}\t10.0.0.{n % 250}\tssl\n" for n in range(count))
    file.write_text(
        f"#separator \\x09\n#path\tconn\n#fields\tts\thost\tservice\n#types\tint\taddr\tstring\n{body}{end}"
    )
    (found,) = read_detected(settings, file).datasets
    assert ([column.name for column in found.columns], found.rows_staged) == (["ts", "host", "service"], count)
    assert rows(found)[0] == (0, "10.0.0.0", "ssl")


def test_several_logs_with_labelled_names_are_one_table(settings: Settings, tmp_path: Path) -> None:
    for number in range(2):
        body = "".join(f"{n}\t10.0.0.{n}\n" for n in range(5))
        (tmp_path / f"{number}.log").write_text(f"#path\tconn\n#fields\tts\thost\n{body}#close\tnow\n")
    (found,) = read_detected(settings, tmp_path / "*.log").datasets
    assert ([column.name for column in found.columns], found.rows_staged) == (["ts", "host", "_udb_file"], 10)


def test_a_comment_above_a_list_is_not_its_name(detected: Detect) -> None:
    names = "".join(f"name{chr(97 + n)}\n" for n in range(20))
    (stream,) = detected("tlds.txt", text=f"# Version 2026, last updated Sat Oct 3\n{names}").streams
    assert stream.dialect is not None and stream.dialect.comment == "#"


def test_a_first_value_taken_for_a_name_is_told(detected: Detect) -> None:
    (stream,) = detected("tools.list", text="bunzip\ncat\nless\nmore\nzcat\n").streams
    assert "W_HEADER_GUESSED" in [finding.code for finding in stream.findings]


def test_zeros_at_every_fourth_place_are_no_text(detected: Detect) -> None:
    record = b"\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0?\x08\x00\x00\x00"
    with pytest.raises(UdbError, match="E_NOT_A_TABLE"):
        detected("a.dat", data=record)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a form", "NAME: apollo\nLAST DEPLOYED: Fri Sep 2\nNAMESPACE: default\nSTATUS: deployed\nTEST SUITE: None\n"),
        ("keys or certificates", f"-----BEGIN PUBLIC KEY-----\n{KEY * 9}-----END PUBLIC KEY-----\n"),
        ("cards of literature", "TY  - JOUR\nAU  - Lee, A.\nPY  - 1999\nER  - \n\n" * 5),
        ("a typeset text", "\\begin{tabular}{ll}\n" + "2024-01-02 03:04:05 & a & 1 \\\\\n" * 3 + "\\end{tabular}\n"),
        ("a mail", "From: a@b.org\nContent-Type: multipart/mixed\n\n--XYZ\nhello\n\n--XYZ--\n"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_called_by_its_name(detected: Detect, what: str, text: str) -> None:
    with pytest.raises(UdbError, match=f"E_NOT_A_TABLE.*{what}"):
        detected("a.txt", text=text)


def test_a_table_of_lines_that_begin_with_blanks_is_none_of_them(detected: Detect) -> None:
    lines = "".join(f"  {n:>4}   {'Lee' if n % 2 else 'Garcia':>8}   {n * 1.5:>6}\n" for n in range(1, 30))
    (stream,) = detected("a.txt", text=f"    id       name    price\n{lines}").streams
    assert [column.name for column in stream.columns] == ["id", "name", "price"]


def test_a_sheet_without_names_over_its_gaps(settings: Settings, tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Title", *[None] * 4],
        [],
        ["id", None, "name", None, None],
        *([n, None, f"n{n}", None, None] for n in range(5)),
    ):
        sheet.append(row)
    sheet["E6"] = "a note"
    hidden = book.create_sheet("Rates")
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    file = tmp_path / "a.xlsx"
    book.save(file)
    staged = read_detected(settings, file)
    assert [column.name for column in staged.datasets[0].columns] == ["id", "name", "column_5"]


def test_more_columns_than_a_table_may_have_are_refused_before_they_are_read(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(",".join(f"{n}.5" for n in range(20_000)) + "\n")
    with pytest.raises(UdbError, match="E_TOO_WIDE"):
        read_detected(settings, file)


def test_a_given_delimiter_that_stands_nowhere(detected: Detect) -> None:
    with pytest.raises(
        UdbError, match=r"E_DIALECT.*that was given, tab, stands nowhere in it, although ; is plausible"
    ):
        detected("a.csv", text="a;b\n1;2\n3;4\n", delimiter="\t")
    assert len(detected("one.csv", text="name\nann\nbob\n", delimiter=",").streams[0].columns) == 1


@pytest.mark.parametrize("pin", ["quote", "escape"])
def test_a_quote_or_escape_is_one_character(pin: str) -> None:
    with pytest.raises(ValidationError, match=pin):
        SourceOptions.model_validate({pin: "ab"})
