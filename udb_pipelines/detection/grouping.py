"""Files with one schema are one dataset: the union of their columns by name, in the order first seen."""

from __future__ import annotations

from collections.abc import Sequence

from udb_pipelines.detection.naming import unique_names
from udb_pipelines.models import ColumnSchema, DetectedStream, Dialect

SINGLE: tuple[str, ...] = ("sqlite", "duckdb", "database")


def group(streams: Sequence[DetectedStream], name: str) -> tuple[DetectedStream, ...]:
    """Join the streams that belong together, and give all of them unique names.

    Two belong together when they are read alike and one's columns are a subset of the other's. Streams of the
    same sheet name in several workbooks join as well. A group of several files is called ``name`` when it is the
    only one, else after its first file.
    """
    groups: list[list[DetectedStream]] = []
    for stream in streams:
        home = next((members for members in groups if all(_alike(stream, member) for member in members)), None)
        if home is None:
            groups.append([stream])
        else:
            home.append(stream)
    joined = [_joined(members) for members in groups]
    wanted = [name if len(joined) == 1 and len(joined[0].files) > 1 else stream.name for stream in joined]
    return tuple(
        stream.model_copy(update={"name": unique}) for stream, unique in zip(joined, unique_names(wanted), strict=True)
    )


def _alike(one: DetectedStream, other: DetectedStream) -> bool:
    if one.format in SINGLE or set(one.files) & set(other.files) or _reading(one) != _reading(other):
        return False
    if one.dialect and other.dialect and not _quotes_agree(one.dialect, other.dialect):
        return False
    mine, theirs = ({column.name for column in stream.columns} for stream in (one, other))
    if one.dialect and not one.dialect.header_rows:
        return mine == theirs
    return mine <= theirs or theirs <= mine


def _reading(stream: DetectedStream) -> tuple[object, ...]:
    """Everything that one read of several files must have in common."""
    dialect = stream.dialect
    layout = (
        (
            *(dialect.delimiter, dialect.header_rows, dialect.skip_rows, dialect.comment, dialect.footer_rows),
            *(dialect.spans, dialect.dump),
        )
        if dialect
        else ()
    )
    return (stream.format, stream.member, stream.area, stream.records, stream.compression, stream.encoding, *layout)


def _quotes_agree(one: Dialect, other: Dialect) -> bool:
    """A file that needs no quotes can be read with those of another."""
    return "" in (one.quote, other.quote) or (one.quote, one.escape) == (other.quote, other.escape)


def _common_dialect(dialects: Sequence[Dialect]) -> Dialect:
    """One dialect that reads all of the files: with quotes if any has them, with every line end that occurs."""
    quoted = next((dialect for dialect in dialects if dialect.quote), dialects[0])
    ends = {dialect.newline for dialect in dialects}
    if len(ends) > 1:
        return quoted.model_copy(update={"newline": "\r\n" if ends == {"\n", "\r\n"} else "mixed"})
    return quoted


def _joined(members: Sequence[DetectedStream]) -> DetectedStream:
    if len(members) == 1:
        return members[0]
    columns: dict[str, ColumnSchema] = {}
    for member in members:
        for column in member.columns:
            known = columns.setdefault(column.name, column)
            if known.type != column.type:
                columns[column.name] = known.model_copy(update={"type": "VARCHAR"})
    dialects = [member.dialect for member in members if member.dialect]
    estimates = [member.row_estimate for member in members]
    return members[0].model_copy(
        update={
            "files": tuple(file for member in members for file in member.files),
            "columns": tuple(columns.values()),
            "dialect": _common_dialect(dialects) if dialects else None,
            "row_estimate": None if None in estimates else sum(estimate or 0 for estimate in estimates),
            "encoding_confidence": min(member.encoding_confidence for member in members),
            "findings": tuple(finding for member in members for finding in member.findings),
        }
    )
