"""JSON and NDJSON into typed Parquet: top-level keys become columns.

Every record is checked by a strict parser and written as one line; DuckDB then takes the lines apart. Scalars are
typed like text, but a JSON string never becomes a number; nested values and columns of mixed kinds stay text
(nested ones as JSON), so that nothing is lost and the schema is stable.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import FILE_COLUMN, Rows, Task, relative_names
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream

if TYPE_CHECKING:
    import duckdb

CHUNK = 1 << 20
RECORD_LIMIT = 256 << 20
"""Longest record, in bytes: DuckDB holds several at once."""
SPACE = re.compile(r"[ \t\r\n]*")
HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
VALUE = "value"
"""The column of records that are no objects."""

BY_KIND: dict[frozenset[str], tuple[str, ...]] = {
    frozenset({"string"}): ("DATE", "TIMESTAMP", "TIMESTAMPTZ"),
    frozenset({"number"}): ("BIGINT", "DOUBLE"),
    frozenset({"boolean"}): ("BOOLEAN",),
}
"""Types that a column may get, by the kinds of JSON values in it; none for any other mix."""


class _NotJsonError(ValueError):
    """A rule of JSON is broken; says which, without a value."""


def _no_constant(_name: str) -> object:
    raise _NotJsonError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)


def _check_text(value: object) -> None:
    """Half a surrogate pair is allowed by JSON's grammar, but is no character."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _NotJsonError("half a surrogate pair, which is no character") from None


@dataclass
class _Lines:
    """Records as NDJSON: how many, the keys seen in order, and the longest record in bytes."""

    path: Path
    records: int = 0
    longest: int = 0
    keys: dict[str, None] = field(default_factory=dict)
    objects: bool = True
    """False when a record is no object: then the record itself is the only column."""
    lists: bool = False
    """Whether records are lists, whose places are the keys."""

    def write(self, records: Iterator[tuple[object, str]]) -> None:
        """Write all ``records``, given as value and text."""
        with self.path.open("wb") as out:
            for value, text in records:
                if self.lists and isinstance(value, list):
                    self.keys.update(dict.fromkeys(map(str, range(len(self.keys), len(value)))))
                elif self.lists:
                    raise _NotJsonError("a record is no list, as the others are")
                elif isinstance(value, dict):
                    if not value.keys() <= self.keys.keys():
                        self.keys.update(dict.fromkeys(value))
                else:
                    self.objects = False
                if HALF_PAIR.search(text):
                    _check_text(value)
                # A line end is only ever white space in JSON: strings have it escaped.
                line = text.replace("\n", " ").replace("\r", " ").encode()
                out.write(line + b"\n")
                self.records += 1
                self.longest = max(self.longest, len(line) + 1)


def read(task: Task) -> Rows:
    """Read a stream of JSON documents or lines.

    Raises:
        UdbError: ``E_CORRUPT`` with the place where a rule of JSON is broken, ``E_UTF8_INVALID`` with the offset,
            ``E_COUNT_MISMATCH``, and what unpacking and the disk raise.
    """
    files = tuple(_lines_of(task, index, Path(file)) for index, file in enumerate(task.stream.detected.files))
    names = relative_names(task.stream.detected.files)
    records = sum(lines.records for lines in files)
    with told(task.stream.dataset):
        raw = task.folder / "raw.parquet"
        columns = _stage(task.duck, files, names, _columns(task, files), raw)
        texts = _text_columns(task, raw, columns)
        relation = casting.TextRelation(
            sql=f"FROM read_parquet({quote_literal(raw)})",
            sample_sql=casting.sample_of(raw),
            columns=(*texts, casting.as_stored(FILE_COLUMN)) if len(files) > 1 else texts,
        )
        staged = casting.write_typed(task.duck, relation, task.target, what=task.what, rows=records)
        originals = columns if task.stream.detected.dialect is None else task.originals
        stored = casting.stored_columns(task.duck, task.target, originals | {FILE_COLUMN: None})
    if staged != records:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: {records} records were counted, {staged} loaded")
    return Rows((task.target,), stored, records, staged)


# --- records as lines -------------------------------------------------------------------------------------


def _lines_of(task: Task, index: int, file: Path) -> _Lines:
    detected = task.stream.detected
    lines = _Lines(task.folder / f"{index}.ndjson", lists=detected.dialect is not None)
    name = base_name(file)
    replace = task.options.encoding_errors == "replace"
    limit = int(task.settings.max_expanded_gb * 10**9)
    with told(name), open_stream(file, detected.compression, detected.member, limit) as stream:
        text = _Text(stream, detected.encoding, name, replace=replace)
        try:
            lines.write(_below_names(_records(text, detected.format, detected.records), detected))
        except (_NotJsonError, json.JSONDecodeError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise UdbError(
                "E_CORRUPT", f"{name} is not valid JSON: {reason}, near record {lines.records + 1}"
            ) from None
        except RecursionError:
            raise UdbError("E_CORRUPT", f"{name}: record {lines.records + 1} is nested too deeply") from None
    return lines


def first_records(task: Task, rows: int) -> list[dict[str, object]]:
    """The first records of the first file, with their keys; a record that is no object under ``value``."""
    detected = task.stream.detected
    name = base_name(detected.files[0])
    limit = int(task.settings.max_expanded_gb * 10**9)
    with told(name), open_stream(Path(detected.files[0]), detected.compression, detected.member, limit) as stream:
        text = _Text(stream, detected.encoding, name, replace=True)
        try:
            found = list(islice(_below_names(_records(text, detected.format, detected.records), detected), rows))
        except (_NotJsonError, json.JSONDecodeError, RecursionError) as error:
            raise UdbError("E_CORRUPT", f"{name} is not valid JSON ({type(error).__name__})") from None
    if detected.dialect is not None:
        keys = [column.original_name or column.name for column in detected.columns]
        found = [(dict(zip(keys, value, strict=False)), text) for value, text in found if isinstance(value, list)]
    return [_shown(value) if isinstance(value, dict) else {VALUE: text} for value, text in found]


def _below_names(records: Iterator[tuple[object, str]], detected: DetectedStream) -> Iterator[tuple[object, str]]:
    """``records`` without the lists that name the columns."""
    return islice(records, detected.dialect.header_rows if detected.dialect else 0, None)


def _shown(record: dict[str, object]) -> dict[str, object]:
    """Nested values as JSON text."""
    return {
        key: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value
        for key, value in record.items()
    }


def _records(text: _Text, form: str, records: str | None) -> Iterator[tuple[object, str]]:
    return _each_line(text) if form == "ndjson" else _of_document(text, records)


class _Text:
    """Decoded text in a window that moves: ``buffer`` from ``at`` on is not consumed yet."""

    def __init__(self, stream: BinaryIO, encoding: str, name: str, *, replace: bool) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("replace" if replace else "strict")
        self._name = name
        self._bytes = 0
        self._chunk = CHUNK
        self.ended = False
        self.buffer = ""
        self.at = 0
        self.more()
        self.buffer = self.buffer.removeprefix("\ufeff")

    def more(self) -> bool:
        """Read on, twice as much each time in a row; False at the end."""
        if self.ended:
            return False
        pending = len(self._decoder.getstate()[0])
        data = self._stream.read(self._chunk)
        self.ended = not data
        try:
            text = self._decoder.decode(data, self.ended)
        except UnicodeDecodeError as error:
            offset = self._bytes - pending + error.start
            raise UdbError(
                "E_UTF8_INVALID", f"{self._name}: the byte at offset {offset} is not {self._encoding}"
            ) from None
        self._bytes += len(data)
        if len(self.buffer) - self.at > RECORD_LIMIT:
            raise _NotJsonError("a record is larger than can be read")
        self.buffer = self.buffer[self.at :] + text
        self.at = 0
        self._chunk *= 2
        return True

    def skip(self) -> str:
        """Go to the next character that is not white space and return it; empty at the end."""
        while True:
            found = SPACE.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def expect(self, characters: str) -> str:
        """Consume the next character, which must be one of ``characters``."""
        found = self.skip()
        if not found or found not in characters:
            raise _NotJsonError(f"one of {' '.join(characters)} was expected")
        self.at += 1
        return found

    def value(self) -> tuple[object, str]:
        """Consume the next value; it and its text."""
        self.skip()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.buffer, self.at)
            except json.JSONDecodeError:
                if not self.more():
                    raise
                continue
            # A number that ends with the window may go on in the next one.
            if end < len(self.buffer) or not self.more():
                break
        text = self.buffer[self.at : end]
        self.at = end
        self._chunk = CHUNK
        return value, text


def _each_line(text: _Text) -> Iterator[tuple[object, str]]:
    while text.skip():
        found = text.value()
        joined = "{" if isinstance(found[0], dict) else ""
        if text.at < len(text.buffer) and text.buffer[text.at] not in f" \t\r\n{joined}":
            raise _NotJsonError("something follows the value on its line")
        yield found


def _of_document(text: _Text, records: str | None) -> Iterator[tuple[object, str]]:
    """The records of one document: the elements of its array, or of the array that the dotted keys name."""
    keys = records.split(".") if records else []
    if text.skip() == "[" and not keys:
        yield from _elements(text)
    elif keys:
        yield from _member(text, keys)
    else:
        yield text.value()
    if text.skip():
        raise _NotJsonError("something follows the document")


def _elements(text: _Text) -> Iterator[tuple[object, str]]:
    text.expect("[")
    if text.skip() == "]":
        text.at += 1
        return
    while True:
        yield text.value()
        if text.expect(",]") == "]":
            return


def _member(text: _Text, keys: list[str]) -> Iterator[tuple[object, str]]:
    """Walk an object; what is not on the way is checked and left out."""
    text.expect("{")
    if text.skip() == "}":
        text.at += 1
        return
    while True:
        if text.skip() != '"':
            raise _NotJsonError("a name was expected")
        name, _ = text.value()
        text.expect(":")
        if name != keys[0]:
            text.value()
        elif len(keys) > 1:
            yield from _member(text, keys[1:])
        else:
            yield from _elements(text)
        if text.expect(",}") == "}":
            return


# --- lines as columns -------------------------------------------------------------------------------------


def _columns(task: Task, files: tuple[_Lines, ...]) -> dict[str, str | None]:
    """Warehouse name of every key, with the key where it differs; those that detection saw first."""
    if all(lines.lists and lines.objects for lines in files):
        return _places(task, max((len(lines.keys) for lines in files), default=0))
    if not all(lines.objects for lines in files):
        return {VALUE: None}
    known = {column.original_name or column.name: None for column in task.stream.detected.columns}
    keys = {key: None for lines in files for key in lines.keys}
    ordered = [key for key in known if key in keys] + [key for key in keys if key not in known]
    return {column.name: column.original_name for column in name_columns(ordered or [VALUE])}


def _places(task: Task, width: int) -> dict[str, str | None]:
    """Warehouse name of every place of the lists, with the place; longer lists than detection saw give more columns."""
    names = [column.name for column in task.stream.detected.columns]
    more = [name for number in range(len(names) + 1, width + 1) if (name := f"column_{number}") not in names]
    return {name: str(place) for place, name in enumerate((*names, *more))}


def _stage(
    duck: duckdb.DuckDBPyConnection,
    files: tuple[_Lines, ...],
    names: tuple[str, ...],
    columns: dict[str, str | None],
    target: Path,
) -> dict[str, str | None]:
    """Write the JSON text of every value as Parquet, a column per key."""
    objects = all(lines.objects for lines in files)
    selects = []
    for lines, name in zip(files, names, strict=True):
        size = max(16 << 20, lines.longest + 1024)
        source = (
            f"read_json_objects({quote_literal(lines.path)}, format = 'newline_delimited', "
            f"maximum_object_size = {size}, compression = 'uncompressed')"
        )
        if lines.records:
            selects.append(_taken_apart(source, columns, objects, name if len(files) > 1 else None))
    if not selects:
        empty = ", ".join(f"NULL::VARCHAR AS {quote_identifier(name)}" for name in columns)
        lineage = f", NULL::VARCHAR AS {quote_identifier(FILE_COLUMN)}" if len(files) > 1 else ""
        selects = [f"SELECT {empty}{lineage} WHERE false"]
    duck.execute(f"COPY ({' UNION ALL '.join(selects)}) TO {quote_literal(target)} ({casting.PARQUET})")
    return columns


def _taken_apart(source: str, columns: dict[str, str | None], objects: bool, lineage: str | None) -> str:
    file = f", {quote_literal(lineage)} AS {quote_identifier(FILE_COLUMN)}" if lineage else ""
    if not objects:
        return f"SELECT json::VARCHAR AS {quote_identifier(VALUE)}{file} FROM {source}"
    pointers = ", ".join(_pointer(name if key is None else key) for name, key in columns.items())
    parts = ", ".join(f"parts[{i}]::VARCHAR AS {quote_identifier(name)}" for i, name in enumerate(columns, start=1))
    return f"SELECT {parts}{file} FROM (SELECT json_extract(json, [{pointers}]) AS parts FROM {source})"


def _pointer(key: str) -> str:
    """A key as JSON pointer in an SQL literal, whatever characters it holds; SQL text cannot hold U+0000."""
    return quote_literal("/" + key.replace("~", "~0").replace("/", "~1")).replace("\0", "' || chr(0) || '")


def _text_columns(task: Task, raw: Path, columns: dict[str, str | None]) -> tuple[casting.TextColumn, ...]:
    """How each column's text is made, and which types the kinds of its values allow."""
    kinds = ", ".join(
        f"list(DISTINCT CASE left({name}, 1) WHEN '\"' THEN 'string' WHEN '{{' THEN 'nested' WHEN '[' THEN 'nested' "
        f"WHEN 't' THEN 'boolean' WHEN 'f' THEN 'boolean' ELSE 'number' END) FILTER (WHERE {name} <> 'null')"
        for name in map(quote_identifier, columns)
    )
    found = task.duck.execute(f"SELECT {kinds} FROM read_parquet({quote_literal(raw)})").fetchall()[0]
    return tuple(
        casting.TextColumn(
            name,
            task.options.null_markers,
            source=_text(quote_identifier(name), frozenset(seen or ())),
            allowed=BY_KIND.get(frozenset(seen or ()), ()),
        )
        for name, seen in zip(columns, found, strict=True)
    )


def _text(name: str, kinds: frozenset[str]) -> str:
    """SQL of a value's text: of a string its content, of anything else its JSON; NULL for null."""
    if "string" not in kinds:
        return f"nullif({name}, 'null')"
    return (
        f"CASE WHEN starts_with({name}, '\"') THEN json_extract_string({name}, '$') "
        f"WHEN {name} <> 'null' THEN {name} END"
    )
