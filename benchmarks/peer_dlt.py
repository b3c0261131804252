"""One measured process: a table of PostgreSQL into a DuckDB file by dlt with connectorx. Runs where dlt is installed.

Prints as JSON the rows, CPU seconds with those of its children, wall seconds and megabytes at its peak.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    """An address, and a folder."""
    uri, place = sys.argv[1:]
    started = time.monotonic()
    folder = Path(place)
    os.environ.update(
        DLT_DATA_DIR=str(folder / "dlt"), RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR",
        DATA_WRITER__DISABLE_COMPRESSION="true",
    )  # fmt: skip
    import dlt
    from dlt.sources.sql_database import sql_table

    table = sql_table(
        credentials=uri.replace("postgresql://", "postgresql+psycopg2://"),
        table="big",
        schema="public",
        backend="connectorx",
        backend_kwargs={"conn": uri, "return_type": "arrow"},
    )
    destination = dlt.destinations.duckdb(str(folder / "peer.duckdb"))
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="shop")
    pipeline.run(table, write_disposition="replace", loader_file_format="parquet")
    with pipeline.sql_client() as client, client.execute_query("SELECT count(*) FROM big") as cursor:
        rows = cursor.fetchone()[0]
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(item.ru_utime + item.ru_stime for item in used)
    print(json.dumps([rows, cpu, time.monotonic() - started, max(item.ru_maxrss for item in used) / 1024]))


if __name__ == "__main__":
    main()
