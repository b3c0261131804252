"""Columns of one storage type: their distinct-value pass, and everything read from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from udb_pipelines.models import ColumnProfile, ValueCount
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.findings import to_findings
from udb_pipelines.profiling.long_values import LONGEST, length
from udb_pipelines.profiling.parts import Parts
from udb_pipelines.profiling.semantics import Semantics, find_semantics, without_values
from udb_pipelines.profiling.session import SHOWN_CHARACTERS, VALUES, Facts, Session, shown
from udb_pipelines.profiling.storage import Column
from udb_pipelines.profiling.text_column import FACTS, profile_text, with_clues
from udb_pipelines.profiling.typed_column import profile_typed

GROUPED_CELLS = 300_000
"""Columns are read together up to so many cells: beyond, what is saved per query is lost by telling them apart."""
GROUPED_COLUMNS = 100
"""And so many columns: some queries name each of them."""
Done = Callable[[float], None]
"""Is told which part of some work is done, from 0 to 1."""


def ignored(_part: float) -> None:
    """Nobody wants to know."""


def groups(columns: Sequence[Column], rows: int) -> Iterable[list[Column]]:
    """Columns to be profiled together: of one storage type, and not too many."""
    by_type: dict[str, list[Column]] = {}
    for column in columns:
        by_type.setdefault(column.storage_type, []).append(column)
    size = max(1, min(GROUPED_COLUMNS, GROUPED_CELLS // max(rows, 1)))
    for alike in by_type.values():
        yield from (alike[at : at + size] for at in range(0, len(alike), size))


def profile_columns(session: Session, columns: Sequence[Column], done: Done = ignored) -> list[ColumnProfile]:
    """Everything about columns of one storage type of the session's table.

    One scan of the columns; what follows reads their distinct values. Only a finding looks at rows again, up to
    the first one concerned. ``done`` is told, now and then, which part of the work is.
    """
    facts, parts = facts_and_parts(session, columns, done)
    done(0.75)
    semantics = find_semantics(session, columns, facts, parts)
    done(0.85)
    top, bottom = (session.ranked(VALUES, len(columns), rarest=rarest) for rarest in (False, True))
    extremes = _extremes(session, facts) if columns[0].has_lengths else {}
    return [
        _masked(
            session,
            _assemble(
                session,
                column,
                facts[column.position],
                parts[column.position],
                semantics.get(column.position),
                (top.get(column.position, ()), bottom.get(column.position, ())),
                extremes.get(column.position, {}),
            ),
        )
        for column in columns
    ]


def facts_and_parts(
    session: Session, columns: Sequence[Column], done: Done = ignored
) -> tuple[dict[int, Facts], dict[int, Parts]]:
    """Run the distinct-value pass of columns of one storage type: what they hold, and what their type adds."""
    alike = columns[0]
    session.load_values(columns, keep=f"NOT {sql.blank('v')}" if alike.is_text else "true")
    done(0.4)
    facts = _facts(session, columns)
    done(0.5)
    return facts, profile_text(session, facts) if alike.is_text else profile_typed(session, alike, facts)


def _masked(session: Session, profile: ColumnProfile) -> ColumnProfile:
    return without_values(profile) if profile.pii_severity and session.settings.mask_pii else profile


def _facts(session: Session, columns: Sequence[Column]) -> dict[int, Facts]:
    alike = columns[0]
    wanted = {"non_null": "coalesce(sum(n), 0)::BIGINT", "distinct_values": "count(*)"}
    if alike.has_lengths:
        wanted |= {"shortest": "min(k)", "longest": "max(k)", "characters": "sum(k * n)::BIGINT"}
    wanted |= FACTS if alike.is_text else {}
    characters = length(_text(alike)) if alike.has_lengths else "NULL"
    source = f"(SELECT c, v, n, {characters} AS k FROM {VALUES})"
    found = session.by_column(wanted, with_clues(source) if alike.is_text else source)
    nothing: Facts = dict.fromkeys(wanted, 0) | dict.fromkeys(("shortest", "longest", "characters"))
    return {column.position: found.get(column.position, nothing) for column in columns}


def _text(column: Column) -> str:
    return "v" if column.is_text else "v::VARCHAR"


def _assemble(
    session: Session,
    column: Column,
    facts: Facts,
    parts: Parts,
    semantics: Semantics | None,
    ranked: tuple[tuple[ValueCount, ...], tuple[ValueCount, ...]],
    extremes: Mapping[str, str],
) -> ColumnProfile:
    non_null, distinct, rows = facts["non_null"], facts["distinct_values"], session.rows
    characters = facts.get("characters")
    return ColumnProfile(
        name=column.name,
        position=column.position,
        storage_type=column.storage_type,
        type=parts.decision.type,
        type_share=parts.decision.share,
        runner_up=parts.decision.runner_up,
        runner_up_share=parts.decision.runner_up_share,
        rows=rows,
        nulls=rows - non_null,
        null_pct=100 * (rows - non_null) / rows if rows else 0.0,
        distinct=distinct,
        duplicates=non_null - distinct,
        uniqueness=distinct / non_null if non_null else 0.0,
        constant=distinct == 1,
        invalid=parts.invalid,
        min_length=facts.get("shortest"),
        max_length=facts.get("longest"),
        avg_length=characters / non_null if characters is not None else None,
        leading_trailing_space=facts.get("padded", 0),
        top_values=ranked[0],
        bottom_values=ranked[1],
        format_hint=parts.notation.name if parts.notation else None,
        format_hint_share=parts.notation.share if parts.notation else None,
        numeric=parts.numeric,
        money=parts.money,
        date=parts.date,
        text=parts.text,
        approximate=_approximate(facts, parts),
        findings=to_findings(session, column, parts.suspicions),
        shortest_value=extremes.get("shortest_value"),
        longest_value=extremes.get("longest_value"),
        semantic_type=semantics.type if semantics else None,
        semantic_share=semantics.share if semantics else None,
        semantic_evidence=semantics.evidence if semantics else (),
        pii_severity=semantics.severity if semantics else None,
    )


def _approximate(facts: Facts, parts: Parts) -> tuple[str, ...]:
    """Figures that are read from the beginnings of long values."""
    longest = facts.get("longest") or 0
    if parts.text is None or longest <= SHOWN_CHARACTERS:
        return ()
    found = (
        (f"patterns, characters, scripts (of the first {SHOWN_CHARACTERS} characters)",) if parts.text.patterns else ()
    )
    return found if longest <= LONGEST else (*found, f"case (of the first {LONGEST:,} characters)")


def _extremes(session: Session, facts: Mapping[int, Facts]) -> dict[int, dict[str, str]]:
    """The shortest and the longest value of each column, of several the first in order."""
    lengths = {c: (known["shortest"], known["longest"]) for c, known in facts.items() if known["non_null"]}
    if not lengths:
        return {}
    cases = " ".join(f"WHEN {c} THEN k IN ({least}, {most})" for c, (least, most) in lengths.items())
    found = {
        (c, length): shown(value)
        for c, length, value in session.rows_of(
            f"SELECT c, k, min(t) FROM (SELECT c, v::VARCHAR AS t, {length('v::VARCHAR')} AS k FROM {VALUES}) "
            f"WHERE CASE c {cases} END GROUP BY c, k"
        )
    }
    return {
        c: {"shortest_value": found[c, least], "longest_value": found[c, most]} for c, (least, most) in lengths.items()
    }
