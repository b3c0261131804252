"""What ``analyze`` found in one column."""

from __future__ import annotations

from typing import Literal

from udb_pipelines.models.base import Finding, Model
from udb_pipelines.models.detection import Evidence

ProfileType = Literal["numeric", "money", "date", "code", "alpha", "varchar", "mixed", "unknown"]

PiiSeverity = Literal["critical", "high", "medium", "low"]
"""How much harm a disclosed value does: a card number, an email address, a location, an age."""


class ValueCount(Model):
    """A value, as text, and how many rows have it."""

    value: str
    count: int


class Bin(Model):
    """A histogram bin: ``low <= x < high``; the last one includes ``high``."""

    low: float
    high: float
    count: int


class NumericStats(Model):
    """Moments and order statistics of the values that match the type. None where undefined."""

    min: float | None
    max: float | None
    sum: float | None
    mean: float | None
    median: float | None
    stddev: float | None
    """Sample standard deviation (n - 1)."""
    variance: float | None
    skewness: float | None
    """Fisher-Pearson coefficient g1, as ``scipy.stats.skew`` (biased)."""
    kurtosis: float | None
    """Excess kurtosis g2, as ``scipy.stats.kurtosis`` (biased)."""
    quantiles: dict[str, float]
    """``p1`` to ``p99``, exact, linear interpolation (NumPy's default)."""
    iqr: float | None
    zeros: int
    negatives: int
    integers_pct: float
    outliers: int
    """Beyond the Tukey fences: 1.5 IQR outside the quartiles."""
    histogram: tuple[Bin, ...]
    normality_test: str | None = None
    normality_statistic: float | None = None
    normality_p_value: float | None = None
    mode: float | None = None
    """Most frequent number, the smallest of several; None when no number repeats."""
    mad: float | None = None
    """Median absolute deviation from the median."""
    cv: float | None = None
    """Coefficient of variation: stddev / mean."""
    log_histogram: tuple[Bin, ...] = ()
    """Bins of equal width on a logarithmic axis, for positive numbers of which few are very large."""


class MoneyStats(Model):
    """What money has beside :class:`NumericStats`."""

    two_decimal_ok: bool
    violations: int
    symbols: tuple[ValueCount, ...] = ()
    """Characters that an amount may not have, such as a currency's, each with the rows that have it."""


class DateStats(Model):
    """Dates and timestamps, as ISO text."""

    format: str
    min: str | None
    max: str | None
    span_days: int | None
    by_year: tuple[ValueCount, ...]
    by_month: tuple[ValueCount, ...]
    """Twelve entries or fewer, ``01`` to ``12``."""
    by_weekday: tuple[ValueCount, ...]
    """``Mon`` to ``Sun``."""
    out_of_range: int
    ambiguous: bool = False
    """No value decides whether the day or the month comes first."""
    cadence: str | None = None
    """``daily``, ``weekly``, ``monthly``, ``quarterly``, ``yearly``, when most neighbouring days are so far apart."""
    gaps: int | None = None
    """Neighbouring days further apart than the cadence allows."""
    longest_gap_days: int | None = None


class TextStats(Model):
    """Text columns of any kind."""

    entropy: float | None
    """Shannon entropy of the values, in bits."""
    patterns: tuple[ValueCount, ...]
    """Most frequent shapes: A for a letter, 9 for a digit."""
    upper: int
    lower: int
    mixed: int
    scripts: tuple[ValueCount, ...] = ()
    """Unicode scripts, each with the rows that have a letter of it among the first 200 characters."""
    classes: tuple[ValueCount, ...] = ()
    """Rows with a ``letter``, ``digit``, ``space``, ``punctuation``, another ASCII ``control`` character, or one that
    is ``other``, among the first 200 characters."""


class ColumnProfile(Model):
    """Everything known about one column."""

    name: str
    position: int
    storage_type: str
    type: ProfileType
    type_share: float
    """Share of the non-null values that match ``type``, 0 to 1."""
    runner_up: ProfileType | None = None
    runner_up_share: float | None = None
    semantic_type: str | None = None
    rows: int
    nulls: int
    null_pct: float
    distinct: int
    duplicates: int
    """Non-null rows beyond the first of each value."""
    uniqueness: float
    """distinct / non-null, 0 to 1."""
    constant: bool
    invalid: int
    """Non-null values that do not match ``type``, or are dates in another format than the column's: left out of the
    statistics of the type."""
    min_length: int | None = None
    max_length: int | None = None
    avg_length: float | None = None
    leading_trailing_space: int = 0
    top_values: tuple[ValueCount, ...] = ()
    bottom_values: tuple[ValueCount, ...] = ()
    format_hint: str | None = None
    format_hint_share: float | None = None
    numeric: NumericStats | None = None
    money: MoneyStats | None = None
    date: DateStats | None = None
    text: TextStats | None = None
    findings: tuple[Finding, ...] = ()
    approximate: tuple[str, ...] = ()
    """Names of the figures above that are not exact, with the method."""
    shortest_value: str | None = None
    longest_value: str | None = None
    """The first of them in order, cut as other values are."""
    semantic_share: float | None = None
    """Share of the non-null rows that are of ``semantic_type``, 0 to 1."""
    semantic_evidence: tuple[Evidence, ...] = ()
    pii_severity: PiiSeverity | None = None
    """Set for personal data."""
    masked: bool = False
    """The values shown stand for personal data: letters became ``A``, digits ``9``."""
