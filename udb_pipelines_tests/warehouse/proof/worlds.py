"""The oracle of the soak: what every version of a warehouse must hold, in plain Python and outside of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Rows = tuple[tuple[int, int], ...]
"""(id, job) of every row, sorted, each as often as it occurs."""


@dataclass(frozen=True)
class Content:
    """What one version holds."""

    tables: Mapping[str, Rows] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    """The job that left the sync state, by source."""
    jobs: tuple[int, ...] = ()
    """Jobs in the ledger, in the order of their commits; one that is there twice was doubled."""

    @classmethod
    def parsed(cls, told: Mapping[str, Any]) -> Content:
        """From JSON, as an inspecting process writes it."""
        tables = {name: tuple((int(number), int(job)) for number, job in rows) for name, rows in told["tables"].items()}
        return cls(tables, told["states"], tuple(told["jobs"]))

    def __str__(self) -> str:
        tables = ", ".join(f"{name}: {len(rows)} rows" for name, rows in sorted(self.tables.items()))
        return f"({tables}; states {dict(sorted(self.states.items()))}; {len(self.jobs)} jobs, last {self.jobs[-3:]})"


EMPTY = Content()
History = dict[int, Content]


@dataclass
class World:
    """All that the store must remember."""

    timelines: dict[int, History] = field(default_factory=lambda: {1: {}})
    current: int = 1
    last_timeline: int = 1
    snapshots: dict[str, tuple[Content, History]] = field(default_factory=dict)
    """What each snapshot in the target holds, oldest first."""
    exported: Mapping[str, Rows] | None = None
    job: int = 0

    @property
    def history(self) -> History:
        """Versions of the current timeline."""
        return self.timelines[self.current]

    @property
    def content(self) -> Content:
        """What is in the warehouse now."""
        return self.history[max(self.history)] if self.history else EMPTY


@dataclass(frozen=True)
class Seen:
    """What a new process found in the store."""

    current: int
    timelines: tuple[int, ...]
    versions: tuple[int, ...]
    """Of the current timeline."""
    newest: Content
    older: Mapping[tuple[int, int], Content]
    """(timeline, version) of some others."""
    snapshots: tuple[str, ...]
    problems: tuple[str, ...]
    """What the doctor, after it has mended, and the snapshots' verification complain about."""
    exported: Mapping[str, Rows] | None
