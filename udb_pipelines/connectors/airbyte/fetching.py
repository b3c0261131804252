"""Sync for connectors: one run reads all streams; records become lines of a file per stream.

The states that the connector sends are kept with the stream they belong to, and are committed with its rows: a
run that fails leaves both as they were, so rows are read again, never skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte import process
from udb_pipelines.connectors.airbyte.discovery import configuration
from udb_pipelines.connectors.airbyte.environments import executable
from udb_pipelines.connectors.airbyte.messages import Message
from udb_pipelines.connectors.airbyte.pins import pin_of
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.connectors.reading import FETCHED
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, Stream
from udb_pipelines.operations import progress

STATE, SHARED, LEGACY = "stream_state", "shared_state", "legacy_state"
"""Parts of a stream's state. A connector has one state per stream, or shares one among streams, or (of old) has one
for everything."""
_REPORT_EVERY = 10_000


@dataclass
class _Sink:
    """One stream's file."""

    stream: Stream
    file: BinaryIO
    records: int = 0
    state: dict[str, object] = field(default_factory=dict)


def fetch(connection: Connection, settings: Settings, folder: Path, request: Request) -> None:
    """Run the connector for every stream; leaves ``<dataset>.ndjson`` and ``<dataset>.json`` (count and state).

    Raises:
        UdbError: ``E_CONNECTOR``, ``E_AUTH``; ``E_COUNT_MISMATCH`` when the connector counted other records than
            came.
    """
    pin = pin_of(connection.uri)
    command = executable(pin, settings)
    config = configuration(connection.options.config, pin, settings)
    target = folder / FETCHED
    target.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        sinks = {
            stream.detected.member or "": _Sink(
                stream, files.enter_context((target / f"{stream.dataset}.ndjson").open("wb", buffering=1 << 20))
            )
            for stream in connection.streams
        }
        states = states_before(connection, request)
        incomplete = _consume(process.read(command, pin, config, catalog_of(connection), states), sinks)
    if incomplete:
        raise UdbError("E_CONNECTOR", f"{pin.name} did not finish: {', '.join(sorted(incomplete))}")
    for sink in sinks.values():
        about = {"records": sink.records, "state": sink.state}
        (target / f"{sink.stream.dataset}.json").write_text(json.dumps(about), encoding="utf-8")


def catalog_of(connection: Connection) -> dict[str, object]:
    """The configured catalog: which streams, how."""
    return {"streams": [_configured(stream) for stream in connection.streams]}


def _configured(stream: Stream) -> dict[str, object]:
    detected = stream.detected
    incremental = is_incremental(stream)
    modes = ["full_refresh", "incremental"] if detected.resumable else ["full_refresh"]
    originals = {column.name: column.original_name or column.name for column in detected.columns}
    configured: dict[str, object] = {
        "stream": {"name": detected.member, "json_schema": {}, "supported_sync_modes": modes},
        "sync_mode": "incremental" if incremental else "full_refresh",
        "destination_sync_mode": "append" if incremental else "overwrite",
    }
    if incremental and stream.cursor:
        configured["cursor_field"] = [originals.get(stream.cursor, stream.cursor)]
    return configured


def is_incremental(stream: Stream) -> bool:
    """Whether the connector is asked for what is new only."""
    return stream.sync_mode.startswith("incremental") and stream.detected.resumable


def states_before(connection: Connection, request: Request) -> list[dict[str, object]]:
    """The states to go on from, as the protocol wants them."""
    known = [
        (stream.detected.member, request.state_of(stream.dataset)) for stream in connection.streams
        if is_incremental(stream)
    ]  # fmt: skip
    old = next((state[LEGACY] for _, state in known if LEGACY in state), None)
    if old is not None:
        return [{"type": "LEGACY", "data": old}]
    streams = [
        {"stream_descriptor": {"name": name}, "stream_state": state[STATE]} for name, state in known if STATE in state
    ]
    shared = next((state[SHARED] for _, state in known if SHARED in state), None)
    if shared is not None:
        return [{"type": "GLOBAL", "global": {"shared_state": shared, "stream_states": streams}}]
    return [{"type": "STREAM", "stream": stream} for stream in streams]


def _consume(messages: Iterator[Message], sinks: Mapping[str, _Sink]) -> set[str]:
    """Write records and keep states; returns streams that said that they are not complete."""
    incomplete, records = set(), 0
    for message in messages:
        if message.record is not None:
            sink = sinks.get(message.record.stream)
            if sink is not None:
                sink.file.write(message.record.data)
                sink.file.write(b"\n")
                sink.records += 1
                records += 1
                if records % _REPORT_EVERY == 0:
                    progress.report("fetching", records, None, "records")
        elif message.state is not None:
            _keep_state(message.state, sinks)
        elif message.trace is not None and message.trace.stream_status is not None:
            status = message.trace.stream_status
            if status.status == "INCOMPLETE":
                incomplete.add(status.stream_descriptor.name)
    return incomplete


def _keep_state(state: Mapping[str, object], sinks: Mapping[str, _Sink]) -> None:
    stream, shared = state.get("stream"), state.get("global")
    if isinstance(stream, dict):
        _keep_stream_state(stream, sinks)
    elif isinstance(shared, dict):
        for entry in shared.get("stream_states", []):
            _keep_stream_state(entry, sinks)
        for sink in sinks.values():
            sink.state[SHARED] = shared.get("shared_state")
    elif "data" in state:
        for sink in sinks.values():
            sink.state[LEGACY] = state["data"]


def _keep_stream_state(entry: Mapping[str, object], sinks: Mapping[str, _Sink]) -> None:
    descriptor = entry.get("stream_descriptor")
    name = descriptor.get("name") if isinstance(descriptor, dict) else None
    if isinstance(name, str) and name in sinks:
        sinks[name].state[STATE] = entry.get("stream_state")
