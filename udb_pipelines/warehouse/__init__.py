"""The warehouse: a DuckLake with one writer at a time, readers that never wait, and a version per commit.

Everything durable about data goes through here. Stages hand over files in the staging folder; what comes back
is acknowledged: no crash, restart or full disk loses it or doubles it.
"""

from udb_pipelines.warehouse.commit import commit, last_state, last_sync
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.query import QueryResult, query, stream

__all__ = ["Lake", "QueryResult", "commit", "last_state", "last_sync", "query", "stream"]
