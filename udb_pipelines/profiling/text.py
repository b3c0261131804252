"""Statistics of text: how varied it is, what shapes it has, which case it is in."""

from __future__ import annotations

import math

from udb_pipelines.models import TextStats
from udb_pipelines.profiling.expressions import shape
from udb_pipelines.profiling.session import VALUES, Session, count_where

CASE_COUNTS = {
    "upper": count_where("v = upper(v) AND v <> lower(v)"),
    "lower": count_where("v = lower(v) AND v <> upper(v)"),
    "mixed": count_where("v <> lower(v) AND v <> upper(v)"),
}
"""Aggregates over the distinct-value pass of a text column."""


def text_stats(session: Session, upper: int, lower: int, mixed: int) -> TextStats:
    """Statistics of the text in the distinct-value pass, whose ``v`` is VARCHAR."""
    return TextStats(
        entropy=entropy(session),
        patterns=session.value_counts(
            f"SELECT {shape('v')} AS p, sum(n)::BIGINT AS c FROM {VALUES} GROUP BY p "
            f"ORDER BY c DESC, p LIMIT {session.settings.max_top_values}"
        ),
        upper=upper,
        lower=lower,
        mixed=mixed,
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
