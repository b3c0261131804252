"""The tables of one text as files of their own, in the cache, so that each is read like any other."""

from __future__ import annotations

import hashlib
import re
import secrets
from io import StringIO
from pathlib import Path

from udb_pipelines.detection.dialect import parse
from udb_pipelines.detection.localfile import LocalFile
from udb_pipelines.detection.stacked import Block, Row
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.models import Area, Dialect

READ_BYTES = 64 << 20
"""Longest text, in bytes, whose tables are told apart."""


def rows_of(text: str, dialect: Dialect) -> list[Row]:
    """All rows of ``text`` with the lines they stand on."""
    rows = []
    for cells, end in parse(text, dialect.delimiter, dialect.quote, dialect.escape):
        inside = sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in cells)
        if cells:
            rows.append(Row(tuple(cells), end - 1 - inside, end))
    return rows


def whole_text(file: LocalFile, encoding: str, limit_bytes: int) -> str | None:
    """All of ``file``; None when it is too long, or not in its encoding."""
    with open_stream(file.path, file.compression, None, limit_bytes) as stream:
        data = stream.read(READ_BYTES + 1)
    try:
        return data.decode(encoding).removeprefix("\ufeff") if len(data) <= READ_BYTES else None
    except UnicodeDecodeError:
        return None


def cut_out(
    file: LocalFile, text: str, encoding: str, blocks: tuple[Block, ...], folder: Path
) -> list[tuple[Path, Area]]:
    """Write the lines of each block as UTF-8; the file, and where in ``file`` it was."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    # As the parser counts lines; splitlines() would also end them at characters of values.
    lines = StringIO(text, newline="").readlines()
    found = []
    for number, block in enumerate(blocks, start=1):
        before, own = "".join(lines[: block.first]), "".join(lines[block.first : block.end])
        target = folder / "parts" / digest / f"{number}-{block.first}-{block.end}" / f"{file.stem}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        partial.write_bytes(own.encode())
        partial.replace(target)
        offset = len(before.encode(encoding, "replace"))
        found.append((target, Area(first_row=block.first, end_row=block.end, byte_offset=offset)))
    return found
