"""From a suspicion about a column to a finding a person can act on: how many, what share, which row first.

Messages are made of counts and column names; a value from the data never enters one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from udb_pipelines.errors import CODES
from udb_pipelines.models import Finding
from udb_pipelines.profiling.listing import LISTED, MOST_LISTED, collect
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column


@dataclass(frozen=True)
class Suspicion:
    """Something wrong with a column's values; without a predicate it concerns the column as such."""

    code: str
    count: int = 0
    predicate: str | None = None
    """SQL over the value ``v``: true for the values concerned."""


def to_findings(session: Session, column: Column, suspicions: Iterable[Suspicion]) -> tuple[Finding, ...]:
    """Findings of a column, each with its first row."""
    return tuple(_to_finding(session, column, suspicion) for suspicion in suspicions)


def _to_finding(session: Session, column: Column, suspicion: Suspicion) -> Finding:
    info = CODES[suspicion.code]
    pct = 100 * suspicion.count / session.rows if session.rows else 0.0
    counted = f": {suspicion.count:,} of {session.rows:,} rows ({pct:.2f} %)" if suspicion.predicate else ""
    if session.lists and suspicion.code in LISTED and suspicion.count > MOST_LISTED:
        counted += f"; the first {MOST_LISTED:,} are listed"
    return Finding(
        code=suspicion.code,
        severity=info.severity,
        message=info.meaning + counted,
        remedy=info.remedy,
        column=column.name,
        count=suspicion.count,
        pct=pct,
        row=_first_row(session, column, suspicion.code, suspicion.predicate) if suspicion.predicate else None,
    )


def _first_row(session: Session, column: Column, code: str, predicate: str) -> int | None:
    if session.lists and code in LISTED:
        return collect(session, column, code, predicate)
    return session.first_row(column, predicate)
