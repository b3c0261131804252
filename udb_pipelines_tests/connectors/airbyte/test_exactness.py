"""Whatever a connector sends as records is in the warehouse afterwards: every field, every digit, every character."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udb_pipelines import engine
from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte import loading, running
from udb_pipelines.connectors.airbyte.discovery import columns_of, declared_type, original_of
from udb_pipelines.connectors.airbyte.intake import Intake, Sink
from udb_pipelines.connectors.airbyte.running import whole_lines
from udb_pipelines.connectors.reading import FETCHED, Rows, Task
from udb_pipelines.connectors.rejects import RejectLog
from udb_pipelines.engine import quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, DetectedStream, SourceOptions, Stream
from udb_pipelines.originals import companion_name

KINDS = ({"type": "integer"}, {"type": ["null", "number"]}, {"type": "boolean"}, {"type": "string"},
         {"type": "object"}, {"type": ["string", "integer"]}, {"type": "string", "format": "date"},
         {"type": "string", "format": "date-time"},
         {"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"})  # fmt: skip


class Number(str):
    """A number as it is written."""


def written(value: object, *, ascii_only: bool, spaced: bool) -> str:
    """The JSON of a value, numbers as they are."""
    if isinstance(value, Number):
        return str(value)
    comma, colon = (", ", ": ") if spaced else (",", ":")
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=ascii_only)}{colon}"
                 f"{written(inner, ascii_only=ascii_only, spaced=spaced)}" for key, inner in value.items())  # fmt: skip
        return f"{{{comma.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{comma.join(written(inner, ascii_only=ascii_only, spaced=spaced) for inner in value)}]"
    return json.dumps(value, ensure_ascii=ascii_only)


def parsed(text: str) -> Any:
    """JSON without a loss."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def load(home: Path, properties: Mapping[str, Mapping[str, Any]], pieces: Sequence[bytes]) -> tuple[Rows, list[Any]]:
    """What a stream of ``properties`` has after a connector printed ``pieces``; and its rows as dictionaries."""
    detected = DetectedStream(name="s", format="airbyte", files=(), member="s", columns=columns_of(properties))
    stream = Stream(dataset="s", detected=detected, sync_mode="full_refresh_overwrite")
    folder = home / FETCHED
    folder.mkdir(parents=True)
    intake = Intake("fake", [sink := Sink(stream, folder)])
    for lines in whole_lines(pieces, "fake"):
        intake.take(lines)
    sink.finish(intake.unasked)
    (home / "s").mkdir()
    where = Settings(home=home)
    with closing(engine.connect(where)) as duck:
        connection = Connection(
            source="s", uri="airbyte:fake@1.0", connector="airbyte", streams=(stream,), fingerprint="f",
            options=SourceOptions(),
        )  # fmt: skip
        rows = loading.read(Task(duck, connection, stream, where, home / "s", RejectLog(duck)))
        found = duck.execute(f"FROM read_parquet({quote_literal(rows.parquet[0])})")
        names = [item[0] for item in found.description or ()]
        return rows, [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def messages(records: Sequence[Mapping[str, Any]], *, ascii_only: bool = False, spaced: bool = False) -> bytes:
    """A RECORD message a line."""
    return b"".join(
        b'{"type":"RECORD","record":{"stream":"s","data":'
        + written(record, ascii_only=ascii_only, spaced=spaced).encode()
        + b',"emitted_at":1767225600000}}\n'
        for record in records
    )


numbers = st.one_of(
    st.integers().map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**9), 10**9, places=12, allow_nan=False).map(lambda value: format(value, "f")),
    st.decimals(-1, 1, places=30, allow_nan=False).map(lambda value: format(value, "f")),
).map(Number)
texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(
        ["", "null", "NaN", "007", "12345678901234567890", "2026-03-01", "2026-02-30", "2026-03-01T10:00:00+02:00",
         "2026-03-01T10:00:00.1234567Z", "2026-03-01 10:00", "infinity", "true", "{", '"', "\\u0041"]),
)  # fmt: skip
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=4,
)
names = st.one_of(
    st.sampled_from(["a", "A", "b", "Full Address", "", "field 1", 'say "x"', "back\\slash", "ü", "Ü", "zero\0", "_"]),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
schemas = st.dictionaries(names, st.sampled_from(KINDS), max_size=5)


@st.composite
def records_of(draw: st.DrawFn, properties: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records that mostly do as they were declared."""
    some = []
    for _ in range(draw(st.integers(0, 6))):
        known = {name: draw(_of_kind(kind)) for name, kind in properties.items() if draw(st.integers(0, 9))}
        some.append(known | draw(st.dictionaries(names, values, max_size=1)))
    return some


def _of_kind(kind: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    usual: dict[str, st.SearchStrategy[Any]] = {
        "BIGINT": st.integers(-(2**63), 2**63 - 1).map(lambda value: Number(str(value))),
        "DOUBLE": numbers, "BOOLEAN": st.booleans(), "VARCHAR": texts,
        "DATE": st.dates().map(str), "TIMESTAMP": st.datetimes().map(lambda value: value.isoformat()),
        "TIMESTAMPTZ": st.datetimes(timezones=st.just(UTC)).map(lambda value: value.isoformat()),
    }  # fmt: skip
    return st.one_of(*[usual[declared_type(kind)]] * 8, values)


def same(stored: object, sent: object, sql_type: str) -> bool:
    """Whether a value of the warehouse is the one that was sent."""
    if sent is None:
        return stored is None
    if sql_type in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        moment = datetime.fromisoformat(str(sent))
        if sql_type == "DATE":
            return str(stored) == sent
        return stored == (moment if moment.tzinfo or sql_type == "TIMESTAMP" else moment.replace(tzinfo=UTC))
    if isinstance(sent, str) and not isinstance(sent, Number):
        return stored == sent
    if isinstance(stored, bool):
        return stored is sent
    if isinstance(stored, (int, float)):
        return isinstance(sent, Number) and Decimal(repr(stored)) == Decimal(sent)
    return isinstance(stored, str) and parsed(stored) == parsed(written(sent, ascii_only=False, spaced=False))


@settings(max_examples=40, deadline=None)
@given(st.data(), schemas, st.booleans(), st.booleans(), st.integers(1, 400))
def test_every_value_that_is_sent_is_stored(
    data: st.DataObject, properties: dict[str, Any], ascii_only: bool, spaced: bool, size: int
) -> None:
    records = data.draw(records_of(properties))
    text = messages(records, ascii_only=ascii_only, spaced=spaced)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    with tempfile.TemporaryDirectory() as folder:
        rows, stored = load(Path(folder), properties, pieces)
    assert rows.read == rows.staged == len(records) == len(stored)
    columns = {original_of(column): column for column in rows.columns}
    assert set(properties) | {name for record in records for name in record} <= set(columns) | {"value"}
    for sent, found in zip(records, stored, strict=True):
        for name, column in columns.items():
            value = found[column.name]
            if value is None:
                value = found.get(companion_name(column.name, []))
            assert same(value, sent.get(name), column.type), (column, value, sent.get(name))


def one(home: Path, kind: Mapping[str, Any], *sent: object) -> tuple[str, list[object], list[str]]:
    """Type, values and findings of one field."""
    rows, stored = load(home, {"x": kind}, [messages([{"x": value} for value in sent])])
    return rows.columns[0].type, [row["x"] for row in stored], [item.code for item in rows.findings]


@pytest.mark.parametrize(
    ("kind", "sent", "sql_type", "stored"),
    [
        ({"type": "integer"}, [Number("9223372036854775807")], "BIGINT", [2**63 - 1]),
        ({"type": "integer"}, [Number("9223372036854775808"), None], "VARCHAR", ["9223372036854775808", None]),
        ({"type": "integer"}, [Number("1"), "many"], "VARCHAR", ["1", "many"]),
        ({"type": "number"}, [Number("1"), Number("2.50")], "DOUBLE", [1.0, 2.5]),
        ({"type": "number"}, [Number("0.1"), Number("0.30000000000000004")], "DOUBLE", [0.1, 0.30000000000000004]),
        ({"type": "number"}, [Number("12345678901234567.89")], "VARCHAR", ["12345678901234567.89"]),
        ({"type": "string", "format": "date"}, ["2026-03-01", "soon"], "VARCHAR", ["2026-03-01", "soon"]),
        ({"type": "object"}, [{"b": Number("9007199254740993.5")}], "VARCHAR", ['{"b":9007199254740993.5}']),
    ],
    ids=["largest", "too large", "no number", "whole", "long", "decimal", "no date", "nested"],
)  # fmt: skip
def test_a_type_is_given_where_it_holds_every_value(
    tmp_path: Path, kind: Mapping[str, Any], sent: list[object], sql_type: str, stored: list[object]
) -> None:
    found_type, found, findings = one(tmp_path, kind, *sent)
    assert (found_type, found) == (sql_type, stored)
    conflicting = sql_type == "VARCHAR" and kind["type"] != "object"
    assert findings == (["W_TYPE_DECLARED"] if conflicting else [])


def test_a_moment_with_an_offset_is_not_one_without(tmp_path: Path) -> None:
    kind = {"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"}
    assert one(tmp_path, kind, "2026-03-01T10:00:00+02:00")[:2] == ("VARCHAR", ["2026-03-01T10:00:00+02:00"])


def test_the_last_of_many_moments_may_be_none(tmp_path: Path) -> None:
    moments = [f"2026-03-01T10:00:{number % 60:02}Z" for number in range(21_000)]
    sql_type, stored, findings = one(tmp_path, {"type": "string", "format": "date-time"}, *moments, "never")
    assert (sql_type, stored[-1], len(stored), findings) == ("VARCHAR", "never", 21_001, ["W_TYPE_DECLARED"])


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '"\\ud800"', "[1,]", "{"])
def test_a_record_that_is_no_json_is_refused_not_left_out(tmp_path: Path, value: str) -> None:
    planted = messages([{"x": Number(value), "secret": "planted"}])
    with pytest.raises(UdbError) as caught:
        load(tmp_path, {"x": {"type": "string"}}, [messages([{"x": "fine"}]), planted])
    assert caught.value.code == "E_CONNECTOR"
    assert "planted" not in str(caught.value.as_dict())


def test_names_that_differ_in_case_only_are_two_columns(tmp_path: Path) -> None:
    rows, stored = load(tmp_path, {"Id": {"type": "integer"}}, [messages([{"Id": Number("1"), "id": "x"}])])
    assert [original_of(column) for column in rows.columns] == ["Id", "id"]
    assert list(stored[0].values()) == [1, "x"]


def test_a_record_of_fifty_megabytes(tmp_path: Path) -> None:
    big = "x" * 50_000_000
    _, stored, _ = one(tmp_path, {"type": "string"}, "small", big, "small again")
    assert [len(str(value)) for value in stored] == [5, 50_000_000, 11]


def test_a_stream_that_nobody_asked_for_is_told(tmp_path: Path) -> None:
    other = messages([{"x": "y"}]).replace(b'"stream":"s"', b'"stream":"other"')
    rows, stored = load(tmp_path, {"x": {"type": "string"}}, [messages([{"x": "z"}]), other, other])
    assert stored == [{"x": "z"}]
    assert [(item.code, item.count) for item in rows.findings] == [("W_STREAM_UNASKED", 2)]


def test_a_line_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LINE_LIMIT", 1000)
    assert list(whole_lines([b"a" * 900, b"\n", b"b" * 900], "fake")) == [b"a" * 900 + b"\n", b"b" * 900]
    with pytest.raises(UdbError, match="fake sent a message of more than"):
        list(whole_lines([b"a" * 900] * 3, "fake"))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_streams_that_take_turns_keep_their_order(tmp_path: Path, size: int) -> None:
    mine, other = messages([{"x": "1"}]), messages([{"y": "2"}]).replace(b'"stream":"s"', b'"stream":"other"')
    state = (
        b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"s"},"stream_state":{}}}}\n'
    )
    text = (mine + other + state) * 20 + mine.replace(b'"1"', b'"last"')
    _, stored = load(tmp_path, {"x": {"type": "string"}}, [text[at : at + size] for at in range(0, len(text), size)])
    assert [row["x"] for row in stored] == ["1"] * 20 + ["last"]
