"""One column: the distinct-value pass, and everything read from it."""

from __future__ import annotations

from typing import Any

from udb_pipelines.models import ColumnProfile, ValueCount
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.findings import to_findings
from udb_pipelines.profiling.parts import Parts
from udb_pipelines.profiling.semantics import Semantics, find_semantics, without_values
from udb_pipelines.profiling.session import VALUES, Session, shown
from udb_pipelines.profiling.storage import Column
from udb_pipelines.profiling.text_column import FACTS, profile_text
from udb_pipelines.profiling.typed_column import profile_typed


def profile_column(session: Session, column: Column) -> ColumnProfile:
    """Everything about one column of the session's table.

    One scan of the column; what follows reads its distinct values. Only a finding looks at rows again, up to
    the first one concerned.
    """
    session.load_values(column, keep=f"NOT {sql.blank('v')}" if column.is_text else "true")
    facts = session.record_of(_facts(column), VALUES)
    parts = profile_text(session, facts) if column.is_text else profile_typed(session, column, facts)
    profiled = _assemble(session, column, facts, parts, find_semantics(session, column, facts, parts))
    return without_values(profiled) if profiled.pii_severity and session.settings.mask_pii else profiled


def _facts(column: Column) -> dict[str, str]:
    facts = {"non_null": "coalesce(sum(n), 0)::BIGINT", "distinct_values": "count(*)"}
    if column.has_lengths:
        length = "length(v)" if column.is_text else "length(v::VARCHAR)"
        facts |= {
            "shortest": f"min({length})",
            "longest": f"max({length})",
            "characters": f"sum({length} * n)::BIGINT",
        }
    return facts | FACTS if column.is_text else facts


def _assemble(
    session: Session, column: Column, facts: dict[str, Any], parts: Parts, semantics: Semantics | None
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
        top_values=_ranked(session, "n DESC, v"),
        bottom_values=_ranked(session, "n, v"),
        format_hint=parts.notation.name if parts.notation else None,
        format_hint_share=parts.notation.share if parts.notation else None,
        numeric=parts.numeric,
        money=parts.money,
        date=parts.date,
        text=parts.text,
        findings=to_findings(session, column, parts.suspicions),
        **_extremes(session, column, facts),
        semantic_type=semantics.type if semantics else None,
        semantic_share=semantics.share if semantics else None,
        semantic_evidence=semantics.evidence if semantics else (),
        pii_severity=semantics.severity if semantics else None,
    )


def _extremes(session: Session, column: Column, facts: dict[str, Any]) -> dict[str, str | None]:
    """The shortest and the longest value, of several the first in order; none for numbers and the like."""
    if not column.has_lengths or not facts["non_null"]:
        return {}
    value, least, most = "v" if column.is_text else "v::VARCHAR", facts["shortest"], facts["longest"]
    found = session.rows_of(
        f"SELECT min(t) FILTER (WHERE k = {least}), min(t) FILTER (WHERE k = {most}) FROM "
        f"(SELECT {value} AS t, length(t) AS k FROM {VALUES}) WHERE k IN ({least}, {most})"
    )[0]
    return {"shortest_value": shown(found[0]), "longest_value": shown(found[1])}


def _ranked(session: Session, order: str) -> tuple[ValueCount, ...]:
    first = f"(FROM {VALUES} ORDER BY {order} LIMIT {session.settings.max_top_values})"
    return session.value_counts(f"SELECT v::VARCHAR, n FROM {first} ORDER BY {order}")
