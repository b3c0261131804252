"""What a column's values stand for: probe, refute, count.

Kinds that do not suit the column's shape cost nothing. The others are tried on the first distinct values; one
that fails there is refuted, never accepted. What is left is counted over every value, check digits included.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from udb_pipelines.models import Evidence, PiiSeverity
from udb_pipelines.profiling.parts import Parts
from udb_pipelines.profiling.semantics.column_names import AGE, BIRTH, LATITUDE, LONGITUDE, name_words, says
from udb_pipelines.profiling.semantics.kinds import KINDS, Kind, Shape, predicate_of
from udb_pipelines.profiling.session import Facts, Session, among, count_where, is_one_of
from udb_pipelines.profiling.storage import Column, Family

PROBE = "udb_profile_probe"
"""Temporary table: the values of the columns at hand that are tried first."""
PROBED = 500
"""Distinct values tried first."""
REFUTED = 0.7
"""A kind that reaches less than this part of its threshold among them is given up."""
LARGEST = 1e19
"""No identifier of digits has more than nineteen."""
SIGNS = "@{[:.-/ +("
"""Characters by which kinds are ruled out before any expression is compiled."""
LEAST_SIGNS = 0.2
"""Share of the probed values that must have one of the characters a kind needs."""
MOST_OUT_OF_RANGE = 0.05
"""Share of dates of birth that may be before 1900 or in the future: a mistyped year makes nobody less of a person."""
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


@dataclass(frozen=True)
class _Candidate:
    """A kind that a column may be of."""

    kind: Kind
    named: bool
    """The column's name agrees."""
    needs: str
    """Characters of which nearly every value must have one for the kind to be worth a try."""


Candidates = dict[int, list[_Candidate]]
"""Of each column, in order of precedence."""


def find_semantics(
    session: Session, columns: Sequence[Column], facts: Mapping[int, Facts], parts: Mapping[int, Parts]
) -> dict[int, Semantics]:
    """The semantic types of the columns whose distinct-value pass is loaded; one not recognised has none."""
    found: dict[int, Semantics] = {}
    candidates: Candidates = {}
    for column in columns:
        c = column.position
        if not facts[c]["non_null"] or column.family is Family.BOOLEAN:
            continue
        words = name_words(column.name)
        if semantics := _measured(words, parts[c], facts[c]["non_null"]) or _of_storage(column):
            found[c] = semantics
        elif column.family in (Family.TEXT, Family.INTEGER) and not parts[c].date:
            candidates[c] = _candidates(facts[c], _shape(column, facts[c], parts[c]), words)
    return found | _counted(session, columns[0], facts, {c: wanted for c, wanted in candidates.items() if wanted})


def _of_storage(column: Column) -> Semantics | None:
    if column.storage_type not in ("UUID", "JSON"):
        return None
    return Semantics(column.storage_type.lower(), 1.0, None, (Evidence(what="the storage type", weight=1),))


def _measured(words: str, parts: Parts, non_null: int) -> Semantics | None:
    """Kinds that are a range of numbers or dates and a name."""
    numeric, date = parts.numeric, parts.date
    if date and says(BIRTH, words) and date.out_of_range <= MOST_OUT_OF_RANGE * non_null:
        values = "in range" if date.out_of_range else "none of them out of range"
        return _named("date_of_birth", "high", parts, f"dates, {'nearly all ' if date.out_of_range else ''}{values}")
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


def _candidates(facts: Facts, shape: Shape | None, words: str) -> list[_Candidate]:
    """Kinds that suit the column's shape, and whether its name agrees."""
    found = []
    for kind in KINDS:
        named = says(kind.named, words) and facts["distinct_values"] >= kind.least_named
        distinct_enough = facts["distinct_values"] >= kind.least_distinct
        possible = named or (kind.strict is not None and distinct_enough and not says(kind.never, words))
        if shape in kind.shapes and possible:
            found.append(_Candidate(kind, named, needs="" if named or shape is Shape.DIGITS else kind.needs))
    return found


def _shape(column: Column, facts: Facts, parts: Parts) -> Shape | None:
    """None for numbers that no identifier looks like: negative, with fractions, or too large to be written out."""
    numbers = parts.numeric
    if numbers:
        plain = numbers.integers_pct >= 99 and not numbers.negatives and (numbers.max or 0) < LARGEST
        return Shape.DIGITS if plain else None
    return Shape.LETTERS if facts["alpha"] >= 0.9 * facts["non_null"] else Shape.MIXED


def _counted(
    session: Session, alike: Column, facts: Mapping[int, Facts], candidates: Candidates
) -> dict[int, Semantics]:
    if not candidates:
        return {}
    _lay_down_probe(session, alike, candidates)
    try:
        candidates = _with_signs(session, candidates)
        probed = _counts(session, PROBE, candidates)
    finally:
        session.drop(PROBE)
    whole = {c for c in candidates if facts[c]["distinct_values"] <= PROBED}
    left = {c: wanted for c, wanted in _unrefuted(candidates, probed).items() if c not in whole and wanted}
    counts = probed | _counts(session, _texts(alike, left), left)
    found = {}
    for c, wanted in (candidates | left).items():
        accepted = [(one, count) for one, count in zip(wanted, counts[c], strict=True) if _accepted(one, count, 1.0)]
        if accepted and (c in whole or c in left):
            one, count = accepted[0]
            found[c] = Semantics(one.kind.name, count.rows, one.kind.severity, _evidence(one, count))
    return found


def _unrefuted(candidates: Candidates, probed: Mapping[int, list[_Count]]) -> Candidates:
    return {
        c: [one for one, count in zip(wanted, probed[c], strict=True) if _accepted(one, count, REFUTED)]
        for c, wanted in candidates.items()
    }


def _texts(alike: Column, columns: Collection[int]) -> str:
    values = among(columns)
    return values if alike.is_text else f"(SELECT c, v::VARCHAR AS v, n FROM {values})"


def _lay_down_probe(session: Session, alike: Column, columns: Collection[int]) -> None:
    """The first distinct values of each column."""
    texts = _texts(alike, columns)
    first = f"LIMIT {PROBED}" if len(columns) == 1 else f"QUALIFY row_number() OVER (PARTITION BY c) <= {PROBED}"
    session.drop(PROBE)
    session.connection.execute(f"CREATE TEMP TABLE {PROBE} AS FROM {texts} {first}")


def _with_signs(session: Session, candidates: Candidates) -> Candidates:
    """The candidates whose characters are there at all, or whose name agrees."""
    needing = [c for c, wanted in candidates.items() if any(one.needs for one in wanted)]
    if not needing:
        return candidates
    signs = {f"s{i}": f"avg(contains(v, '{sign}')::INT)" for i, sign in enumerate(SIGNS)}
    found = session.by_column(signs, among(needing, PROBE))
    shares = {c: dict(zip(SIGNS, counted.values(), strict=True)) for c, counted in found.items()}
    return {
        c: [one for one in wanted if not one.needs or sum(shares[c][sign] for sign in one.needs) >= LEAST_SIGNS]
        for c, wanted in candidates.items()
    }


def _accepted(candidate: _Candidate, count: _Count, part: float) -> bool:
    kind, named = candidate.kind, candidate.named
    least = kind.with_name if named else kind.alone
    telling = named or count.telling >= kind.tell_share * part
    # Among the values probed, one placeholder may well have more rows than all the others.
    return count.reaches(least * part, LEAST_ROWS_SHARE if part == 1 else 0) and telling


def _counts(session: Session, source: str, candidates: Candidates) -> dict[int, list[_Count]]:
    """One pass over ``source`` for all candidates: each is tried on the values of the columns it is one of."""
    if not candidates:
        return {}
    columns: dict[tuple[Kind, bool], list[int]] = {}
    for c, wanted in candidates.items():
        for one in wanted:
            columns.setdefault((one.kind, one.named), []).append(c)
    places = {tried: i for i, tried in enumerate(columns)}
    hits, selected = [], {"rows": "sum(n)::BIGINT", "entries": "count(*)"}
    for (kind, named), i in places.items():
        predicate = predicate_of(kind, named=named)
        hits.append(f", CASE WHEN {is_one_of(columns[kind, named])} THEN {predicate} ELSE false END AS h{i}")
        # Not joined by AND: the words of a list are compared one by one, so only those that count are looked up.
        telling = f"CASE WHEN h{i} THEN {kind.tell()} END" if kind.tell and not named else "false"
        selected[f"r{i}"] = count_where(f"h{i}")
        selected[f"d{i}"] = f"count(CASE WHEN h{i} THEN 1 END)"
        selected[f"t{i}"] = f"count(CASE WHEN {telling} THEN 1 END)"
    found = session.by_column(selected, f"(SELECT c, v, n{''.join(hits)} FROM {source})")
    return {c: [_count(found[c], places[one.kind, one.named]) for one in wanted] for c, wanted in candidates.items()}


def _count(counted: Facts, place: int) -> _Count:
    rows, entries = counted["rows"], counted["entries"]
    return _Count(counted[f"r{place}"] / rows, counted[f"d{place}"] / entries, counted[f"t{place}"] / entries)


def _evidence(candidate: _Candidate, count: _Count) -> tuple[Evidence, ...]:
    kind = candidate.kind
    how = f"have its form and pass its check ({kind.checksum})" if kind.checksum else "have its form"
    found = [
        Evidence(what=f"{100 * count.rows:.1f} % of the values {how}", weight=count.rows),
        Evidence(what=f"{100 * count.distinct:.1f} % of the distinct values {how}", weight=count.distinct),
    ]
    return (*found, Evidence(what="the column's name", weight=1)) if candidate.named else tuple(found)
