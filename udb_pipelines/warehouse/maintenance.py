"""Keeping the lake small: merging small files, letting old versions go, removing data files that nothing needs.

Each is one transaction under the writer lock, and a crash at any point leaves a lake that opens by itself:

- merging writes the merged files and syncs them before the catalog commits; DuckLake would not sync them. Old
  versions read the same rows from the merged file, which knows from which version on each of its rows counts.
- letting versions go changes the catalog alone; the newest, and any that somebody reads, stay (see ``leases``).
  Of a table of ten rows or fewer that is overwritten, DuckLake notes the rows as deleted and lets the file stand for
  ever; such files are ended first, as those of larger tables are.
- a data file goes when no version of any timeline refers to it and nothing has referred to it for the grace time
  (``unneeded_file_hours``): a statement that began before may still be reading it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse import leases, ledger, steps
from udb_pipelines.warehouse.checks import stored_files
from udb_pipelines.warehouse.files import sha256, sync_all
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.removal import Item, remove
from udb_pipelines.warehouse.scheduled import let_go

FEW_FILES = 8
"""A table with fewer small files is left alone: every merge is a version, and rewrites its rows."""
MANY_FILES = 1000
"""Files merged in one commit at most; it holds the writer lock. More wait for the next night."""
SHARED_GRACE_HOURS = 24
"""On a catalog that several machines write, a younger file may belong to a commit under way elsewhere."""

_SMALL = """
SELECT t.table_id, t.table_name, f.data_file_id, f.file_size_bytes::BIGINT
FROM catalog.ducklake_data_file f JOIN catalog.ducklake_table t USING (table_id)
    JOIN catalog.ducklake_schema s USING (schema_id)
WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.schema_name = 'main' AND f.file_size_bytes < {below}
    AND NOT EXISTS (FROM catalog.ducklake_delete_file d
                    WHERE d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL)
ORDER BY ALL
"""
_METADATA = "__ducklake_metadata_lake"
_SCHEDULED = f"{_METADATA}.ducklake_files_scheduled_for_deletion"
_INLINED = "ducklake_inlined_delete_"
"""Before a table's id: the catalog's own list of deleted rows, where there were few. Such files are not merged."""

_DEAD = """
SELECT f.data_file_id::BIGINT, max(d.begin_snapshot)::BIGINT
FROM catalog.{inlined} d JOIN catalog.ducklake_data_file f ON f.data_file_id = d.file_id
WHERE f.end_snapshot IS NULL AND f.partial_max IS NULL
GROUP BY f.data_file_id, f.record_count
HAVING count(DISTINCT d.row_id) = f.record_count AND min(d.begin_snapshot) = max(d.begin_snapshot)
"""
"""Files that a commit has emptied as a whole, and which it was."""


class Merge(Model):
    """Small files of one dataset that will become few."""

    dataset: str
    files: int
    bytes: int


class VersionTime(Model):
    """A version that the catalog holds."""

    version: int
    committed_at: datetime


def versions(lake: Lake) -> tuple[VersionTime, ...]:
    """Every version that can be read, oldest first."""
    query = "SELECT snapshot_id, CAST(snapshot_time AS TIMESTAMPTZ) FROM catalog.ducklake_snapshot ORDER BY snapshot_id"
    with lake.raw_catalog() as connection:
        rows = connection.execute(query).fetchall() if connection else []
    return tuple(VersionTime(version=number, committed_at=moment) for number, moment in rows)


def needed_versions(lake: Lake, held: frozenset[str]) -> frozenset[int]:
    """Versions that must stay whatever their age: every dataset's newest commit, and all of what is held.

    The newest commit of a dataset is what an unchanged source is analyzed at, however long ago it was.
    """
    with lake.reader() as connection:
        rows = connection.execute(
            "SELECT max(version) FROM lake.udb.versions GROUP BY dataset "
            "UNION SELECT max(version) FROM lake.udb.commits GROUP BY source"
        ).fetchall()
    return frozenset(int(row[0]) for row in rows) | held_versions(lake, held)


def held_versions(lake: Lake, held: frozenset[str]) -> frozenset[int]:
    """Versions in which a source or dataset of ``held`` has changed."""
    if not held:
        return frozenset()
    names = ", ".join(map(quote_literal, sorted(held)))
    with lake.reader() as connection:
        rows = connection.execute(
            f"SELECT DISTINCT version FROM lake.udb.versions WHERE source IN ({names}) OR dataset IN ({names})"
        ).fetchall()
    return frozenset(int(row[0]) for row in rows)


def merges(lake: Lake) -> tuple[Merge, ...]:
    """The datasets that have many small files."""
    with lake.raw_catalog() as connection:
        if connection is None:
            return ()
        rows = connection.execute(_SMALL.format(below=int(lake.settings.merge_below_mb * 1e6))).fetchall()
        found = []
        for (table, name), files in groupby(rows, key=lambda row: row[:2]):
            touched = _with_inlined_deletes(connection, int(table))
            sizes = [int(size) for _, _, number, size in files if number not in touched]
            if len(sizes) >= FEW_FILES:
                found.append(Merge(dataset=name, files=len(sizes), bytes=sum(sizes)))
    return tuple(found)


def _with_inlined_deletes(connection: duckdb.DuckDBPyConnection, table: int) -> frozenset[int]:
    try:
        rows = connection.execute(f"SELECT DISTINCT file_id FROM catalog.{_INLINED}{table}").fetchall()
    except duckdb.CatalogException:
        return frozenset()  # there was never any
    return frozenset(int(row[0]) for row in rows)


def merge(lake: Lake, dataset: str) -> int:
    """Merge the small files of a dataset, as one version. Returns how many files there are fewer.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
    """
    title = f"merging small files of {dataset}"
    folder = lake.catalog.files / "main" / dataset
    with lake.writer(threads=lake.settings.threads) as connection, lake.lock.held(title):
        lake.follow(connection)
        before = set(folder.iterdir())
        connection.execute("BEGIN")
        try:
            rows = connection.execute(
                f"CALL ducklake_merge_adjacent_files('lake', {quote_literal(dataset)}, schema => 'main', "
                f"max_file_size => {int(lake.settings.merge_below_mb * 1e6)}, max_compacted_files => {MANY_FILES})"
            ).fetchall()
            merged = sorted(set(folder.iterdir()) - before)
            steps.reached("merged")
            sync_all(merged)
            steps.reached("merge synced")
            connection.execute(f"CALL lake.set_commit_message('udb', {quote_literal(title)})")
            connection.execute("COMMIT")
            steps.reached("merge committed")
            _record(connection, lake, merged)
        except duckdb.Error as error:
            raise _refused(title, error) from error
    return sum(int(row[2]) - int(row[3]) for row in rows)


def _record(connection: duckdb.DuckDBPyConnection, lake: Lake, merged: Iterable[Path]) -> None:
    """Write down the checksums of merged files: a commit of its own, for DuckLake lets a merge do nothing else.

    After a crash in between they are missing, and the file is judged by its size and rows alone.
    """
    digests = {str(path.relative_to(lake.catalog.files)): sha256(path) for path in merged}
    if digests:
        connection.execute("BEGIN")
        ledger.record_digests(connection, digests)
        connection.execute("CALL lake.set_commit_message('udb', 'checksums of merged files')")
        connection.execute("COMMIT")
        steps.reached("merge recorded")


def expire(lake: Lake, superfluous: Iterable[int]) -> tuple[int, ...]:
    """Let versions go, but for those that somebody reads and the newest. Returns those that went.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
    """
    title = "thinning the history"
    wanted = set(superfluous)
    if not wanted:
        return ()
    leased = lake.settings.warehouse / "readers"
    with lake.writer() as connection, lake.lock.held(title), leases.gate(leased, alone=True):
        lake.follow(connection)
        rows = connection.execute("SELECT snapshot_id FROM ducklake_snapshots('lake')").fetchall()
        held = {int(row[0]) for row in rows}
        going = sorted((wanted & held) - leases.leased(leased) - {max(held)})
        if not going:
            return ()
        try:
            _end_dead_files(lake, connection)
            connection.execute("BEGIN")
            connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => {going})").fetchall()
            steps.reached("expired")
            connection.execute("COMMIT")
        except duckdb.Error as error:
            raise _refused(title, error) from error
        steps.reached("expiry committed")
    return tuple(going)


def _end_dead_files(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    """Write down of files whose rows were all deleted by one commit that they ended with it, instead of row by row.

    Every version reads as before. Not by ``ducklake_rewrite_data_files``: it narrows the statistics of the table to
    the rows of now, and DuckDB 1.5.5 then sorts and filters older versions by them, wrongly (0, 1, 2 became 256 …).
    """
    found = _dead_files(lake)
    connection.execute("BEGIN")
    for table, file, version in found:
        connection.execute(
            f"UPDATE {_METADATA}.ducklake_data_file SET end_snapshot = {version:d} WHERE data_file_id = {file:d}"
        )
        connection.execute(f"DELETE FROM {_METADATA}.{quote_identifier(table)} WHERE file_id = {file:d}")
    steps.reached("dead files ended")
    connection.execute("COMMIT")


def _dead_files(lake: Lake) -> list[tuple[str, int, int]]:
    """The table of their deleted rows, the file, and the version that deleted them."""
    with lake.raw_catalog() as connection:
        if connection is None:
            return []
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'catalog' "
            f"AND starts_with(table_name, '{_INLINED}')"
        ).fetchall()
        return [
            (str(name), int(file), int(version))
            for (name,) in tables
            for file, version in connection.execute(_DEAD.format(inlined=quote_identifier(name))).fetchall()
        ]


def unneeded_files(lake: Lake, now: float | None = None) -> tuple[Item, ...]:
    """Data files that no version of any timeline refers to, and that have been left alone for the grace time."""
    root = lake.catalog.files
    if not root.is_dir() or not lake.current_version():
        return ()  # without a catalog nobody knows what is needed
    moment = time.time() if now is None else now
    needed = {file.path for file in stored_files(lake)}
    scheduled = let_go(lake)
    grace = lake.settings.unneeded_file_hours * 3600
    orphan_grace = max(grace, 0 if lake.catalog.exclusive else SHARED_GRACE_HOURS * 3600)
    found = []
    for path in sorted(root.rglob("*")):
        if path in needed or path.is_symlink() or not path.is_file():
            continue
        since = scheduled.get(path)
        age = moment - (path.stat().st_mtime if since is None else since.timestamp())
        if age >= (orphan_grace if since is None else grace):
            reason = "data file of no version" if since is None else "data file of versions that are gone or merged"
            found.append(Item(root=root, path=path, reason=reason, bytes=path.stat().st_size))
    return tuple(found)


def remove_files(lake: Lake, planned: Iterable[Item]) -> tuple[Item, ...]:
    """Remove data files that are still unneeded: looked at again under the lock, where nothing can begin to need them.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT``; ``E_INTERNAL`` for an item outside the folder of data files.
    """
    wanted = {item.path: item for item in planned}
    if not wanted:
        return ()
    with lake.writer() as connection, lake.lock.held("removing unneeded files"):
        lake.follow(connection)
        needed = {file.path for file in stored_files(lake)}
        going = [item for path, item in wanted.items() if path not in needed]
        removed = tuple(item for item in going if remove(item, lake.settings.retention_journal))
        _forget(lake, connection)
    return removed


def _forget(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    """Take files that are gone off DuckLake's list."""
    for path, relative in connection.execute(f"SELECT path, path_is_relative FROM {_SCHEDULED}").fetchall():
        file = lake.catalog.files / path if relative else Path(path)
        if not file.exists():
            connection.execute(f"DELETE FROM {_SCHEDULED} WHERE path = {quote_literal(path)}")


def _refused(title: str, error: duckdb.Error) -> UdbError:
    return UdbError(
        "E_WAREHOUSE", f"{title}: the lake catalog refused ({type(error).__name__})", kept="every version as it was"
    )
