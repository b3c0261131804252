"""The text that a typed value was made from, byte for byte.

A typed column remembers its *form*: how its values are written out again as the text they were. What the form does
not give back (``1.50`` in a column of doubles, a quoted empty cell, a word that means NULL) is kept in a companion
column of the same Parquet file, NULL everywhere else. Forms and companions stand in the file's metadata, so that
they go wherever the file goes; the lake's tables do not show companions.

Belongs here: forms as SQL, names and metadata of companions, text from files. Which form a column has is decided by
the casting, and which files make a dataset is known by the warehouse.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal

KEY = "udb.text"
"""Name of the entry in a Parquet file's metadata."""
PLAIN = "plain"
"""The form of a value that SQL writes as it was written."""
SHORT = "short"
"""Numbers without a fraction are written without ``.0``."""
ISO_T = "iso-t"
"""A date and a time with a ``T`` between them."""
_PREFIX = "udb_text:"


def by_format(pattern: str, *, utc: bool = False) -> str:
    """The form of dates and times in a ``strftime`` pattern; ``utc`` for those with a time zone."""
    return f"{'utc' if utc else 'strftime'}:{pattern}"


def by_words(yes: str, no: str) -> str:
    """The form of truth values written as two words."""
    return f"words:{yes}/{no}"


def rendered(form: str, value: str) -> str:
    """SQL of the text of ``value`` (SQL too) in a form; times with a zone need a session in UTC.

    >>> rendered(by_format("%d/%m/%Y"), "born")
    "strftime(born, '%d/%m/%Y')"

    Raises:
        ValueError: there is no such form.
    """
    kind, _, detail = form.partition(":")
    if kind == PLAIN:
        return f"CAST({value} AS VARCHAR)"
    if kind == SHORT:
        text = f"CAST({value} AS VARCHAR)"
        return f"CASE WHEN ends_with({text}, '.0') THEN left({text}, -2) ELSE {text} END"
    if kind == ISO_T:
        return f"replace(CAST({value} AS VARCHAR), ' ', 'T')"
    if kind == "strftime":
        return f"strftime({value}, {quote_literal(detail)})"
    if kind == "utc":
        return f"strftime(CAST({value} AS TIMESTAMP), {quote_literal(detail)})"
    if kind == "words":
        yes, _, no = detail.partition("/")
        return f"CASE {value} WHEN true THEN {quote_literal(yes)} WHEN false THEN {quote_literal(no)} END"
    raise ValueError(f"no form of text is called {kind}")


@dataclass(frozen=True)
class Originals:
    """How one Parquet file gives its text back.

    ``forms`` has the form of each column whose form is not :data:`PLAIN`, ``companions`` the name of the companion
    of each column that has one.
    """

    forms: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        """By content."""
        return hash(self.metadata())

    def text(self, column: str) -> str:
        """SQL of the text of a column of the file."""
        text = rendered(self.forms.get(column, PLAIN), quote_identifier(column))
        companion = self.companions.get(column)
        return f"coalesce({quote_identifier(companion)}, {text})" if companion else text

    @property
    def entry(self) -> dict[str, str]:
        """The entry of a Parquet file's metadata that stores this."""
        content = {"forms": dict(self.forms), "companions": dict(self.companions)}
        return {KEY: json.dumps(content, ensure_ascii=False)}

    def metadata(self) -> str:
        """The entry as an option of COPY."""
        return f"KV_METADATA {{{quote_literal(KEY)}: {quote_literal(self.entry[KEY])}}}"


def companion_name(column: str, taken: Sequence[str]) -> str:
    """A name for the companion of ``column`` that no column of the file has, in whatever case.

    >>> companion_name("price", ["price", "UDB_TEXT:price"])
    'udb_text:price_'
    """
    return companion_names([column], taken)[column]


def companion_names(columns: Iterable[str], taken: Sequence[str]) -> dict[str, str]:
    """Names for the companions of ``columns`` that no column of the file has, by column."""
    lowered = {other.lower() for other in taken}
    names = {}
    for column in columns:
        name = _PREFIX + column
        while name.lower() in lowered:
            name += "_"
        names[column] = name
    return names


def of_files(connection: duckdb.DuckDBPyConnection, files: Sequence[Path | str]) -> dict[str, Originals]:
    """What the files tell about their text, by the path given; a file that tells nothing is left out."""
    if not files:
        return {}
    names = ", ".join(map(quote_literal, files))
    rows = connection.execute(
        f"SELECT file_name, decode(value) FROM parquet_kv_metadata([{names}]) WHERE decode(key) = {quote_literal(KEY)}"
    ).fetchall()
    return {name: Originals(**json.loads(content)) for name, content in rows}
