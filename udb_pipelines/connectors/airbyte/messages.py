"""The protocol's envelope, one message a line. Records stay raw: their content is DuckDB's business.

Times and counts may be floats, and unknown kinds of message are allowed: both are met in published connectors.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Record(msgspec.Struct):
    """A row of a stream."""

    stream: str
    data: msgspec.Raw
    namespace: str | None = None


class Error(msgspec.Struct):
    """What a connector says of its own failure."""

    message: str = ""
    failure_type: str = "system_error"


class Descriptor(msgspec.Struct):
    """Names a stream."""

    name: str
    namespace: str | None = None


class StreamStatus(msgspec.Struct):
    """How far a stream is: STARTED, RUNNING, COMPLETE, INCOMPLETE."""

    stream_descriptor: Descriptor
    status: str


class Trace(msgspec.Struct):
    """A message about the run itself."""

    type: str
    error: Error | None = None
    stream_status: StreamStatus | None = None


class ConnectionStatus(msgspec.Struct):
    """The answer to ``check``."""

    status: str
    message: str | None = None


class Message(msgspec.Struct):
    """One line of a connector's standard output."""

    type: str
    record: Record | None = None
    state: dict[str, Any] | None = None
    trace: Trace | None = None
    spec: dict[str, Any] | None = None
    catalog: dict[str, Any] | None = None
    connection_status: ConnectionStatus | None = msgspec.field(default=None, name="connectionStatus")


_DECODER = msgspec.json.Decoder(Message)
_HEAD = 300
"""Bytes of a line in which its type stands, whatever comes first."""


def parse(line: bytes) -> Message | None:
    """The message in a line; None for anything else that a connector prints."""
    if not line.startswith(b"{"):
        return None
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_broken(line: bytes) -> bool:
    """Whether a line that is no message was meant as one that must not be lost.

    >>> is_broken(b'{"type": "RECORD", "record": {"stream": "a", "data": {"x": NaN}}}'), is_broken(b"{hello")
    (True, False)
    """
    head = line[:_HEAD]
    return head.startswith(b"{") and any(kind in head for kind in (b'"RECORD', b'"STATE'))


def error_of(message: Message) -> Error | None:
    """The failure that a message tells, if any."""
    return message.trace.error if message.trace is not None else None
