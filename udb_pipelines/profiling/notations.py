"""Numbers written another way: which notation would explain the values that are not plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from udb_pipelines.models import ValueCount
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.session import Session, among

_EITHER = r"[+-]?[0-9]{1,3},[0-9]{3}"
"""1,234 may be a thousand or a fraction: it counts for both, and the rest of the column decides."""
_TRIED = (
    ((sql.THOUSANDS, sql.DECIMAL_COMMA), _EITHER),
    *(((name,), pattern) for name, pattern in sql.NOTATIONS.items()),
)


MOST_SYMBOLS = 20


def disallowed_symbols(session: Session, column: int) -> tuple[ValueCount, ...]:
    """Characters of a money column that no amount has, most frequent first; letters and digits are no symbols."""
    bare = r"regexp_replace(v, '[\p{L}\p{M}\p{N}.+-]', '', 'g')"
    characters = f"list_distinct(string_split({bare}, ''))"
    found = session.rows_of(
        f"SELECT s, sum(n)::BIGINT AS k FROM (SELECT unnest({characters}) AS s, n FROM {among([column])} "
        f"WHERE NOT {sql.money('v')}) WHERE s <> '' GROUP BY s ORDER BY k DESC, s LIMIT {MOST_SYMBOLS}"
    )
    return tuple(ValueCount(value=symbol, count=count) for symbol, count in found)


@dataclass(frozen=True)
class Notation:
    """A consistent other notation, and the share of the non-null values it would turn into numbers."""

    name: str
    share: float


def find_notations(session: Session, columns: Mapping[int, tuple[int, int]]) -> dict[int, Notation]:
    """The notation of each column that, beside its plain numbers, explains it; a column that none explains has none.

    It must bring the column to the type threshold: a stray percentage in a text is no notation.

    Args:
        session: its distinct-value pass is loaded.
        columns: the plain numbers and the non-null values of each.
    """
    if not columns:
        return {}
    # One pass, and for each value no more regular expressions than it takes to name it.
    branches = " ".join(f"WHEN {sql.full_match('v', pattern)} THEN {i}" for i, (_, pattern) in enumerate(_TRIED))
    counted = session.rows_of(f"SELECT c, CASE {branches} END AS i, sum(n)::BIGINT FROM {among(columns)} GROUP BY c, i")
    counts = {c: dict.fromkeys(sql.NOTATIONS, 0) for c in columns}
    for c, i, count in counted:
        for name in _TRIED[i][0] if i is not None else ():
            counts[c][name] += count
    threshold = session.settings.type_threshold
    best = {c: max(found.items(), key=lambda entry: entry[1]) for c, found in counts.items()}
    return {
        c: Notation(name, count / columns[c][1])
        for c, (name, count) in best.items()
        if count and columns[c][0] + count >= threshold * columns[c][1]
    }
