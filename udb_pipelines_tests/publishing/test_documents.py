"""profile.json, audit.log.json and metrics.csv: deterministic, honest, harmless."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.models import NumericStats, Profile
from udb_pipelines.publishing.documents import audit_json, profile_json, same_profile, software_versions
from udb_pipelines.publishing.metrics import METRICS, metrics_csv, neutral
from udb_pipelines_tests.publishing import samples


def audit(profile: Profile, **changes: object) -> dict[str, object]:
    found = samples.detection().model_copy(update=changes)
    text = audit_json(profile, samples.sync(), found, samples.stream().detected, samples.SECONDS, software_versions())
    return json.loads(text)


def rows(profile: Profile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(metrics_csv(profile), newline="")))


def test_the_profile_survives_the_round_trip():
    profile = samples.profile()
    assert Profile.model_validate_json(profile_json(profile)) == profile


def test_the_same_profile_is_the_same_bytes():
    assert profile_json(samples.profile()) == profile_json(samples.profile())
    assert metrics_csv(samples.profile()) == metrics_csv(samples.profile())


def test_figures_that_json_cannot_hold_become_null():
    stats = samples.numeric(0, 1, (1,), skewness=math.nan, sum=math.inf)
    text = profile_json(samples.profile(found=(samples.column("x", 1, numeric=stats),)))
    numeric = json.loads(text, parse_constant=pytest.fail)["columns"][0]["numeric"]
    assert (numeric["skewness"], numeric["sum"]) == (None, None)


def test_profiles_are_the_same_when_only_time_and_last_digits_differ():
    one = samples.profile()
    column = one.columns[0]
    jitter = column.model_copy(
        update={"numeric": column.numeric.model_copy(update={"mean": column.numeric.mean * (1 + 1e-15)})}
    )
    later = one.model_copy(update={"seconds": 9.9, "columns": (jitter, *one.columns[1:])})
    other = one.model_copy(update={"columns": one.columns[1:]})
    assert same_profile(profile_json(one), profile_json(later))
    assert not same_profile(profile_json(one), profile_json(other))


def test_the_audit_log_says_what_was_read_and_what_came_of_it():
    log = audit(samples.profile())
    assert log["run_id"] == samples.JOB
    assert log["rows"] == {"read": samples.ROWS + 12, "rejected": 12, "in_dataset": samples.ROWS}
    assert log["columns"] == 9
    assert log["input"]["bytes"] == 2_714_880
    assert log["input"]["sha256"] == samples.detection().fingerprint
    assert (log["input"]["delimiter"], log["input"]["encoding"], log["input"]["utf8_valid"]) == (";", "cp1252", False)
    assert log["seconds"] == samples.SECONDS
    assert log["errors"]["E_JAGGED_ROW"] == 12
    assert log["errors"]["W_BOM"] == 1
    assert {"udb-pipelines", "python", "duckdb"} <= set(log["software"])


def test_a_fingerprint_that_is_no_checksum_is_not_called_one():
    log = audit(samples.profile(), fingerprint="live-0123")
    assert log["input"]["sha256"] is None
    assert log["input"]["fingerprint"] == "live-0123"


def test_the_audit_log_never_holds_a_value():
    planted = "PLANTED-VALUE-7719"
    column = samples.column("c", 1, top_values=samples.counts((planted, 3)), bottom_values=samples.counts((planted, 1)))
    profile = samples.profile(found=(column,))
    assert planted in profile_json(profile)
    assert planted not in json.dumps(audit(profile))


def test_metrics_have_one_row_per_column_and_every_metric():
    found = rows(samples.profile())
    assert [row["column"] for row in found] == [column.name for column in samples.columns()]
    assert list(found[0]) == [metric.name for metric in METRICS]
    amount = found[4]
    assert float(amount["min"]) == -120.5
    assert float(amount["p50"]) == samples.columns()[4].numeric.quantiles["p50"]
    assert amount["codes"] == "E_MONEY_FORMAT"
    assert found[8]["mean"] == ""
    assert found[8]["constant"] == "true"


def test_every_figure_of_numbers_is_a_metric():
    charts = {"histogram", "log_histogram", "quantiles"}
    assert set(NumericStats.model_fields) - charts <= {metric.name for metric in METRICS}
    dated = rows(samples.profile())[next(i for i, column in enumerate(samples.columns()) if column.date)]
    date = next(column.date for column in samples.columns() if column.date)
    assert (dated["date_format"], dated["span_days"]) == (date.format, str(date.span_days))


def test_every_metric_is_documented_and_named_once():
    assert all(metric.meaning for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-2+3", "--1", "-"])
def test_a_spreadsheet_does_not_run_a_cell(text):
    profile = samples.profile(found=(samples.column(text, 1, top_values=samples.counts((text, 3))),))
    row = rows(profile)[0]
    assert row["column"] == f"'{text}"
    assert row["top_value"] == f"'{text}"


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_stays_a_number(value):
    assert neutral(str(value)) == str(value)


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_a_table_with_hostile_names_reads_back(text):
    profile = samples.profile(found=(samples.column(text, 1), samples.column("after", 2)))
    assert [row["column"] for row in rows(profile)] == [neutral(text), "after"]
