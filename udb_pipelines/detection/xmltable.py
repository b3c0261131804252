"""XML tables: the element that repeats, and its attributes and children as columns.

Only a bounded beginning is parsed. Entities are refused: a table needs none, an attack does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from udb_pipelines.detection.naming import name_columns
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Compression

SAMPLED_BYTES = 1 << 20


@dataclass
class _Outline:
    """How often each path occurs, and what stands directly inside it."""

    stack: list[str] = field(default_factory=list)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    fields: dict[tuple[str, ...], dict[str, None]] = field(default_factory=dict)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if self.stack:
            self.fields.setdefault(tuple(self.stack), {})[_local(name)] = None
        self.stack.append(_local(name))
        path = tuple(self.stack)
        self.counts[path] += 1
        if attributes:
            self.fields.setdefault(path, {}).update(dict.fromkeys(map(_local, attributes)))

    def close(self, _name: str) -> None:
        self.stack.pop()


@dataclass(frozen=True)
class XmlTable:
    """The repeated element and its columns."""

    records: str
    columns: tuple[ColumnSchema, ...]
    row_estimate: int | None


def detect_xml(path: Path, name: str, compression: Compression, limit_bytes: int) -> XmlTable:
    """Find the repeated element of an XML file.

    Raises:
        UdbError: ``E_CORRUPT`` when it is not well formed, ``E_NOT_A_TABLE`` when nothing repeats,
            ``E_UNSUPPORTED`` when it declares entities.
    """
    outline = _Outline()
    parser = expat.ParserCreate()
    parser.StartElementHandler = outline.open
    parser.EndElementHandler = outline.close
    parser.EntityDeclHandler = _refuse_entities
    with open_stream(path, compression, None, limit_bytes) as stream:
        data = stream.read(SAMPLED_BYTES + 1)
    whole = len(data) <= SAMPLED_BYTES
    try:
        parser.Parse(data[:SAMPLED_BYTES], whole)
    except expat.ExpatError as error:
        reason = f"{expat.ErrorString(error.code)} at line {error.lineno}"
        raise UdbError("E_CORRUPT", f"{name} is not well-formed XML: {reason}") from None
    repeated = [
        (count, path)
        for path, count in outline.counts.items()
        if count > 1 and len(path) > 1 and path in outline.fields
    ]
    if not repeated:
        raise UdbError("E_NOT_A_TABLE", f"{name} is XML without a repeated element that has fields")
    # The shallowest repeated element is the record; what repeats inside it belongs to it.
    count, found = max(repeated, key=lambda item: (-len(item[1]), item[0]))
    return XmlTable(found[-1], name_columns(outline.fields[found]), count if whole else None)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_entities(*_declaration: object) -> None:
    raise UdbError("E_UNSUPPORTED", "the XML declares entities, which are not expanded")
