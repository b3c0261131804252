"""``metrics.csv``: one row per column, flat, for spreadsheets and scripts.

:data:`METRICS` is the list of its columns with their meaning; the documentation is generated from it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from udb_pipelines.models import ColumnProfile, Profile

Cell = str | int | float | bool | None

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Metric:
    """A column of the file: its name, what it holds, and how it is found."""

    name: str
    meaning: str
    value: Callable[[Profile, ColumnProfile], Cell]


def _quantile(name: str) -> Callable[[Profile, ColumnProfile], Cell]:
    def value(_profile: Profile, column: ColumnProfile) -> Cell:
        return column.numeric.quantiles.get(name) if column.numeric else None

    return value


def _column(name: str) -> Callable[[Profile, ColumnProfile], Cell]:
    def value(_profile: Profile, column: ColumnProfile) -> Cell:
        cell: Cell = getattr(column, name)
        return cell

    return value


def _drift(profile: Profile, column: ColumnProfile) -> Cell:
    drifts = profile.drift.columns if profile.drift else ()
    return next((drift.verdict for drift in drifts if drift.column == column.name), None)


def _part(part: str, name: str) -> Callable[[Profile, ColumnProfile], Cell]:
    """A figure of a part of the profile, such as ``numeric``, which a column has or has not."""

    def value(_profile: Profile, column: ColumnProfile) -> Cell:
        found = getattr(column, part)
        return getattr(found, name) if found else None

    return value


def _least(_profile: Profile, column: ColumnProfile) -> Cell:
    stats = column.numeric or column.date
    return stats.min if stats else None


def _greatest(_profile: Profile, column: ColumnProfile) -> Cell:
    stats = column.numeric or column.date
    return stats.max if stats else None


_NUMERIC_MEANINGS = {
    "sum": "sum of the valid values",
    "mean": "arithmetic mean",
    "median": "median, linear interpolation",
    "stddev": "sample standard deviation (n - 1)",
    "variance": "sample variance (n - 1)",
    "skewness": "Fisher-Pearson g1",
    "kurtosis": "excess kurtosis g2",
    "mode": "most frequent number, the least of several; empty when none repeats",
    "cv": "coefficient of variation: stddev / mean",
    "mad": "median absolute deviation from the median",
    "iqr": "p75 - p25",
    "zeros": "values equal to zero",
    "negatives": "values below zero",
    "integers_pct": "share of whole numbers, 0 to 100",
    "outliers": "values beyond the Tukey fences",
    "normality_test": "name of the test of normality",
    "normality_statistic": "its statistic",
    "normality_p_value": "its p-value",
}

METRICS: tuple[Metric, ...] = (
    Metric("dataset", "table in the warehouse", lambda profile, _: profile.dataset),
    Metric("version", "version of the table", lambda profile, _: profile.version),
    Metric("position", "place of the column, as profile.json counts", _column("position")),
    Metric("column", "name of the column", _column("name")),
    Metric("type", "profile type", _column("type")),
    Metric("type_share", "share of the non-null values that match the type, 0 to 1", _column("type_share")),
    Metric("runner_up", "the type that came second", _column("runner_up")),
    Metric("runner_up_share", "its share, 0 to 1", _column("runner_up_share")),
    Metric("storage_type", "DuckDB type in the warehouse", _column("storage_type")),
    Metric("semantic_type", "what the values stand for, where known", _column("semantic_type")),
    Metric("semantic_share", "share of the non-null values that are of it, 0 to 1", _column("semantic_share")),
    Metric("pii_severity", "how personal the values are: critical, high, medium, low", _column("pii_severity")),
    Metric("masked", "whether values are shown as shapes", _column("masked")),
    Metric("drift", "stable, moved or changed since the previous version", _drift),
    Metric("rows", "rows of the dataset", _column("rows")),
    Metric("nulls", "rows without a value", _column("nulls")),
    Metric("null_pct", "their share, 0 to 100", _column("null_pct")),
    Metric("distinct", "different values", _column("distinct")),
    Metric("duplicates", "rows beyond the first of each value", _column("duplicates")),
    Metric("uniqueness", "distinct / non-null, 0 to 1", _column("uniqueness")),
    Metric("constant", "one value only", _column("constant")),
    Metric("invalid", "values that do not match the type", _column("invalid")),
    Metric("min_length", "shortest value, characters", _column("min_length")),
    Metric("max_length", "longest value, characters", _column("max_length")),
    Metric("avg_length", "mean length, characters", _column("avg_length")),
    Metric("leading_trailing_space", "values that begin or end with white space", _column("leading_trailing_space")),
    Metric("min", "least number or date", _least),
    Metric("max", "greatest number or date", _greatest),
    *(Metric(name, meaning, _part("numeric", name)) for name, meaning in _NUMERIC_MEANINGS.items()),
    *(
        Metric(name, f"{name[1:]}th percentile, linear interpolation", _quantile(name))
        for name in ("p1", "p5", "p25", "p50", "p75", "p95", "p99")
    ),
    Metric("two_decimal_ok", "whether every amount has exactly two decimals", _part("money", "two_decimal_ok")),
    Metric("money_violations", "values that are no amount", _part("money", "violations")),
    Metric("date_format", "format of the dates", _part("date", "format")),
    Metric("date_ambiguous", "no value decides whether day or month comes first", _part("date", "ambiguous")),
    Metric("span_days", "days from the first date to the last", _part("date", "span_days")),
    Metric("dates_out_of_range", "before 1900 or more than a year ahead", _part("date", "out_of_range")),
    Metric("cadence", "daily, weekly, monthly, quarterly or yearly, where one prevails", _part("date", "cadence")),
    Metric("gaps", "neighbouring days further apart than the cadence allows", _part("date", "gaps")),
    Metric("entropy", "Shannon entropy of the values, bits", _part("text", "entropy")),
    Metric("upper", "values in capitals", _part("text", "upper")),
    Metric("lower", "values in small letters", _part("text", "lower")),
    Metric("mixed_case", "values with capitals and small letters", _part("text", "mixed")),
    Metric("top_value", "the most frequent value", lambda _, c: c.top_values[0].value if c.top_values else None),
    Metric("top_count", "rows that have it", lambda _, c: c.top_values[0].count if c.top_values else None),
    Metric("format_hint", "another notation that explains invalid values", _column("format_hint")),
    Metric("format_hint_share", "share of the non-null values it would recover", _column("format_hint_share")),
    Metric("findings", "number of findings", lambda _, column: len(column.findings)),
    Metric("codes", "codes of the findings", lambda _, c: " ".join(sorted({f.code for f in c.findings}))),
    Metric("approximate", "figures that are not exact", lambda _, c: " ".join(c.approximate)),
)


def metrics_csv(profile: Profile) -> str:
    """The file's text as RFC 4180 has it, header first; an empty cell is 'not defined for this column'."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # so that a lone CR or LF in a value is quoted
    writer.writerow(metric.name for metric in METRICS)
    for column in profile.columns:
        writer.writerow(_cell(metric.value(profile, column)) for metric in METRICS)
    return text.getvalue()


def _cell(value: Cell) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return neutral(value) if isinstance(value, str) else value


def neutral(text: str) -> str:
    """Text that a spreadsheet shows instead of running: a formula gets a leading apostrophe, a number stays.

    >>> neutral("=HYPERLINK(1)"), neutral("-12.50"), neutral("-12.50+A1")
    ("'=HYPERLINK(1)", '-12.50', "'-12.50+A1")
    """
    if text.startswith(_FORMULA_START) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
