"""What a column's values stand for: probe, refute, count.

Kinds that do not suit the column's shape cost nothing. The others are tried on the first distinct values; one
that fails there is refuted, never accepted. What is left is counted over every value, check digits included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from udb_pipelines.models import Evidence, PiiSeverity
from udb_pipelines.profiling.parts import Parts
from udb_pipelines.profiling.semantics.kinds import (
    AGE,
    BIRTH,
    KINDS,
    LATITUDE,
    LONGITUDE,
    Kind,
    Shape,
    name_words,
    predicate_of,
    says,
)
from udb_pipelines.profiling.session import VALUES, Session
from udb_pipelines.profiling.storage import Column, Family

PROBED = 2_000
"""Distinct values tried first."""
REFUTED = 0.7
"""A kind that reaches less than this part of its threshold among them is given up."""
LARGEST = 1e19
"""No identifier of digits has more than nineteen."""
SIGNS = "@{[:.-/ +("
"""Characters by which kinds are ruled out before any expression is compiled."""
LEAST_SIGNS = 0.4
"""Share of the probed values that must have one of the characters a kind needs."""
LEAST_ROWS_SHARE = 0.5
"""Of the rows, whatever the share among distinct values."""


@dataclass(frozen=True)
class Semantics:
    """What a column is about, how sure that is, and how personal."""

    type: str
    share: float
    """Of the non-null rows."""
    severity: PiiSeverity | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class _Count:
    """Matches of one kind: of rows, of distinct values, and of distinct values with its tell-tale sign."""

    rows: float
    distinct: float
    telling: float

    def reaches(self, least: float, least_rows: float) -> bool:
        """Whether one of the two shares is enough, without the rows being few."""
        return max(self.rows, self.distinct) >= least and self.rows >= min(least_rows, least)


def find_semantics(session: Session, column: Column, facts: dict[str, Any], parts: Parts) -> Semantics | None:
    """The semantic type of the column whose distinct-value pass is loaded; None when nothing is recognised."""
    if not facts["non_null"] or column.family is Family.BOOLEAN:
        return None
    words = name_words(column.name)
    by_name = _measured(words, parts)
    if by_name or parts.date or column.family in (Family.TEMPORAL, Family.NUMBER, Family.MONEY):
        return by_name
    if column.storage_type in ("UUID", "JSON"):
        return Semantics(column.storage_type.lower(), 1.0, None, (Evidence(what="the storage type", weight=1),))
    if column.family not in (Family.TEXT, Family.INTEGER):
        return None
    shape = _shape(column, facts, parts)
    return _counted(session, column, facts, shape, _candidates(facts, shape, words)) if shape else None


def _measured(words: str, parts: Parts) -> Semantics | None:
    """Kinds that are a range of numbers or dates and a name."""
    numeric, date = parts.numeric, parts.date
    if date and says(BIRTH, words) and not date.out_of_range:
        return _named("date_of_birth", "high", parts, "dates, none of them out of range")
    if numeric is None or numeric.min is None or numeric.max is None:
        return None
    fractions = numeric.integers_pct < 90
    if says(LATITUDE, words) and fractions and numeric.min >= -90 and numeric.max <= 90:
        return _named("latitude", "medium", parts, "numbers from -90 to 90, with fractions")
    if says(LONGITUDE, words) and fractions and numeric.min >= -180 and numeric.max <= 180:
        return _named("longitude", "medium", parts, "numbers from -180 to 180, with fractions")
    if says(AGE, words) and numeric.integers_pct == 100 and numeric.min >= 0 and numeric.max <= 125:
        return _named("age", "low", parts, "whole numbers from 0 to 125")
    return None


def _named(kind: str, severity: PiiSeverity, parts: Parts, values: str) -> Semantics:
    share = parts.decision.share
    evidence = (Evidence(what=f"the values are {values}", weight=share), Evidence(what="the column's name", weight=1))
    return Semantics(kind, share, severity, evidence)


def _candidates(facts: dict[str, Any], shape: Shape, words: str) -> list[tuple[Kind, bool]]:
    """Kinds that suit the column's shape, and whether its name agrees."""
    found = []
    for kind in KINDS:
        named = says(kind.named, words)
        distinct_enough = facts["distinct_values"] >= kind.least_distinct
        possible = named or (kind.strict is not None and distinct_enough and not says(kind.never, words))
        if shape in kind.shapes and possible:
            found.append((kind, named))
    return found


def _shape(column: Column, facts: dict[str, Any], parts: Parts) -> Shape | None:
    """None for numbers that no identifier looks like: negative, with fractions, or too large to be written out."""
    numbers = parts.numeric
    if numbers:
        plain = numbers.integers_pct >= 99 and not numbers.negatives and (numbers.max or 0) < LARGEST
        return Shape.DIGITS if plain else None
    return Shape.LETTERS if facts["alpha"] >= 0.9 * facts["non_null"] else Shape.MIXED


def _counted(
    session: Session, column: Column, facts: dict[str, Any], shape: Shape, candidates: list[tuple[Kind, bool]]
) -> Semantics | None:
    text = VALUES if column.is_text else f"(SELECT v::VARCHAR AS v, n FROM {VALUES})"
    probe = f"(FROM {text} LIMIT {PROBED})"
    if any(kind.needs and not named for kind, named in candidates) and shape is not Shape.DIGITS:
        candidates = _with_signs(session, probe, candidates)
    whole = facts["distinct_values"] <= PROBED
    left = [
        (kind, named, count)
        for (kind, named), count in zip(candidates, _counts(session, probe, candidates), strict=True)
        if _accepted(kind, count, 1.0 if whole else REFUTED, named=named)
    ]
    for kind, named, probed in left:
        count = probed if whole else _counts(session, text, [(kind, named)])[0]
        if _accepted(kind, count, 1.0, named=named):
            return Semantics(kind.name, count.rows, kind.severity, _evidence(kind, count, named=named))
    return None


def _with_signs(session: Session, probe: str, candidates: list[tuple[Kind, bool]]) -> list[tuple[Kind, bool]]:
    """The candidates whose characters are there at all, or whose name agrees."""
    shares = session.rows_of(
        "SELECT " + ", ".join(f"avg(contains(v, '{sign}')::INT)" for sign in SIGNS) + f" FROM {probe}"
    )
    found = dict(zip(SIGNS, shares[0], strict=True))
    return [
        (kind, named)
        for kind, named in candidates
        if named or not kind.needs or sum(found[sign] for sign in kind.needs) >= LEAST_SIGNS
    ]


def _accepted(kind: Kind, count: _Count, part: float, *, named: bool) -> bool:
    least = kind.with_name if named else kind.alone
    telling = named or count.telling >= kind.tell_share * part
    # Among the values probed, one placeholder may well have more rows than all the others.
    return count.reaches(least * part, LEAST_ROWS_SHARE if part == 1 else 0) and telling


def _counts(session: Session, source: str, candidates: list[tuple[Kind, bool]]) -> list[_Count]:
    """One pass over ``source`` for all candidates."""
    hits, selected = [], {"rows": "sum(n)::BIGINT", "entries": "count(*)"}
    for i, (kind, named) in enumerate(candidates):
        hits.append(f"{predicate_of(kind, named=named)} AS h{i}")
        telling = kind.tell() if kind.tell and not named else "false"
        selected[f"r{i}"] = f"coalesce(sum(n) FILTER (WHERE h{i}), 0)::BIGINT"
        selected[f"d{i}"] = f"count(*) FILTER (WHERE h{i})"
        selected[f"t{i}"] = f"count(*) FILTER (WHERE h{i} AND {telling})"
    if not candidates:
        return []
    found = session.record_of(selected, f"(SELECT v, n, {', '.join(hits)} FROM {source})")
    rows, entries = found["rows"], found["entries"]
    return [
        _Count(found[f"r{i}"] / rows, found[f"d{i}"] / entries, found[f"t{i}"] / entries)
        for i in range(len(candidates))
    ]


def _evidence(kind: Kind, count: _Count, *, named: bool) -> tuple[Evidence, ...]:
    how = f"have its form and pass its check ({kind.checksum})" if kind.checksum else "have its form"
    found = [
        Evidence(what=f"{100 * count.rows:.1f} % of the values {how}", weight=count.rows),
        Evidence(what=f"{100 * count.distinct:.1f} % of the distinct values {how}", weight=count.distinct),
    ]
    return (*found, Evidence(what="the column's name", weight=1)) if named else tuple(found)
