"""JSON and NDJSON: strictly valid or refused, and where the records are.

A document up to ``FULL_BYTES`` is read whole; of a longer one, as many values as the sample holds, and the loader
verifies the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from udb_pipelines.detection.jsonlists import places, row_width
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Compression, Format

FULL_BYTES = 8 << 20
SOME = 0.2
MOST = 0.5
NEARLY_ALL = 0.8
"""Shares of a document's values that its records hold."""
KEYED = 3
"""Members of one form from which on they may be records."""
SPACE = re.compile(r"[ \t\r\n]*")
Json = None | bool | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class JsonTable:
    """A JSON document as a table."""

    format: Format
    records: str | None
    columns: tuple[ColumnSchema, ...]
    row_estimate: int | None
    beside: int | None = 0
    """Values beside the records, which are left out; None where the document was too long to count them."""
    header_rows: int | None = None
    """Where records are lists: how many of them, at the beginning, name the columns. None for anything else."""
    named_beside: int = 0
    """Names that stand beside the records."""
    doubt: str = ""
    """What the document may be rather than the one record it was read as."""


class _NotJsonError(ValueError):
    """The text is not JSON; says why, without a value."""


def _no_constant(_name: str) -> Json:
    raise _NotJsonError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)


def detect_json(path: Path, name: str, compression: Compression, encoding: str, limit_bytes: int) -> JsonTable:
    """Find the records of a JSON or NDJSON file.

    Raises:
        UdbError: ``E_CORRUPT`` when it is not valid JSON, ``E_UTF8_INVALID`` when it is not valid text.
    """
    with open_stream(path, compression, None, limit_bytes) as stream:
        data = stream.read(FULL_BYTES + 1)
    whole = len(data) <= FULL_BYTES
    text = _text(data[:FULL_BYTES], encoding, name, whole)
    total = path.stat().st_size if compression == "none" else None
    try:
        return _whole(text) if whole else _partial(text, len(data), total)
    except (_NotJsonError, ValueError) as error:
        reason = str(error) if isinstance(error, _NotJsonError) else _place(error)
        raise UdbError("E_CORRUPT", f"{name} is not valid JSON: {reason}") from None
    except RecursionError:
        raise UdbError("E_CORRUPT", f"{name} is nested more deeply than can be read") from None


def _place(error: ValueError) -> str:
    """Where a decoder stumbled; its message names the rule, never the text."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "a rule of JSON is broken"


def _text(data: bytes, encoding: str, name: str, whole: bool) -> str:
    import codecs

    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeDecodeError as error:
        raise UdbError(
            "E_UTF8_INVALID", f"{name}: a byte sequence that is not {encoding} at offset {error.start}"
        ) from None
    return text.removeprefix("\ufeff")


def _whole(text: str) -> JsonTable:
    values = list(_values(text, 0))
    if not values:
        raise _NotJsonError("there is no value")
    if len(values) > 1:
        if not all(isinstance(value, dict) for value in values):
            _one_per_line(text, len(values))
        return _table("ndjson", None, values, len(values))
    return _document(values[0])


def _values(text: str, start: int) -> Iterator[Json]:
    """Top-level values, separated by white space; objects may also stand one right after the other."""
    return (value for value, _ in _placed(text, start))


def _placed(text: str, start: int) -> Iterator[tuple[Json, int]]:
    """As :func:`_values`, with where each ends."""
    at = _skip(text, start)
    while at < len(text):
        value, end = _DECODER.raw_decode(text, at)
        yield value, end
        at = _skip(text, end)
        if at == end and at < len(text) and not (isinstance(value, dict) and text[at] == "{"):
            raise _NotJsonError(f"something follows the value at character {end}")


def _skip(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    return found.end() if found else at


def _one_per_line(text: str, values: int) -> None:
    lines = sum(1 for line in text.split("\n") if line.strip(" \t\r"))
    if lines != values:
        raise _NotJsonError(f"{values} values on {lines} lines: neither one document nor one value per line")


def _document(value: Json) -> JsonTable:
    if isinstance(value, list):
        return _table("json", None, value, len(value))
    if isinstance(value, dict) and (found := _envelope(value) or _lists_beside_names(value)):
        key, records = found
        named = _table("json", key, records, len(records), value)
        return replace(named, beside=_leaves(value) - _leaves(records) - named.named_beside)
    alone = _table("json", None, [value], 1)
    return replace(alone, doubt=_records_in(value)) if isinstance(value, dict) else alone


def _records_in(document: Mapping[str, Json]) -> str:
    """How one object may hold a table that is no array of records; empty where it does not.

    Objects of the same keys below keys of their own are records by key, equally long arrays side by side are columns.
    """
    values = list(document.values())
    objects = [value for value in values if isinstance(value, dict)]
    shared = set.intersection(*(set(value) for value in objects)) if objects else set()
    if len(objects) == len(values) >= KEYED and shared:
        return (
            f"its {len(objects)} members have {len(shared)} keys in common, as records have that stand below their keys"
        )
    lists = (
        [value for value in inner.values() if isinstance(value, list) and len(value) > 1]
        for inner in (document, *objects)
    )
    for columns in lists:
        if (
            len(columns) > 1
            and len({len(column) for column in columns}) == 1
            and sum(map(_leaves, columns)) >= MOST * _leaves(document)
        ):
            return f"{len(columns)} of its arrays have {len(columns[0])} elements each, as columns have"
    return ""


def _envelope(document: Mapping[str, Json]) -> tuple[str, list[Json]] | None:
    """The array of objects that holds most of what there is in a document, with its dotted key.

    One that stands beside others, or lies deeper, must be nearly all, and several records if deeper: a description
    of one thing has small lists too.
    """
    total = _leaves(document)
    found = [(key, rows) for key, rows in _arrays(document) if all(isinstance(row, dict) for row in rows)]
    top = sum("." not in key for key, _ in found)
    for key, rows in found:
        deep = "." in key
        enough = NEARLY_ALL if deep or top > 1 else MOST if len(rows) == 1 else SOME
        if _leaves(rows) >= enough * total and len(rows) > deep:
            return key, rows
    return None


def _lists_beside_names(document: Mapping[str, Json]) -> tuple[str, list[Json]] | None:
    """The array of equally long lists that is most of a document, its names apart."""
    total = _leaves(document)
    for key, rows in _arrays(document):
        width = row_width(rows)
        if width and _leaves(rows) + width >= MOST * total:
            return key, rows
    return None


def _arrays(document: Mapping[str, Json], depth: int = 3) -> Iterator[tuple[str, list[Json]]]:
    """Arrays that hold something, with their dotted keys, in objects up to ``depth`` levels deep."""
    for key, value in document.items():
        if "." in key:
            continue
        if isinstance(value, list) and value:
            yield key, value
        elif isinstance(value, dict) and depth > 1:
            yield from ((f"{key}.{inner}", rows) for inner, rows in _arrays(value, depth - 1))


def _leaves(value: Json | Mapping[str, Json]) -> int:
    """Values that are neither objects nor arrays."""
    if isinstance(value, Mapping):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


def _table(
    format_: Format,
    records: str | None,
    rows: Sequence[Json],
    count: int | None,
    document: Mapping[str, Json] | None = None,
) -> JsonTable:
    """Objects give their keys, in the order seen; equally long lists a column per place; the rest one column."""
    if rows and all(isinstance(row, dict) for row in rows):
        names: dict[str, None] = {}
        for row in rows:
            if isinstance(row, dict):
                names.update(dict.fromkeys(row))
        if names:
            return JsonTable(format_, records, name_columns(names), count)
    if width := row_width(rows):
        named = places(rows, width, document)
        below = None if count is None else count - named.header_rows
        return JsonTable(
            format_, records, name_columns(named.names), below, named_beside=named.beside, header_rows=named.header_rows
        )
    return JsonTable(format_, records, name_columns(["value"]), count)


def _partial(text: str, read: int, total: int | None) -> JsonTable:
    """What the beginning of a long document shows."""
    start = _skip(text, 0)
    first, end = _first_value(text, start)
    if first is not None and text[_skip(text, end) : _skip(text, end) + 1] in ("{", "["):
        values, end = _stream(text)
        return _table("ndjson", None, values, _scaled(len(values), end, len(text), read, total))
    if text[start : start + 1] == "[":
        rows, end = _elements(text, start + 1)
        return _table("json", None, rows, _scaled(len(rows), end, len(text), read, total))
    key, rows, end = _long_member(text, start + 1)
    return replace(_table("json", key, rows, _scaled(len(rows), end, len(text), read, total)), beside=None)


def _stream(text: str) -> tuple[list[Json], int]:
    """The complete values at the beginning of a stream of them that goes on after the text, and where they end."""
    values: list[Json] = []
    end = 0
    try:
        for value, ends in _placed(text, 0):
            values.append(value)
            end = ends
    except json.JSONDecodeError:
        if end < len(text) // 2:
            raise
    return values, end


def _first_value(text: str, start: int) -> tuple[Json, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        return None, start


def _elements(text: str, at: int) -> tuple[list[Json], int]:
    """The complete elements of an array that begins before ``at`` and ends after the text."""
    rows: list[Json] = []
    while True:
        at = _skip(text, at)
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError:
            break
        rows.append(value)
        at = _skip(text, end)
        if text[at : at + 1] != ",":
            break
        at += 1
    if not rows or at < len(text) // 2:
        raise _NotJsonError(f"element {len(rows) + 1} of the array is not valid, or very long")
    return rows, at


def _long_member(text: str, at: int) -> tuple[str, list[Json], int]:
    """The first member of an object that is an array longer than the text: its key and its elements."""
    while True:
        at = _skip(text, at)
        key, end = _DECODER.raw_decode(text, at)
        at = _skip(text, end)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            raise _NotJsonError(f"a name and a colon were expected at character {at}")
        at = _skip(text, at + 1)
        _, end = _first_value(text, at)
        if end == at:
            if text[at : at + 1] != "[":
                raise _NotJsonError(f"no array of records was found before character {at}")
            rows, end = _elements(text, at + 1)
            return key, rows, end
        at = _skip(text, end)
        if text[at : at + 1] != ",":
            raise _NotJsonError(f"a comma was expected at character {at}")
        at += 1


def _scaled(rows: int, end: int, characters: int, read: int, total: int | None) -> int | None:
    if total is None or not end:
        return None
    return round(rows * total / (read * end / characters))
