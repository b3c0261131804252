"""Casting: a typed value says all that its text said, or the column stays text."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines import originals
from udb_pipelines.connectors.casting import TextColumn, TextRelation, write_typed

VALUES = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.dates().map(lambda day: day.isoformat()),
    st.dates().map(lambda day: day.strftime("%d/%m/%Y")),
    st.datetimes().map(lambda moment: moment.isoformat(sep=" ")),
    st.sampled_from(["true", "false", "007", "+1", " 1", "1 ", "1e5", "-0", ".5", "5.", "1_000", "nan", "0x1F", "∞"]),
)


def cast(values: list[str | None], sample: int | None = None) -> tuple[str, list[object]]:
    """Type and values of a column of text; ``sample`` limits what the first look sees."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE TABLE t (i INTEGER, v VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [[i, value] for i, value in enumerate(values)])
        limit = "" if sample is None else f"LIMIT {sample}"
        relation = TextRelation("SELECT v FROM t ORDER BY i", f"SELECT v FROM t ORDER BY i {limit}", (TextColumn("v"),))
        target = Path(folder) / "v.parquet"
        assert write_typed(connection, relation, target, what="test") == len(values)
        found = connection.execute(f"SELECT v, typeof(v) FROM '{target}'").fetchall()
        kind = connection.execute(f"DESCRIBE FROM '{target}'").fetchall()[0][1]
    return kind, [value for value, _ in found]


@given(st.lists(VALUES, min_size=1, max_size=6))
@hypothesis_settings(max_examples=150, deadline=None)
def test_no_two_different_texts_become_one_value_unless_they_are_the_same_number(values: list[str]) -> None:
    kind, found = cast(list(values))
    assert None not in found
    for text, value in zip(values, found, strict=True):
        assert restored(kind, value, text), (kind, text, value)


WRITTEN = st.one_of(VALUES, st.none(), st.sampled_from(["", "NA", "1.50", "3", "2.0", "13/01/2024", "True", "1e5"]))


@given(
    st.lists(WRITTEN, min_size=1, max_size=8),
    st.integers(1, 8),
    st.sampled_from([(), ("NA",), ("3", "NA")]),
)
@hypothesis_settings(max_examples=200, deadline=None)
def test_every_text_is_given_back_as_it_was_written(
    values: list[str | None], sample: int, markers: tuple[str, ...]
) -> None:
    assert given_back(values, sample, markers) == values


ALIKE = [
    ["1.50", "1.5", "2", "2.0", "1e5"],
    ["2024-01-02T03:04:05", "2024-01-02T03:04:05.25"],
    ["2024-01-02T03:04:05.120Z", "2024-01-02T03:04:05.000Z"],
    ["2024-01-02 03:04", "2024-01-02 03:05"],
    ["13/01/2024", "01/02/2024", ""],
    ["1/13/2024", "2/1/2024"],
    ["05-Jan-2024", "31-Dec-2023"],
    ["January 05, 2024", "May 31, 2023"],
    ["TRUE", "FALSE", None],
    ["True", "", "False"],
    ["0.10", "-0.10", "NA"],
    ["-0", "0.5"],
    ["infinity", "2024-01-02"],
]


@pytest.mark.parametrize("values", ALIKE, ids=lambda values: str(values[0]))
@pytest.mark.parametrize("sample", [1, 9])
def test_columns_of_one_kind_are_given_back(values: list[str | None], sample: int) -> None:
    assert given_back(values, sample, ("NA",)) == values


def given_back(values: list[str | None], sample: int, markers: tuple[str, ...]) -> list[str | None]:
    """The text of a typed column, from its file alone."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE TABLE t (i INTEGER, v VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [[i, value] for i, value in enumerate(values)])
        relation = TextRelation(
            "SELECT v FROM t ORDER BY i", f"SELECT v FROM t ORDER BY i LIMIT {sample}", (TextColumn("v", markers),)
        )
        target = Path(folder) / "v.parquet"
        write_typed(connection, relation, target, what="test")
        text = originals.of_files(connection, [target])[str(target)].text("v")
        return [value for (value,) in connection.execute(f"SELECT {text} FROM '{target}'").fetchall()]


def restored(kind: str, value: object, text: str) -> bool:
    """Whether the value still says what the text said."""
    if kind == "VARCHAR":
        return value == text
    if kind in ("BIGINT",) or kind.startswith("DECIMAL"):
        return str(value) == text
    if kind == "DOUBLE":
        return Decimal(repr(value)) == Decimal(text)
    if kind == "BOOLEAN":
        return str(value).lower() == text
    if kind == "DATE" and isinstance(value, date):
        return text in (
            value.isoformat(),
            f"{value.day:02d}/{value.month:02d}/{value.year:04d}",
            value.strftime("%m/%d/%Y"),
        )
    return isinstance(value, datetime) and value.isoformat(sep=" ") == text


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20", None], "BIGINT"),
        (["007", "1"], "VARCHAR"),
        (["+1"], "VARCHAR"),
        (["123456789012345678"], "BIGINT"),
        (["1234567890123456789"], "VARCHAR"),
        (["1.50", "2.25"], "DECIMAL(18,2)"),
        (["1.5", "2.25", "3"], "DOUBLE"),
        (["0.1234567890123456789"], "VARCHAR"),
        (["1e5", "2.5E-3"], "DOUBLE"),
        (["nan", "1.5"], "VARCHAR"),
        (["true", "false"], "BOOLEAN"),
        (["true", "TRUE"], "VARCHAR"),
        (["yes", "no"], "VARCHAR"),
        (["2024-02-29", None], "DATE"),
        (["2023-02-29"], "VARCHAR"),
        (["13/01/2024", "02/01/2024"], "DATE"),
        (["02/01/2024", "03/01/2024"], "VARCHAR"),
        (["01/13/2024", "13/01/2024"], "VARCHAR"),
        (["2024-01-02 03:04:05", "2024-01-02 03:04:05.5"], "TIMESTAMP"),
        (["2024-01-02T03:04:05Z"], "TIMESTAMP WITH TIME ZONE"),
        (["2024-01-02T03:04:05+02:00"], "VARCHAR"),
        (["infinity"], "VARCHAR"),
        ([None, None], "VARCHAR"),
        (["1", ""], "BIGINT"),
    ],
)
def test_types(values: list[str | None], kind: str) -> None:
    assert cast(values)[0] == kind


def test_ambiguous_dates_are_decided_by_one_value() -> None:
    assert cast(["02/01/2024", "13/01/2024"])[1] == [date(2024, 1, 2), date(2024, 1, 13)]
    assert cast(["02/01/2024", "01/13/2024"])[1] == [date(2024, 2, 1), date(2024, 1, 13)]


def test_a_value_that_the_sample_did_not_show_takes_the_next_type() -> None:
    assert cast(["1", "2", "3", "4.5"], sample=3) == ("DOUBLE", [1.0, 2.0, 3.0, 4.5])
    assert cast(["1", "2", "3", "x"], sample=3) == ("VARCHAR", ["1", "2", "3", "x"])
    assert cast(["13/01/2024", "14/01/2024", "01/15/2024"], sample=2)[0] == "VARCHAR"


def test_a_quoted_empty_cell_does_not_keep_numbers_text() -> None:
    assert cast(["1", "", None, "2"]) == ("BIGINT", [1, None, None, 2])


def test_a_quoted_empty_cell_stays_empty_in_text() -> None:
    assert cast(["a", "", None]) == ("VARCHAR", ["a", "", None])


def test_null_markers_are_null() -> None:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        relation = TextRelation(
            "SELECT * FROM (VALUES ('1'), ('NA'), ('-')) t(v)", "SELECT '1' AS v", (TextColumn("v", ("NA", "-")),)
        )
        target = Path(folder) / "v.parquet"
        write_typed(connection, relation, target, what="test")
        assert connection.execute(f"SELECT v FROM '{target}'").fetchall() == [(1,), (None,), (None,)]


def test_hundreds_of_columns_are_typed_without_asking_about_all_at_once(tmp_path: Path) -> None:
    names = [f"c{index}" for index in range(400)]
    values = ", ".join(f"'{'word' if index % 7 == 3 else index}' AS c{index}" for index in range(400))
    relation = TextRelation(f"SELECT {values}", f"SELECT {values}", tuple(map(TextColumn, names)))
    with duckdb.connect() as connection:
        connection.execute("CALL enable_logging('QueryLog')")
        write_typed(connection, relation, tmp_path / "wide.parquet", what="wide")
        counts = [
            message.count("count(*) FILTER")
            for (message,) in connection.execute("SELECT message FROM duckdb_logs WHERE type = 'QueryLog'").fetchall()
        ]
        kinds = [
            row[1]
            for row in connection.execute("DESCRIBE FROM read_parquet(?)", [str(tmp_path / "wide.parquet")]).fetchall()
        ]
    assert kinds == ["VARCHAR" if index % 7 == 3 else "BIGINT" for index in range(400)]
    assert sum(counts) >= 400
    assert max(counts) <= 200, "the time to plan a query grows with the square of them"
