"""What is told about bad data, and what never is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from udb_pipelines.errors import CODES, Severity
from udb_pipelines.models import Finding, Profile
from udb_pipelines.operations.progress import reporting
from udb_pipelines.profiling import Origin
from udb_pipelines.profiling.verdict import verdict
from udb_pipelines_tests.profiling.conftest import ProfileSql

Texts = Callable[..., Profile]
SECRET = "Hunter2 Kowalczyk"


def finding(severity: Severity, pct: float) -> Finding:
    return Finding(code="E_X", severity=severity, message="", pct=pct)


@pytest.mark.parametrize(
    ("findings", "rejected", "expected"),
    [
        ((), 0, "PASS"),
        ((), 1, "WARN"),
        ((finding(Severity.WARNING, 100),), 0, "WARN"),
        ((finding(Severity.ERROR, 0),), 0, "WARN"),
        ((finding(Severity.ERROR, 5),), 0, "WARN"),
        ((finding(Severity.ERROR, 5.1),), 0, "FAIL"),
    ],
)
def test_the_verdict(findings: tuple[Finding, ...], rejected: int, expected: str) -> None:
    assert verdict(findings, rows_rejected=rejected, type_threshold=0.95) == expected


@pytest.mark.parametrize(
    ("good", "bad", "code"),
    [
        ("12", SECRET, "E_NUMERIC_FORMAT"),
        ("12.50", SECRET, "E_MONEY_FORMAT"),
        ("2024-01-31", SECRET, "E_DATE_INVALID"),
        ("2024-01-31", "31/01/2023", "E_DATE_MIXED_FORMAT"),
        ("2024-01-31", "1804-07-12", "W_DATE_RANGE"),
        ("12", "n/a", "W_NULL_MARKER"),
    ],
)
def test_a_finding_names_column_count_share_and_first_row_but_no_value(
    profile_texts: Texts, good: str, bad: str, code: str
) -> None:
    profile = profile_texts([good] * 60 + [bad] + [good] * 37 + [bad, good])
    (found,) = [f for f in profile.findings if f.code == code]
    assert (found.column, found.count, found.pct, found.row) == ("v", 2, 2.0, 61)
    assert (found.severity, found.remedy) == (CODES[code].severity, CODES[code].remedy)
    assert found.dataset == profile.dataset
    told = " ".join(f.model_dump_json() for f in profile.findings)
    assert bad not in told
    assert good not in told.replace("12 %", "")


def test_a_mixture_counts_what_is_not_of_the_most_frequent_kind(profile_texts: Texts) -> None:
    profile = profile_texts(["7"] * 10 + [SECRET] * 6 + ["2024-01-31"] * 4)
    (column,) = profile.columns
    assert (column.type, column.type_share, column.invalid) == ("mixed", 0.5, 10)
    (found,) = column.findings
    assert (found.code, found.count, found.row) == ("E_MIXED_TYPE", 10, 11)
    assert profile.verdict == "FAIL"


def test_findings_of_earlier_stages_are_carried_with_the_counts(profile_sql: ProfileSql) -> None:
    earlier = Finding(code="W_BOM", severity=Severity.WARNING, message="begins with a mark")
    origin = Origin(
        dataset="shop", source="shop", version=4, job_id="j", rows_read=12, rows_rejected=2, findings=(earlier,)
    )
    profile = profile_sql("SELECT i FROM range(10) t(i)", origin)
    assert [(f.code, f.dataset) for f in profile.findings] == [("W_BOM", "shop")]
    assert (profile.dataset, profile.version, profile.rows, profile.rows_read, profile.rows_rejected) == (
        "shop",
        4,
        10,
        12,
        2,
    )
    assert profile.verdict == "WARN"


def test_progress_is_reported_in_rows(profile_sql: ProfileSql) -> None:
    seen: list[tuple[str, int, int | None, str]] = []
    with reporting(lambda *told: seen.append(told)):
        profile_sql("SELECT 1 AS a, 2 AS b, 'x' AS c")
    assert (seen[0], seen[-1]) == (("analyze", 0, 1, "rows"), ("analyze", 1, 1, "rows"))


def test_three_rows_of_three_kinds_are_worth_a_look_and_no_failure(profile_texts: Callable[..., Profile]) -> None:
    few = profile_texts(["1", "Ann", "2024-01-31"])
    assert [finding.code for finding in few.findings] == ["E_MIXED_TYPE"]
    assert few.verdict == "WARN"
    assert profile_texts(["1", "Ann", "2024-01-31"] * 10).verdict == "FAIL"


def test_symbols_that_no_amount_has_are_listed(profile_texts: Callable[..., Profile]) -> None:
    found = profile_texts([f"{i}.50" for i in range(1, 100)] + ["$5.00", "€ 6,00", "7.00 EUR"]).columns[0]
    assert found.money is not None
    assert (found.type, found.money.two_decimal_ok, found.money.violations) == ("money", False, 3)
    assert {entry.value: entry.count for entry in found.money.symbols} == {" ": 2, "$": 1, ",": 1, "€": 1}
