"""The doctor: is everything there that the catalog promises, and is there anything that nobody owns?

Reads the catalog's own tables. Mending removes only what no version refers to: orphan files, tickets of dead
processes, staging folders of jobs long gone. Damage to data is told, never mended here.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb

from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse import apart
from udb_pipelines.warehouse.catalog import BUSY_MS, Catalog, SqliteCatalog
from udb_pipelines.warehouse.files import tree_bytes
from udb_pipelines.warehouse.history import datasets
from udb_pipelines.warehouse.lake import Lake, missing_catalog
from udb_pipelines.warehouse.removal import Item, remove, stale_folders
from udb_pipelines.warehouse.scheduled import within_grace

STALE_STAGING_HOURS = 24
"""A staging folder untouched for so long belongs to no running job."""
SHARED_ORPHAN_HOURS = 24
"""On a catalog that several machines write, a file this young may belong to a commit under way elsewhere."""
_NAMED = 3
"""Files named in a message; the others are counted."""

_FILES = """
WITH placed AS (
    SELECT DISTINCT t.table_id, t.table_name, s.path || t.path AS folder
    FROM catalog.ducklake_table t JOIN catalog.ducklake_schema s USING (schema_id)),
stored AS (
    SELECT table_id, path, path_is_relative, file_size_bytes, record_count FROM catalog.ducklake_data_file
    UNION ALL
    SELECT table_id, path, path_is_relative, file_size_bytes, delete_count FROM catalog.ducklake_delete_file)
SELECT DISTINCT table_name, CASE WHEN path_is_relative THEN folder || path ELSE path END,
    file_size_bytes::BIGINT, record_count::BIGINT
FROM stored JOIN placed USING (table_id)
"""
"""Files of every version, of dropped tables too; relative paths start at the table's folder."""


class Check(Model):
    """One question the doctor asked, and the answer."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    mended: bool = False


@dataclass(frozen=True)
class StoredFile:
    """A file that some version of the lake refers to."""

    table: str
    path: Path
    bytes: int
    rows: int


def check(lake: Lake, mend: bool = False, *, quick: bool = False) -> tuple[Check, ...]:
    """Examine the warehouse. Never raises for what it finds.

    Args:
        lake: what to examine.
        mend: remove what nobody owns.
        quick: look at the sizes of the data files only, not at their content.
    """
    listed = cache(lambda: _list(lake))
    questions: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("catalog", lambda: _catalog(lake)),
        ("timelines", lambda: _timelines(listed())),
        ("files", lambda: _files(lake, listed(), quick)),
        ("rows", lambda: _rows(lake)),
        ("orphans", lambda: _orphans(lake, listed, mend)),
        ("lock", lambda: _lock(lake)),
        ("tickets", lambda: _tickets(lake, mend)),
        ("staging", lambda: _staging(lake, mend)),
        ("incoming", lambda: _incoming(lake, mend)),
    )
    return tuple(_answer(name, question) for name, question in questions)


def stored_files(lake: Lake) -> tuple[StoredFile, ...]:
    """Every data and delete file that any version of any timeline refers to, in the order of their paths.

    Of one timeline only, if ``lake`` reads one.

    Raises:
        UdbError: ``E_WAREHOUSE`` when a catalog is damaged or gone: then nobody can tell.
    """
    if lake.timeline:
        return _in_order(_stored(lake))
    register = lake.register()
    chosen = [lake.at(item.number) for item in register.timelines]
    for one in chosen:
        if one.timeline != register.current and _is_gone(one.catalog):
            raise UdbError("E_WAREHOUSE", f"the catalog of timeline {one.timeline} is missing", kept="every data file")
    return _in_order(file for one in chosen for file in _stored(one))


def _in_order(files: Iterable[StoredFile]) -> tuple[StoredFile, ...]:
    return tuple(sorted(set(files), key=lambda file: file.path))


def is_readable(lake: Lake) -> bool:
    """Whether the catalog of the timeline that ``lake`` reads says what it needs; false only if it is damaged or gone.

    Raises:
        UdbError: it cannot be read for another reason, such as a lock, so nobody knows.
    """
    return _listed(lake) is not None


def _listed(lake: Lake) -> list[StoredFile] | None:
    """What :func:`is_readable` has read to tell; None where the catalog is damaged or gone."""
    if _is_gone(lake.catalog):
        return None
    try:
        return list(_stored(lake))
    except UdbError as error:
        if error.code != "E_LOCK_TIMEOUT" and isinstance(lake.catalog, SqliteCatalog) and _is_damaged(lake.catalog):
            return None
        raise


def _is_gone(catalog: Catalog) -> bool:
    return isinstance(catalog, SqliteCatalog) and not catalog.file.exists()


def _is_damaged(catalog: SqliteCatalog) -> bool:
    try:
        return apart.integrity(catalog.file, BUSY_MS / 1000) != "ok"
    except sqlite3.OperationalError:
        return False  # it is locked, or may not be read
    except sqlite3.DatabaseError:
        return True


def damaged_timelines(lake: Lake) -> tuple[int, ...]:
    """The timelines beside the current one whose catalogs are damaged or gone.

    Raises:
        UdbError: that of the current timeline cannot be read, or that of another for a different reason.
    """
    return _list(lake).damaged


@dataclass(frozen=True)
class _Listed:
    """What the catalogs of all timelines say: of those that can be read, and the current one must be."""

    readable: tuple[Lake, ...]
    files: tuple[StoredFile, ...]
    damaged: tuple[int, ...]


def _list(lake: Lake) -> _Listed:
    register = lake.register()
    found: dict[int, list[StoredFile] | None] = {}
    for number in (item.number for item in register.timelines):
        one = lake.at(number)
        found[number] = list(_stored(one)) if number == register.current else _listed(one)
    return _Listed(
        readable=tuple(lake.at(number) for number, files in found.items() if files is not None),
        files=_in_order(file for files in found.values() for file in files or ()),
        damaged=tuple(number for number, files in found.items() if files is None),
    )


def _stored(lake: Lake) -> Iterator[StoredFile]:
    with lake.raw_catalog() as connection:
        rows = connection.execute(_FILES).fetchall() if connection else []
    for table, path, size, count in rows:
        yield StoredFile(str(table), lake.catalog.files / str(path), int(size), int(count))


def _answer(name: str, question: Callable[[], Check]) -> Check:
    try:
        return question()
    except UdbError as error:
        return Check(name=name, status="fail", detail=error.message)
    except (duckdb.Error, OSError) as error:
        return Check(name=name, status="fail", detail=f"could not be examined ({type(error).__name__})")


def _catalog(lake: Lake) -> Check:
    if isinstance(lake.catalog, SqliteCatalog) and lake.catalog.exists():
        verdict = lake.catalog.integrity()
        if verdict != "ok":
            detail = (
                f"the catalog file {lake.catalog.file} is damaged ({verdict}); udb restore list shows the snapshots"
            )
            return Check(name="catalog", status="fail", detail=detail)
    version = lake.current_version()
    if not version and next(lake.catalog.files.rglob("*.parquet"), None) is not None:
        missing = missing_catalog(lake.catalog.files)
        return Check(name="catalog", status="fail", detail=f"{missing.message}; {missing.remedy}")
    return Check(name="catalog", status="ok", detail=f"version {version}" if version else "nothing committed yet")


def _timelines(listed: _Listed) -> Check:
    if not listed.damaged:
        return Check(name="timelines", status="ok", detail=f"{len(listed.readable)}, all can be read")
    names = ", ".join(map(str, listed.damaged))
    detail = f"the catalog of timeline {names} is damaged; udb restore drop-timeline {listed.damaged[0]} gives it up"
    return Check(name="timelines", status="warn", detail=detail)


def _files(lake: Lake, listed: _Listed, quick: bool) -> Check:
    files = listed.files
    problems = [problem for file in files if (problem := _size_problem(file))]
    if not problems and files and not quick:
        problems = list(_content_problems(lake, listed.readable))
    if problems:
        detail = f"{len(problems)} files damaged: {_some(problems)}; udb restore verify tells what is whole"
        return Check(name="files", status="fail", detail=detail)
    total = sum(file.bytes for file in files)
    looked = "sizes" if quick else "checksums"
    return Check(name="files", status="ok", detail=f"{len(files)} files, {total} bytes, {looked} as recorded")


def _size_problem(file: StoredFile) -> str | None:
    try:
        size = file.path.stat().st_size
    except FileNotFoundError:
        return f"{file.path} is missing ({file.table})"
    return None if size == file.bytes else f"{file.path} has {size} bytes, not {file.bytes} ({file.table})"


def _content_problems(lake: Lake, timelines: Iterable[Lake]) -> Iterator[str]:
    """Every file of the timelines is read once and compared with the checksum that its commit recorded."""
    from udb_pipelines.warehouse.restore import wholeness

    needed = {}
    for timeline in timelines:
        needed.update({file.path: file for file in wholeness.needed_files(timeline)})
    for damage in wholeness.damages(lake, needed.values(), wholeness.recorded_digests(lake)):
        versions = f"from version {damage.first_version} on"
        if damage.last_version is not None:
            versions = f"versions {damage.first_version} to {damage.last_version}"
        yield f"{damage.path} {damage.problem} ({damage.table}, {versions})"


def _rows(lake: Lake) -> Check:
    problems = []
    known = datasets(lake)
    with lake.reader() as connection:
        for info in known:
            query = f"SELECT count(*) FROM lake.main.{quote_identifier(info.dataset)}"
            try:
                rows = int(connection.execute(query).fetchall()[0][0])
            except duckdb.Error:
                problems.append(f"{info.dataset} cannot be read; see files")
                continue
            if rows != info.rows_total:
                problems.append(f"{info.dataset} has {rows} rows, its last commit recorded {info.rows_total}")
    if problems:
        return Check(name="rows", status="fail", detail=_some(problems))
    return Check(name="rows", status="ok", detail=f"{len(known)} datasets have the rows their commits recorded")


def _orphans(lake: Lake, listed: Callable[[], _Listed], mend: bool) -> Check:
    if not lake.catalog.files.is_dir():
        return Check(name="orphans", status="ok", detail="no data files")
    if not lake.current_version():
        return Check(name="orphans", status="ok", detail="nothing is removed: no catalog says what is needed")
    if listed().damaged:
        return Check(name="orphans", status="ok", detail="nothing is removed: what a damaged timeline needs is unknown")
    # Files are placed under the lock, so under the lock a file without an owner is an orphan.
    with lake.lock.held("udb doctor"):
        known = {file.path for file in stored_files(lake)} | within_grace(lake, time.time())
        age = 0 if lake.catalog.exclusive else SHARED_ORPHAN_HOURS * 3600
        found = [
            path
            for path in sorted(lake.catalog.files.rglob("*"))
            if path.is_file() and not path.is_symlink() and path not in known
            if time.time() - path.stat().st_mtime >= age
        ]
        size = sum(path.stat().st_size for path in found)
        for path in found if mend else ():
            item = Item(root=lake.catalog.files, path=path, reason="no version needs it", bytes=path.stat().st_size)
            remove(item, lake.settings.retention_journal)
    return _leftovers("orphans", "files that no version refers to", [str(path) for path in found], size, mend)


def _lock(lake: Lake) -> Check:
    queue = lake.lock.queue()
    if not queue:
        return Check(name="lock", status="ok", detail="free")
    return Check(name="lock", status="ok", detail=f"held by {queue[0]}; {len(queue) - 1} waiting")


def _tickets(lake: Lake, mend: bool) -> Check:
    stale = lake.lock.stale(mend)
    return _leftovers("tickets", "lock tickets of dead processes", [str(path) for path in stale], 0, mend)


def _staging(lake: Lake, mend: bool) -> Check:
    root = lake.settings.staging
    found = stale_folders(root, time.time() - STALE_STAGING_HOURS * 3600)
    size = sum(tree_bytes(path) for path in found)
    for path in found if mend else ():
        remove(Item(root=root, path=path, reason="stale staging", bytes=tree_bytes(path)))
    return _leftovers("staging", "folders of jobs long gone", [str(path) for path in found], size, mend)


def _incoming(lake: Lake, mend: bool) -> Check:
    """What restores of snapshots have fetched and not finished; the next attempt would go on with it."""
    root = lake.settings.warehouse / "incoming"
    found = stale_folders(root, time.time() - STALE_STAGING_HOURS * 3600)
    size = sum(tree_bytes(path) for path in found)
    for path in found if mend else ():
        remove(Item(root=root, path=path, reason="of a restore long given up", bytes=tree_bytes(path)))
    return _leftovers("incoming", "snapshots fetched in part", [str(path) for path in found], size, mend)


def _leftovers(name: str, what: str, found: list[str], size: int, mend: bool) -> Check:
    if not found:
        return Check(name=name, status="ok", detail="none")
    detail = f"{len(found)} {what}, {size} bytes: {_some(found)}"
    return Check(name=name, status="ok" if mend else "warn", detail=detail, mended=mend)


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return "; ".join(items[:_NAMED]) + more
