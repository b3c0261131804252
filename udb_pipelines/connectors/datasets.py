"""Which dataset a table goes into: a name that it keeps whatever tables come, go or are left out beside it.

The only table of a source has the source's name, one of several has its own behind that. Databases and connectors
may show another choice of tables each time; there, a table that was named once goes on under that name, and no other
table gets it, for its rows would replace those that are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from udb_pipelines.config import Settings
from udb_pipelines.models import Connection, DetectedStream, Named, Stream

_LASTING = frozenset({"airbyte", "airbyte_server", "database", "duckdb", "mongodb", "sqlite"})
"""Formats whose tables have names of their own. What is found in a file is told by where it stands."""


def last_connection(settings: Settings, source: str) -> Connection | None:
    """How a source was read last; None when it never was, or by another version of UDB."""
    try:
        text = (settings.stages / source / "connection.json").read_text(encoding="utf-8")
        return Connection.model_validate_json(text)
    except (OSError, ValidationError):
        return None


def names_of(streams: Sequence[DetectedStream], source: str, previous: Connection | None = None) -> list[str]:
    """The dataset of each stream, in their order.

    Of a source whose tables are all new, as when it is led elsewhere, every name is given anew.
    """
    before = {(named.namespace, named.name): named.dataset for named in previous.names} if previous else {}
    known = [before.get(stream.place) if stream.format in _LASTING else None for stream in streams]
    taken = set(before.values()) if any(known) else set()
    names = []
    for stream, name in zip(streams, known, strict=True):
        alone = len(streams) == 1 and source not in taken
        names.append(name or (source if alone else _free(f"{source}__{stream.name}", taken)))
        taken.add(names[-1])
    return names


def remembered(streams: Iterable[Stream], previous: Connection | None = None) -> tuple[Named, ...]:
    """The names to be kept: of these streams, and of those before that still have theirs."""
    now = [
        Named(namespace=space, name=name, dataset=stream.dataset)
        for stream in streams
        if stream.detected.format in _LASTING
        for space, name in [stream.detected.place]
    ]
    given = {named.dataset for named in now}
    return (*(named for named in (previous.names if previous else ()) if named.dataset not in given), *now)


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
