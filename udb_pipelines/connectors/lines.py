"""Physical lines of a text, staged as Parquet: what readers of texts without delimiters start from.

Each line has its number, its byte offset and its text without the line end. How many there must be is counted from the
bytes, without splitting them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines.connectors.delimited.text import LINE_LIMIT, PlainText, invalid_byte, located, transcoded
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import Task
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Dialect
from udb_pipelines.operations.progress import report

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 1 << 22
ANY_END = ("\r", "mixed")
"""Values of a dialect's ``newline`` with which a carriage return alone ends a line."""


@dataclass(frozen=True)
class Lines:
    """The lines of one file: Parquet with ``n`` (from 1), ``byte_offset`` and ``line``."""

    parquet: Path
    count: int
    """Line ends in the bytes, and one for a last line without."""
    exact: bool
    """Whether the offsets are those in the unpacked source; they are not where the text was transcoded."""


def stage_lines(task: Task, index: int, newline: str) -> Lines:
    r"""Stage the lines of the stream's file number ``index``. ``newline`` is that of a :class:`Dialect`.

    Raises:
        UdbError: ``E_UTF8_INVALID`` with the offset, ``E_CORRUPT`` for a line of more than 64 MB, and what unpacking
            and the disk raise.
    """
    detected = task.stream.detected
    file = Path(detected.files[index])
    replace = task.options.encoding_errors == "replace"
    limit = int(task.settings.max_expanded_gb * 10**9)
    with told(base_name(file)):
        copy, exact = transcoded(file, detected, task.folder, replace=replace, limit_bytes=limit)
        text = located(copy, Dialect(delimiter="", header_rows=0), exact=exact)
        target = task.folder / f"{index}.lines.parquet"
        return Lines(target, _write(text, newline, target, task.what), exact)


def _write(text: PlainText, newline: str, target: Path, what: str) -> int:
    """Write the lines; how many there must be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("n", pa.int64()), ("byte_offset", pa.int64()), ("line", pa.string())])
    counted = written = 0
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        for offset, piece in _pieces(text, newline):
            try:
                piece.decode()
            except UnicodeDecodeError as error:
                raise invalid_byte(base_name(text.path), "utf-8", offset + error.start) from None
            lines = piece.splitlines() if newline in ANY_END else piece.removesuffix(b"\n").split(b"\n")
            counted += _line_ends(piece, newline)
            writer.write_table(_table(lines, piece, offset, written, newline, schema))
            written += len(lines)
            report(what, offset - text.start + len(piece), text.end - text.start, "bytes")
    if counted != written:
        raise UdbError("E_COUNT_MISMATCH", f"{base_name(text.path)}: {counted} lines were counted, {written} read")
    return counted


def _pieces(text: PlainText, newline: str) -> Iterator[tuple[int, bytes]]:
    """The text in pieces of whole lines, each with its offset."""
    rest = b""
    offset = position = text.start
    with text.path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(min(CHUNK, text.end - position)):
            position += len(chunk)
            data = rest + chunk
            # A carriage return that ends the chunk may be the first half of a line end.
            end = data.rfind(b"\n") + 1 or (data.rfind(b"\r", 0, -1) + 1 if newline in ANY_END else 0)
            if end:
                yield offset, data[:end]
                offset += end
            rest = data[end:]
            if len(rest) > LINE_LIMIT:
                raise UdbError("E_CORRUPT", f"{base_name(text.path)}: a line is longer than {LINE_LIMIT >> 20} MB")
    if rest:
        yield offset, rest


def _line_ends(piece: bytes, newline: str) -> int:
    if newline in ANY_END:
        ends = piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
        return ends + (not piece.endswith((b"\n", b"\r")))
    return piece.count(b"\n") + (not piece.endswith(b"\n"))


def _table(lines: list[bytes], piece: bytes, offset: int, before: int, newline: str, schema: pa.Schema) -> pa.Table:
    """The lines of ``piece``; ``before`` came before them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(lines, pa.binary())
    # Where line ends differ in length, only the lines with their ends tell where the next one begins.
    whole = pa.array(piece.splitlines(keepends=True), pa.binary()) if newline in ANY_END else texts
    lengths = pc.binary_length(whole).to_numpy().astype(np.int64) + (newline not in ANY_END)
    starts = offset + np.concatenate(([0], np.cumsum(lengths)[:-1]))
    numbers = np.arange(before + 1, before + 1 + len(lines))
    columns = [pa.array(numbers), pa.array(starts), pc.utf8_rtrim(texts.cast(pa.string()), characters="\r")]
    return pa.Table.from_arrays(columns, schema=schema)
