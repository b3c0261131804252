"""Numbers written another way: which notation would explain the values that are not plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.session import VALUES, Session

_EITHER = r"[+-]?[0-9]{1,3},[0-9]{3}"
"""1,234 may be a thousand or a fraction: it counts for both, and the rest of the column decides."""
_TRIED = (
    ((sql.THOUSANDS, sql.DECIMAL_COMMA), _EITHER),
    *(((name,), pattern) for name, pattern in sql.NOTATIONS.items()),
)


@dataclass(frozen=True)
class Notation:
    """A consistent other notation, and the share of the non-null values it would turn into numbers."""

    name: str
    share: float


def find_notation(session: Session, numeric: int, non_null: int) -> Notation | None:
    """The notation that, beside the plain numbers, explains the column; None when none does.

    It must bring the column to the type threshold: a stray percentage in a text is no notation.
    """
    # One pass, and for each value no more regular expressions than it takes to name it.
    branches = " ".join(f"WHEN {sql.full_match('v', pattern)} THEN {i}" for i, (_, pattern) in enumerate(_TRIED))
    counted = session.rows_of(f"SELECT CASE {branches} END AS i, sum(n)::BIGINT FROM {VALUES} GROUP BY i")
    counts = dict.fromkeys(sql.NOTATIONS, 0)
    for i, count in counted:
        for name in _TRIED[i][0] if i is not None else ():
            counts[name] += count
    best = max(counts, key=lambda name: counts[name])
    if not counts[best] or numeric + counts[best] < session.settings.type_threshold * non_null:
        return None
    return Notation(best, counts[best] / non_null)
