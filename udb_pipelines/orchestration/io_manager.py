"""The warehouse IO manager: the only writer of the lake, for UDB's own assets and for everybody else's.

Stored, by what an asset returns:

- ``StagedSync``: one acknowledged commit of everything a source delivered (``warehouse.commit``);
- a pandas or polars frame, a pyarrow table or record batch reader, a DuckDB relation: the whole new content of
  the table named after the asset, its key joined with ``_``. A partitioned asset has one table per partition,
  ``<asset>__<partition>``, so that a backfill rewrites only its own. Such names must be legal as they are;
  nothing is sanitised, so no two assets or partitions can share a table.

Loaded, by the annotation of the parameter: ``SyncResult``, ``pd.DataFrame``, ``pl.DataFrame``, ``pa.Table``.
A DuckDB relation is not among them: it would keep the lake open after the step has ended.

The pool ``duckdb_writer`` queues runs; the guard is the warehouse's own lock, held for the commit alone.
Nothing is inherited from dagster-duckdb, which leaves its file locked after an exception, never opens it
read-only, and deletes and inserts in two transactions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import UdbError
from udb_pipelines.models import NAME_PATTERN, DatasetVersion, StagedSync, SyncResult
from udb_pipelines.orchestration.failures import failure, in_part, located
from udb_pipelines.orchestration.metadata import frame_metadata, sync_metadata
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.stage_io import read_stage, write_stage

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

Reader = Callable[["DuckDBPyRelation"], object]

READERS: Mapping[str, Reader] = {
    "pandas": lambda relation: relation.df(),
    "polars": lambda relation: relation.pl(),
    "pyarrow": lambda relation: relation.to_arrow_table(),
}
"""How to read a relation, by the package that the annotated class comes from."""


class WarehouseIOManager(dg.IOManager):
    """The resource ``warehouse``; also the default ``io_manager`` of a code location that says so."""

    def __init__(self, udb: Udb) -> None:
        self._udb = udb

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Commit, then describe the commit; nothing is emitted for rows that are not durable."""
        if obj is None:
            return
        source = _shown_as(context)
        metadata = in_part(
            "commit", "sync", job_id=context.run_id, source=source, work=lambda: self._store(context, obj)
        )
        context.add_output_metadata(metadata)

    def _store(self, context: dg.OutputContext, obj: object) -> dict[str, Any]:
        from udb_pipelines import warehouse

        if isinstance(obj, StagedSync):
            own = self._udb.at(context.partition_key)[0] if context.has_partition_key else self._udb
            result = warehouse.commit(own.lake, obj)
            write_stage(own.settings, result.source, context.asset_key.path[-1], result)
            return sync_metadata(result, own.lake)
        version: DatasetVersion = warehouse.store_frame(self._udb.lake, self._own_table(context), obj, context.run_id)
        return frame_metadata(version, self._udb.lake)

    def _own_table(self, context: dg.OutputContext) -> str:
        table = table_of(context)
        owner = table.split("__")[0]
        if any(source.name == owner for source in self._udb.registry.list()):
            raise UdbError(
                "E_NAME",
                f"the table {table} belongs to the source {owner}",
                remedy="give the asset another name: a table has one owner",
            )
        return table

    def load_input(self, context: dg.InputContext) -> object:
        """Read what the upstream asset stored, as the annotated type."""
        source = _shown_as(context)
        try:
            return located(lambda: self._load(context), "sync", source)
        except UdbError as error:
            problem = error
        raise failure(problem)

    def _load(self, context: dg.InputContext) -> object:
        wanted = context.dagster_type.typing_type
        if wanted is SyncResult:
            own, source = self._udb.at(_only_partition(context))
            return read_stage(own.settings, source, context.asset_key.path[-1], SyncResult)
        reader = READERS.get(str(getattr(wanted, "__module__", "")).split(".")[0])
        if reader is None:
            raise UdbError(
                "E_UNSUPPORTED",
                f"the input {context.name} is annotated with a type the warehouse cannot give",
                remedy="annotate it with pd.DataFrame, pl.DataFrame, pa.Table or SyncResult",
            )
        own, table = self._table_to_read(context)
        with own.lake.reader(threads=own.settings.threads) as connection:
            return reader(connection.table(quote_identifier(table)))

    def _table_to_read(self, context: dg.InputContext) -> tuple[Udb, str]:
        """Whose it is, and its name. People's own tables are those of the tenant that the process runs for."""
        if not _of_the_path(context):
            return self._udb, table_of(context)
        from udb_pipelines import warehouse

        own, source = self._udb.at(_only_partition(context))
        result = warehouse.last_sync(own.lake, source)
        tables = [dataset.dataset for dataset in result.datasets] if result else []
        if len(tables) != 1:
            raise UdbError(
                "E_STAGE",
                f"the source {source} has {len(tables)} tables, a frame holds one",
                remedy="annotate the input with SyncResult and read the table you want from the lake",
            )
        return own, tables[0]


def _of_the_path(context: dg.InputContext) -> bool:
    upstream = context.upstream_output
    return upstream is not None and upstream.definition_metadata.get("udb/holds") == "sources"


def _shown_as(context: dg.OutputContext | dg.InputContext) -> str:
    """What logs and failures call the source: the partition where there is one, else the asset."""
    if context.has_asset_partitions and len(context.asset_partition_keys) == 1:
        return context.asset_partition_keys[0]
    return "_".join(context.asset_key.path)


def _only_partition(context: dg.OutputContext | dg.InputContext) -> str:
    """The partition that is written or read; the run itself need not be partitioned.

    Raises:
        UdbError: ``E_NAME`` when there is not exactly one.
    """
    keys = context.asset_partition_keys if context.has_asset_partitions else ()
    if len(keys) != 1:
        raise UdbError(
            "E_NAME",
            f"one table is one partition, not {len(keys)}",
            remedy="run one partition at a time, or map one partition to the input",
        )
    return keys[0]


def table_of(context: dg.OutputContext | dg.InputContext) -> str:
    """The table of an asset: its key joined with ``_``, and ``__`` before its partition.

    Raises:
        UdbError: ``E_NAME`` when key or partition is no legal name, or several partitions are meant at once.
    """
    parts = ["_".join(context.asset_key.path), *([_only_partition(context)] if context.has_asset_partitions else ())]
    for part in parts:
        if not re.fullmatch(NAME_PATTERN, part):
            raise UdbError(
                "E_NAME",
                f"{part} cannot be part of a table's name",
                remedy="use lower-case letters, digits and single underscores",
            )
    return "__".join(parts)
