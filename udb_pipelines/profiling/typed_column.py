"""Columns whose storage type already says what they hold: no regular expressions, only statistics."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from udb_pipelines.models import MoneyStats, ProfileType
from udb_pipelines.profiling.dates import date_stats, date_suspicions, find_formats, moment_suspicions, text_date_stats
from udb_pipelines.profiling.decide import Decision, is_code
from udb_pipelines.profiling.numeric import numeric_stats
from udb_pipelines.profiling.parts import Parts, mismatches
from udb_pipelines.profiling.session import Facts, Session, count_where
from udb_pipelines.profiling.storage import FLOATS, Column, Family
from udb_pipelines.profiling.text import entropy_stats

NATIVE_FORMATS = {"DATE": "YYYY-MM-DD", "TIMESTAMP WITH TIME ZONE": "YYYY-MM-DD hh:mm:ss zone"}
_TIMESTAMP = "YYYY-MM-DD hh:mm:ss"
_EIGHT_DIGITS = "v BETWEEN 10000000 AND 99999999"


def profile_typed(session: Session, alike: Column, facts: Mapping[int, Facts]) -> dict[int, Parts]:
    """Types and statistics of native columns, ``alike`` in type, whose distinct-value pass is loaded."""
    empty = {c: Parts(Decision("unknown", 0.0)) for c, known in facts.items() if not known["non_null"]}
    filled = {c: known for c, known in facts.items() if known["non_null"]}
    return empty | _profile_filled(session, alike, filled) if filled else empty


def _profile_filled(session: Session, alike: Column, facts: Mapping[int, Facts]) -> dict[int, Parts]:
    non_null = {c: known["non_null"] for c, known in facts.items()}
    if alike.family is Family.INTEGER:
        dates = _compact_dates(session, non_null)
        return dates | _numbers(session, alike, "numeric", {c: n for c, n in non_null.items() if c not in dates})
    if alike.family is Family.NUMBER:
        return _numbers(session, alike, "numeric", non_null)
    if alike.family is Family.MONEY:
        return _numbers(session, alike, "money", non_null)
    if alike.family is Family.TEMPORAL:
        return _moments(session, alike, non_null)
    return _others(session, alike, facts)


def _numbers(session: Session, alike: Column, kind: ProfileType, non_null: Mapping[int, int]) -> dict[int, Parts]:
    """Numbers; NaN and the infinities are values, but not numbers one can reckon with."""
    invalid, number = dict.fromkeys(non_null, 0), "v::DOUBLE"
    if alike.storage_type in FLOATS:
        found = session.by_column({"count": count_where("NOT isfinite(v)")})
        invalid = {c: counted["count"] for c, counted in found.items()}
        number = "CASE WHEN isfinite(v) THEN v::DOUBLE END"
    stats = numeric_stats(session, number, non_null)
    shares = {c: (n - invalid[c]) / n for c, n in non_null.items()}
    return {
        c: Parts(
            Decision(kind, share, *(("numeric", share) if kind == "money" else ())),
            invalid[c],
            numeric=stats.get(c),
            money=MoneyStats(two_decimal_ok=True, violations=0) if kind == "money" else None,
            suspicions=mismatches("E_NUMERIC_FORMAT", invalid[c], "isfinite(v)"),
        )
        for c, share in shares.items()
    }


def _compact_dates(session: Session, non_null: Mapping[int, int]) -> dict[int, Parts]:
    """Integers of eight digits that are nearly all real days in range."""
    least = {c: session.settings.type_threshold * n for c, n in non_null.items()}
    eight = session.by_column({"count": count_where(_EIGHT_DIGITS)})
    dates = find_formats(session, "v::VARCHAR", {c: n for c, n in non_null.items() if eight[c]["count"] >= least[c]})
    dates = {c: found for c, found in dates.items() if found.any_format >= least[c]}
    stats = text_date_stats(session, "v::VARCHAR", dates)
    parts = {}
    for c, found in dates.items():
        invalid = non_null[c] - found.any_format
        decision = Decision("date", found.any_format / non_null[c], "numeric", 1.0)
        suspicions = date_suspicions(session, "v::VARCHAR", found, invalid, stats.get(c))
        parts[c] = Parts(decision, non_null[c] - found.matching, date=stats.get(c), suspicions=suspicions)
    return parts


def _moments(session: Session, alike: Column, columns: Collection[int]) -> dict[int, Parts]:
    # A zoned moment is shown and grouped in UTC, which the session's time zone is.
    moment = "v" if alike.storage_type == "DATE" else "v::TIMESTAMP"
    format_name = NATIVE_FORMATS.get(alike.storage_type, _TIMESTAMP)
    stats = date_stats(session, moment, format_name, dict.fromkeys(columns, False))
    return {
        c: Parts(Decision("date", 1.0), date=stats.get(c), suspicions=moment_suspicions(session, moment, stats.get(c)))
        for c in columns
    }


def _others(session: Session, alike: Column, facts: Mapping[int, Facts]) -> dict[int, Parts]:
    stats = entropy_stats(session, facts)
    return {c: Parts(_decision_on_other(alike, known), text=stats[c]) for c, known in facts.items()}


def _decision_on_other(alike: Column, facts: Facts) -> Decision:
    if alike.family is Family.BOOLEAN:
        return Decision("code", 1.0)
    code = is_code(facts["non_null"], facts["distinct_values"], facts["longest"])
    return Decision("varchar", 1.0, *(("code", 1.0) if code else ()))
