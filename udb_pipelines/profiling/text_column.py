"""A text column: what its values look like, which type that makes, and the statistics of that type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from udb_pipelines.models import MoneyStats
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.dates import (
    DateFindings,
    any_of,
    date_suspicions,
    find_format,
    latest_day,
    text_date_stats,
)
from udb_pipelines.profiling.decide import Decision, Tally, decide, dominant_kind
from udb_pipelines.profiling.findings import Suspicion
from udb_pipelines.profiling.notations import find_notation
from udb_pipelines.profiling.numeric import numeric_stats
from udb_pipelines.profiling.parts import Parts, mismatches
from udb_pipelines.profiling.session import Session, count_where
from udb_pipelines.profiling.text import text_stats

FACTS = {
    "padded": count_where(sql.padded("v")),
    "numeric": count_where(sql.numeric("v")),
    "money": count_where(sql.money("v")),
    "alpha": count_where(sql.alpha("v")),
    "dateish": count_where(sql.dateish("v")),
    "markers": count_where(sql.null_marker("v")),
    "other_notation": count_where(sql.notation("v")),
    "bytes": "sum(strlen(v) * n)::BIGINT",
}
"""Aggregates over the distinct-value pass that a text column needs beside those of every column."""


def profile_text(session: Session, facts: dict[str, Any]) -> Parts:
    """Type and statistics of the text column whose distinct-value pass is loaded."""
    dates = find_format(session, "v", facts["non_null"]) if facts["dateish"] else DateFindings()
    tally = Tally(
        non_null=facts["non_null"],
        distinct=facts["distinct_values"],
        longest=facts["longest"] or 0,
        dates=dates.any_format,
        numeric=facts["numeric"],
        money=facts["money"],
        numeric_dates=dates.compact,
        alpha=facts["alpha"],
    )
    decision = decide(tally, session.settings.type_threshold)
    parts = _of_type(session, facts, tally, decision, dates)
    suspicions = list(parts.suspicions)
    if facts["markers"]:
        suspicions.append(Suspicion("W_NULL_MARKER", facts["markers"], sql.null_marker("v")))
    if decision.close_call:
        suspicions.append(Suspicion("W_TYPE_AMBIGUOUS"))
    worth_trying = decision.type not in ("date", "unknown") and tally.numeric < tally.non_null
    if worth_trying and facts["other_notation"] >= session.settings.type_threshold * tally.non_null:
        parts = replace(parts, notation=find_notation(session, tally.numeric, tally.non_null))
    return replace(parts, suspicions=tuple(suspicions))


def _of_type(session: Session, facts: dict[str, Any], tally: Tally, decision: Decision, dates: DateFindings) -> Parts:
    if decision.type == "unknown":
        return Parts(decision)
    if decision.type == "date":
        stats = text_date_stats(session, "v", dates)
        invalid = tally.non_null - dates.any_format
        return Parts(decision, invalid, date=stats, suspicions=date_suspicions(session, "v", dates, invalid, stats))
    if decision.type == "numeric":
        return _numbers(session, decision, tally)
    if decision.type == "money":
        return _amounts(session, decision, tally)
    stats_of_text = text_stats(session, facts)
    if decision.type == "mixed":
        return _mixture(session, decision, tally, dates, Parts(decision, text=stats_of_text))
    invalid = tally.non_null - round(decision.share * tally.non_null)
    return Parts(decision, invalid, text=stats_of_text)


def _numbers(session: Session, decision: Decision, tally: Tally) -> Parts:
    invalid = tally.non_null - tally.numeric
    return Parts(
        decision,
        invalid,
        numeric=numeric_stats(session, sql.number("v")),
        suspicions=mismatches("E_NUMERIC_FORMAT", invalid, sql.numeric("v")),
    )


def _amounts(session: Session, decision: Decision, tally: Tally) -> Parts:
    invalid = tally.non_null - tally.money
    return Parts(
        decision,
        invalid,
        numeric=numeric_stats(session, f"CASE WHEN {sql.money('v')} THEN {sql.number('v')} END"),
        money=MoneyStats(two_decimal_ok=not invalid, violations=invalid),
        suspicions=mismatches("E_MONEY_FORMAT", invalid, sql.money("v")),
    )


def _mixture(session: Session, decision: Decision, tally: Tally, dates: DateFindings, parts: Parts) -> Parts:
    is_date = any_of(dates.present, "v", latest_day(session.today)) if dates.present else "false"
    kinds = {
        "numeric": f"({sql.numeric('v')} AND NOT {sql.money('v')} AND NOT {is_date})",
        "money": sql.money("v"),
        "date": is_date,
        "text": f"NOT ({sql.numeric('v')} OR {is_date})",
    }
    invalid = tally.non_null - round(decision.share * tally.non_null)
    good = kinds[dominant_kind(tally)]
    return replace(parts, invalid=invalid, suspicions=mismatches("E_MIXED_TYPE", invalid, good))
