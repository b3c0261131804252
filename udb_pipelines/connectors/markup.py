"""XML tables into typed Parquet: every repeated element is a row, its attributes and children are columns.

A child with children of its own is kept as XML text; a child that repeats, as a JSON list of its texts. Entities are
refused: a table needs none, an attack does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import Rows, Task, relative_names
from udb_pipelines.connectors.staging import Row, cast_staged, stage_text
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.detection.xmlsource import for_parser
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

CHUNK = 1 << 18
BATCH = 8_192
DEPTH = 1_000

Record = dict[str, str | None]


def read(task: Task) -> Rows:
    """Read the repeated element of every file of the stream.

    Raises:
        UdbError: ``E_CORRUPT`` with the line where it is not well formed, ``E_UNSUPPORTED`` for entities,
            ``E_COUNT_MISMATCH``, and what unpacking and the disk raise.
    """
    detected = task.stream.detected
    parsed = [(Path(file), task.folder / f"{index}.jsonl") for index, file in enumerate(detected.files)]
    keys: dict[str, None] = {column.original_name or column.name: None for column in detected.columns}
    counted = sum(_records_to_lines(task, file, lines, keys) for file, lines in parsed)
    columns = name_columns(keys)
    staged_files = []
    for (_, lines), name in zip(parsed, relative_names(detected.files), strict=True):
        target = lines.with_suffix(".parquet")
        with told(task.stream.dataset):
            stage_text(target, [column.name for column in columns], _batches(lines, tuple(keys)))
        staged_files.append((target, name))
    with told(task.stream.dataset):
        texts = [casting.TextColumn(column.name, task.options.null_markers) for column in columns]
        staged = cast_staged(task, staged_files, texts, counted)
        originals = {column.name: column.original_name for column in columns}
        stored = casting.stored_columns(task.duck, task.target, originals)
    if staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {counted} elements were counted, {staged} loaded")
    return Rows((task.target,), stored, counted, staged)


def _records_to_lines(task: Task, file: Path, target: Path, keys: dict[str, None]) -> int:
    """Write every record as a line of JSON, collecting the keys; the elements counted by the parser's events."""
    detected = task.stream.detected
    limit = int(task.settings.max_expanded_gb * 10**9)
    collector = _Collector(detected.records or "", keys)
    with (
        told(base_name(file)),
        open_stream(file, detected.compression, detected.member, limit) as stream,
        target.open("w", encoding="utf-8") as out,
    ):
        for record in collector.records(stream, base_name(file)):
            out.write(json.dumps(record))
            out.write("\n")
    return collector.started


def first_records(task: Task, rows: int) -> list[Record]:
    """The first records of the first file."""
    detected = task.stream.detected
    limit = int(task.settings.max_expanded_gb * 10**9)
    name = base_name(detected.files[0])
    with told(name), open_stream(Path(detected.files[0]), detected.compression, detected.member, limit) as stream:
        return list(islice(_Collector(detected.records or "", {}).records(stream, name), rows))


def _batches(lines: Path, keys: tuple[str, ...]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    with lines.open(encoding="utf-8") as file:
        for line in file:
            record: Record = json.loads(line)
            batch.append([record.get(key) for key in keys])
            if len(batch) >= BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


class _Collector:
    """Builds one record at a time from parser events; the rest of the document is dropped as it passes."""

    def __init__(self, element: str, keys: dict[str, None]) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self.started = 0
        self._new_builder: Callable[[], TreeBuilder] = TreeBuilder
        self._builder: TreeBuilder | None = None
        self._element = element
        self._keys = keys
        self._path: list[str] = []
        self._depth = 0
        self._record_depth = 0
        self._done: list[Record] = []

    def records(self, stream: BinaryIO, name: str) -> Iterator[Record]:
        """Parse ``stream``.

        Raises:
            UdbError: ``E_CORRUPT``, ``E_UNSUPPORTED``, ``E_UTF8_INVALID``.
        """
        encoding, chunks = for_parser(iter(lambda: stream.read(CHUNK), b""), name)
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = _refuse_entities
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)
                yield from self._taken()
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            reason = f"{expat.ErrorString(error.code)} at line {error.lineno}"
            raise UdbError("E_CORRUPT", f"{name} is not well-formed XML: {reason}") from None
        yield from self._taken()

    def _taken(self) -> list[Record]:
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise UdbError("E_CORRUPT", "the XML is nested too deeply")
        name = _local(name)
        self._path.append(name)
        if self._builder is None and self._is_record():
            self._builder = self._new_builder()
            self._record_depth = self._depth
            self.started += 1
        if self._builder is not None:
            self._builder.start(name, {_local(key): value for key, value in attributes.items()})

    def _data(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def _end(self, name: str) -> None:
        if self._builder is not None:
            self._builder.end(_local(name))
            if self._depth == self._record_depth:
                record = _record(self._builder.close())
                self._keys.update(dict.fromkeys(record))
                self._done.append(record)
                self._builder = None
        self._depth -= 1
        self._path.pop()

    def _is_record(self) -> bool:
        """Whether the element just opened is one: by its name, or its path where the name alone is not enough."""
        if "/" in self._element:
            return "/".join(self._path) == self._element
        return self._path[-1] == self._element


def _record(element: Element) -> Record:
    """Attributes, children and own text of an element."""
    found: dict[str, list[str | None]] = {key: [value] for key, value in element.attrib.items()}
    for child in element:
        found.setdefault(child.tag, []).append(_content(child))
    own = (element.text or "").strip()
    if own and not len(element):
        found.setdefault("value", []).append(own)
    return {key: values[0] if len(values) == 1 else json.dumps(values) for key, values in found.items()}


def _content(child: Element) -> str | None:
    """Text of a child without children or attributes; its XML otherwise."""
    from xml.etree.ElementTree import tostring

    if len(child) or child.attrib:
        child.tail = None
        return tostring(child, encoding="unicode")
    return child.text


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_entities(*_declaration: object) -> None:
    raise UdbError("E_UNSUPPORTED", "the XML declares entities, which are not expanded")
