"""``make bench-connectors``: what reading databases and Airbyte connectors costs. Saves ``RESULTS-connectors.md``.

Every figure is of a process of its own, without its children and without the server: import to exit.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2
from psycopg2 import extensions

from benchmarks.measure import Result, Row, environment
from benchmarks.peers import DLT, dlt_versions, python_with
from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte.environments import READY, folder_of
from udb_pipelines.connectors.airbyte.pins import pin_of
from udb_pipelines_tests.postgres import running

RESULTS = Path(__file__).with_name("RESULTS-connectors.md")
ROWS = 2_000_000
RECORDS = 400_000
TIMES = 3
COLUMNS = (
    *(f"(i * {n + 3} % {10 ** (n + 2)})::int AS whole_{n}" for n in range(6)),
    *(f"((i * {n + 7} % 1000000) / 100.0)::numeric(10,2) AS price_{n}" for n in range(5)),
    *(f"sqrt(i * {n + 1})::double precision AS ratio_{n}" for n in range(4)),
    *(f"'customer ' || (i * {n + 11} % 5000) AS name_{n}" for n in range(5)),
    *(f"(ARRAY['new','paid','sent','done'])[1 + i % {n + 2}] AS state_{n}" for n in range(3)),
    *(f"date '2020-01-01' + (i % {1000 + n})::int AS day_{n}" for n in range(2)),
    "md5(i::text)::uuid AS code", "i % 3 = 0 AS flag", "timestamptz '2020-01-01' + i * interval '7 s' AS made_at",
)  # fmt: skip
"""Beside the key and the moment of the last change, so that a row has 30."""
UPSERT = {"sync_mode": "incremental_upsert", "cursor": "changed_at"}


@dataclass(frozen=True)
class Run:
    """What one process did and used: rows, CPU seconds, wall seconds, megabytes at its peak."""

    rows: int
    cpu: float
    wall: float
    peak_mb: float


def measured(what: str, uri: str, place: Path, rows: int, options: dict[str, Any]) -> Run:
    """One process of :mod:`benchmarks.connectors_child`, which has to see ``rows`` rows.

    Raises:
        RuntimeError: it saw others.
    """
    own = [sys.executable, "-m", "benchmarks.connectors_child", what, uri, str(place), json.dumps(options)]
    return _run(what, own, place.parent, rows)


def by_dlt(uri: str, place: Path) -> Run:
    """One process of :mod:`benchmarks.peer_dlt`, in an environment that has dlt.

    Raises:
        RuntimeError: it did not load every row.
    """
    python = python_with("dlt", DLT)
    place.mkdir()
    return _run("dlt", [str(python), str(Path(__file__).with_name("peer_dlt.py")), uri, str(place)], place, ROWS)


def _run(what: str, command: list[str], home: Path, rows: int) -> Run:
    root = Path(__file__).parents[1]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment(home), text=True, cwd=root)
    run = Run(*json.loads(done.stdout.splitlines()[-1]))
    if run.rows != rows:
        raise RuntimeError(f"{what}: {run.rows} rows came instead of {rows}")
    return run


def middle(runs: list[Run]) -> Run:
    """The run with the median CPU."""
    cpu = median(run.cpu for run in runs)
    return min(runs, key=lambda run: abs(run.cpu - cpu))


def databases(folder: Path) -> tuple[Result, Result]:
    """A table of 2,000,000 rows of 30 columns: read whole beside the scanner alone, then incrementally."""
    with running() as server, closing(psycopg2.connect(uri := server.new_database())) as connection:
        cursor = connection.cursor()
        _fill(cursor)
        connection.commit()
        scans, full = [], []
        for number in range(TIMES):
            # In turns: what else the machine does slows both alike.
            scans.append(measured("scan", uri, folder / f"{number}.parquet", ROWS, {"table": "big"}))
            full.append(measured("sync", uri, folder / f"full-{number}", ROWS, {}))
        peer = by_dlt(uri, folder / "dlt")
        home = folder / "upsert"
        measured("sync", uri, home, ROWS, UPSERT)
        parts = []
        for number in range(TIMES):
            _change(cursor, number)
            connection.commit()
            parts.append(measured("sync", uri, home, 2 * ROWS // 100 + 1, UPSERT))
    alone, ours, part = middle(scans), middle(full), middle(parts)
    ratio = median(own.cpu / scan.cpu for own, scan in zip(full, scans, strict=True))
    return (
        Result(
            f"PostgreSQL, {ROWS:,} rows of 30 columns",
            "From the server into the warehouse (detect, sync, commit), beside DuckDB's scanner writing one Parquet "
            f"file of the same compression, in turns, and dlt writing a DuckDB file. Medians of {TIMES}; dlt once.",
            (
                Row("DuckDB's scanner alone", _told(alone)),
                Row("UDB into the warehouse", _told(ours)),
                Row(f"{dlt_versions()} into a DuckDB file", _told(peer)),
                Row("CPU, UDB to the scanner alone", f"{ratio:.2f} ×", "≤ 1.3 ×", ratio <= 1.3),
                Row("CPU, UDB to dlt", f"{ours.cpu / peer.cpu:.2f} ×"),
            ),
        ),
        Result(
            "PostgreSQL, incremental: 1 % new rows and 1 % changed ones",
            f"`incremental_upsert` by the declared key with a cursor, beside the full refresh. Median of {TIMES}.",
            (
                Row("incremental sync", f"{_told(part)}, {part.rows:,} rows read"),
                Row("CPU, incremental to full", f"{part.cpu / ours.cpu:.2f} ×"),
            ),
        ),
    )


def _fill(cursor: extensions.cursor) -> None:
    cursor.execute(
        f"CREATE TABLE big AS SELECT i AS id, timestamptz '2026-01-01' + i * interval '1 ms' AS changed_at, "
        f"{', '.join(COLUMNS)} FROM generate_series(1, {ROWS}::bigint) i"
    )
    cursor.execute("ALTER TABLE big ADD PRIMARY KEY (id); CREATE INDEX ON big (changed_at)")


def _change(cursor: extensions.cursor, number: int) -> None:
    """One row in a hundred changes, as many come; a sync reads them and the last one of before."""
    share = ROWS // 100
    first = ROWS + number * share
    moment = f"timestamptz '2026-03-0{number + 1}' + id * interval '1 microsecond'"
    cursor.execute(f"UPDATE big SET changed_at = {moment}, whole_0 = -1 WHERE id % 100 = {number + 1} AND id <= {ROWS}")
    cursor.execute(
        f"CREATE TEMP TABLE more ON COMMIT DROP AS SELECT * FROM big WHERE id <= {share}; "
        f"UPDATE more SET id = id + {first}; UPDATE more SET changed_at = {moment}; INSERT INTO big SELECT * FROM more"
    )


def airbyte(folder: Path) -> Result:
    """Records of a scripted connector, which prints lines made before; its own CPU is not counted."""
    uri, runs = "airbyte:faker@0.0.1", []
    made = _connector(folder)
    for number in range(TIMES):
        home = folder / f"airbyte-{number}"
        environment_of = folder_of(pin_of(uri), Settings(home=home))
        environment_of.parent.mkdir(parents=True)
        environment_of.symlink_to(made)
        runs.append(measured("sync", uri, home, RECORDS, {}))
    run = middle(runs)
    speed, peak = run.rows / run.cpu, max(item.peak_mb for item in runs)
    return Result(
        f"Airbyte protocol, {RECORDS:,} records like those of source-faker",
        f"A connector that prints lines made before; our process alone, into the warehouse. Median of {TIMES}.",
        (
            Row("UDB", _told(run)),
            Row("records per CPU-second", f"{speed:,.0f}", "≥ 150,000", speed >= 150_000),
            Row("memory at its peak", f"{peak:.0f} MB", "< 400 MB", peak < 400),
        ),
    )


def _connector(folder: Path) -> Path:
    """An environment with a connector that is a shell script and three files."""
    made = folder / "connector"
    pin = pin_of("airbyte:faker@0.0.1")
    (made / "bin").mkdir(parents=True)
    text, whole = {"type": ["null", "string"]}, {"type": ["null", "integer"]}
    fields = {
        "id": {"type": "integer"}, "name": text, "email": text, "title": text, "gender": text, "height": text,
        "blood_type": text, "age": whole, "weight": whole, "nationality": text, "occupation": text,
        "created_at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
        "address": {"type": "object"}, "score": {"type": ["null", "number"]},
    }  # fmt: skip
    stream = {"name": "users", "json_schema": {"type": "object", "properties": fields},
              "supported_sync_modes": ["full_refresh"]}  # fmt: skip
    said = {
        "spec": {"type": "SPEC", "spec": {"connectionSpecification": {"type": "object", "properties": {}}}},
        "check": {"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}},
        "discover": {"type": "CATALOG", "catalog": {"streams": [stream]}},
    }
    for name, message in said.items():
        (made / name).write_text(json.dumps(message) + "\n")
    with (made / "read").open("w") as lines:
        for number in range(RECORDS):
            lines.write(json.dumps({"type": "RECORD", "record": {
                "stream": "users", "emitted_at": 1767225600000 + number, "data": _record(number)}}) + "\n")  # fmt: skip
    command = made / "bin" / pin.command
    command.write_text(f'#!/bin/sh\nexec cat "{made}/$1"\n')
    command.chmod(0o755)
    spec = said["spec"]["spec"]["connectionSpecification"]
    (made / READY).write_text(json.dumps({"requirement": pin.requirement, "spec": spec}))
    return made


def _record(number: int) -> dict[str, object]:
    return {
        "id": number, "name": f"Person {number * 7 % 100_000}", "email": f"person{number}@example.org",
        "title": ("Ms", "Mr", "Dr")[number % 3], "gender": ("Female", "Male", "Other")[number % 3],
        "height": f"1.{number % 100:02}", "blood_type": ("A+", "B-", "0+", "AB")[number % 4], "age": number % 90,
        "weight": 40 + number % 80, "nationality": f"Nation {number % 195}",
        "occupation": f"Occupation {number % 900}",
        "created_at": f"2026-01-{number % 28 + 1:02}T10:{number % 60:02}:{number * 7 % 60:02}+00:00",
        "address": {"street": f"{number % 200} Main St", "city": f"City {number % 4000}", "postal": str(number)},
        "score": number % 1000 / 8,
    }  # fmt: skip


def _told(run: Run) -> str:
    return f"{run.cpu:.1f} CPU-s, {run.wall:.1f} s, {run.peak_mb:.0f} MB"


def main() -> None:
    """Measure, print and save."""
    os.environ.setdefault("UDB_LOG_LEVEL", "WARNING")
    with tempfile.TemporaryDirectory(prefix="udb-bench-") as name:
        folder = Path(name)
        results = (airbyte(folder), *databases(folder))
    packages = ", ".join(f"{package} {version(package)}" for package in ("udb-pipelines", "duckdb"))
    head = (
        "# Benchmark of connectors\n\n"
        f"`make bench-connectors` on {os.cpu_count()} cores, Python {platform.python_version()}, {packages}. CPU "
        "seconds are of one process alone, start to end; wall time depends on what else the machine did.\n\n"
    )
    text = head + "\n".join(result.markdown() for result in results)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
