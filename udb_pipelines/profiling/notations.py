"""Numbers written another way: which notation would explain the values that are not plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.session import VALUES, Session, count_where


@dataclass(frozen=True)
class Notation:
    """A consistent other notation, and the share of the non-null values it would turn into numbers."""

    name: str
    share: float


def find_notation(session: Session, numeric: int, non_null: int) -> Notation | None:
    """The notation that, beside the plain numbers, explains the column; None when none does.

    It must bring the column to the type threshold: a stray percentage in a text is no notation.
    """
    written = {
        f"h{i}": count_where(f"{sql.full_match('v', pattern)} AND NOT {sql.full_match('v', sql.NUMBER)}")
        for i, (_, pattern) in enumerate(sql.NOTATIONS)
    }
    counts = session.record_of(written, VALUES)
    best = max(counts, key=lambda name: counts[name])
    if not counts[best] or numeric + counts[best] < session.settings.type_threshold * non_null:
        return None
    return Notation(sql.NOTATIONS[int(best[1:])][0], counts[best] / non_null)
