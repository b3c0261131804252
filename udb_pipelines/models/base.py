"""What all records of the stages share: their base, names that cannot collide, findings and verdicts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from udb_pipelines.errors import Severity

MOST_COLUMNS = 10_000
"""Columns of a table, at most: so many were proven to load, to be profiled and to be published, in minutes. The engine
takes 32 kB per column and step of a query."""
NAME_PATTERN = r"^[a-z](?:_?[a-z0-9]){0,62}$"
"""Names of sources, datasets and streams. No double underscore: it joins source and stream, and no two
names can become the same table, file or partition."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]

DatasetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,127}$")]

Verdict = Literal["PASS", "WARN", "FAIL"]


def slug(text: str) -> str:
    """Turn any text into a legal :data:`Name`: lower case, letters, digits and single underscores.

    >>> slug("Órders 2024 (final).csv")
    'orders_2024_final_csv'
    >>> slug("2024")
    's_2024'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "source"
    return (cleaned if cleaned[0].isalpha() else f"s_{cleaned}")[:60].rstrip("_")


class Model(BaseModel):
    """Immutable, and strict about unknown fields, so that a typing error in YAML or JSON is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(Model):
    """Something a person should know about the data. Never carries a value from it."""

    code: str
    severity: Severity
    message: str
    remedy: str = ""
    column: str | None = None
    count: int = 0
    pct: float = 0.0
    """Share of the rows, 0 to 100."""
    row: int | None = None
    """First record concerned, counted from 1 after the header."""
    byte_offset: int | None = None
    """Where that record starts in the (unpacked) file, where known: of rows that could not be read as rows, and of
    rows of one delimited file in UTF-8 that is not compressed."""
    dataset: str | None = None


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of any number of verdicts; ``PASS`` of none."""
    order: tuple[Verdict, ...] = ("PASS", "WARN", "FAIL")
    return max(verdicts, key=order.index, default="PASS")
