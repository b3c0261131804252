"""Where records of a delimited file begin, looked up by their numbers after the file was loaded.

Loading counts records and keeps no offsets: they would cost as much as the rows. What is found in a table later, such
as a value against its column's type, is known by the number of its row; one pass over the file, up to the last row
asked for, tells the byte at which each begins.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from udb_pipelines.connectors.delimited import fast
from udb_pipelines.connectors.delimited.scan import starts
from udb_pipelines.connectors.delimited.text import PLAIN, located
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream


def record_offsets(stream: DetectedStream, rows: Collection[int]) -> dict[int, int]:
    """Offset in the source of each of these records, numbered from 1 after the header.

    Of one plain file that DuckDB's reader may be given, where a record's number is its place: of any other, of an
    unpacked or transcoded one, and of one that has changed meanwhile, nothing is told rather than something wrong.
    """
    if stream.dialect is None or stream.compression != "none" or len(stream.files) != 1 or not rows:
        return {}
    if stream.encoding.lower() not in PLAIN or not stream.dialect.delimiter:
        return {}
    path, ordered = Path(stream.files[0]), sorted(rows)
    try:
        text = located(path, stream.dialect, exact=True)
        offsets, seen = starts(text, stream.dialect, ordered)
    except (OSError, UdbError):
        return {}
    # Lines of delimiters alone were counted here and are no rows there.
    if len(offsets) < len(ordered) or seen.hollow or not fast.usable(text, seen, stream.dialect):
        return {}
    if text.repeats_header(stream.dialect, len(stream.columns)):
        return {}
    begin = stream.area.byte_offset if stream.area else 0
    return {row: begin + offset for row, offset in zip(ordered, offsets, strict=True)}
