"""The report about the table as a whole: drift, personal data, pairs, dependencies, sufficiency, from real profiles."""

from __future__ import annotations

import csv
import io

import duckdb
import pytest

from udb_pipelines import profiling
from udb_pipelines.config import Settings
from udb_pipelines.models import Profile
from udb_pipelines.publishing.documents import profile_json, same_profile
from udb_pipelines.publishing.metrics import metrics_csv
from udb_pipelines_tests.publishing import samples
from udb_pipelines_tests.publishing.test_report import check, render

BEFORE = """
SELECT i AS id, 'user' || i || '@example.org' AS email, ['Berlin', 'Paris', 'Rome'][1 + i % 3] AS city,
    ['DE', 'FR', 'IT'][1 + i % 3] AS state, i * 1.5 AS gross, i * 1.2 + i % 5 AS net, i % 4 AS gone
FROM range(2000) t(i)
"""
AFTER = """
SELECT i AS id, 'user' || i || '@example.org' AS email, ['Berlin', 'Paris', 'Rome'][1 + i % 2] AS city,
    ['DE', 'FR', 'IT'][1 + i % 2] AS state, i * 4.5 AS gross, -i * 1.2 - i % 5 AS net,
    CASE WHEN i % 2 = 0 THEN 1 END AS odd
FROM range(2000) t(i)
"""


@pytest.fixture
def drifted(settings: Settings) -> Profile:
    before, after = (profiling.profile(duckdb.sql(sql), settings, dataset="shop") for sql in (BEFORE, AFTER))
    return after.model_copy(update={"drift": profiling.compare(before, after)})


def test_everything_is_in_the_report(drifted: Profile) -> None:
    page = check(render(drifted, commit=None, stream=None))
    assert {"drift", "personal", "dependencies", "pairs"} <= set(page.ids)
    text = " ".join(" ".join(page.text).split())
    for expected in (
        "of 8 differ from version 0", "column is gone", "new column", "personal, high", "−1.000", "Cramer's V",
        "sufficiency, 0 to 1", "no column tells when something happened", "values are shown as shapes",
    ):  # fmt: skip
        assert expected in text, expected
    assert page.count("svg") > 10


def test_personal_values_are_in_no_artifact(drifted: Profile) -> None:
    for text in (profile_json(drifted), metrics_csv(drifted), render(drifted, commit=None, stream=None)):
        assert "@example.org" not in text
        assert "AAAA9@AAAAAAA.AAA" in text


def test_a_profile_without_any_of_it_has_no_empty_sections() -> None:
    page = check(render(samples.profile()))
    assert not {"drift", "personal", "dependencies", "pairs"} & set(page.ids)


def test_what_it_is_compared_with_does_not_make_another_profile(drifted: Profile) -> None:
    alone = drifted.model_copy(update={"drift": None})
    assert same_profile(profile_json(alone), profile_json(drifted))


def test_the_metrics_tell_personal_columns_and_drift(drifted: Profile) -> None:
    rows = {row["column"]: row for row in csv.DictReader(io.StringIO(metrics_csv(drifted)))}
    assert (rows["email"]["semantic_type"], rows["email"]["pii_severity"], rows["email"]["masked"]) == (
        "email",
        "high",
        "true",
    )
    assert (rows["odd"]["drift"], rows["id"]["drift"], rows["id"]["pii_severity"]) == ("changed", "stable", "")
