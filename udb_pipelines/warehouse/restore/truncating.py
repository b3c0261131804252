"""What must go from a copy of a lake catalog so that it ends at a version: pure, as SQL for SQLite and PostgreSQL.

DuckLake keeps history by ``begin_snapshot`` and ``end_snapshot`` in nearly every table of its catalog; what began
later never was, and what ended later goes on. The few tables without them belong to tables or files that do.
Numbers of versions, catalog entries and files go on above the highest ever given: no two timelines share one.
Layout of the catalog: https://ducklake.select/docs/stable/specification/tables/overview
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Columns = Mapping[str, frozenset[str]]
"""The catalog's tables and the columns of each."""


@dataclass(frozen=True)
class End:
    """Where a catalog is cut, and above what its numbers go on."""

    version: int
    """The last version that stays."""
    last: int
    """The highest version ever given; at least ``version``."""
    next_catalog_id: int
    next_file_id: int


@dataclass(frozen=True)
class Inlined:
    """A table of the catalog that holds small commits of one table of the lake, under one of its schemas."""

    name: str
    table_id: int
    schema_version: int


_DEPENDENT = {
    "ducklake_file_column_stats": ("data_file_id", "ducklake_data_file"),
    "ducklake_file_variant_stats": ("data_file_id", "ducklake_data_file"),
    "ducklake_file_partition_value": ("data_file_id", "ducklake_data_file"),
    "ducklake_table_stats": ("table_id", "ducklake_table"),
    "ducklake_table_column_stats": ("table_id", "ducklake_table"),
    "ducklake_partition_column": ("table_id", "ducklake_table"),
    "ducklake_column_mapping": ("table_id", "ducklake_table"),
    "ducklake_name_mapping": ("mapping_id", "ducklake_column_mapping"),
    "ducklake_macro_impl": ("macro_id", "ducklake_macro"),
    "ducklake_macro_parameters": ("macro_id", "ducklake_macro"),
    "ducklake_sort_expression": ("sort_id", "ducklake_sort_info"),
}
"""Tables whose rows belong to a row of another; the owner comes before what belongs to it."""


def cut(columns: Columns, schema: str, end: End, inlined: tuple[Inlined, ...]) -> Iterator[str]:
    """The statements, in order, that make a catalog end at ``end.version``.

    Args:
        columns: the catalog as it is.
        schema: what stands before a table's name, with the dot; empty in SQLite.
        end: where to cut.
        inlined: the catalog's tables of small commits that the cut leaves without a schema or an owner.
    """
    for table in sorted(columns):
        if "begin_snapshot" in columns[table]:
            yield f'DELETE FROM {schema}"{table}" WHERE begin_snapshot > {end.version:d}'
        if "end_snapshot" in columns[table]:
            yield f'UPDATE {schema}"{table}" SET end_snapshot = NULL WHERE end_snapshot > {end.version:d}'
    for table, (key, owner) in _DEPENDENT.items():
        if table in columns and owner in columns:
            yield f"DELETE FROM {schema}{table} WHERE {key} NOT IN (SELECT {key} FROM {schema}{owner})"
    yield (
        f"DELETE FROM {schema}ducklake_table_column_stats WHERE NOT EXISTS (SELECT 1 FROM {schema}ducklake_column c "
        "WHERE c.table_id = ducklake_table_column_stats.table_id "
        "AND c.column_id = ducklake_table_column_stats.column_id)"
    )
    for item in inlined:
        yield f'DROP TABLE {schema}"{item.name}"'
        yield f"DELETE FROM {schema}ducklake_inlined_data_tables WHERE table_name = '{item.name}'"
    yield f"DELETE FROM {schema}ducklake_files_scheduled_for_deletion"
    yield from _numbers(schema, end)


def _numbers(schema: str, end: End) -> Iterator[str]:
    """End the list of versions, with a placeholder where later numbers were given elsewhere."""
    counters = f"{end.next_catalog_id:d}, {end.next_file_id:d}"
    yield f"DELETE FROM {schema}ducklake_snapshot WHERE snapshot_id > {end.version:d}"
    yield f"DELETE FROM {schema}ducklake_snapshot_changes WHERE snapshot_id > {end.version:d}"
    if end.last > end.version:
        yield (
            f"INSERT INTO {schema}ducklake_snapshot "
            "(snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id) "
            f"SELECT {end.last:d}, snapshot_time, schema_version, {counters} "
            f"FROM {schema}ducklake_snapshot WHERE snapshot_id = {end.version:d}"
        )
    else:
        yield (
            f"UPDATE {schema}ducklake_snapshot SET next_catalog_id = {end.next_catalog_id:d}, "
            f"next_file_id = {end.next_file_id:d} WHERE snapshot_id = {end.version:d}"
        )


def without_placeholder(schema: str, end: End) -> Iterator[str]:
    """Remove the placeholder, once a commit stands on it: that version is another timeline's."""
    if end.last > end.version:
        yield f"DELETE FROM {schema}ducklake_snapshot WHERE snapshot_id = {end.last:d}"
