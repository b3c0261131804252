"""Statistics of text: how varied it is, what shapes it has, which case it is in."""

from __future__ import annotations

import math
from typing import Any

from udb_pipelines.models import TextStats, ValueCount
from udb_pipelines.profiling.session import VALUES, Session, count_where
from udb_pipelines.profiling.shapes import LARGE, byte_mapping, fast_shape, shape


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
    return TextStats(entropy=entropy(session), patterns=_patterns(session, facts), **cases)


def _patterns(session: Session, facts: dict[str, Any]) -> tuple[ValueCount, ...]:
    all_ascii = facts["bytes"] == facts["characters"]
    if facts["distinct_values"] < LARGE:
        return _most_frequent(session, shape("v", all_ascii=all_ascii))
    with byte_mapping(session.connection):
        return _most_frequent(session, fast_shape("v", all_ascii=all_ascii))


def _most_frequent(session: Session, pattern: str) -> tuple[ValueCount, ...]:
    return session.value_counts(
        f"SELECT {pattern} AS p, sum(n)::BIGINT AS c FROM {VALUES} GROUP BY p "
        f"ORDER BY c DESC, p LIMIT {session.settings.max_top_values}"
    )


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
