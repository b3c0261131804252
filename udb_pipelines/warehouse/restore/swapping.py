"""From a draft to the current timeline: cut, begun, counted, then swapped. The same for every kind of restore."""

from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime

from udb_pipelines.models import Model
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.history import VersionInfo
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.beginning import Beginning, begin, check_counts, rewrite_mixed
from udb_pipelines.warehouse.restore.bounds import renewed, retyped
from udb_pipelines.warehouse.restore.drafting import Draft
from udb_pipelines.warehouse.restore.truncating import End, Inlined, cut, without_placeholder
from udb_pipelines.warehouse.timelines import Register, Timeline


class Restored(Model):
    """What a restore has done."""

    timeline: int
    version: int
    """The first version of the new timeline; its content is that of the version restored."""
    origin: str
    previous: int | None
    """The timeline that was current before; None when there was none."""
    left_behind: int
    """Versions of the timeline before that the new one does not have."""
    tables: tuple[VersionInfo, ...]
    lost: tuple[str, ...] = ()
    """Tables that could not be saved."""
    run_again: tuple[str, ...] = ()
    """Sources of tables that could not be saved; their next run loads everything."""

    @property
    def loaded_again(self) -> tuple[str, ...]:
        """Tables that came back although the next run of their source loads everything: appending doubles them."""
        return tuple(table.dataset for table in self.tables if table.source in self.run_again)


def swap(
    lake: Lake, draft: Draft, register: Register, beginning: Beginning, newest: int, source: Lake
) -> tuple[int, tuple[VersionInfo, ...]]:
    """Make the draft the current timeline of ``lake``; nobody can commit meanwhile.

    Args:
        lake: the warehouse.
        draft: a copy of the catalog of ``source``, which is cut off here.
        register: the timelines there are.
        beginning: what the new one begins with; its version must be in the draft.
        newest: the highest version that was ever given.
        source: where rows of the version can be read, for files that must be rewritten.

    Returns:
        The first version of the new timeline, and its tables.

    Raises:
        UdbError: ``E_RESTORE`` when the tables do not add up, ``E_WAREHOUSE``. Nothing has changed then.
    """
    scratch = lake.settings.staging / f"restore-{uuid.uuid4()}"
    try:
        end = _end(draft, beginning.restored_version, newest)
        narrower = retyped(draft, end.version)
        draft.run(cut(draft.columns(), draft.schema, end, _orphaned(draft, end)))
        draft.run(list(renewed(draft, narrower)))
        steps.reached("restore_cut")
        made = Lake(lake.settings)
        made.catalog = draft.catalog
        version = begin(made, beginning, rewrite_mixed(source, end.version, beginning.lost, scratch))
        draft.run(without_placeholder(draft.schema, end))
        tables = check_counts(made)
        steps.reached("restore_checked")
        timeline = Timeline(
            number=beginning.timeline,
            origin=beginning.origin,
            made_at=datetime.now(UTC),
            restored_version=end.version,
            first_version=version,
        )
        draft.publish(register.continued(timeline))
        steps.reached("restore_swapped")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return version, tables


def _end(draft: Draft, version: int, newest: int) -> End:
    catalog_id, file_id = draft.rows(
        f"SELECT max(next_catalog_id) AS catalog_id, max(next_file_id) AS file_id FROM {draft.schema}ducklake_snapshot"
    )[0]
    return End(version, max(version, newest), int(catalog_id), int(file_id))


def _orphaned(draft: Draft, end: End) -> tuple[Inlined, ...]:
    """Tables of small commits that only versions after the cut have."""
    rows = draft.rows(
        "SELECT i.table_name, i.table_id, i.schema_version "
        f"FROM {draft.schema}ducklake_inlined_data_tables i WHERE i.schema_version > "
        f"(SELECT schema_version FROM {draft.schema}ducklake_snapshot WHERE snapshot_id = {end.version:d}) "
        f"OR i.table_id NOT IN (SELECT table_id FROM {draft.schema}ducklake_table "
        f"WHERE begin_snapshot <= {end.version:d})"
    )
    return tuple(Inlined(str(name), int(table), int(version)) for name, table, version in rows)
