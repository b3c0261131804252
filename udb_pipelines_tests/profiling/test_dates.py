"""Dates in text: one format per column, the calendar respected, doubts told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.models import ColumnProfile, DateStats, Profile
from udb_pipelines_tests.profiling.conftest import ProfileSql

Texts = Callable[..., Profile]
FORMATS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYYMMDD": "%Y%m%d",
    "YYYY/MM/DD": "%Y/%m/%d",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "YYYY.MM.DD": "%Y.%m.%d",
    "DDMMYYYY": "%d%m%Y",
    "MM-DD-YYYY": "%m-%d-%Y",
    "DD-Mon-YYYY": "%d-%b-%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
}


def dates_of(profile: Profile) -> tuple[ColumnProfile, DateStats]:
    (column,) = profile.columns
    assert column.date is not None
    return column, column.date


def codes(column: ColumnProfile) -> dict[str, tuple[int, int | None]]:
    return {finding.code: (finding.count, finding.row) for finding in column.findings}


@pytest.mark.parametrize("name", FORMATS)
@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.dates(date(1950, 1, 1), date(2025, 12, 31)), min_size=1, max_size=30))
def test_each_format_is_recognised_and_read(profile_texts: Texts, name: str, days: list[date]) -> None:
    days = [*days, date(2001, 12, 25), date(1999, 5, 31)]
    _, found = dates_of(profile_texts([day.strftime(FORMATS[name]) for day in days]))
    assert (found.format, found.ambiguous) == (name, False)
    assert (found.min, found.max) == (str(min(days)), str(max(days)))
    assert found.span_days == (max(days) - min(days)).days
    assert {v.value: v.count for v in found.by_year} == Counter(str(day.year) for day in days)
    assert {v.value: v.count for v in found.by_month} == Counter(f"{day.month:02d}" for day in days)
    assert {v.value: v.count for v in found.by_weekday} == Counter(day.strftime("%a") for day in days)


def test_day_and_month_are_decided_by_the_whole_column(profile_texts: Texts) -> None:
    undecided = [f"{i:02d}/{i + 1:02d}/2024" for i in range(1, 12)]
    _, found = dates_of(profile_texts(undecided))
    assert (found.format, found.ambiguous) == ("MM/DD/YYYY", True)
    _, found = dates_of(profile_texts([*undecided, "13/01/2024"]))
    assert (found.format, found.ambiguous) == ("DD/MM/YYYY", False)


def test_other_formats_and_impossible_days_are_counted_with_their_first_row(profile_texts: Texts) -> None:
    good = [f"2024-01-{i:02d}" for i in range(1, 32)] * 3
    column, found = dates_of(profile_texts([*good, "2024-02-30", "05.03.2024", "06.03.2024"]))
    assert found.format == "YYYY-MM-DD"
    assert codes(column) == {"E_DATE_INVALID": (1, 94), "E_DATE_MIXED_FORMAT": (2, 95)}
    assert column.invalid == 3
    assert sum(year.count for year in found.by_year) == 93


def test_timestamps_count_with_their_form_named(profile_texts: Texts) -> None:
    _, found = dates_of(profile_texts(["2024-01-31 10:00", "2024-01-31T10:00:30.5"]))
    assert found.format == "YYYY-MM-DD hh:mm:ss"
    assert (found.min, found.max) == ("2024-01-31 10:00:00", "2024-01-31 10:00:30.5")
    _, found = dates_of(profile_texts(["31/01/2024 23:30:00+0100", "30/01/2024 23:30:00Z"]))
    assert found.format == "DD/MM/YYYY hh:mm:ss zone"
    assert (found.min, found.max) == ("2024-01-30 23:30:00", "2024-01-31 22:30:00")


TIMES = ("{} 4:05", "{} 04:05", "{}T04:05:00", "{} 04:05:00.000000000", "{} 04:05:00,0", "{} 4:05:00.0")
ZONED = ("{} 04:05Z", "{} 05:05:00 +01", "{}T05:05+0100", "{} 03:35:00.0-00:30", "{}T04:05:00,00Z", "{} 04:05:00+00")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("form", "texts"), [(" hh:mm:ss", TIMES), (" hh:mm:ss zone", ZONED)], ids=["time", "zone"])
def test_one_moment_written_in_many_ways_is_one(
    profile_texts: Texts, name: str, form: str, texts: tuple[str, ...]
) -> None:
    day = date(2024, 1, 31).strftime(FORMATS[name])
    column, found = dates_of(profile_texts([text.format(day) for text in texts]))
    assert (found.format, found.min, found.max) == (name + form, "2024-01-31 04:05:00", "2024-01-31 04:05:00")
    assert column.invalid == 0
    # With a value beside them that is none, each is looked at before it is read.
    column, found = dates_of(profile_texts([*(text.format(day) for text in texts * 4), "soon"]))
    assert (found.min, found.max, column.invalid) == ("2024-01-31 04:05:00", "2024-01-31 04:05:00", 1)


def test_dates_out_of_range_are_warned_of(profile_sql: ProfileSql, profile_texts: Texts) -> None:
    far = datetime.now(UTC).date() + timedelta(days=400)
    column, found = dates_of(profile_texts(["2020-01-01", "1899-12-31", "1900-01-01", str(far)]))
    assert found.out_of_range == 2
    assert codes(column) == {"W_DATE_RANGE": (2, 2)}
    column, found = dates_of(profile_sql(f"SELECT unnest([DATE '2020-01-01', DATE '{far}', 'infinity'::DATE]) AS d"))
    assert found.out_of_range == 1
    assert codes(column) == {"W_DATE_RANGE": (1, 2)}
