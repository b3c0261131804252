"""Dates and timestamps: which format a text column uses, and what the dates say.

A column has one format; dates in any other are counted as mixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from udb_pipelines.models import DateStats, ValueCount
from udb_pipelines.profiling.date_formats import DAY_FORMATS, FIRST_DAY, FORMS, RIVALS, DateFormat
from udb_pipelines.profiling.expressions import dateish, full_match
from udb_pipelines.profiling.findings import Suspicion
from udb_pipelines.profiling.session import Session, among, count_where

MOMENTS = "udb_profile_moments"
"""Temporary table of the columns at hand: column ``c``, moments ``m`` and how many rows have each, ``n``."""

CADENCES = {"daily": (1, 1), "weekly": (7, 7), "monthly": (28, 31), "quarterly": (90, 92), "yearly": (365, 366)}
"""Days from one that occurs to the next."""
PREVAILS = 0.6
LEAST_STEPS = 5
"""Fewer days that follow each other make no cadence."""
Shape = tuple[str, str]
"""What formats that look alike have in common: the pattern of a day, and a form."""
_PROBED = 1000
"""Values whose shapes are tried first on all the others."""
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class DateFindings:
    """What the values of a text column say about dates. Counts are rows."""

    any_format: int = 0
    """Rows that are dates in some format."""
    chosen: DateFormat | None = None
    matching: int = 0
    """Rows in the chosen format."""
    throughout: bool = False
    """Whether every value is in the chosen format."""
    ambiguous: bool = False
    present: tuple[DateFormat, ...] = ()
    """Every format that some value has."""

    @property
    def compact(self) -> int:
        """Rows that are numbers as well: eight digits and nothing else."""
        only_digits = self.chosen is not None and self.chosen.day.compact and not self.chosen.form
        return self.matching if only_digits else 0


def latest_day(today: date) -> date:
    """The last day in range: a year ahead."""
    return today + timedelta(days=365)


def find_formats(session: Session, text: str, non_null: Mapping[int, int]) -> dict[int, DateFindings]:
    """Which formats the distinct values ``text`` (SQL) of each column are written in, and which one it has.

    ``non_null`` tells the rows of each column that is looked at. One pass: a value has one shape at the most, and
    only the days of that shape are read from it.
    """
    if not non_null:
        return {}
    counted = _counts(session, text, among(non_null))
    return {c: _found(session, counted.get(c, []), n) for c, n in non_null.items()}


@dataclass(frozen=True)
class _Counts:
    """Rows of a column in one shape: of each of its formats that they are real days in, and of any of them."""

    formats: tuple[DateFormat, ...]
    of_each: tuple[int, ...]
    of_both: int

    def real(self, least_compact: float) -> dict[DateFormat, int]:
        """The formats that some value has; eight digits are dates only where nearly the whole column is."""
        pairs = zip(self.formats, self.of_each, strict=False)
        return {f: count for f, count in pairs if count and (not f.day.compact or count >= least_compact)}

    def dates(self, real: Mapping[DateFormat, int]) -> int:
        """Rows that are dates in any of these formats."""
        return sum(real.values()) - (self.of_both if len(real) > 1 else 0)


def _found(session: Session, counted: Sequence[_Counts], non_null: int) -> DateFindings:
    least_compact = session.settings.type_threshold * non_null
    real = [(counts, counts.real(least_compact)) for counts in counted]
    dates = sum(counts.dates(found) for counts, found in real)
    present = {f: found[f] for f in _all_formats() for _, found in real if f in found}
    return _chosen(present, dates, non_null) if present else DateFindings()


def _counts(session: Session, text: str, values: str) -> dict[int, list[_Counts]]:
    """Of each column and each shape that its values have, the rows that are real days."""
    shapes = _shapes()
    likely = _likely(session, text, values, list(shapes))
    # Those of the first values are tried first on all the others, and most need no other expression.
    shapes = {shape: shapes[shape] for shape in sorted(shapes, key=lambda shape: shape not in likely)}
    formats, latest = list(shapes.values()), latest_day(session.today)
    number = _number([*list(shapes)[: len(likely)], None, *list(shapes)[len(likely) :]], text)
    first, second = (
        " ".join(f"WHEN {i} THEN {f[which].real('t', latest)}" for i, f in enumerate(formats) if which < len(f))
        for which in (0, 1)
    )
    rows = session.rows_of(
        f"SELECT c, i, {count_where('a')}, {count_where('b')}, {count_where('a AND b')} "
        f"FROM (SELECT c, n, i, CASE i {first} END AS a, CASE i {second} END AS b FROM "
        f"(SELECT c, n, {text} AS t, {number} AS i FROM {values})) WHERE i IS NOT NULL GROUP BY c, i ORDER BY c, i"
    )
    return {
        c: [_Counts(formats[i], (one, other), both) for _, i, one, other, both in found]
        for c, found in groupby(rows, key=itemgetter(0))
    }


def _shapes() -> dict[Shape, tuple[DateFormat, ...]]:
    """The formats of each shape: one or two."""
    shapes: dict[Shape, tuple[DateFormat, ...]] = {}
    for f in _all_formats():
        shapes[f.day.pattern, f.form] = (*shapes.get((f.day.pattern, f.form), ()), f)
    return shapes


def _likely(session: Session, text: str, values: str, shapes: list[Shape]) -> set[Shape]:
    """The shapes that the first values have."""
    rows = session.rows_of(f"SELECT DISTINCT {_number(shapes, text)} FROM (FROM {values} LIMIT {_PROBED})")
    return {shapes[i] for (i,) in rows if i is not None}


def _number(shapes: Sequence[Shape | None], text: str) -> str:
    """SQL: the place of a text's shape among ``shapes``; those after None are for a text that may be a date."""
    places = {shape: place for place, shape in enumerate(filter(None, shapes))}
    branches = " ".join(
        f"WHEN {full_match(text, shape[0] + FORMS[shape[1]])} THEN {places[shape]}"
        if shape
        else f"WHEN NOT {dateish(text)} THEN NULL"
        for shape in shapes
    )
    return f"CASE {branches} END"


def _chosen(counts: dict[DateFormat, int], dates: int, non_null: int) -> DateFindings:
    chosen = max(counts, key=lambda f: counts[f])
    rival = DateFormat(RIVALS[chosen.day], chosen.form) if chosen.day in RIVALS else None
    return DateFindings(
        any_format=dates,
        chosen=chosen,
        matching=counts[chosen],
        throughout=counts[chosen] == non_null,
        ambiguous=rival is not None and counts.get(rival, 0) == counts[chosen],
        present=tuple(counts),
    )


def any_of(formats: tuple[DateFormat, ...], text: str, latest: date) -> str:
    """SQL: whether a text is a date in any of the formats."""
    return "(" + " OR ".join(f.matches(text, latest) for f in formats) + ")"


def _all_formats() -> list[DateFormat]:
    return [DateFormat(day, form) for day in DAY_FORMATS for form in FORMS]


def text_date_stats(session: Session, text: str, dates: Mapping[int, DateFindings]) -> dict[int, DateStats]:
    """Statistics of the values ``text`` (SQL) that are in their column's format."""
    found: dict[int, DateStats] = {}
    for chosen, throughout in dict.fromkeys((d.chosen, d.throughout) for d in dates.values()):
        if chosen:
            columns = {c: d.ambiguous for c, d in dates.items() if (d.chosen, d.throughout) == (chosen, throughout)}
            # Where every value is in the format, none has to be looked at again before it is read.
            moment = chosen.moment_sql(text) if throughout else _moment(session, text, chosen)
            found |= date_stats(session, moment, chosen.name, columns)
    return found


def date_suspicions(
    session: Session, text: str, dates: DateFindings, invalid: int, stats: DateStats | None
) -> tuple[Suspicion, ...]:
    """Values of a date column that are no date, are in another format than the column's, or out of range."""
    if dates.chosen is None:
        return ()
    latest = latest_day(session.today)
    is_date, in_format = any_of(dates.present, text, latest), dates.chosen.matches(text, latest)
    found = [Suspicion("E_DATE_INVALID", invalid, f"NOT {is_date}")] if invalid else []
    if other := dates.any_format - dates.matching:
        found.append(Suspicion("E_DATE_MIXED_FORMAT", other, f"{is_date} AND NOT {in_format}"))
    return (*found, *moment_suspicions(session, _moment(session, text, dates.chosen), stats))


def moment_suspicions(session: Session, moment: str, stats: DateStats | None) -> tuple[Suspicion, ...]:
    """Moments (SQL) before 1900 or more than a year ahead."""
    if stats is None or not stats.out_of_range:
        return ()
    return (Suspicion("W_DATE_RANGE", stats.out_of_range, _out_of_range(moment, latest_day(session.today))),)


def _moment(session: Session, text: str, chosen: DateFormat) -> str:
    return f"CASE WHEN {chosen.matches(text, latest_day(session.today))} THEN {chosen.moment_sql(text)} END"


def _out_of_range(moment: str, latest: date) -> str:
    return f"(isfinite({moment}) AND ({moment})::DATE NOT BETWEEN DATE '{FIRST_DAY}' AND DATE '{latest}')"


def date_stats(session: Session, moment: str, format_name: str, columns: Mapping[int, bool]) -> dict[int, DateStats]:
    """Statistics of the moments (SQL over ``v``, TIMESTAMP or DATE, NULL to leave out) of columns of one format.

    ``min`` and ``max`` are ISO text; a time of midnight throughout is left out. A column without moments has none.

    Args:
        session: its distinct-value pass is loaded.
        moment: makes a moment of a value.
        format_name: as the profile shows it.
        columns: whether the order of day and month is ambiguous, for each column.
    """
    # Parsing is what costs, so each value is parsed once.
    session.drop(MOMENTS)
    session.connection.execute(
        f"CREATE TEMP TABLE {MOMENTS} AS SELECT c, m, n FROM (SELECT c, {moment} AS m, n FROM {among(columns)}) "
        "WHERE m IS NOT NULL AND isfinite(m)"
    )
    try:
        return _stats_of_moments(session, format_name, columns)
    finally:
        session.drop(MOMENTS)


def _stats_of_moments(session: Session, format_name: str, ambiguous: Mapping[int, bool]) -> dict[int, DateStats]:
    extremes = session.by_column(
        {
            "min": "min(m)::VARCHAR",
            "max": "max(m)::VARCHAR",
            "span_days": "date_diff('day', min(m), max(m))",
            "out_of_range": count_where(_out_of_range("m", latest_day(session.today))),
        },
        MOMENTS,
    )
    parts = session.rows_of(
        f"SELECT c, year(m), month(m), isodow(m), sum(n)::BIGINT FROM {MOMENTS} GROUP BY GROUPING SETS "
        "((c, year(m)), (c, month(m)), (c, isodow(m))) ORDER BY ALL"
    )
    steps = _steps(session)
    distributions = {c: _distribution(list(found)) for c, found in groupby(parts, key=itemgetter(0))}
    return {
        c: DateStats(format=format_name, ambiguous=ambiguous[c], **facts, **distributions[c], **_gaps(steps.get(c, [])))
        for c, facts in extremes.items()
    }


def _distribution(parts: list[tuple[Any, ...]]) -> dict[str, tuple[ValueCount, ...]]:
    """Counts by year, month and day of the week, from rows of which each has one of the three."""
    return {
        "by_year": tuple(ValueCount(value=str(y), count=n) for _, y, _, _, n in parts if y is not None),
        "by_month": tuple(ValueCount(value=f"{m:02d}", count=n) for _, _, m, _, n in parts if m is not None),
        "by_weekday": tuple(ValueCount(value=_WEEKDAYS[d - 1], count=n) for _, _, _, d, n in parts if d is not None),
    }


def _steps(session: Session) -> dict[int, list[tuple[int, int]]]:
    """How many days lie between one that occurs and the next, and how often."""
    rows = session.rows_of(
        "SELECT c, step, count(*) FROM (SELECT c, d - lag(d) OVER (PARTITION BY c ORDER BY d) AS step FROM "
        f"(SELECT DISTINCT c, m::DATE AS d FROM {MOMENTS})) WHERE step IS NOT NULL GROUP BY c, step ORDER BY c, step"
    )
    return {c: [(step, count) for _, step, count in found] for c, found in groupby(rows, key=itemgetter(0))}


def _gaps(steps: list[tuple[int, int]]) -> dict[str, Any]:
    """The cadence of the days that occur, and where it is broken; nothing when no cadence prevails."""
    total = sum(count for _, count in steps)
    if total < LEAST_STEPS:
        return {}
    for name, (least, most) in CADENCES.items():
        if sum(count for step, count in steps if least <= step <= most) > total * PREVAILS:
            gaps = sum(count for step, count in steps if step > most)
            longest = max(step for step, _ in steps)
            return {"cadence": name, "gaps": gaps, "longest_gap_days": longest if gaps else None}
    return {}
