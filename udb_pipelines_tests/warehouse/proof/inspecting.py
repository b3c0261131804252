"""Looking at a store that was just killed, with the eyes of a new process. Nothing is repaired before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from udb_pipelines.warehouse import check, ledger, snapshots
from udb_pipelines.warehouse.maintenance import versions
from udb_pipelines_tests.warehouse.proof.operations import TABLES, Place
from udb_pipelines_tests.warehouse.proof.worlds import Content, Seen


def look(place: Place, older: Sequence[tuple[int, int]], *, thorough: bool) -> dict[str, Any]:
    """Everything :class:`Seen` holds, as JSON.

    Args:
        place: the store.
        older: versions to read besides the newest, by timeline.
        thorough: ask the doctor as well, and verify every snapshot.
    """
    lake = place.lake
    register = lake.register()
    with lake.reader() as connection:
        newest = content(connection)
    read = []
    for timeline, version in older:
        with lake.at(timeline).reader(version) as connection:
            read.append((timeline, version, content(connection)))
    listed = snapshots.list_snapshots(place.target) if place.target.root.is_dir() else ()
    return {
        "current": register.current,
        "timelines": [timeline.number for timeline in register.timelines],
        "versions": [item.version for item in versions(lake)],
        "newest": newest,
        "older": read,
        "snapshots": [item.id for item in listed],
        "problems": _problems(place, [item.id for item in listed]) if thorough else [],
        "exported": _exported(place),
    }


def parsed(told: dict[str, Any]) -> Seen:
    """The other way round, in the parent."""
    exported = told["exported"]
    return Seen(
        current=told["current"],
        timelines=tuple(told["timelines"]),
        versions=tuple(told["versions"]),
        newest=Content.parsed(told["newest"]),
        older={(timeline, version): Content.parsed(found) for timeline, version, found in told["older"]},
        snapshots=tuple(told["snapshots"]),
        problems=tuple(told["problems"]),
        exported=None if exported is None else Content.parsed({"tables": exported, "states": {}, "jobs": ()}).tables,
    )


def content(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What a pinned reader sees."""
    jobs = connection.execute(
        "SELECT job_id FROM lake.udb.commits WHERE result IS NOT NULL ORDER BY version"
    ).fetchall()
    states = {source: state["job"] for source in TABLES if (state := ledger.last_state(connection, source))}
    return {
        "tables": _tables(connection, "lake"),
        "states": states,
        "jobs": [int(job.removeprefix("job_")) for (job,) in jobs],
    }


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[tuple[int, int]]]:
    names = connection.execute(
        f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{database}' AND schema_name = 'main'"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT id, job FROM {database}.main."{name}" ORDER BY ALL').fetchall()
        for (name,) in names
    }


def _problems(place: Place, listed: Sequence[str]) -> list[str]:
    """The doctor mends first; what it still finds then is a problem."""
    found = [f"{item.name}: {item.detail}" for item in check(place.lake, mend=True) if item.status == "fail"]
    found += [f"{item.name}: {item.detail}" for item in check(place.lake, quick=True) if item.status != "ok"]
    return found + [f"snapshot {one}: {problem}" for one in listed for problem in snapshots.verify(place.target, one)]


def _exported(place: Place) -> dict[str, list[tuple[int, int]]] | None:
    if not place.export_file.exists():
        return None
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{place.export_file}' AS exported (READ_ONLY)")
        return _tables(connection, "exported")
