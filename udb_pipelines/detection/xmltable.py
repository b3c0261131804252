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
from udb_pipelines.detection.xmlsource import for_parser
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Compression

SAMPLED_BYTES = 1 << 20
MOST = 0.5
NEARLY_ALL = 0.8
SEVERAL = 1.5


Steps = tuple[str, ...]


@dataclass
class _Outline:
    """How often each path occurs, what stands directly inside it, and how many values in it."""

    stack: list[str] = field(default_factory=list)
    counts: Counter[Steps] = field(default_factory=Counter)
    values: Counter[Steps] = field(default_factory=Counter)
    """Attributes and texts, by the path of the element that holds them."""
    fields: dict[Steps, dict[str, None]] = field(default_factory=dict)
    _text: bool = False

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if self.stack:
            self.fields.setdefault(tuple(self.stack), {})[_local(name)] = None
        self.stack.append(_local(name))
        path = tuple(self.stack)
        self.counts[path] += 1
        self._text = False
        if attributes:
            self.values[path] += len(attributes)
            self.fields.setdefault(path, {}).update(dict.fromkeys(map(_local, attributes)))

    def data(self, text: str) -> None:
        if not self._text and not text.isspace():
            self._text = True
            self.values[tuple(self.stack)] += 1

    def close(self, _name: str) -> None:
        self.stack.pop()
        self._text = False

    def within(self, path: Steps) -> int:
        """Values inside of the elements at ``path``."""
        return sum(count for other, count in self.values.items() if other[: len(path)] == path)


@dataclass(frozen=True)
class XmlTable:
    """The repeated element and its columns."""

    records: str
    """Its name, or its path (``a/b/c``) where elements elsewhere have the same name."""
    columns: tuple[ColumnSchema, ...]
    row_estimate: int | None
    outside: int
    """Values that stand outside of the records, in the beginning that was looked at."""


def detect_xml(path: Path, name: str, compression: Compression, limit_bytes: int) -> XmlTable:
    """Find the repeated element of an XML file.

    Raises:
        UdbError: ``E_CORRUPT`` when it is not well formed, ``E_NOT_A_TABLE`` when nothing repeats that holds most of
            its values, or when rows are made of cells without names, ``E_UNSUPPORTED`` when it declares entities.
    """
    with open_stream(path, compression, None, limit_bytes) as stream:
        data = stream.read(SAMPLED_BYTES + 1)
    whole = len(data) <= SAMPLED_BYTES
    outline = _outline(data[:SAMPLED_BYTES], name, whole=whole)
    # The record is the shallowest repeated element that holds most of what there is; what repeats inside it is its own.
    total = sum(outline.values.values())
    repeated = [
        (-len(path), count, path)
        for path, count in outline.counts.items()
        if count > 1 and len(path) > 1 and path in outline.fields and outline.within(path) >= MOST * total
    ]
    if not repeated:
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{name} is XML without a repeated element that has fields and holds most of its values",
        )
    _, count, found = max(repeated)
    if _are_cells(outline, found):
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{name} is XML whose rows are made of cells without names: a workbook or a page that was saved as XML",
            remedy="open it in a spreadsheet program and save it as .xlsx or CSV",
        )
    alone = sum(other[-1] == found[-1] for other in outline.counts) == 1
    return XmlTable(
        found[-1] if alone else "/".join(found),
        name_columns(outline.fields[found]),
        count if whole else None,
        total - outline.within(found),
    )


def _outline(data: bytes, name: str, *, whole: bool) -> _Outline:
    outline = _Outline()
    encoding, chunks = for_parser(iter((data,)), name)
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = outline.open
    parser.EndElementHandler = outline.close
    parser.CharacterDataHandler = outline.data
    parser.EntityDeclHandler = _refuse_entities
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        if whole:
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = f"{expat.ErrorString(error.code)} at line {error.lineno}"
        raise UdbError("E_CORRUPT", f"{name} is not well-formed XML: {reason}") from None
    return outline


def _are_cells(outline: _Outline, record: Steps) -> bool:
    """Whether nearly all of the records' values stand in a child that comes again and again and has no fields."""
    inside = outline.within(record)
    for name in outline.fields[record]:
        child = (*record, name)
        fields = [other for other in outline.counts if other[:-1] == child]
        again = outline.counts[child] > SEVERAL * outline.counts[record]
        if again and len(fields) <= 1 and outline.within(child) >= NEARLY_ALL * inside:
            return True
    return False


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_entities(*_declaration: object) -> None:
    raise UdbError("E_UNSUPPORTED", "the XML declares entities, which are not expanded")
