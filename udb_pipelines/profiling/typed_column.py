"""A column whose storage type already says what it holds: no regular expressions, only statistics."""

from __future__ import annotations

from typing import Any

from udb_pipelines.models import MoneyStats, ProfileType
from udb_pipelines.profiling.dates import date_stats, date_suspicions, find_format, moment_suspicions, text_date_stats
from udb_pipelines.profiling.decide import Decision, is_code
from udb_pipelines.profiling.numeric import numeric_stats
from udb_pipelines.profiling.parts import Parts, mismatches
from udb_pipelines.profiling.session import VALUES, Session, count_where
from udb_pipelines.profiling.storage import FLOATS, Column, Family
from udb_pipelines.profiling.text import entropy_stats

NATIVE_FORMATS = {"DATE": "YYYY-MM-DD", "TIMESTAMP WITH TIME ZONE": "YYYY-MM-DD hh:mm:ss zone"}
_TIMESTAMP = "YYYY-MM-DD hh:mm:ss"
_EIGHT_DIGITS = "v BETWEEN 10000000 AND 99999999"


def profile_typed(session: Session, column: Column, facts: dict[str, Any]) -> Parts:
    """Type and statistics of the native column whose distinct-value pass is loaded."""
    if not facts["non_null"]:
        return Parts(Decision("unknown", 0.0))
    if column.family is Family.INTEGER:
        return _compact_dates(session, facts["non_null"]) or _numbers(session, column, "numeric", facts["non_null"])
    if column.family is Family.NUMBER:
        return _numbers(session, column, "numeric", facts["non_null"])
    if column.family is Family.MONEY:
        return _numbers(session, column, "money", facts["non_null"])
    if column.family is Family.TEMPORAL:
        return _moments(session, column)
    return _other(session, column, facts)


def _numbers(session: Session, column: Column, kind: ProfileType, non_null: int) -> Parts:
    """Numbers; NaN and the infinities are values, but not numbers one can reckon with."""
    invalid, number = 0, "v::DOUBLE"
    if column.storage_type in FLOATS:
        invalid = session.record_of({"count": count_where("NOT isfinite(v)")}, VALUES)["count"]
        number = "CASE WHEN isfinite(v) THEN v::DOUBLE END"
    share = (non_null - invalid) / non_null
    return Parts(
        Decision(kind, share, *(("numeric", share) if kind == "money" else ())),
        invalid,
        numeric=numeric_stats(session, number),
        money=MoneyStats(two_decimal_ok=True, violations=0) if kind == "money" else None,
        suspicions=mismatches("E_NUMERIC_FORMAT", invalid, "isfinite(v)"),
    )


def _compact_dates(session: Session, non_null: int) -> Parts | None:
    """Integers of eight digits that are nearly all real days in range."""
    least = session.settings.type_threshold * non_null
    if session.record_of({"count": count_where(_EIGHT_DIGITS)}, VALUES)["count"] < least:
        return None
    dates = find_format(session, "v::VARCHAR", non_null)
    if dates.any_format < least:
        return None
    stats = text_date_stats(session, "v::VARCHAR", dates)
    invalid = non_null - dates.any_format
    suspicions = date_suspicions(session, "v::VARCHAR", dates, invalid, stats)
    return Parts(
        Decision("date", dates.any_format / non_null, "numeric", 1.0), invalid, date=stats, suspicions=suspicions
    )


def _moments(session: Session, column: Column) -> Parts:
    # A zoned moment is shown and grouped in UTC, which the session's time zone is.
    moment = "v" if column.storage_type == "DATE" else "v::TIMESTAMP"
    stats = date_stats(session, moment, NATIVE_FORMATS.get(column.storage_type, _TIMESTAMP), ambiguous=False)
    return Parts(Decision("date", 1.0), date=stats, suspicions=moment_suspicions(session, moment, stats))


def _other(session: Session, column: Column, facts: dict[str, Any]) -> Parts:
    if column.family is Family.BOOLEAN:
        return Parts(Decision("code", 1.0), text=entropy_stats(session))
    code = is_code(facts["non_null"], facts["distinct_values"], facts["longest"])
    decision = Decision("varchar", 1.0, *(("code", 1.0) if code else ()))
    return Parts(decision, text=entropy_stats(session))
