"""One measured process of ``make bench-connectors``: prints as JSON what it used itself, its children excluded."""

from __future__ import annotations

import json
import resource
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def sync(uri: str, home: str, options: dict[str, Any]) -> int:
    """The first three stages of a job: detect, read into staging, commit; the number of rows read."""
    from udb_pipelines.config import Settings
    from udb_pipelines.connectors import extract, provision
    from udb_pipelines.connectors.cursors import Request
    from udb_pipelines.detection import detect
    from udb_pipelines.models import Source, SourceOptions
    from udb_pipelines.warehouse import Lake, commit, last_state

    settings = Settings(home=Path(home))
    lake = Lake(settings)
    source = Source(name="shop", uri=uri, options=SourceOptions(**options), created_at=datetime.now(UTC))
    connection = provision(source, detect(source, settings))
    state = Request(last_state(lake, "shop"))
    return sum(
        d.rows_read for d in commit(lake, extract(connection, settings, str(uuid.uuid4()), None, state)).datasets
    )


def scan(uri: str, target: str, options: dict[str, Any]) -> int:
    """DuckDB's scanner alone: the table into one Parquet file, with the same threads, memory and compression."""
    from udb_pipelines.config import Settings
    from udb_pipelines.connectors.casting import PARQUET
    from udb_pipelines.engine import connect, extension_file, quote_literal

    duck = connect(Settings(home=Path(target).parent))
    duck.load_extension(str(extension_file("postgres_scanner")))
    duck.execute(f"ATTACH {quote_literal(uri)} AS source (TYPE postgres, READ_ONLY)")
    copied = duck.execute(f"COPY source.public.{options['table']} TO {quote_literal(target)} ({PARQUET})").fetchall()
    return int(copied[0][0])


def main() -> None:
    """``sync`` or ``scan``, an address, a folder or file, options as JSON."""
    what, uri, place, options = sys.argv[1:]
    started = time.monotonic()
    rows = {"sync": sync, "scan": scan}[what](uri, place, json.loads(options))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    print(json.dumps([rows, cpu, time.monotonic() - started, used.ru_maxrss / 1024]))


if __name__ == "__main__":
    main()
