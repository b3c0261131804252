"""Whether another table begins where blank lines part a text that was read as one."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from udb_pipelines.detection.dialect import cut, parse
from udb_pipelines.detection.header import find_layout
from udb_pipelines.models import Dialect

BYTES = 64 << 10
ROWS = 40
SURE = 0.8
"""How sure a header must be to begin another table."""


def names_follow(path: Path, offset: int, dialect: Dialect, header: str) -> bool:
    """Whether the lines of a plain UTF-8 file from ``offset`` on begin with names of columns, other than ``header``."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(BYTES)
    text = data.decode("utf-8", "replace").lstrip("\r\n")
    text = cut(text, len(text) - 1) if len(data) == BYTES else text
    rows = [tuple(row) for row, _ in islice(parse(text, dialect.delimiter, dialect.quote, dialect.escape), ROWS) if row]
    if len(rows) < 3 or len(rows[0]) < 2 or text.startswith(header.strip("\r\n") or "\0"):
        return False
    layout = find_layout(rows, len(rows[0]), start=0, whole=False)
    return layout.header_rows > 0 and layout.confidence >= SURE
