"""Rows of text that are to be typed: their columns, and the SQL that selects them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from udb_pipelines.connectors.candidates import Candidate, candidates_for
from udb_pipelines.engine import quote_identifier, quote_literal

WIDE = 500
"""Columns that are looked at and written together: a temporary table takes a quarter of a megabyte for each."""
ROW_GROUP = 122_880
ROW_GROUP_BYTES = 64 << 20
"""Text of a row group at the most: a group is in memory as a whole when it is written, its rows 2,048 at a time when
it is read."""


@dataclass(frozen=True)
class TextColumn:
    """A column of text, and the words that mean NULL in it.

    ``source`` is the SQL of its text where that is more than the column itself. ``allowed`` limits the types: a
    JSON string of digits stays a string. With none allowed the column is stored as ``source`` gives it, of
    whatever type that is.
    """

    name: str
    null_markers: tuple[str, ...] = ()
    source: str | None = None
    allowed: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """SQL of the text as it was written."""
        return self.source or quote_identifier(self.name)

    @property
    def sql(self) -> str:
        """The text, NULL for a marker."""
        return self.without_markers(self.text)

    @property
    def value(self) -> str:
        """The text as a type sees it: a quoted empty cell is no value. A column that stays text keeps it."""
        return f"nullif({self.sql}, '')"

    def without_markers(self, text: str) -> str:
        """SQL of ``text``, NULL for a marker."""
        return f"CASE WHEN {text} NOT IN ({self._markers}) THEN {text} END" if self.null_markers else text

    def is_marker(self, text: str) -> str:
        """SQL: ``text`` is a marker."""
        return f"{text} IN ({self._markers})" if self.null_markers else "false"

    @property
    def _markers(self) -> str:
        return ", ".join(map(quote_literal, self.null_markers))

    def candidates(self, values: Sequence[str]) -> tuple[Candidate, ...]:
        """The types that ``values`` and the source allow."""
        if self.allowed is None:
            return candidates_for(values)
        possible = candidates_for(values) if self.allowed else ()
        return tuple(found for found in possible if found.type.partition("(")[0] in self.allowed)


@dataclass(frozen=True)
class TextRelation:
    """Rows of text to be typed.

    ``sql`` selects them all, ``sample_sql`` some of them, spread; both have what ``columns`` are made of.
    """

    sql: str
    sample_sql: str
    columns: tuple[TextColumn, ...]
    row_bytes: float | None = None
    """Text of a row on average, where it is known: long rows make smaller row groups."""

    @property
    def row_group(self) -> int:
        """Rows of a row group."""
        return ROW_GROUP if not self.row_bytes else min(ROW_GROUP, max(1, int(ROW_GROUP_BYTES / self.row_bytes)))

    def split(self) -> tuple[TextRelation, ...]:
        """The same rows, :data:`WIDE` columns each."""
        starts = range(0, len(self.columns), WIDE)
        return tuple(replace(self, columns=self.columns[start : start + WIDE]) for start in starts)
