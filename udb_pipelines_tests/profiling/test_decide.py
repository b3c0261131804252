"""Which type a column gets: the specification's table, line by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnProfile, Profile
from udb_pipelines.profiling import profile_table
from udb_pipelines_tests.profiling.conftest import ProfileSql

Texts = Callable[..., Profile]


def one(profile: Profile) -> ColumnProfile:
    (column,) = profile.columns
    return column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2", "+3.5", "4e10", "5E-3"], "numeric"),
        (["007", "010"], "numeric"),
        (["1.50", "-2.00", "30000.99"], "money"),
        (["1.50", "2", "3.25"], "numeric"),
        (["2024-01-31", "2024-02-29"], "date"),
        (["20240131", "19990101"], "date"),
        (["20240131", "20249999"], "numeric"),
        (["12345678", "87654321", "11112222"], "numeric"),
        (["01/31/2024", "12/01/2023"], "date"),
        (["3-Feb-2024", "04-MAR-2023"], "date"),
        (["2024-01-31T10:00:00Z", "2024-01-31 10:00:00+02:00"], "date"),
        (["2024-02-30", "2024-13-01"], "varchar"),
        (["Åsa Öberg", "Jean-Luc O'Neill", "李明", "हिन्दी"], "alpha"),
        (["abc", "x1", "y2"], "varchar"),
        (["a@b.de", "c@d.de"], "varchar"),
        (["1", "2", "three", "4", "five"], "mixed"),
        (["1,5", "2,5"], "varchar"),
        (["1.5.2", "--1", "1e", "."], "varchar"),
        ([None, "", "  ", "\t\u00a0\u3000"], "unknown"),
        (["1e999", "2", "x"], "mixed"),
    ],
)
def test_type_of_text(profile_texts: Texts, values: list[str | None], expected: str) -> None:
    assert one(profile_texts(values)).type == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'A' || i % 50 FROM range(1000) t(i)", "code"),
        ("SELECT 'A' || i % 51 FROM range(1000) t(i)", "varchar"),
        ("SELECT 'A' || i % 50 FROM range(999) t(i)", "varchar"),
        ("SELECT 'A' || i % 2 FROM range(200) t(i)", "code"),
        ("SELECT 'A' || i % 2 || repeat('x', 63) FROM range(2000) t(i)", "varchar"),
        ("SELECT i % 2 = 0 FROM range(3) t(i)", "code"),
        ("SELECT i::DECIMAL(10, 2) FROM range(3) t(i)", "money"),
        ("SELECT i::DECIMAL(10, 3) FROM range(3) t(i)", "numeric"),
        ("SELECT 20240101 + i FROM range(28) t(i)", "date"),
        ("SELECT 20240101 + i FROM range(280) t(i)", "numeric"),
        ("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+01'", "date"),
        ("SELECT {'a': 1}", "varchar"),
        ("SELECT uuid()", "varchar"),
        ("SELECT NULL::DATE", "unknown"),
    ],
)
def test_type_of_a_column(profile_sql: ProfileSql, sql: str, expected: str) -> None:
    assert one(profile_sql(f"SELECT * FROM ({sql})")).type == expected


@pytest.mark.parametrize(("bad", "kind"), [(5, "numeric"), (6, "mixed")])
def test_the_threshold_is_inclusive(profile_texts: Texts, bad: int, kind: str) -> None:
    column = one(profile_texts([str(i) for i in range(100 - bad)] + [f"word {i}" for i in range(bad)]))
    assert column.type == kind
    assert column.type_share == (100 - bad) / 100
    assert column.invalid == bad


def test_the_threshold_is_a_setting(profile_texts: Texts) -> None:
    values = [str(i) for i in range(90)] + [f"word {i}" for i in range(10)]
    assert one(profile_texts(values, type_threshold=0.9)).type == "numeric"


def test_the_runner_up_and_a_close_call_are_told(profile_texts: Texts) -> None:
    column = one(profile_texts([f"{i}.50" for i in range(96)] + [str(i) for i in range(4)]))
    assert (column.type, column.type_share) == ("money", 0.96)
    assert (column.runner_up, column.runner_up_share) == ("numeric", 1.0)
    assert "W_TYPE_AMBIGUOUS" in {finding.code for finding in column.findings}
    clear = one(profile_texts([f"{i}.50" for i in range(100)]))
    assert not clear.findings


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (["$1,234.50", "$12.00", "-$3"], "currency"),
        (["1.234,50", "12,5", "0,25"], "decimal comma"),
        (["1,234", "12,345,678.90", "7"], "thousands"),
        (["12%", "3.5 %"], "percent"),
        (["(12.00)", "13.00"], "parentheses"),
        ([" 12", "13 "], "white space"),
    ],
)
def test_another_notation_is_named_with_the_share_it_recovers(
    profile_texts: Texts, values: list[str], hint: str
) -> None:
    column = one(profile_texts(values))
    assert column.format_hint is not None
    assert hint in column.format_hint
    plain = sum(value.isdecimal() or value == "13.00" for value in values)
    assert column.format_hint_share == pytest.approx((len(values) - plain) / len(values))


def test_a_stray_percentage_is_no_notation(profile_texts: Texts) -> None:
    assert one(profile_texts(["12%", "hello there", "some text 5", "x9"])).format_hint is None


LIKE = {
    "integer": {"numeric", "money", "date"},
    "float": {"numeric", "money"},
    "string": {"alpha", "code", "varchar", "mixed"},
    "boolean": {"alpha", "code", "varchar"},
    "gender": {"alpha", "code", "varchar"},
    "all identical": {"alpha", "code", "varchar"},
    "date": {"date"},
    "date-non-std": {"date"},
}


@pytest.mark.parametrize("table", ["auto", "survey", "inspection_outcomes"])
def test_types_agree_with_hand_labels(
    connection: duckdb.DuckDBPyConnection, settings: Settings, corpora: Path, table: str
) -> None:
    """Missing-value words that nobody declared are values here, so those columns may also be mixed.

    A column without any value has no type, whatever its label.
    """
    labels = json.loads((corpora / "types" / "labels.json").read_text())[table]
    path = corpora / "types" / f"{table}.csv"
    header = "false" if table == "auto" else "true"
    columns = profile_table(connection, f"read_csv('{path}', all_varchar=true, header={header})", settings).columns
    wrong = [
        (column.name, column.type, label)
        for column, label in zip(columns, labels, strict=True)
        if column.nulls < column.rows
        and column.type not in LIKE[label]
        and not (column.type == "mixed" and _has_markers(column))
    ]
    assert wrong == []


def _has_markers(column: ColumnProfile) -> bool:
    return any(finding.code == "W_NULL_MARKER" for finding in column.findings)


def test_dirt_in_a_numeric_column_is_found_to_the_cell(
    connection: duckdb.DuckDBPyConnection, settings: Settings, corpora: Path
) -> None:
    """Every cell of the dirty copy that is not a number where the clean copy has one is counted, and no other."""
    folder = corpora / "dirty" / "hospital"
    rows = {}
    for copy in ("clean", "dirty"):
        with (folder / f"{copy}.csv").open(newline="", encoding="utf-8") as file:
            rows[copy] = list(csv.DictReader(file))
    profile = profile_table(connection, f"read_csv('{folder / 'dirty.csv'}', all_varchar=true)", settings)
    for name in ("ProviderNumber", "ZipCode", "PhoneNumber"):
        broken = [i for i, row in enumerate(rows["dirty"], 1) if not row[name].isdecimal()]
        assert all(row[name].isdecimal() for row in rows["clean"])
        column = next(column for column in profile.columns if column.name == name)
        finding = next(finding for finding in column.findings if finding.code == "E_NUMERIC_FORMAT")
        assert column.type == "numeric"
        assert (finding.count, finding.row) == (len(broken), broken[0])
