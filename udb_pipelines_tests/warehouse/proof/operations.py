"""What the soak does to a warehouse: each operation knows how it is run and what it must leave.

``run`` happens in a child process that may be killed anywhere. Everything else is pure and happens in the parent:
``after`` tells the content when the operation has taken effect; killed, it has taken effect wholly or not at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.models import SourceOptions, SyncMode
from udb_pipelines.warehouse import Lake, commit, drop_source, maintenance, restore, retention, snapshots
from udb_pipelines.warehouse.export import export
from udb_pipelines.warehouse.targets.folder import FolderTarget
from udb_pipelines_tests.warehouse.proof.worlds import Content, Rows, World
from udb_pipelines_tests.warehouse.staging import Stager

TABLES = {"visits": ("visits",), "people": ("people",), "orders": ("orders__heads", "orders__lines")}
"""The tables of each source; two of one source must never be seen apart."""
MODES: tuple[SyncMode, ...] = (
    "full_refresh_overwrite", "full_refresh_append", "incremental_append", "incremental_upsert",
)  # fmt: skip
MANY_ROWS = 300
"""A table that has grown to so many is overwritten."""
MANY_TIMELINES = 3


@dataclass(frozen=True)
class Place:
    """Where a store is."""

    folder: Path
    url: str | None = None
    """Of a PostgreSQL catalog; SQLite when absent."""

    @property
    def lake(self) -> Lake:
        """Files that nothing needs go at once here, so that a mistake about what is needed shows at once too."""
        return Lake(
            Settings(
                home=self.folder / "home",
                catalog_url=SecretStr(self.url) if self.url else None,
                threads=1,
                lock_timeout_seconds=60,
                unneeded_file_hours=0,
            )
        )

    @property
    def target(self) -> FolderTarget:
        """Of the snapshots."""
        return FolderTarget(self.folder / "target")

    @property
    def export_file(self) -> Path:
        """Where exports go."""
        return self.folder / "exported.duckdb"


@dataclass(frozen=True)
class Operation:
    """One thing done to the warehouse."""

    kind = ""

    def run(self, place: Place) -> None:
        """Do it, in a process that may be killed."""
        raise NotImplementedError

    def possible(self, world: World) -> bool:
        """Whether it makes sense (again) in this world."""
        return bool(world.history)

    def after(self, world: World) -> Content:
        """What the warehouse holds when it is done."""
        return world.content

    def expires(self, world: World) -> frozenset[int]:
        """Versions of the current timeline that may be gone afterwards."""
        return frozenset()


@dataclass(frozen=True)
class Sync(Operation):
    """A job commits all tables of a source."""

    kind = "commit"
    job: int
    source: str
    mode: SyncMode
    first: int
    count: int

    def _deleted(self) -> set[int]:
        last = self.job % 5
        return {n for n in range(self.first, self.first + self.count) if n % 5 == last} if self._upserts else set()

    @property
    def _upserts(self) -> bool:
        return self.mode == "incremental_upsert"

    def run(self, place: Place) -> None:
        lake = place.lake
        stage = Stager(lake.settings)
        deleted = f"range % 5 = {self.job % 5}" if self._upserts else "false"
        query = (
            f"SELECT range AS id, {self.job} AS job, {deleted} AS deleted FROM range({self.first}, "
            f"{self.first + self.count})"
        )
        fields: dict[str, Any] = {"sync_mode": self.mode, "primary_key": ("id",)}
        if self._upserts:
            fields["tombstone"] = "deleted"
        job = f"job_{self.job}"
        staged = stage(
            query, source=self.source, dataset=TABLES[self.source][0], job_id=job, state={"job": self.job},
            options=SourceOptions(allow_empty=True), **fields,
        )  # fmt: skip
        more = tuple(stage.dataset(job, query, dataset=name, **fields) for name in TABLES[self.source][1:])
        commit(lake, staged.model_copy(update={"datasets": (*staged.datasets, *more)}))

    def possible(self, world: World) -> bool:
        return True

    def after(self, world: World) -> Content:
        before = world.content
        if self.job in before.jobs:
            return before  # a job that is run again has been done
        tables = {name: self._table(before.tables.get(name, ())) for name in TABLES[self.source]}
        return Content(
            {**before.tables, **tables}, {**before.states, self.source: self.job}, (*before.jobs, self.job)
        )  # fmt: skip

    def _table(self, old: Rows) -> Rows:
        ids = set(range(self.first, self.first + self.count))
        if self.mode == "full_refresh_overwrite":
            old = ()
        elif self._upserts:
            old = tuple(row for row in old if row[0] not in ids)
        return tuple(sorted((*old, *((number, self.job) for number in ids - self._deleted()))))


@dataclass(frozen=True)
class Drop(Operation):
    """A source is given up."""

    kind = "drop source"
    source: str

    def run(self, place: Place) -> None:
        drop_source(place.lake, self.source, f"drop_{self.source}")

    def possible(self, world: World) -> bool:
        return self.source in world.content.states

    def after(self, world: World) -> Content:
        before = world.content
        tables = {name: rows for name, rows in before.tables.items() if name not in TABLES[self.source]}
        states = {name: job for name, job in before.states.items() if name != self.source}
        return replace(before, tables=tables, states=states)


@dataclass(frozen=True)
class Merge(Operation):
    """Small files of a table become one; no row changes, in no version."""

    kind = "merge"
    table: str

    def run(self, place: Place) -> None:
        maintenance.merge(place.lake, self.table)

    def possible(self, world: World) -> bool:
        return self.table in world.content.tables


@dataclass(frozen=True)
class Expire(Operation):
    """Versions are let go, and then the files that only they needed."""

    kind = "expire"
    versions: tuple[int, ...]

    def run(self, place: Place) -> None:
        lake = place.lake
        maintenance.expire(lake, self.versions)
        maintenance.remove_files(lake, maintenance.unneeded_files(lake))

    def expires(self, world: World) -> frozenset[int]:
        return frozenset(self.versions)


@dataclass(frozen=True)
class CleanUp(Operation):
    """The nightly clean-up, as it will be sixty days from now."""

    kind = "retention"

    def run(self, place: Place) -> None:
        lake, now = place.lake, datetime.now(UTC) + timedelta(days=60)
        retention.apply(lake, retention.plan(lake.settings, lake, retention.Rules(), now=now, used_pct=0))

    def expires(self, world: World) -> frozenset[int]:
        return frozenset(sorted(world.history)[:-1])


@dataclass(frozen=True)
class RestoreTo(Operation):
    """Back to a version, on a new timeline."""

    kind = "restore to"
    version: int

    def run(self, place: Place) -> None:
        restore.restore_to(place.lake, self.version)

    def possible(self, world: World) -> bool:
        return self.version in world.history

    def after(self, world: World) -> Content:
        return world.history[self.version]


@dataclass(frozen=True)
class RestoreFrom(Operation):
    """From a snapshot, on a new timeline."""

    kind = "restore from"
    snapshot: str

    def run(self, place: Place) -> None:
        restore.restore_from(place.lake, place.target, self.snapshot)

    def possible(self, world: World) -> bool:
        return self.snapshot in world.snapshots

    def after(self, world: World) -> Content:
        return world.snapshots[self.snapshot][0]


@dataclass(frozen=True)
class RestoreTable(Operation):
    """One table as it was, as one more commit."""

    kind = "restore table"
    table: str
    version: int

    def run(self, place: Place) -> None:
        restore.restore_table(place.lake, self.table, self.version)

    def possible(self, world: World) -> bool:
        return self.version in world.history and self.table in world.history[self.version].tables

    def after(self, world: World) -> Content:
        tables = {**world.content.tables, self.table: world.history[self.version].tables[self.table]}
        return replace(world.content, tables=tables)


@dataclass(frozen=True)
class DropTimeline(Operation):
    """An old timeline is given up."""

    kind = "drop timeline"
    number: int

    def run(self, place: Place) -> None:
        restore.drop(place.lake, self.number)

    def possible(self, world: World) -> bool:
        return self.number in world.timelines and self.number != world.current


@dataclass(frozen=True)
class Snapshot(Operation):
    """A snapshot into the target."""

    kind = "snapshot"

    def run(self, place: Place) -> None:
        snapshots.create(place.lake, place.target)


@dataclass(frozen=True)
class Prune(Operation):
    """All snapshots but the newest go."""

    kind = "prune"

    def run(self, place: Place) -> None:
        snapshots.prune(place.target, 1, wait_seconds=20, now=datetime.now(UTC) + timedelta(days=10))

    def possible(self, world: World) -> bool:
        return bool(world.snapshots)


@dataclass(frozen=True)
class Export(Operation):
    """The whole warehouse as one DuckDB file, in the place of the last one."""

    kind = "export"

    def run(self, place: Place) -> None:
        export(place.lake, place.export_file, replace=True)

    def possible(self, world: World) -> bool:
        return bool(world.content.tables)


@dataclass
class Chooser:
    """Operations at random, as a seed has it."""

    chance: random.Random
    makers: tuple[tuple[int, Callable[[World], Operation | None]], ...] = field(init=False)

    def __post_init__(self) -> None:
        self.makers = (
            (40, self._sync),
            (2, lambda _: Drop(self.chance.choice(list(TABLES)))),
            (9, lambda _: Merge(self.chance.choice([name for names in TABLES.values() for name in names]))),
            (7, self._expire),
            (6, lambda _: CleanUp()),
            (7, lambda world: RestoreTo(self._version(world)) if world.history else None),
            (5, lambda world: RestoreFrom(self.chance.choice(list(world.snapshots))) if world.snapshots else None),
            (6, self._table),
            (4, self._timeline),
            (9, lambda _: Snapshot()),
            (2, lambda _: Prune()),
            (3, lambda _: Export()),
        )

    def next(self, world: World) -> Operation:
        """Something that can be done in this world."""
        if len(world.timelines) > MANY_TIMELINES and (old := self._timeline(world)):
            return old
        weights = [weight for weight, _ in self.makers]
        while True:
            made = self.chance.choices(self.makers, weights)[0][1](world)
            if made is not None and made.possible(world):
                return made

    def _sync(self, world: World) -> Operation:
        world.job += 1
        source = self.chance.choice(list(TABLES))
        large = any(len(world.content.tables.get(name, ())) > MANY_ROWS for name in TABLES[source])
        mode = MODES[0] if large else self.chance.choices(MODES, (2, 2, 2, 4))[0]
        return Sync(world.job, source, mode, self.chance.randint(0, 60), self.chance.randint(1, 40))

    def _version(self, world: World) -> int:
        """One with the bookkeeping, which the very first version lacks."""
        return self.chance.choice([version for version in world.history if version > 0] or [0])

    def _expire(self, world: World) -> Operation | None:
        old = sorted(world.history)[:-1]
        return Expire(tuple(sorted(self.chance.sample(old, self.chance.randint(1, len(old)))))) if old else None

    def _table(self, world: World) -> Operation | None:
        if not world.history:
            return None
        version = self._version(world)
        tables = sorted(world.history[version].tables)
        return RestoreTable(self.chance.choice(tables), version) if tables else None

    def _timeline(self, world: World) -> Operation | None:
        old = [number for number in world.timelines if number != world.current]
        return DropTimeline(self.chance.choice(old)) if old else None
