"""The profiler for a notebook: any DuckDB relation, the same engine as a job."""

from __future__ import annotations

import duckdb

from udb_pipelines.config import Settings, load_settings
from udb_pipelines.engine import connect
from udb_pipelines.models import Profile
from udb_pipelines.profiling.table import Origin, profile_table

_ROWS = "relation_rows"
BATCH_ROWS = 100_000


def profile(
    relation: duckdb.DuckDBPyRelation, settings: Settings | None = None, *, dataset: str = "relation"
) -> Profile:
    """Profile a relation of any connection, exactly.

    The relation is read once, into a database of our own that keeps to the memory limit and spills.

    Args:
        relation: rows to profile, such as ``duckdb.read_csv("file.csv", all_varchar=True)``.
        settings: thresholds and limits; those of the environment when absent.
        dataset: name in the profile.

    >>> import duckdb, tempfile
    >>> relation = duckdb.sql("SELECT i AS number, 'x' || i AS label FROM range(100) t(i)")
    >>> found = profile(relation, Settings(home=tempfile.mkdtemp()))
    >>> [(column.name, column.type, column.distinct) for column in found.columns]
    [('number', 'numeric', 100), ('label', 'varchar', 100)]
    """
    settings = settings or load_settings()
    connection = connect(settings)
    try:
        connection.register("relation_batches", relation.to_arrow_reader(BATCH_ROWS))
        connection.execute(f"CREATE TEMP TABLE {_ROWS} AS FROM relation_batches")
        connection.unregister("relation_batches")
        return profile_table(connection, _ROWS, settings, Origin(dataset=dataset))
    finally:
        connection.close()
