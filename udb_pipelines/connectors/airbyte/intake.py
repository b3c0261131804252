"""What a connector prints during a sync, sorted: records into a file per stream, states with the stream they belong to.

Messages are taken many at a time as long as they are records of one stream and of the shape that is known; one by one
otherwise. States stand where they came: a state that is kept covers rows that were written before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from udb_pipelines.connectors.airbyte import messages
from udb_pipelines.connectors.airbyte.discovery import original_of
from udb_pipelines.connectors.airbyte.messages import Error, Message, Record
from udb_pipelines.connectors.airbyte.shapes import BOOLEAN, INTEGER, NUMBER, TEXT, Shape
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Stream
from udb_pipelines.operations import progress

STATE, SHARED, LEGACY = "stream_state", "shared_state", "legacy_state"
"""Parts of a stream's state. A connector has one state per stream, or shares one among streams, or (of old) has one
for everything."""
KINDS = {"BIGINT": INTEGER, "DOUBLE": NUMBER, "BOOLEAN": BOOLEAN}
"""Kinds of fields by their declared types; all others are written as texts."""


class Sink:
    """One stream's file of records, a line each, and its state.

    Args:
        stream: of a connector.
        folder: for the file.
        alone: whether no stream of another namespace has its name. Some connectors leave namespaces out then.
    """

    def __init__(self, stream: Stream, folder: Path, *, alone: bool = True) -> None:
        self.dataset = stream.dataset
        self.namespace, self.name = stream.detected.place
        self._spaces = _spaces(self.namespace, alone)
        self._path = folder / f"{stream.dataset}.ndjson"
        self._file: BinaryIO = self._path.open("wb", buffering=1 << 20)
        self._shape = Shape.of(
            self.name,
            {original_of(column): KINDS.get(column.type, TEXT) for column in stream.detected.columns},
            self._spaces,
        )
        self._longest = 0
        """No line is longer."""
        self.records = 0
        self.state: dict[str, object] = {}

    def is_of(self, namespace: str | None) -> bool:
        """Whether a record of the stream's name and ``namespace`` is one of the stream."""
        return not self._spaces or (namespace or None) in self._spaces

    def take(self, lines: bytes) -> bool:
        """Write records that come as whole messages; False, and nothing is written, if any is anything else."""
        taken = self._shape.lines(lines)
        if taken is None:
            return False
        number, text = taken
        self._longest = max(self._longest, len(text))
        self._file.write(text)
        self.records += number
        return True

    def add(self, record: Record) -> None:
        """Write one record."""
        self._shape, text = self._shape.line(bytes(record.data))
        self._longest = max(self._longest, len(text))
        self._file.write(text + b"\n")
        self.records += 1

    def close(self) -> None:
        """Close the file; it may be closed already."""
        self._file.close()

    def finish(self, unasked: Mapping[str, int]) -> None:
        """Close the file, and tell beside it what is in it. ``unasked`` are records of streams that have no file."""
        self.close()
        fields = [(known.name, known.key, known.kind) for known in self._shape.fields.values()]
        about = {"records": self.records, "state": self.state, "fields": fields,
                 "longest": self._longest, "unasked": dict(unasked)}  # fmt: skip
        self._path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")


def _spaces(namespace: str | None, alone: bool) -> tuple[str | None, ...]:
    if alone:
        return (namespace, None) if namespace else ()
    return (namespace,)


class Intake:
    """Takes what the connector named ``name`` prints, for the streams that were asked of it."""

    def __init__(self, name: str, sinks: Sequence[Sink]) -> None:
        self._name = name
        self._sinks: dict[str, list[Sink]] = {}
        for sink in sinks:
            self._sinks.setdefault(sink.name, []).append(sink)
        self._current: Sink | None = next(iter(sinks), None)
        self._records = 0
        self.incomplete: set[str] = set()
        """Streams that the connector says it did not finish."""
        self.unasked: dict[str, int] = {}
        """Records of other streams, which are left out, by stream."""

    def take(self, lines: bytes) -> list[Error]:
        """Sort whole lines; returns the failures that they tell.

        Raises:
            UdbError: ``E_CONNECTOR`` for a record or a state that is damaged.
        """
        try:
            if self._current is not None and self._current.take(lines):
                errors = []
            else:
                errors = [error for line in lines.split(b"\n") if (error := self._line(line)) is not None]
        except UnicodeDecodeError:
            raise UdbError("E_CONNECTOR", f"{self._name} sent a text that is not UTF-8") from None
        self._tell()
        return errors

    def _line(self, line: bytes) -> Error | None:
        message = messages.parse(line)
        if message is None:
            if messages.is_broken(line):
                raise self._damaged("record or state", "")
            return None
        if message.record is not None:
            self._record(message.record)
        elif message.state is not None:
            self._keep_state(message.state)
        else:
            self._note(message)
        return messages.error_of(message)

    def _sink(self, name: str, namespace: str | None) -> Sink | None:
        return next((sink for sink in self._sinks.get(name, ()) if sink.is_of(namespace)), None)

    def _record(self, record: Record) -> None:
        sink = self._sink(record.stream, record.namespace)
        if sink is None:
            self._without_place(record)
            return
        try:
            sink.add(record)
        except msgspec.DecodeError:
            raise self._damaged("record", f" of {record.stream}, after {sink.records:,} whole ones") from None
        self._current = sink

    def _without_place(self, record: Record) -> None:
        """Count a record of a stream that was not asked for; one that may be of two streams is not guessed."""
        if not record.namespace and record.stream in self._sinks:
            raise UdbError(
                "E_CONNECTOR",
                f"{self._name} has the stream {record.stream} in several namespaces, "
                "and sent a record of it without saying of which",
                remedy="choose one of them with --table, or tell the connector's makers",
            )
        name = _qualified(record.stream, record.namespace)
        self.unasked[name] = self.unasked.get(name, 0) + 1

    def _damaged(self, what: str, where: str) -> UdbError:
        return UdbError(
            "E_CONNECTOR",
            f"{self._name} sent a {what} that is no valid JSON{where}",
            remedy="run the job again; if it stays, tell the connector's makers (NaN and Infinity are no JSON)",
        )

    def _note(self, message: Message) -> None:
        status = message.trace.stream_status if message.trace is not None else None
        if status is None:
            return
        name = _qualified(status.stream_descriptor.name, status.stream_descriptor.namespace)
        if status.status == "INCOMPLETE":
            self.incomplete.add(name)
        elif status.status == "COMPLETE":
            self.incomplete.discard(name)

    def _all(self) -> Iterator[Sink]:
        return chain.from_iterable(self._sinks.values())

    def _tell(self) -> None:
        records = sum(sink.records for sink in self._all())
        if records > self._records:
            self._records = records
            progress.report("fetching", records, None, "records")

    def _keep_state(self, state: Mapping[str, object]) -> None:
        stream, shared = state.get("stream"), state.get("global")
        if isinstance(stream, dict):
            self._keep_stream_state(stream)
        elif isinstance(shared, dict):
            for entry in shared.get("stream_states") or []:
                self._keep_stream_state(entry)
            for sink in self._all():
                sink.state[SHARED] = shared.get("shared_state")
        elif "data" in state:
            for sink in self._all():
                sink.state[LEGACY] = state["data"]

    def _keep_stream_state(self, entry: Mapping[str, object]) -> None:
        descriptor = entry.get("stream_descriptor")
        if not isinstance(descriptor, dict) or not isinstance(name := descriptor.get("name"), str):
            return
        if sink := self._sink(name, descriptor.get("namespace")):
            sink.state[STATE] = entry.get("stream_state")


def _qualified(name: str, namespace: str | None) -> str:
    return f"{namespace}.{name}" if namespace else name
