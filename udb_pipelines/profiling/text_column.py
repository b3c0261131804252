"""Text columns: what their values look like, which type that makes, and the statistics of that type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from udb_pipelines.models import MoneyStats, ProfileType
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.dates import (
    DateFindings,
    any_of,
    date_suspicions,
    find_formats,
    latest_day,
    text_date_stats,
)
from udb_pipelines.profiling.decide import Decision, Tally, decide, dominant_kind
from udb_pipelines.profiling.findings import Suspicion
from udb_pipelines.profiling.notations import Notation, disallowed_symbols, find_notations
from udb_pipelines.profiling.numeric import numeric_stats
from udb_pipelines.profiling.parts import Parts, mismatches
from udb_pipelines.profiling.session import Facts, Session, count_where, is_one_of
from udb_pipelines.profiling.text import text_stats

FACTS = {
    "padded": count_where(sql.padded("v")),
    "numeric": count_where("CASE WHEN is_number THEN isfinite(TRY_CAST(v AS DOUBLE)) END"),
    "money": count_where(f"CASE WHEN is_number THEN {sql.money('v')} END"),
    "alpha": count_where(sql.alpha("v")),
    "dateish": count_where("is_dateish"),
    "markers": count_where(sql.null_marker("v")),
    "other_notation": count_where(f"CASE WHEN is_number THEN true WHEN NOT is_dateish THEN {sql.notation('v')} END"),
    "beyond_ascii": count_where("strlen(v) <> length(v)"),
}
"""Aggregates over :func:`with_clues` that a text column needs beside those of every column."""


def with_clues(source: str) -> str:
    """SQL that may stand after FROM: the values ``v`` of ``source``, and what spares them further expressions.

    A regular expression is what a value costs, and most are settled by the first: a number is no date unless it has
    eight digits, a date no number in another notation.
    """
    dateish = f"CASE WHEN is_number AND strlen(v) <> 8 THEN false ELSE {sql.dateish('v')} END"
    numbers = f"(SELECT *, {sql.written_as_number('v')} AS is_number FROM {source})"
    return f"(SELECT *, {dateish} AS is_dateish FROM {numbers})"


@dataclass(frozen=True)
class _Text:
    """What is known about one text column before its statistics."""

    tally: Tally
    dates: DateFindings
    decision: Decision


def profile_text(session: Session, facts: Mapping[int, Facts]) -> dict[int, Parts]:
    """Types and statistics of the text columns whose distinct-value pass is loaded."""
    dates = find_formats(session, "v", {c: known["non_null"] for c, known in facts.items() if known["dateish"]})
    texts = {c: _decided(session, known, dates.get(c, DateFindings())) for c, known in facts.items()}
    parts = _of_types(session, facts, texts)
    notations = find_notations(session, _worth_trying(session, facts, texts))
    return {c: _completed(parts[c], texts[c], facts[c], notations.get(c)) for c in facts}


def _decided(session: Session, facts: Facts, dates: DateFindings) -> _Text:
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
    return _Text(tally, dates, decide(tally, session.settings.type_threshold))


def _worth_trying(
    session: Session, facts: Mapping[int, Facts], texts: Mapping[int, _Text]
) -> dict[int, tuple[int, int]]:
    """Columns most of whose values may be numbers in another notation, with their plain numbers and their values."""
    threshold = session.settings.type_threshold
    return {
        c: (text.tally.numeric, text.tally.non_null)
        for c, text in texts.items()
        if text.decision.type not in ("date", "unknown")
        and text.tally.numeric < text.tally.non_null
        and facts[c]["other_notation"] >= threshold * text.tally.non_null
    }


def _completed(parts: Parts, text: _Text, facts: Facts, notation: Notation | None) -> Parts:
    suspicions = list(parts.suspicions)
    if facts["markers"]:
        suspicions.append(Suspicion("W_NULL_MARKER", facts["markers"], sql.null_marker("v")))
    if text.decision.close_call:
        suspicions.append(Suspicion("W_TYPE_AMBIGUOUS"))
    return replace(parts, suspicions=tuple(suspicions), notation=notation)


def _of_types(session: Session, facts: Mapping[int, Facts], texts: Mapping[int, _Text]) -> dict[int, Parts]:
    def decided(*types: ProfileType) -> list[int]:
        return [c for c, text in texts.items() if text.decision.type in types]

    dated = {c: texts[c].dates for c in decided("date")}
    moments = text_date_stats(session, "v", dated)
    money = decided("money")
    numbers = numeric_stats(session, _number_sql(money), decided("numeric", "money"))
    words = text_stats(session, {c: facts[c] for c in decided("code", "alpha", "varchar", "mixed")})
    return {
        c: _parts(
            session, c, text, Parts(text.decision, numeric=numbers.get(c), date=moments.get(c), text=words.get(c))
        )
        for c, text in texts.items()
    }


def _number_sql(money: list[int]) -> str:
    """The number of a value; in the columns of amounts only that of an amount."""
    number = sql.number("v")
    return f"CASE WHEN NOT {is_one_of(money)} OR {sql.money('v')} THEN {number} END" if money else number


def _parts(session: Session, c: int, text: _Text, parts: Parts) -> Parts:
    """The statistics of one column with the values that are against its type."""
    kind, tally = text.decision.type, text.tally
    if kind == "unknown":
        return parts
    if kind == "date":
        suspicions = date_suspicions(session, "v", text.dates, tally.non_null - tally.dates, parts.date)
        return replace(parts, invalid=tally.non_null - text.dates.matching, suspicions=suspicions)
    if kind == "numeric":
        invalid = tally.non_null - tally.numeric
        return replace(parts, invalid=invalid, suspicions=mismatches("E_NUMERIC_FORMAT", invalid, sql.numeric("v")))
    if kind == "money":
        invalid = tally.non_null - tally.money
        symbols = disallowed_symbols(session, c) if invalid else ()
        amounts = MoneyStats(two_decimal_ok=not invalid, violations=invalid, symbols=symbols)
        suspicions = mismatches("E_MONEY_FORMAT", invalid, sql.money("v"))
        return replace(parts, invalid=invalid, money=amounts, suspicions=suspicions)
    invalid = tally.non_null - round(text.decision.share * tally.non_null)
    mixture = _mixture(session, text, invalid) if kind == "mixed" else ()
    return replace(parts, invalid=invalid, suspicions=mixture)


def _mixture(session: Session, text: _Text, invalid: int) -> tuple[Suspicion, ...]:
    formats = text.dates.present
    is_date = any_of(formats, "v", latest_day(session.today)) if formats else "false"
    kinds = {
        "numeric": f"({sql.numeric('v')} AND NOT {sql.money('v')} AND NOT {is_date})",
        "money": sql.money("v"),
        "date": is_date,
        "text": f"NOT ({sql.numeric('v')} OR {is_date})",
    }
    return mismatches("E_MIXED_TYPE", invalid, kinds[dominant_kind(text.tally)])
