"""What every column has: counts, distinct and top values, lengths, patterns, against brute force."""

from __future__ import annotations

import csv
import math
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnProfile, Profile
from udb_pipelines.profiling import Origin, profile_table, shapes, text
from udb_pipelines_tests.profiling.conftest import ProfileSql

Texts = Callable[..., Profile]
WORDS = st.text(st.sampled_from("abAB09 .-é中Ωß\u0301\t\u00a0😀'"), max_size=6)


def one(profile: Profile) -> ColumnProfile:
    (column,) = profile.columns
    return column


def pattern_of(value: str) -> str:
    """The definition, one character at a time."""
    found = ""
    for character in value:
        category = unicodedata.category(character)
        if category.startswith("M") and found.endswith("A"):
            continue
        found += "A" if category.startswith("L") else "9" if category == "Nd" else character
    return found


@hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.one_of(st.none(), WORDS), max_size=25))
def test_figures_of_text_equal_brute_force(profile_texts: Texts, values: list[str | None]) -> None:
    column = one(profile_texts(values))
    filled = [value for value in values if value is not None and value.strip()]
    counts = Counter(filled)
    assert (column.rows, column.nulls) == (len(values), len(values) - len(filled))
    assert (column.distinct, column.duplicates) == (len(counts), len(filled) - len(counts))
    assert column.constant == (len(counts) == 1)
    assert column.leading_trailing_space == sum(value != value.strip() for value in filled)
    lengths = [len(value) for value in filled]
    assert (column.min_length, column.max_length) == (min(lengths, default=None), max(lengths, default=None))
    by_bytes = sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))
    assert [(v.value, v.count) for v in column.top_values] == by_bytes[:10]
    rarest = sorted(counts.items(), key=lambda item: (item[1], item[0].encode()))
    assert [(v.value, v.count) for v in column.bottom_values] == rarest[:10]
    if column.text:
        patterns = Counter(map(pattern_of, filled))
        ranked = sorted(patterns.items(), key=lambda item: (-item[1], item[0].encode()))
        assert [(v.value, v.count) for v in column.text.patterns] == ranked[:10]
        bits = -sum(n / len(filled) * math.log2(n / len(filled)) for n in counts.values())
        assert column.text.entropy == pytest.approx(bits, rel=1e-9, abs=1e-12)


def test_letters_in_upper_lower_and_mixed_case_are_counted(profile_texts: Texts) -> None:
    found = one(profile_texts(["ABC", "DEF", "abc", "Abc", "ÄÖ", "ß", "12 -", "a1"])).text
    assert found is not None
    assert (found.upper, found.lower, found.mixed) == (3, 3, 1)


def test_mapping_bytes_gives_the_same_patterns_as_regular_expressions(
    profile_sql: ProfileSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = (
        "SELECT CASE WHEN i % 7 = 0 THEN 'Ünïcode ' || i WHEN i % 11 = 0 THEN NULL "
        "WHEN i % 13 = 0 THEN repeat('x9 ', 150) || i ELSE 'id-' || i || '/Ab' END AS v FROM range(20000) t(i)"
    )
    slow = one(profile_sql(sql)).text
    monkeypatch.setattr(text, "LARGE", 10)
    fast = one(profile_sql(sql)).text
    assert slow is not None
    assert fast == slow
    assert shapes.LARGE > 10, "the small way is the one without Arrow"


def test_the_number_of_top_values_is_a_setting(profile_texts: Texts) -> None:
    assert len(one(profile_texts([str(i) for i in range(30)], max_top_values=25)).top_values) == 25


def test_a_long_value_is_cut_in_the_profile_and_counted_in_full(profile_sql: ProfileSql) -> None:
    column = one(profile_sql("SELECT repeat('é', 1000000) || i AS v FROM range(20) t(i)"))
    assert (column.distinct, column.max_length) == (20, 1_000_002)
    assert column.top_values[0].value == "é" * 200 + "…"


def test_lengths_agree_with_qsv(connection: duckdb.DuckDBPyConnection, settings: Settings, corpora: Path) -> None:
    """qsv counts empty fields as values and white space as text; the columns without either are comparable."""
    profile = profile_table(connection, f"read_csv('{corpora}/qsv/boston311-100.csv', all_varchar=true)", settings)
    with (corpora / "qsv" / "boston311-100-everything-8places-stats.csv").open(encoding="utf-8") as file:
        expected = {row["field"]: row for row in csv.DictReader(file)}
    compared = 0
    for column in profile.columns:
        row = expected[column.name]
        if column.nulls:
            continue
        compared += 1
        assert column.distinct == int(row["cardinality"])
        assert (column.min_length, column.max_length) == (int(row["min_length"]), int(row["max_length"]))
        if column.numeric and row["type"] in ("Integer", "Float"):
            assert column.numeric.mean == pytest.approx(float(row["mean"]), rel=1e-9)
            assert column.numeric.mad == pytest.approx(float(row["mad"]), rel=1e-6)
    assert compared >= 10


EXOTIC = """
SELECT i::HUGEINT * 100000000000000000000 AS huge, (i * 1.5)::DECIMAL(38, 10) AS wide,
    TIMESTAMPTZ '2024-01-01 10:00:00+02' + to_days(i::INT) AS zoned, TIME '10:00' + to_minutes(i) AS clock,
    to_days(i::INT) AS span, uuid() AS id, ('x' || i)::BLOB AS raw, [i, i + 1] AS list,
    {'a': i, 'b': 'x'} AS record, MAP {'k': i} AS dictionary, NULL::INT AS nothing, 'inf'::DOUBLE AS endless,
    ('"' || i || '"')::JSON AS document, 'a'::ENUM('a', 'b') AS choice, i::INT::BIT AS bits,
    TIMESTAMP_NS '2024-01-01' AS fine, 'infinity'::DATE AS never, '' AS empty, i % 2 = 0 AS flag
FROM range(20) t(i)
"""


def test_every_storage_type_is_profiled(profile_sql: ProfileSql) -> None:
    profile = profile_sql(EXOTIC)
    columns = {column.name: column for column in profile.columns}
    types = {name: column.type for name, column in columns.items()}
    assert types == {
        "huge": "numeric", "wide": "numeric", "zoned": "date", "clock": "varchar", "span": "varchar",
        "id": "varchar", "raw": "varchar", "list": "varchar", "record": "varchar", "dictionary": "varchar",
        "nothing": "unknown", "endless": "numeric", "document": "varchar", "choice": "alpha", "bits": "varchar",
        "fine": "date", "never": "date", "empty": "unknown", "flag": "code",
    }  # fmt: skip
    assert columns["list"].distinct == 20
    assert columns["huge"].numeric is not None
    assert columns["huge"].numeric.max == 1.9e21


def test_a_table_without_rows_is_a_warning(profile_sql: ProfileSql) -> None:
    profile = profile_sql(f"SELECT * FROM ({EXOTIC}) LIMIT 0")
    assert {column.type for column in profile.columns} == {"unknown"}
    assert [finding.code for finding in profile.findings] == ["W_NO_ROWS"]
    assert (profile.verdict, profile.keys) == ("WARN", ())


def test_five_hundred_columns(profile_sql: ProfileSql) -> None:
    columns = ", ".join(f"i * {n} AS c{n}" for n in range(500))
    profile = profile_sql(f"SELECT {columns} FROM range(10) t(i)")
    assert [column.position for column in profile.columns] == list(range(1, 501))


def test_names_of_columns_are_only_names(profile_sql: ProfileSql) -> None:
    names = ['a"b', "select", "x; DROP TABLE subject", "ü ", "v", "n", "x"]
    columns = ", ".join("'text ' || i AS \"" + name.replace('"', '""') + '"' for name in names)
    profile = profile_sql(f"SELECT {columns} FROM range(3) t(i)")
    assert [column.name for column in profile.columns] == names
    assert all(column.distinct == 3 for column in profile.columns)


def test_the_same_input_gives_the_same_bytes(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    connection.execute(
        "CREATE TABLE subject AS SELECT hash(i) / 1e10 AS x, 'w' || hash(i) % 1000 AS w, "
        "DATE '2000-01-01' + (hash(i) % 9000)::INT AS d FROM range(300000) t(i)"
    )
    first, second = (
        profile_table(connection, "subject", settings, Origin()).model_dump_json(exclude={"seconds", "profiled_at"})
        for _ in range(2)
    )
    assert first == second


def test_the_connection_is_left_as_it_was(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("CREATE TABLE subject AS SELECT 1 AS x")
    profile_table(connection, "subject", settings)
    assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("subject",)]
