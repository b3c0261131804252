"""What the report says, as text and charts ready to be laid out. Pure; the templates only arrange it."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from udb_pipelines.errors import CODES, Severity
from udb_pipelines.models import (
    Bin,
    ColumnProfile,
    DatasetVersion,
    DateStats,
    Detection,
    Finding,
    NumericStats,
    Profile,
    Stream,
    TextStats,
    ValueCount,
)
from udb_pipelines.publishing import charts
from udb_pipelines.publishing.formatting import anchor, integer, number, percent, share, shown
from udb_pipelines.wording import counted, duration, size

FILES_SHOWN = 10
VALUE_CHARACTERS = 90
VALUES_SHOWN = 12
MATCHES = {
    "numeric": "of the values are numbers",
    "money": "of the values are amounts with two decimals",
    "date": "of the values are dates or times",
    "alpha": "of the values are letters only",
}
SIGNS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe", " ": "space", ":": "colon", '"': "double quote",
         "'": "single quote", "\\": "backslash", "\n": "LF", "\r\n": "CRLF", "\r": "CR", "": "none"}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A label and what stands beside it; ``note`` qualifies the figure."""

    label: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart, its caption, and the same figures as a table for those who cannot see it."""

    caption: str
    svg: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ValueRow:
    """One line of a table of values."""

    text: str
    blank: bool
    count: str
    share: str
    meter: Markup


@dataclass(frozen=True)
class FindingView:
    """A finding with its advice, and where in the report its column is."""

    code: str
    severity: str
    message: str
    remedy: str
    column: str
    anchor: str
    count: str
    share: str
    where: str


@dataclass(frozen=True)
class ColumnView:
    """Everything the report shows of one column."""

    profile: ColumnProfile
    name: str
    anchor: str
    original: str
    least: str
    greatest: str
    null_share: str
    null_meter: Markup
    mini: Markup
    completeness: Markup
    summary: str
    charts: tuple[Chart, ...]
    facts: tuple[Fact, ...]
    statistics: tuple[Fact, ...]
    top: tuple[ValueRow, ...]
    bottom: tuple[ValueRow, ...]
    patterns: tuple[ValueRow, ...]
    findings: tuple[FindingView, ...]


@dataclass(frozen=True)
class Step:
    """One guess of detection with its reasons."""

    name: str
    confidence: str
    meter: Markup
    evidence: tuple[tuple[str, str], ...]


def column_views(profile: Profile, commit: DatasetVersion | None) -> tuple[ColumnView, ...]:
    """The columns in their order."""
    originals = {column.name: column.original_name for column in commit.columns} if commit else {}
    # The profile's list also has what detection and sync say about a column.
    about: dict[str | None, list[Finding]] = {}
    for finding in profile.findings:
        about.setdefault(finding.column, []).append(finding)
    return tuple(
        _column(column, originals.get(column.name), about.get(column.name) or column.findings)
        for column in profile.columns
    )


def finding_views(findings: Iterable[Finding], columns: Iterable[ColumnProfile]) -> tuple[FindingView, ...]:
    """Errors before warnings, then what concerns most rows first; linked to the ``columns`` they are about."""
    anchors = {column.name: anchor(column.name, column.position) for column in columns}
    worst_first = sorted(findings, key=lambda f: (f.severity != Severity.ERROR, -f.pct, -f.count, f.code))
    return tuple(_finding(finding, anchors) for finding in worst_first)


def headline(profile: Profile) -> str:
    """The state of the dataset in one sentence."""
    errors = sum(finding.severity == Severity.ERROR for finding in profile.findings)
    warnings = len(profile.findings) - errors
    parts = [counted(count, noun) for count, noun in ((errors, "error"), (warnings, "warning")) if count]
    if not parts:
        said = "Nothing was found wrong"
    else:
        columns = len({finding.column for finding in profile.findings if finding.column})
        where = f" in {columns} of {counted(len(profile.columns), 'column')}" if columns else ""
        said = f"{' and '.join(parts)}{where}"
    rejected = counted(profile.rows_rejected, "row was", "rows were")
    return f"{said}; {rejected} rejected." if profile.rows_rejected else f"{said}; no row was rejected."


def header_facts(profile: Profile, seconds: dict[str, float]) -> tuple[Fact, ...]:
    """The figures at the top."""
    cells = profile.rows * len(profile.columns)
    empty = sum(column.nulls for column in profile.columns)
    invalid = sum(column.invalid for column in profile.columns)
    rejected = (
        percent(share(profile.rows_rejected, profile.rows_read)) if profile.rows_rejected else "every row was loaded"
    )
    return (
        Fact("Rows", integer(profile.rows), f"{integer(profile.rows_read)} read"),
        Fact("Columns", integer(len(profile.columns)), _kinds(profile)),
        Fact("Rejected rows", integer(profile.rows_rejected), rejected),
        Fact("Empty cells", percent(share(empty, cells)), integer(empty)),
        Fact("Invalid cells", percent(share(invalid, cells)), integer(invalid)),
        Fact("Time", duration(sum(seconds.values())) if seconds else duration(profile.seconds), _stages(seconds)),
    )


def reading_facts(stream: Stream | None, detection: Detection) -> tuple[Fact, ...]:
    """How the source was read: format, encoding, dialect, settings."""
    facts = [Fact("Source", shown(detection.uri, 400)), Fact("Connector", detection.connector)]
    if stream is not None:
        found = stream.detected
        compression = "" if found.compression == "none" else f", {found.compression}"
        facts.append(Fact("Format", f"{found.format}{compression}"))
        if found.member:
            facts.append(Fact("Part of the source", shown(found.member)))
        if found.format not in {"parquet", "arrow", "avro", "orc", "database", "sqlite", "duckdb"}:
            facts.append(Fact("Encoding", found.encoding, f"confidence {percent(100 * found.encoding_confidence)}"))
        facts += _dialect_facts(stream)
        facts.append(Fact("Sync mode", stream.sync_mode.replace("_", " ")))
        facts += [Fact("Primary key", ", ".join(map(shown, stream.primary_key)))] if stream.primary_key else []
        facts += [Fact("Cursor", shown(stream.cursor))] if stream.cursor else []
    facts.append(Fact("Size", size(detection.bytes)))
    facts.append(Fact("Fingerprint", f"{detection.fingerprint[:16]}…", "whole in audit.log.json"))
    return tuple(facts)


def other_files(stream: Stream | None, detection: Detection) -> tuple[str, ...]:
    """The files that were read, unless the source itself names the only one; a database has none."""
    if stream is None or stream.detected.format == "database":
        return ()
    files = stream.detected.files
    return () if files == (detection.uri,) else files


def candidate_views(stream: Stream | None) -> tuple[Step, ...]:
    """What the source might have been, the choice first."""
    if stream is None:
        return ()
    return tuple(
        Step(
            f"{candidate.format}, delimiter {_sign(candidate.dialect.delimiter)}"
            if candidate.dialect and candidate.format == "delimited"
            else candidate.format,
            percent(100 * candidate.confidence),
            charts.meter(candidate.confidence, 1.0),
            tuple((shown(evidence.what, 300), percent(100 * evidence.weight)) for evidence in candidate.evidence),
        )
        for candidate in stream.detected.candidates
    )


def _dialect_facts(stream: Stream) -> list[Fact]:
    dialect = stream.detected.dialect
    if dialect is None or stream.detected.format == "log":
        return []
    if dialect.spans:
        starts = ", ".join(str(start) for start, _ in dialect.spans)
        return [Fact("Columns begin at", starts), Fact("Line ending", _sign(dialect.newline))]
    escape = "doubled quote" if dialect.escape == dialect.quote and dialect.quote else _sign(dialect.escape)
    facts = [
        Fact("Delimiter", _sign(dialect.delimiter)),
        Fact("Quote", _sign(dialect.quote)),
        Fact("Escape", escape),
        Fact("Line ending", _sign(dialect.newline)),
        Fact("Header", counted(dialect.header_rows, "row") if dialect.header_rows else "none"),
    ]
    optional = (
        ("Skipped before it", counted(dialect.skip_rows, "line") if dialect.skip_rows else ""),
        ("Left out at the end", counted(dialect.footer_rows, "line") if dialect.footer_rows else ""),
        ("Comment sign", shown(dialect.comment)),
    )
    return facts + [Fact(label, text) for label, text in optional if text]


def _sign(text: str) -> str:
    name = SIGNS.get(text)
    visible = text.strip()
    if name is None:
        return shown(text)
    return f"{name} {visible}" if visible else name


def _kinds(profile: Profile) -> str:
    counted: dict[str, int] = {}
    for column in profile.columns:
        counted[column.type] = counted.get(column.type, 0) + 1
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    more = f" +{len(ranked) - 3}" if len(ranked) > 3 else ""
    return ", ".join(f"{count} {kind}" for kind, count in ranked[:3]) + more


def _stages(seconds: dict[str, float]) -> str:
    slowest = max(seconds.items(), key=lambda item: item[1], default=None)
    return f"longest: {slowest[0]}" if slowest else "to profile"


def _finding(finding: Finding, anchors: dict[str, str]) -> FindingView:
    known = CODES.get(finding.code)
    where = [f"row {integer(finding.row)}"] if finding.row is not None else []
    where += [f"byte {integer(finding.byte_offset)}"] if finding.byte_offset is not None else []
    return FindingView(
        code=finding.code,
        severity=finding.severity.value,
        message=shown(finding.message, 600),
        remedy=shown(finding.remedy or (known.remedy if known else ""), 600),
        column=shown(finding.column, 80) if finding.column is not None else "",
        anchor=anchors.get(finding.column or "", ""),
        count=integer(finding.count) if finding.count else "",
        share=percent(finding.pct) if finding.count and finding.pct else "",
        where=", ".join(where),
    )


def _column(column: ColumnProfile, original: str | None, findings: Sequence[Finding]) -> ColumnView:
    present = column.rows - column.nulls
    identifier = anchor(column.name, column.position)
    least, greatest = _range(column)
    return ColumnView(
        profile=column,
        name=_edges(shown(column.name, 120)) or "(no name)",
        anchor=identifier,
        original=shown(original, 120) if original and original != column.name else "",
        least=least,
        greatest=greatest,
        null_share=percent(column.null_pct),
        null_meter=charts.meter(column.nulls, column.rows, "c-null", width=48.0),
        mini=_mini(column, present),
        completeness=charts.completeness(present - column.invalid, column.invalid, column.nulls),
        summary=_summary(column, present),
        charts=tuple(_charts(column)),
        facts=_facts(column, present),
        statistics=tuple(_statistics(column)),
        top=_value_rows(column.top_values, present),
        bottom=_value_rows(_seldom(column), present),
        patterns=_value_rows(column.text.patterns, present) if column.text else (),
        findings=finding_views(findings, ()),
    )


def _range(column: ColumnProfile) -> tuple[str, str]:
    if column.numeric and column.numeric.min is not None:
        return number(column.numeric.min), number(column.numeric.max)
    if column.date and column.date.min is not None:
        return _day(column.date.min), _day(column.date.max or "")
    if column.min_length is not None and column.min_length == column.max_length:
        return "", counted(column.min_length, "character")
    if column.min_length is not None:
        return integer(column.min_length), counted(column.max_length or 0, "character")
    return "", ""


def _day(iso: str) -> str:
    """The date of an ISO time: in the table of columns the time of day says little and takes much room."""
    return shown(iso.partition("T")[0].partition(" ")[0], 32)


def _mini(column: ColumnProfile, present: int) -> Markup:
    if column.numeric and column.numeric.histogram:
        return charts.spark([entry.count for entry in column.numeric.histogram], "Distribution")
    if column.date and len(column.date.by_year) > 1:
        return charts.spark(
            [point.count for point in charts.with_missing_years(charts.folded(column.date.by_year))], "Rows per year"
        )
    if column.date and column.date.by_month:
        return charts.spark([point.count for point in column.date.by_month], "Rows per month")
    top = [value.count for value in column.top_values[:5]]
    if not top:
        return Markup("")
    label = f"The {counted(len(top), 'most frequent value')}: {percent(share(sum(top), present))}"
    return charts.concentration(top, present, label)


def _summary(column: ColumnProfile, present: int) -> str:
    """The type and how sure it is, in words."""
    if not present:
        return "No row has a value."
    said = _type_said(column)
    if column.runner_up and column.runner_up_share:
        said += f"; next: {column.runner_up}, {percent(100 * column.runner_up_share)}"
    if column.format_hint:
        recover = f", which explains {percent(100 * (column.format_hint_share or 0))}"
        said += f". Other notation found: {shown(column.format_hint)}{recover}"
    return said + "."


def _type_said(column: ColumnProfile) -> str:
    if column.type in MATCHES:
        return f"{percent(100 * column.type_share)} {MATCHES[column.type]}"
    if column.type == "code":
        return f"A code: {counted(column.distinct, 'distinct value')}"
    return "Several types, none of them prevails" if column.type == "mixed" else "Text"


def _facts(column: ColumnProfile, present: int) -> tuple[Fact, ...]:
    facts = [
        Fact("Values", integer(present), percent(share(present, column.rows))),
        Fact("Empty", integer(column.nulls), percent(column.null_pct)),
        Fact("Invalid", integer(column.invalid), percent(share(column.invalid, present))),
        Fact("Distinct", integer(column.distinct), f"{percent(100 * column.uniqueness)} unique"),
        Fact("Duplicates", integer(column.duplicates), percent(share(column.duplicates, present))),
    ]
    if column.min_length is not None:
        lengths = f"{integer(column.min_length)} to {integer(column.max_length)}"
        facts.append(Fact("Length", lengths, f"mean {number(column.avg_length)}"))
    if column.longest_value is not None and column.min_length != column.max_length:
        facts.append(Fact("Shortest", _edges(shown(column.shortest_value or "", 40))))
        facts.append(Fact("Longest", _edges(shown(column.longest_value, 40))))
    if column.leading_trailing_space:
        facts.append(Fact("Outer white space", integer(column.leading_trailing_space), "values"))
    if column.text and column.type not in {"numeric", "money", "date"}:
        facts += _text_facts(column.text)
    if column.date:
        facts += _date_facts(column.date)
    return tuple(facts)


def _statistics(column: ColumnProfile) -> list[Fact]:
    facts: list[Fact] = []
    if column.numeric:
        facts += _numeric_facts(column.numeric)
    if column.money:
        verdict = "all" if column.money.two_decimal_ok else f"{integer(column.money.violations)} without"
        facts.append(Fact("Two decimals", verdict))
    return facts


def _text_facts(text: TextStats) -> list[Fact]:
    cases = (("Upper case", text.upper), ("Lower case", text.lower), ("Mixed case", text.mixed))
    facts = [
        Fact("Entropy", number(text.entropy), "bits"),
        *(Fact(label, integer(count)) for label, count in cases if count),
    ]
    if text.scripts and [entry.value for entry in text.scripts] != ["Latin"]:
        facts.append(Fact("Scripts", _counted(text.scripts)))
    odd = [entry for entry in text.classes if entry.value in ("control", "other")]
    return [*facts, Fact("With unusual characters", _counted(odd))] if odd else facts


def _counted(entries: Sequence[ValueCount]) -> str:
    return ", ".join(f"{entry.value} {integer(entry.count)}" for entry in entries)


def _numeric_facts(stats: NumericStats) -> list[Fact]:
    facts = [
        Fact("Mean", number(stats.mean)),
        Fact("Median", number(stats.median)),
        *([Fact("Mode", number(stats.mode))] if stats.mode is not None else []),
        Fact("Minimum", number(stats.min)),
        Fact("Maximum", number(stats.max)),
        Fact("Sum", number(stats.sum)),
        Fact("Standard deviation", number(stats.stddev)),
        Fact("Variance", number(stats.variance)),
        *([Fact("Coefficient of variation", number(stats.cv))] if stats.cv is not None else []),
        Fact("Interquartile range", number(stats.iqr)),
        *([Fact("Median deviation", number(stats.mad))] if stats.mad is not None else []),
        Fact("Skewness", number(stats.skewness)),
        Fact("Excess kurtosis", number(stats.kurtosis)),
        Fact("Zeros", integer(stats.zeros)),
        Fact("Negative", integer(stats.negatives)),
        Fact("Whole numbers", percent(stats.integers_pct)),
        Fact("Outliers (Tukey)", integer(stats.outliers)),
    ]
    if stats.normality_test and stats.normality_statistic is not None:
        p = stats.normality_p_value
        p_value = "p < 0.0001" if p is not None and p < 0.0001 else f"p = {number(p)}"
        name = {"dagostino": "D'Agostino K²", "jarque_bera": "Jarque-Bera", "ks": "Kolmogorov-Smirnov"}
        facts.append(
            Fact(name.get(stats.normality_test, stats.normality_test), number(stats.normality_statistic), p_value)
        )
    return facts


def _date_facts(stats: DateStats) -> list[Fact]:
    facts = [
        Fact("First", shown(stats.min or "–")),
        Fact("Last", shown(stats.max or "–")),
        Fact("Span", counted(stats.span_days, "day") if stats.span_days is not None else "–"),
        Fact("Format", shown(stats.format), "day and month could be swapped" if stats.ambiguous else ""),
    ]
    if stats.cadence:
        longest = f"longest {counted(stats.longest_gap_days, 'day')}" if stats.longest_gap_days else ""
        facts.append(Fact("Cadence", stats.cadence))
        facts.append(Fact("Gaps", integer(stats.gaps), longest))
    if stats.out_of_range:
        facts.append(Fact("Before 1900 or over a year ahead", integer(stats.out_of_range)))
    return facts


def _charts(column: ColumnProfile) -> Iterable[Chart]:
    if column.numeric and column.numeric.histogram:
        yield _histogram_chart(column.numeric.histogram, "Rows by value")
    if column.numeric and column.numeric.log_histogram:
        yield _histogram_chart(column.numeric.log_histogram, "Rows by value, logarithmic axis")
    if column.numeric:
        strip = charts.quantile_strip(column.numeric)
        if strip:
            rows = tuple((f"{name[1:]} %", number(value)) for name, value in column.numeric.quantiles.items())
            caption = "Spread of 98, 90 and 50 % of the values, median (line), mean (dot)"
            yield Chart(caption, strip, ("Below it", "Value"), rows)
    if column.date:
        yield from _date_charts(column.date)


def _histogram_chart(bins: Sequence[Bin], caption: str) -> Chart:
    rows = tuple((number(entry.low), number(entry.high), integer(entry.count)) for entry in bins)
    label = f"Histogram with {counted(len(bins), 'bin')} from {number(bins[0].low)} to {number(bins[-1].high)}"
    return Chart(caption, charts.histogram(bins, label), ("From", "Up to", "Rows"), rows)


def _date_charts(stats: DateStats) -> Iterable[Chart]:
    if len(stats.by_year) > 1:
        yield _count_chart("Rows by year", "Year", charts.folded(stats.by_year))
    if len(stats.by_month) > 1:
        months = [point.model_copy(update={"value": _month(point.value)}) for point in stats.by_month]
        yield _count_chart("Rows by month of the year", "Month", months)
    if len(stats.by_weekday) > 1:
        yield _count_chart("Rows by weekday", "Weekday", stats.by_weekday)


def _month(number: str) -> str:
    return calendar.month_abbr[int(number)] if number in {f"{month:02d}" for month in range(1, 13)} else number


def _count_chart(caption: str, head: str, points: Sequence[ValueCount]) -> Chart:
    rows = tuple((shown(point.value), integer(point.count)) for point in points)
    busiest = max(points, key=lambda point: point.count)
    label = f"{caption}; most in {shown(busiest.value)} with {integer(busiest.count)}"
    return Chart(caption, charts.timeline(points, label), (head, "Rows"), rows)


def _seldom(column: ColumnProfile) -> Sequence[ValueCount]:
    """The least frequent values, where they say more than the most frequent ones do."""
    is_text = column.type in {"code", "alpha", "varchar", "mixed"}
    repeats = column.distinct > len(column.top_values) and column.uniqueness < 1
    return column.bottom_values if is_text and repeats else ()


def _edges(text: str) -> str:
    """Spaces at either end made visible; nobody sees them otherwise, and they break joins."""
    if text.isspace():
        return "␣" * len(text)
    left, right = len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))
    return f"{'␣' * left}{text.strip(' ')}{'␣' * right}" if left or right else text


def _value_rows(values: Sequence[ValueCount], total: int) -> tuple[ValueRow, ...]:
    most = max((value.count for value in values), default=0)
    return tuple(
        ValueRow(
            text=_edges(shown(value.value, VALUE_CHARACTERS)),
            blank=not value.value.strip(),
            count=integer(value.count),
            share=percent(share(value.count, total)),
            meter=charts.meter(value.count, most, width=72.0) if most > 1 else Markup(""),
        )
        for value in values[:VALUES_SHOWN]
    )
