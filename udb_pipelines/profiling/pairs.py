"""How columns go together, two at a time: exact figures over all rows, at a bounded cost.

Limits, by which the cost stays linear in the rows, are told in the notes:

- Pearson for the first :data:`MOST_NUMBERS` numeric columns;
- Spearman, which has to sort every column, up to :data:`MOST_RANKED_CELLS` cells;
- Cramer's V for the :data:`MOST_CODES` codes with the fewest values, none above :data:`MOST_CODE_VALUES`;
- nullity for the :data:`MOST_INCOMPLETE` columns whose empty cells vary most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from udb_pipelines.models import ColumnProfile, PairStat
from udb_pipelines.profiling.association import cramers_v
from udb_pipelines.profiling.correlation import Item, pearson, spearman
from udb_pipelines.profiling.nullity import nullity
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column

MOST_NUMBERS = 40
MOST_RANKED_CELLS = 2_000_000
MOST_CODES = 12
MOST_CODE_VALUES = 50
MOST_INCOMPLETE = 100


@dataclass(frozen=True)
class Pairs:
    """The figures, and what was left out."""

    stats: tuple[PairStat, ...]
    notes: tuple[str, ...]


def pair_stats(session: Session, columns: Sequence[Column], profiles: Sequence[ColumnProfile]) -> Pairs:
    """Pearson, Spearman, Cramer's V and nullity of every pair of columns that has them, within the limits."""
    items = [Item(column, profile) for column, profile in zip(columns, profiles, strict=True)]
    notes: list[str] = []
    numbers = _limited([i for i in items if i.varies], MOST_NUMBERS, "Pearson: the first {} numeric columns", notes)
    stats = pearson(session, numbers)
    if len(numbers) > 1 and session.rows * len(numbers) <= MOST_RANKED_CELLS:
        stats += spearman(session, numbers, MOST_RANKED_CELLS)
    elif len(numbers) > 1:
        notes.append(f"Spearman: left out, for tables above {MOST_RANKED_CELLS:,} numeric cells")
    codes = sorted((i for i in items if _is_code(i.profile)), key=lambda item: item.profile.distinct)
    stats += cramers_v(session, _limited(codes, MOST_CODES, "Cramer's V: the {} codes with the fewest values", notes))
    gaps = [i for i in items if 0 < i.profile.nulls < i.profile.rows]
    gaps = sorted(gaps, key=lambda item: abs(item.profile.null_pct - 50))
    stats += nullity(session, _limited(gaps, MOST_INCOMPLETE, "nullity: the {} columns that vary most", notes))
    return Pairs(tuple(stats), tuple(notes))


def _limited(items: list[Item], most: int, note: str, notes: list[str]) -> list[Item]:
    if len(items) > most:
        notes.append(note.format(most) + f" of {len(items)}")
    return items[:most]


def _is_code(profile: ColumnProfile) -> bool:
    return profile.type in ("code", "alpha") and 2 <= profile.distinct <= MOST_CODE_VALUES
