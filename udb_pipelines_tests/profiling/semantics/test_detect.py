"""Semantic types on labelled columns: how many are found, how many found ones are right; and the check digits."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import duckdb
import pyarrow
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.profiling import profile_table
from udb_pipelines.profiling.semantics import checks
from udb_pipelines.profiling.semantics.column_names import name_words
from udb_pipelines_tests.profiling.conftest import ProfileSql
from udb_pipelines_tests.profiling.semantics.labelled import Labelled, columns, luhn_digit, side_by_side

KINDS = {
    "email", "phone", "url", "ip", "uuid", "ssn", "credit_card", "iban", "npi", "postcode", "country", "currency",
    "latitude", "longitude", "person_name", "street_address", "date_of_birth", "medical_record_number", "json",
    "base64",
}  # fmt: skip
SEVERITIES = {
    "ssn": "critical", "credit_card": "critical", "iban": "critical", "medical_record_number": "critical",
    "email": "high", "phone": "high", "person_name": "high", "street_address": "high", "date_of_birth": "high",
    "ip": "medium", "latitude": "medium", "longitude": "medium", "postcode": "medium", "npi": "medium",
}  # fmt: skip


def found_in(
    connection: duckdb.DuckDBPyConnection, settings: Settings, labelled: list[Labelled]
) -> list[tuple[Labelled, str | None]]:
    """The columns with their semantic types."""
    found = []
    for table in side_by_side(labelled):
        connection.register("subject", pyarrow.table({column.name: column.values for column in table}))
        for column, profiled in zip(table, profile_table(connection, "subject", settings).columns, strict=True):
            found.append((column, profiled.semantic_type))
            if profiled.semantic_type == column.label is not None:
                assert profiled.pii_severity == SEVERITIES.get(column.label), column.name
                assert profiled.semantic_share is not None
                assert profiled.semantic_share > 0.5
                assert profiled.semantic_evidence
    return found


def test_precision_and_recall_on_labelled_columns(
    connection: duckdb.DuckDBPyConnection, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled = list(columns(1))
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    mistakes = []
    for column, kind in found_in(connection, settings, labelled):
        if kind == column.label:
            right[kind or ""] += 1
            continue
        missed[column.label or ""] += 1
        wrong[kind or ""] += 1
        mistakes.append(f"{column.name}: {column.label} taken for {kind}")
    with capsys.disabled():
        sys.stdout.write("\nkind                    columns  precision  recall\n")
        for kind in sorted(KINDS):
            of_kind, taken = right[kind] + missed[kind], right[kind] + wrong[kind]
            figures = f"{of_kind:7}{right[kind] / max(taken, 1):11.3f}{right[kind] / of_kind:8.3f}"
            sys.stdout.write(f"{kind:24}{figures}\n")
    assert {column.label for column in labelled} - {None} == KINDS
    for kind in KINDS:
        assert right[kind] / (right[kind] + missed[kind]) >= 0.95, mistakes
        assert right[kind] / max(right[kind] + wrong[kind], 1) >= 0.9, mistakes
    assert right[""] / (right[""] + missed[""]) >= 0.95, mistakes


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.from_regex(r"4[0-9]{14}", fullmatch=True), st.integers(1, 9))
def test_a_card_number_passes_exactly_with_its_check_digit(
    connection: duckdb.DuckDBPyConnection, digits: str, off: int
) -> None:
    good = digits + luhn_digit(digits)
    bad = digits + str((int(good[-1]) + off) % 10)
    assert verdicts(connection, checks.credit_card(), [good, bad]) == [True, False]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.from_regex(r"[A-Z]{2}", fullmatch=True), st.from_regex(r"[A-Z0-9]{11,30}", fullmatch=True), st.integers(1, 96)
)
def test_an_iban_passes_exactly_with_its_check_digits(
    connection: duckdb.DuckDBPyConnection, country: str, account: str, off: int
) -> None:
    remainder = int("".join(str(int(letter, 36)) for letter in f"{account}{country}00")) % 97
    good, other = 98 - remainder, (98 - remainder + off) % 97
    texts = [f"{country}{number:02d}{account}" for number in (good, other)]
    assert verdicts(connection, checks.iban(), texts) == [True, other % 97 == good % 97]


@pytest.mark.parametrize(
    ("predicate", "good", "bad"),
    [
        (checks.npi, ["1234567893", "1245319599"], ["1234567890", "3234567893"]),
        (checks.ip_address, ["192.0.2.1", "2001:db8::1", "::1"], ["1.2.3.4", "300.1.1.1", "1:2", "12:30"]),
        (checks.json_document, ['{"a": 1}', "[1, 2]"], ["{a}", "12", '"x"', "{{ x }}"]),
        (checks.imei, ["490154203237518"], ["490154203237519"]),
    ],
)
def test_single_values(
    connection: duckdb.DuckDBPyConnection, predicate: Callable[[], str], good: list[str], bad: list[str]
) -> None:
    assert verdicts(connection, predicate(), [*good, *bad]) == [True] * len(good) + [False] * len(bad)


def verdicts(connection: duckdb.DuckDBPyConnection, predicate: str, texts: list[str]) -> list[bool]:
    rows = connection.execute(f"SELECT {predicate} FROM (SELECT unnest(?::VARCHAR[]) AS v)", [texts]).fetchall()
    return [row[0] for row in rows]


def test_numbers_stored_as_numbers_are_recognised(profile_sql: ProfileSql) -> None:
    profile = profile_sql(
        "SELECT 100000000 + i * 7919 AS ssn, 20 + i % 60 AS age, 10000 + i AS zip, uuid() AS key, i AS id, "
        "52.1 + i / 1000.0 AS lat FROM range(500) t(i)"
    )
    assert [column.semantic_type for column in profile.columns] == ["ssn", "age", "postcode", "uuid", None, "latitude"]


def test_a_placeholder_in_many_rows_does_not_hide_the_kind(profile_sql: ProfileSql) -> None:
    (column,) = profile_sql(
        "SELECT CASE WHEN i % 3 = 0 THEN 'none' ELSE 'user' || i || '@example.org' END AS x FROM range(9000) t(i)"
    ).columns
    assert column.semantic_type == "email"
    assert column.semantic_share == pytest.approx(2 / 3)


@given(st.text(max_size=40))
def test_any_name_becomes_words(name: str) -> None:
    words = name_words(name)
    assert words.startswith("_")
    assert words.endswith("_")


@pytest.mark.parametrize(("wrong", "semantic"), [(0, "date_of_birth"), (4, "date_of_birth"), (20, None)])
def test_a_few_mistyped_years_make_dates_of_birth_no_less_personal(
    profile_sql: ProfileSql, wrong: int, semantic: str | None
) -> None:
    column = profile_sql(
        f"SELECT CASE WHEN i < {wrong} THEN '1870-02-01' ELSE strftime(DATE '1950-01-01' + i::INT, '%Y-%m-%d') END "
        "AS born FROM range(100) t(i)"
    ).columns[0]
    assert (column.type, column.semantic_type) == ("date", semantic)
    assert column.pii_severity == ("high" if semantic else None)
