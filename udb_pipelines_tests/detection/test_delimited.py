"""Delimited text: the dialect is found, the header is found, and one column is never a silent way out."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.detection import detect
from udb_pipelines.detection.dialect import sniff
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Dialect, Source
from udb_pipelines_tests.detection.conftest import Detect

SHOP = [
    ["order id", "customer", "ordered", "amount", "note"],
    ["1", "Ann Lee", "2024-01-31", "12.50", "gift, please"],
    ["2", "Bob O'Neil", "2024-02-01", "7.00", ""],
    ["3", "Eve", "2024-02-03", "1200.00", 'says "hi"; leaves'],
    ["4", "Zoë", "2024-02-09", "3.99", "line one\nline two"],
    ["5", "Max", "2024-02-11", "18.00", "a|b\tc"],
]


def written(rows: list[list[str]], delimiter: str, quote: str = '"', newline: str = "\n") -> str:
    out = io.StringIO()
    # Python 3.11 quotes a line end inside a value only when it is the writer's own.
    own = [[cell.replace("\n", newline) for cell in row] for row in rows]
    csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator=newline).writerows(own)
    return out.getvalue()


def dialect_of(detected: Detect, text: str, name: str = "a.csv", **options: object) -> Dialect:
    dialect = detected(name, text=text, **options).streams[0].dialect
    assert dialect is not None
    return dialect


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x1f"])
def test_every_usual_dialect_is_found(detected: Detect, delimiter: str, quote: str, newline: str) -> None:
    dialect = dialect_of(detected, written(SHOP, delimiter, quote, newline))
    assert (dialect.delimiter, dialect.quote, dialect.newline) == (delimiter, quote, newline)
    assert (dialect.header_rows, dialect.skip_rows, dialect.footer_rows) == (1, 0, 0)


WORDS = st.sampled_from("red green blue Paris Rome large small Ann Bob north south paper metal".split())  # noqa: SIM905
TEXTS = st.one_of(
    WORDS,
    st.lists(WORDS, min_size=1, max_size=4).map(" ".join),
    st.lists(WORDS, min_size=2, max_size=3).map(", ".join),
    WORDS.map(lambda word: f'a "{word}" one'),
)
KINDS = {
    "integer": st.integers(-9999, 99999).map(str),
    "decimal": st.decimals(0, 9999, places=2).map(str),
    "date": st.dates().map(str),
    "text": TEXTS,
    "email": WORDS.map(lambda word: f"{word.lower()}@example.org"),
}


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=8))
    rows = draw(st.integers(4, 25))
    body = [[draw(KINDS[kind]) for kind in kinds] for _ in range(rows)]
    for _ in range(draw(st.integers(0, 3))):
        body[draw(st.integers(0, rows - 1))][draw(st.integers(0, len(kinds) - 1))] = ""
    return [[f"{kind}_{number}" for number, kind in enumerate(kinds)], *body]


@given(table=tables(), delimiter=st.sampled_from(",;\t|"), newline=st.sampled_from(["\n", "\r\n"]))
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_table_in_a_random_dialect_is_cut_as_it_was_written(
    table: list[list[str]], delimiter: str, newline: str
) -> None:
    best = sniff(written(table, delimiter, newline=newline))[0]
    assert best.delimiter == delimiter
    assert [list(row) for row in best.rows] == table


@given(table=tables(), ragged=st.integers(1, 3), data=st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_few_damaged_rows_do_not_turn_the_decision(table: list[list[str]], ragged: int, data: st.DataObject) -> None:
    table = table + table[1:] * 5
    for _ in range(ragged):
        row = data.draw(st.integers(5, len(table) - 2))
        table[row] = [*table[row], "more"] if data.draw(st.booleans()) else table[row][:-1]
    best = sniff(written(table, ";"))[0]
    assert (best.delimiter, best.columns) == (";", len(table[0]))


def found_in(file: Path, settings: Settings) -> tuple[str, str] | str:
    """Delimiter and quote, or the code of the refusal."""
    try:
        stream = detect(Source(name="x", uri=str(file), created_at=datetime.now(UTC)), settings).streams[0]
    except UdbError as error:
        return error.code
    return (stream.dialect.delimiter, stream.dialect.quote) if stream.dialect else stream.format


def test_public_corpus(corpora: Path, settings: Settings) -> None:
    """Real open data, labelled by two people. What is not found right is refused or ambiguous, not one column."""
    labels = json.loads((corpora / "dialect" / "labels.json").read_text())
    wrong = [
        label["file"]
        for label in labels
        if found_in(corpora / "dialect" / "files" / label["file"], settings) != (label["delimiter"], label["quotechar"])
    ]
    assert len(labels) - len(wrong) >= 47, wrong


def test_csv_spectrum_is_exact(corpora: Path, settings: Settings) -> None:
    for file in sorted((corpora / "csv-spectrum" / "csvs").glob("*.csv")):
        stream = detect(Source(name="x", uri=str(file), created_at=datetime.now(UTC)), settings).streams[0]
        records = json.loads((corpora / "csv-spectrum" / "json" / f"{file.stem}.json").read_text())
        assert [column.original_name or column.name for column in stream.columns] == list(records[0])
        assert stream.row_estimate == len(records), file.name


# --- header, preamble, comments, footer ----------------------------------------------------------------


def test_preamble_and_footer(detected: Detect) -> None:
    text = "Sales of the year\n\nsource: the shop\n" + written(SHOP, ";") + "\nTotal of 5 orders\n"
    stream = detected("a.csv", text=text).streams[0]
    assert stream.dialect is not None
    assert (stream.dialect.skip_rows, stream.dialect.header_rows, stream.dialect.footer_rows) == (3, 1, 1)
    assert [column.name for column in stream.columns] == ["order_id", "customer", "ordered", "amount", "note"]
    assert {"W_PREAMBLE", "W_FOOTER"} <= {finding.code for finding in stream.findings}
    assert stream.row_estimate == 5


def test_a_last_row_that_was_cut_off_is_no_footer(detected: Detect) -> None:
    dialect = dialect_of(detected, "id,name,day\n1,ann,2024-01-01\n2,bob,2024-01-02\n3,eve,2024-01-03\n4")
    assert dialect.footer_rows == 0


def test_no_header(detected: Detect) -> None:
    stream = detected("a.csv", text=written(SHOP[1:], ",")).streams[0]
    assert stream.dialect is not None
    assert stream.dialect.header_rows == 0
    assert [column.name for column in stream.columns] == [f"column_{number}" for number in range(1, 6)]
    assert "W_HEADER_GUESSED" in {finding.code for finding in stream.findings}


def test_header_of_two_rows(detected: Detect) -> None:
    text = "region,2023,,2024,\n,sales,cost,sales,cost\nnorth,1,2,3,4\nsouth,5,6,7,8\neast,9,10,11,12\n"
    stream = detected("a.csv", text=text).streams[0]
    assert stream.dialect is not None
    assert stream.dialect.header_rows == 2
    assert [column.name for column in stream.columns] == [
        "region", "c_2023_sales", "c_2023_cost", "c_2024_sales", "c_2024_cost",
    ]  # fmt: skip


def test_years_may_name_columns(detected: Detect) -> None:
    assert dialect_of(detected, "country,2010,2011,2012\nFrance,1.5,2.5,3.5\nItaly,4,5,6\n").header_rows == 1


def test_comment_lines(detected: Detect) -> None:
    dialect = dialect_of(detected, "# exported, by hand\nid,name\n1,ann\n# half way\n2,bob\n3,eve\n")
    assert (dialect.comment, dialect.header_rows, dialect.delimiter) == ("#", 1, ",")
    many = "# a\n# b, c\n# d\n# e\nid,name,age\n1,ann,3\n2,bob,4\n# f\n# g\n"
    assert dialect_of(detected, many).comment == "#"


def test_a_header_that_begins_with_a_hash_is_no_comment(detected: Detect) -> None:
    stream = detected("a.csv", text="#id,name,age\n1,ann,3\n2,bob,4\n3,eve,5\n").streams[0]
    assert [column.name for column in stream.columns] == ["id", "name", "age"]


def test_names_are_safe_and_unique_and_told(detected: Detect) -> None:
    stream = detected("a.csv", text="Price (€),price,,Straße,price\n1,2,3,a,5\n6,7,8,b,10\n").streams[0]
    assert [column.name for column in stream.columns] == ["price", "price_2", "column_3", "strasse", "price_3"]
    assert stream.columns[0].original_name == "Price (€)"
    codes = [finding.code for finding in stream.findings]
    assert codes.count("E_HEADER_EMPTY") == 1
    assert codes.count("E_HEADER_DUPLICATE") == 1


def test_rows_longer_than_the_sample_are_estimated(detected: Detect) -> None:
    rows = [[str(number), f"name {number}", "2024-01-01"] for number in range(100_000)]
    estimate = detected("a.csv", text=written([["id", "name", "day"], *rows], ",")).streams[0].row_estimate
    assert estimate is not None
    assert abs(estimate - 100_000) < 5_000


def test_line_ends_inside_quotes_are_values(detected: Detect) -> None:
    text = 'id,note\r\n1,"two\nlines"\r\n2,"x"\r\n3,"y"\r\n'
    found = detected("a.csv", text=text).streams[0]
    assert found.dialect is not None
    assert found.dialect.newline == "\r\n"
    assert "W_LINE_ENDING" not in {finding.code for finding in found.findings}


def test_quotes_that_come_late_are_expected(detected: Detect) -> None:
    rows = "".join(f"{number},plain\n" for number in range(60_000))
    assert dialect_of(detected, f'id,note\n{rows}60001,"a, b"\n').quote == '"'


# --- one column ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "name\nann\nbob\neve\n",
        "1\n2\n3\n",
        '"Lee, Ann"\n"Roe, Bob"\n"Poe, Eve"\n',
        "https://a.org/x\nhttps://b.org/y\n",
    ],
)
def test_a_true_single_column_loads(detected: Detect, text: str) -> None:
    assert len(detected("a.csv", text=text).streams[0].columns) == 1


def test_a_single_column_with_a_plausible_delimiter_is_an_error(detected: Detect) -> None:
    text = "words, and more\nnone here, or, here, there\njust one\na, b, c, d, e, f\nand so on\nfoo, bar baz\n"
    with pytest.raises(UdbError) as caught:
        detected("a.csv", text=text)
    assert caught.value.code == "E_DIALECT"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name      age city\nAnn   Lee  31  Rome\nB  ob      7   Bonn\nEve   Stone  54  Ulm\n", "E_NOT_A_TABLE"),
        ("This is a small text about the weather\nand about the things people do on rainy days\n", "E_NOT_A_TABLE"),
    ],
)  # fmt: skip
def test_what_would_pass_for_one_column_is_refused(detected: Detect, text: str, code: str) -> None:
    with pytest.raises(UdbError) as caught:
        detected("a.txt", text=text)
    assert caught.value.code == code
    assert len(detected("a.txt", text=text, format="delimited", delimiter="|").streams[0].columns) == 1


def test_prose_is_not_a_table(detected: Detect) -> None:
    text = (
        "It was a dark and stormy night; the rain fell in torrents (except at occasional intervals)\n"
        "when it was checked by a violent gust of wind! 'Who goes there?' -- said the guard {quietly}.\n"
        "<nobody> answered~ and so it went on\n"
    )
    with pytest.raises(UdbError) as caught:
        detected("story.txt", text=text)
    assert caught.value.code in ("E_NOT_A_TABLE", "E_DIALECT")


def test_close_candidates_are_told_with_the_runner_up(detected: Detect) -> None:
    found = detected("a.txt", text="a|b;c\n1|2;3\n4|5;6\n7|8;9\n").streams[0]
    assert "W_DIALECT_AMBIGUOUS" in {finding.code for finding in found.findings}
    assert len(found.candidates) == 2
    assert {candidate.dialect.delimiter for candidate in found.candidates if candidate.dialect} == {"|", ";"}


# --- what the user pins wins ---------------------------------------------------------------------------


def test_pins_win(detected: Detect) -> None:
    text = "# note\nx\n1;2,3\n4;5,6\n"
    dialect = dialect_of(detected, text, delimiter=",", quote="", header="none", skip_rows=2, comment="%")
    assert (dialect.delimiter, dialect.quote, dialect.header_rows) == (",", "", 0)
    assert (dialect.skip_rows, dialect.comment) == (2, "%")
    assert dialect_of(detected, "1;a\n2;b\n", header=1).header_rows == 1


def test_a_pinned_delimiter_that_stands_nowhere_makes_no_single_column(detected: Detect) -> None:
    with pytest.raises(UdbError) as caught:
        dialect_of(detected, "a;b;c\nd;e;f\n", delimiter="\t")
    assert (caught.value.code, "although ; is plausible" in caught.value.message) == ("E_DIALECT", True)


def test_evidence_can_be_checked(detected: Detect) -> None:
    candidate = detected("a.csv", text=written(SHOP, ",")).streams[0].candidates[0]
    words = " | ".join(evidence.what for evidence in candidate.evidence)
    assert "100% of the sampled rows have 5 fields" in words
    assert "DuckDB strict finds 5 columns" in words
