"""Text of typed values through the rewriting of staged files.

A file that is written anew, because keys, cursors or types ask for it, gives the same text back as before: its forms
and companions (see :mod:`udb_pipelines.originals`) go along. Which rows are written is decided in :mod:`.batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from udb_pipelines import originals
from udb_pipelines.engine import quote_identifier
from udb_pipelines.models import ColumnSchema
from udb_pipelines.originals import Originals, companion_name


class Carried:
    """What keeps the text of ``files``, whose columns are ``present``, in one file that has the columns ``after``.

    Nothing where a file tells nothing, or two of them tell different things: their rows then have no text of their
    own, which a query for it says.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: Sequence[Path],
        present: Sequence[ColumnSchema],
        after: Sequence[ColumnSchema],
    ) -> None:
        told = originals.of_files(connection, files)
        self._selected: dict[str, str] = {}
        self._originals: Originals | None = None
        if len(told) == len(set(files)) > 0 and len(set(told.values())) == 1:
            self._carry(next(iter(told.values())), present, after)

    def _carry(self, found: Originals, present: Sequence[ColumnSchema], after: Sequence[ColumnSchema]) -> None:
        types = {column.name: column.type for column in present}
        taken = [column.name for column in after]
        forms: dict[str, str] = {}
        companions: dict[str, str] = {}
        for column in after:
            name = column.name
            if name not in types:
                continue
            if types[name] != column.type:
                # What the value was written like in another type, the form of the old one does not tell.
                companions[name] = companion_name(name, taken)
                self._selected[companions[name]] = found.text(name)
                continue
            if name in found.forms:
                forms[name] = found.forms[name]
            if name in found.companions:
                companions[name] = found.companions[name]
                self._selected[companions[name]] = quote_identifier(companions[name])
        self._originals = Originals(forms, companions)

    @property
    def columns(self) -> str:
        """SQL of the companions, to follow the other columns of a SELECT from the files."""
        return "".join(f", {sql} AS {quote_identifier(name)}" for name, sql in self._selected.items())

    @property
    def option(self) -> str:
        """The metadata of the file, to follow the other options of its COPY."""
        return f", {self._originals.metadata()}" if self._originals else ""
