"""A history of random commits, and what each of them left, kept in plain Python outside the store."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from udb_pipelines.warehouse import Lake, commit, datasets, drop_source
from udb_pipelines_tests.warehouse.staging import Stager

Rows = dict[str, Counter[tuple[Any, ...]]]
"""The rows of every table, each row as often as it occurs."""

MODES = ("full_refresh_overwrite", "full_refresh_append", "incremental_upsert")
TABLES = ("customers", "orders", "visits")


@dataclass
class Oracle:
    """Commits to a lake and remembers what must be in it."""

    lake: Lake
    seed: int
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    versions: dict[int, Rows] = field(default_factory=dict)
    times: dict[int, datetime] = field(default_factory=dict)
    lineage: list[int] = field(default_factory=list)
    """The versions of the current timeline, oldest first."""
    lineages: dict[int, list[int]] = field(default_factory=dict)
    """The same for each version, when it was the newest."""
    steps: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def grow(self, commits: int) -> None:
        """So many commits: overwrites, appends, upserts, new columns, dropped sources."""
        for _ in range(commits):
            self.steps += 1
            name = self.chance.choice(TABLES)
            if name in self.tables and self.chance.random() < 0.08:
                drop_source(self.lake, name, f"job_{self.steps}")
                del self.tables[name]
                self._remember(self.lake.current_version())
                continue
            self._commit(name, self.chance.choice(MODES))

    def _commit(self, name: str, mode: str) -> None:
        first, count = self.chance.randint(0, 40), self.chance.randint(1, 40)
        note = self.steps > 6 and self.chance.random() < 0.4
        new = [
            {"id": number, "job": self.steps, **({"note": f"n{number % 7}"} if note else {})}
            for number in range(first, first + count)
        ]
        extra = ", 'n' || range % 7 AS note" if note else ""
        staged = Stager(self.lake.settings)(
            f"SELECT range AS id, {self.steps} AS job{extra} FROM range({first}, {first + count})",
            source=name,
            job_id=f"job_{self.steps}_{uuid.uuid4().hex[:8]}",
            state={"job": self.steps},
            sync_mode=mode,
            primary_key=("id",),
        )
        result = commit(self.lake, staged)
        old = self.tables.get(name, [])
        if mode == "full_refresh_overwrite":
            old = []
        elif mode == "incremental_upsert":
            ids = {row["id"] for row in new}
            old = [row for row in old if row["id"] not in ids]
        self.tables[name] = old + new
        self._remember(result.version, result.committed_at)

    def _remember(self, version: int, at: datetime | None = None) -> None:
        self.versions[version] = {
            name: Counter(tuple(sorted(row.items())) for row in rows) for name, rows in self.tables.items()
        }
        self._grown(version)
        self.times[version] = at or datetime.now(UTC)

    def _grown(self, version: int) -> None:
        self.lineage = [*self.lineage, version]
        self.lineages[version] = self.lineage

    def at(self, time: datetime) -> int:
        """The version of the current timeline that is meant by a time."""
        return max(version for version in self.lineage if self.times[version] <= time)

    def back_to(self, version: int, now: int) -> None:
        """The store was restored: what comes goes on from there."""
        self.lineage = self.lineages[version]
        self._grown(now)
        self.times[now] = datetime.now(UTC)
        self.versions[now] = self.versions[version]
        self.tables = {
            name: [dict(row) for row in counted.elements()] for name, counted in self.versions[version].items()
        }


def content(lake: Lake, as_of: datetime | int | None = None) -> Rows:
    """What is in the store; columns that are NULL in a row are left out of it."""
    names = [info.dataset for info in datasets(lake, as_of)]
    with lake.reader(as_of) as connection:
        return {name: rows_of(connection, name) for name in names}


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> Counter[tuple[Any, ...]]:
    """The rows of one table, as the oracle writes them."""
    answer = connection.sql(f'FROM "{table}"')
    return Counter(
        tuple(sorted((name, value) for name, value in zip(answer.columns, row, strict=True) if value is not None))
        for row in answer.fetchall()
    )
