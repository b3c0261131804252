"""Sync for connectors: one run reads all streams; records become lines of a file per stream.

The states that the connector sends are kept with the stream they belong to, and are committed with its rows: a
run that fails leaves both as they were, so rows are read again, never skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte import process
from udb_pipelines.connectors.airbyte.discovery import configuration, last_catalog, original_of
from udb_pipelines.connectors.airbyte.environments import executable
from udb_pipelines.connectors.airbyte.intake import LEGACY, SHARED, STATE, Intake, Sink
from udb_pipelines.connectors.airbyte.pins import pin_of
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.connectors.reading import FETCHED
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, Stream

Entries = Mapping[tuple[str | None, str], Mapping[str, Any]]
"""A connector's own catalog, by namespace and name."""


def fetch(connection: Connection, settings: Settings, folder: Path, request: Request) -> None:
    """Run the connector for every stream; leaves ``<dataset>.ndjson``, and ``<dataset>.json`` with what is in it.

    Raises:
        UdbError: ``E_CONNECTOR``, ``E_AUTH``.
    """
    pin = pin_of(connection.uri)
    command = executable(pin, settings)
    config = configuration(connection.options.config, pin, settings)
    entries = last_catalog(connection.options.config, pin, settings)
    target = folder / FETCHED
    target.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        times = Counter(stream.detected.member for stream in connection.streams)
        sinks = [Sink(stream, target, alone=times[stream.detected.member] == 1) for stream in connection.streams]
        for sink in sinks:
            files.callback(sink.close)
        intake = Intake(pin.name, sinks)
        process.read(
            command, pin, config, catalog_of(connection, entries), states_before(connection, request),
            take=intake.take, silence=settings.connector_silence_minutes * 60,
        )  # fmt: skip
        if intake.incomplete:
            raise UdbError("E_CONNECTOR", f"{pin.name} did not finish: {', '.join(sorted(intake.incomplete))}")
        for sink in sinks:
            sink.finish(intake.unasked)


def catalog_of(connection: Connection, entries: Entries) -> dict[str, object]:
    """The configured catalog: which streams, how. ``entries`` are those of the connector's own catalog.

    Connectors get their entries back as they gave them: some read the fields to fetch from there.
    """
    return {"streams": [_configured(stream, entries.get(stream.detected.place, {})) for stream in connection.streams]}


def _configured(stream: Stream, entry: Mapping[str, Any]) -> dict[str, object]:
    detected = stream.detected
    incremental = is_incremental(stream)
    modes = ["full_refresh", "incremental"] if detected.resumable else ["full_refresh"]
    originals = {column.name: original_of(column) for column in detected.columns}
    key = [originals.get(name, name) for name in stream.primary_key]
    configured: dict[str, object] = {
        "stream": _descriptor(stream) | {"json_schema": {}, "supported_sync_modes": modes} | dict(entry),
        "sync_mode": "incremental" if incremental else "full_refresh",
        "destination_sync_mode": _DESTINATION.get(stream.sync_mode, "append"),
    }
    if key:
        configured["primary_key"] = [[name] for name in key]
    if incremental and stream.cursor:
        configured["cursor_field"] = [originals.get(stream.cursor, stream.cursor)]
    return configured


_DESTINATION = {"full_refresh_overwrite": "overwrite", "incremental_upsert": "append_dedup"}
"""What becomes of the rows, in the protocol's words."""


def is_incremental(stream: Stream) -> bool:
    """Whether the connector is asked for what is new only."""
    return stream.sync_mode.startswith("incremental") and stream.detected.resumable


def states_before(connection: Connection, request: Request) -> list[dict[str, object]]:
    """The states to go on from, as the protocol wants them."""
    known = [
        (stream, request.state_of(stream.dataset)) for stream in connection.streams
        if is_incremental(stream)
    ]  # fmt: skip
    old = next((state[LEGACY] for _, state in known if LEGACY in state), None)
    if old is not None:
        return [{"type": "LEGACY", "data": old}]
    streams = [
        {"stream_descriptor": _descriptor(stream), "stream_state": state[STATE]}
        for stream, state in known
        if STATE in state
    ]
    shared = next((state[SHARED] for _, state in known if SHARED in state), None)
    if shared is not None:
        return [{"type": "GLOBAL", "global": {"shared_state": shared, "stream_states": streams}}]
    return [{"type": "STREAM", "stream": stream} for stream in streams]


def _descriptor(stream: Stream) -> dict[str, object]:
    namespace, name = stream.detected.place
    return {"name": name, "namespace": namespace} if namespace else {"name": name}
