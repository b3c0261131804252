"""Statistics of text: how varied it is, what shapes it has, which case it is in."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import groupby
from operator import itemgetter

from udb_pipelines.models import TextStats, ValueCount
from udb_pipelines.profiling import grouping
from udb_pipelines.profiling.session import SHOWN_CHARACTERS, VALUES, Facts, Session, among, count_where, is_one_of
from udb_pipelines.profiling.shapes import LARGE, lay_down_mapped, shape

SHAPES = "udb_profile_shapes"
"""Temporary table of the columns at hand: column ``c``, patterns ``v`` and how many rows have each, ``n``."""

UNGROUPED = "udb_profile_ungrouped"
"""Temporary table of the patterns of many values, before they are grouped."""

SCRIPTS = (
    "Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek", "Han", "Hangul",
    "Hebrew", "Hiragana", "Katakana", "Khmer", "Tamil", "Telugu", "Thai",
)  # fmt: skip
"""Scripts that are told beside Latin."""
_CASES = {
    "upper": count_where("u AND NOT l"),
    "lower": count_where("l AND NOT u"),
    "mixed": count_where("NOT (u OR l)"),
}
_CLASSES = {
    "letter": count_where("contains(v, 'A')"),
    "digit": count_where("contains(v, '9')"),
    "space": count_where("contains(v, ' ')"),
    "punctuation": count_where("signs AND regexp_matches(v, '[!-/:-@\\[-`{-~]')"),
    "control": count_where("signs AND regexp_matches(v, '[\\x00-\\x1f\\x7f]')"),
    "other": count_where("strlen(v) <> length(v)"),
}
"""Rows with a character of a class, read from the shapes: a letter of any script has become an ``A``."""
_WITH_SIGNS = f"(SELECT *, NOT regexp_full_match(v, '[A9 ]*') AS signs FROM {SHAPES})"
"""Nothing has to be looked for in a shape of letters, digits and spaces alone."""


def text_stats(session: Session, facts: Mapping[int, Facts]) -> dict[int, TextStats]:
    """Statistics of the columns of the distinct-value pass, whose ``v`` is VARCHAR and whose ``facts`` are known."""
    if not facts:
        return {}
    values = among(facts)
    cases = session.by_column(_CASES, f"(SELECT c, n, v = upper(v) AS u, v = lower(v) AS l FROM {values})")
    beyond_ascii = [c for c, known in facts.items() if known["beyond_ascii"]]
    _lay_down_shapes(session, facts, beyond_ascii)
    try:
        patterns, classes = session.ranked(SHAPES, len(facts)), session.by_column(_CLASSES, _WITH_SIGNS)
    finally:
        session.drop(SHAPES)
    scripts = _scripts(session, beyond_ascii)
    bits = entropies(session, facts)
    return {
        c: TextStats(
            entropy=bits[c],
            patterns=patterns[c],
            classes=_present(classes[c]),
            scripts=scripts[c] if c in scripts else _present({"Latin": classes[c]["letter"]}),
            **cases[c],
        )
        for c in facts
    }


def _present(counts: Mapping[str, int]) -> tuple[ValueCount, ...]:
    return tuple(ValueCount(value=name, count=count) for name, count in counts.items() if count)


def _lay_down_shapes(session: Session, facts: Mapping[int, Facts], beyond_ascii: Collection[int]) -> None:
    """The shapes of the values, of which there are far fewer than values, with their rows."""
    distinct = sum(known["distinct_values"] for known in facts.values())
    if distinct < LARGE:
        pattern = shape("v", all_ascii=True)
        if beyond_ascii:
            pattern = f"CASE WHEN {is_one_of(beyond_ascii)} THEN {shape('v')} ELSE {pattern} END"
        _group_by_shape(session, f"SELECT c, {pattern} AS p, n FROM {among(facts)}")
        return
    longest = max(known["longest"] or 0 for known in facts.values())
    session.drop(UNGROUPED)
    try:
        lay_down_mapped(session.connection, VALUES, is_one_of(facts), UNGROUPED, longest)
        if beyond_ascii:
            others = f"{among(beyond_ascii)} WHERE strlen(v) <> length(v)"
            session.connection.execute(f"INSERT INTO {UNGROUPED} SELECT c, {shape('v')}, n FROM {others}")
        parts = grouping.parts_needed(distinct, min(longest, SHOWN_CHARACTERS), session.memory)
        _group_by_shape(session, f"FROM {UNGROUPED}", parts)
    finally:
        session.drop(UNGROUPED)


def _group_by_shape(session: Session, shaped: str, parts: int = 1) -> None:
    grouping.lay_down(
        session.connection,
        SHAPES,
        lambda part: f"SELECT c, p AS v, sum(n)::BIGINT AS n FROM ({shaped}) WHERE {part} GROUP BY c, p",
        "p",
        parts,
    )


def _scripts(session: Session, columns: Collection[int]) -> dict[int, tuple[ValueCount, ...]]:
    """Rows with a letter of each script, most frequent first; only values beyond ASCII can have another than Latin."""
    if not columns:
        return {}
    selected = {name: count_where(f"(u AND regexp_matches(t, '\\p{{{name}}}'))") for name in SCRIPTS}
    selected["Latin"] = count_where("regexp_matches(t, '[A-Za-z]') OR (u AND regexp_matches(t, '\\p{Latin}'))")
    beginnings = f"(SELECT c, left(v, {SHOWN_CHARACTERS}) AS t, strlen(v) <> length(v) AS u, n FROM {among(columns)})"
    return {
        c: _present(dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))))
        for c, found in session.by_column(selected, beginnings).items()
    }


def entropy_stats(session: Session, columns: Collection[int]) -> dict[int, TextStats]:
    """The part of :func:`text_stats` that makes sense for values that are not text."""
    bits = entropies(session, columns)
    return {c: TextStats(entropy=bits[c], patterns=(), upper=0, lower=0, mixed=0) for c in columns}


def entropies(session: Session, columns: Collection[int]) -> dict[int, float]:
    """Shannon entropy, in bits, of those columns of the distinct-value pass that have values.

    Worked out from how many values occur how often: a short list of integers, so no rounding depends on threads.
    """
    repeats = session.rows_of(f"SELECT c, n, count(*) FROM {among(columns)} GROUP BY c, n ORDER BY c, n")
    return {c: _entropy([(n, values) for _, n, values in found]) for c, found in groupby(repeats, key=itemgetter(0))}


def _entropy(repeats: list[tuple[int, int]]) -> float:
    total = sum(n * values for n, values in repeats)
    bits = math.log2(total) - math.fsum(values * n * math.log2(n) for n, values in repeats) / total
    return max(0.0, bits)
