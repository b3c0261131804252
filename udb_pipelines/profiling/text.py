"""Statistics of text: how varied it is, what shapes it has, which case it is in."""

from __future__ import annotations

import math
from typing import Any

from udb_pipelines.models import TextStats, ValueCount
from udb_pipelines.profiling.session import SHOWN_CHARACTERS, VALUES, Session, count_where
from udb_pipelines.profiling.shapes import LARGE, byte_mapping, fast_shape, shape

SHAPES = "udb_profile_shapes"
"""Temporary table of the column at hand: patterns ``p`` and how many rows have each, ``c``."""

SCRIPTS = (
    "Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek", "Han", "Hangul",
    "Hebrew", "Hiragana", "Katakana", "Khmer", "Tamil", "Telugu", "Thai",
)  # fmt: skip
"""Scripts that are told beside Latin."""


def text_stats(session: Session, facts: dict[str, Any]) -> TextStats:
    """Statistics of the text in the distinct-value pass, whose ``v`` is VARCHAR and whose ``facts`` are known."""
    cases = session.record_of(
        {
            "upper": count_where("u AND NOT l"),
            "lower": count_where("l AND NOT u"),
            "mixed": count_where("NOT (u OR l)"),
        },
        f"(SELECT n, v = upper(v) AS u, v = lower(v) AS l FROM {VALUES})",
    )
    all_ascii = facts["bytes"] == facts["characters"]
    _lay_down_shapes(session, facts, all_ascii=all_ascii)
    try:
        patterns, classes = _patterns(session), _classes(session)
    finally:
        session.drop(SHAPES)
    letters = next((entry.count for entry in classes if entry.value == "letter"), 0)
    scripts = _latin(letters) if all_ascii else _scripts(session)
    return TextStats(entropy=entropy(session), patterns=patterns, classes=classes, scripts=scripts, **cases)


def _lay_down_shapes(session: Session, facts: dict[str, Any], *, all_ascii: bool) -> None:
    """The shapes of the values, of which there are far fewer than values, with their rows."""
    if facts["distinct_values"] < LARGE:
        _group_by_shape(session, shape("v", all_ascii=all_ascii))
        return
    with byte_mapping(session.connection):
        _group_by_shape(session, fast_shape("v", all_ascii=all_ascii))


def _group_by_shape(session: Session, pattern: str) -> None:
    session.connection.execute(
        f"CREATE TEMP TABLE {SHAPES} AS SELECT {pattern} AS p, sum(n)::BIGINT AS c FROM {VALUES} GROUP BY p"
    )


def _patterns(session: Session) -> tuple[ValueCount, ...]:
    return session.value_counts(f"FROM {SHAPES} ORDER BY c DESC, p LIMIT {session.settings.max_top_values}")


def _classes(session: Session) -> tuple[ValueCount, ...]:
    """Rows with a character of a class, read from the shapes: a letter of any script has become an ``A``."""
    selected = {
        name: f"coalesce(sum(c) FILTER (WHERE {holds}), 0)::BIGINT"
        for name, holds in {
            "letter": "contains(p, 'A')",
            "digit": "contains(p, '9')",
            "space": "contains(p, ' ')",
            "punctuation": "regexp_matches(p, '[!-/:-@\\[-`{-~]')",
            "control": "regexp_matches(p, '[\\x00-\\x1f\\x7f]')",
            "other": "strlen(p) <> length(p)",
        }.items()
    }
    found = session.record_of(selected, SHAPES)
    return tuple(ValueCount(value=name, count=count) for name, count in found.items() if count)


def _latin(rows: int) -> tuple[ValueCount, ...]:
    return (ValueCount(value="Latin", count=rows),) if rows else ()


def _scripts(session: Session) -> tuple[ValueCount, ...]:
    """Rows with a letter of each script, most frequent first; only values beyond ASCII can have another than Latin."""
    selected = {name: count_where(f"(u AND regexp_matches(t, '\\p{{{name}}}'))") for name in SCRIPTS}
    selected["Latin"] = count_where("regexp_matches(t, '[A-Za-z]') OR (u AND regexp_matches(t, '\\p{Latin}'))")
    beginnings = f"(SELECT left(v, {SHOWN_CHARACTERS}) AS t, strlen(v) <> length(v) AS u, n FROM {VALUES})"
    found = session.record_of(selected, beginnings)
    ranked = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(ValueCount(value=name, count=count) for name, count in ranked if count)


def entropy_stats(session: Session) -> TextStats:
    """The part of :func:`text_stats` that makes sense for values that are not text."""
    return TextStats(entropy=entropy(session), patterns=(), upper=0, lower=0, mixed=0)


def entropy(session: Session) -> float | None:
    """Shannon entropy of the distinct-value pass, in bits; None without values.

    Worked out from how many values occur how often: a short list of integers, so no rounding depends on threads.
    """
    repeats = session.rows_of(f"SELECT n, count(*) FROM {VALUES} GROUP BY n ORDER BY n")
    total = sum(n * values for n, values in repeats)
    if not total:
        return None
    bits = math.log2(total) - math.fsum(values * n * math.log2(n) for n, values in repeats) / total
    return float(max(0.0, bits))
