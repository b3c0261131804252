"""The warehouse: a DuckLake with one writer at a time, readers that never wait, and a version per commit.

Everything durable about data goes through here. Stages hand over files in the staging folder; what comes back
is acknowledged: no crash, restart or full disk loses it or doubles it.

    lake, catalog, lock    opening it: pinned readers, writers in a queue
    commit, frames         the two ways in; batch, schema, transaction, ledger are how
    query, guard           questions in SQL
    history, checks        what is there, and whether it is as it should be
    snapshots, retention   copies of it, and what may go
"""

from udb_pipelines.warehouse import retention, snapshots
from udb_pipelines.warehouse.checks import Check, check
from udb_pipelines.warehouse.commit import commit, last_state, last_sync, set_state
from udb_pipelines.warehouse.frames import store_frame
from udb_pipelines.warehouse.history import DatasetInfo, VersionInfo, datasets, drop_source, history
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.query import QueryResult, QueryStream, query, stream

__all__ = [
    "Check",
    "DatasetInfo",
    "Lake",
    "QueryResult",
    "QueryStream",
    "VersionInfo",
    "check",
    "commit",
    "datasets",
    "drop_source",
    "history",
    "last_state",
    "last_sync",
    "query",
    "retention",
    "set_state",
    "snapshots",
    "store_frame",
    "stream",
]
