"""Longest and shortest values, scripts, classes of characters, logarithmic histograms, cadence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from udb_pipelines.models import Profile
from udb_pipelines_tests.profiling.conftest import ProfileSql

Texts = Callable[..., Profile]


def test_the_shortest_and_the_longest_value(profile_texts: Texts) -> None:
    (column,) = profile_texts(["pear", "fig", "ash", "cherries", "apricots", None, " "]).columns
    assert (column.shortest_value, column.longest_value) == ("ash", "apricots")


def test_scripts_and_classes_of_characters(profile_texts: Texts) -> None:
    (column,) = profile_texts(
        ["abc 1", "Ωμέγα", "дом-2", "中文 text", "日本のひと", "12\t", "é", "x" * 300 + "!"]
    ).columns
    assert column.text is not None
    scripts = {entry.value: entry.count for entry in column.text.scripts}
    assert scripts == {"Latin": 4, "Greek": 1, "Cyrillic": 1, "Han": 2, "Hiragana": 1}
    classes = {entry.value: entry.count for entry in column.text.classes}
    assert classes == {"letter": 7, "digit": 3, "space": 2, "punctuation": 1, "control": 1}


def test_ascii_columns_have_latin_letters_only(profile_texts: Texts) -> None:
    (column,) = profile_texts(["a1", "b2", "--", "c d"]).columns
    assert column.text is not None
    assert [(entry.value, entry.count) for entry in column.text.scripts] == [("Latin", 3)]


def test_skewed_positive_numbers_have_a_logarithmic_histogram(profile_sql: ProfileSql) -> None:
    skewed, even, signed = profile_sql(
        "SELECT exp(i / 100.0) AS x, 1 + i AS y, exp(i / 100.0) - 1 AS z FROM range(1000) t(i)"
    ).columns
    assert skewed.numeric is not None
    bins = skewed.numeric.log_histogram
    assert sum(entry.count for entry in bins) == 1000
    values = np.exp(np.arange(1000) / 100)
    assert [entry.low for entry in bins] == pytest.approx(np.geomspace(values[0], values[-1], 11)[:-1])
    assert [entry.count for entry in bins] == [100] * 10
    for other in (even, signed):
        assert other.numeric is not None
        assert other.numeric.log_histogram == ()


@pytest.mark.parametrize(
    ("days", "cadence", "gaps", "longest"),
    [
        ("DATE '2024-01-01' + i::INT + CASE WHEN i > 50 THEN 9 ELSE 0 END", "daily", 1, 10),
        ("DATE '2024-01-01' + to_months(i::INT)", "monthly", 0, None),
        ("DATE '2024-01-01' + 7 * i::INT", "weekly", 0, None),
        ("(DATE '2024-01-01' + i::INT)::VARCHAR", "daily", 0, None),
        ("DATE '2024-01-01' + (hash(i) % 90000)::INT", None, None, None),
        ("DATE '2024-01-01' + (i % 3)::INT", None, None, None),
    ],
)
def test_the_cadence_and_its_gaps(
    profile_sql: ProfileSql, days: str, cadence: str | None, gaps: int | None, longest: int | None
) -> None:
    (column,) = profile_sql(f"SELECT {days} AS day FROM range(100) t(i)").columns
    assert column.date is not None
    assert (column.date.cadence, column.date.gaps, column.date.longest_gap_days) == (cadence, gaps, longest)


def test_three_columns_together_are_a_key_where_two_are_not(profile_sql: ProfileSql) -> None:
    keys = profile_sql("SELECT i % 10 AS a, i // 10 % 10 AS b, i // 100 AS c FROM range(1000) t(i)").keys
    assert [key.columns for key in keys] == [("a", "b", "c")]
