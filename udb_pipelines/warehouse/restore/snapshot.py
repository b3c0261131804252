"""Restoring a snapshot: into the warehouse it is of, onto an empty machine, or into a folder of its own.

1. Fetch into ``incoming/<snapshot>/`` beside the data files what the warehouse does not have in the same content, and
   compare every file with the manifest. A restore that was killed goes on with what is complete there.
2. Under the writer lock: rename the files into place, then make the snapshot's catalog a new timeline, as every
   restore does. On an empty machine it is the only one.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.operations import progress
from udb_pipelines.warehouse import snapshots, steps
from udb_pipelines.warehouse.catalog import SqliteCatalog
from udb_pipelines.warehouse.files import make_folder, move, sha256, sync_folder
from udb_pipelines.warehouse.history import VersionInfo, datasets
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.beginning import Beginning
from udb_pipelines.warehouse.restore.drafting import open_draft
from udb_pipelines.warehouse.restore.points import FIRST, points
from udb_pipelines.warehouse.restore.swapping import Restored, swap
from udb_pipelines.warehouse.restore.wholeness import needed_files
from udb_pipelines.warehouse.snapshots import FILES, Snapshot, SnapshotFile
from udb_pipelines.warehouse.snapshots.catalogs import identity
from udb_pipelines.warehouse.snapshots.shelf import AT_ONCE, at_once
from udb_pipelines.warehouse.targets import Target
from udb_pipelines.warehouse.targets.folder import COPIES_AT_ONCE, FolderTarget
from udb_pipelines.warehouse.timelines import Register

INCOMING = "incoming"
_NAMED = 5
_UNREADABLE_GAP = 1_000
"""Version numbers skipped where the current catalog cannot tell which it has given."""


class SnapshotPlan(Model):
    """What restoring a snapshot would do."""

    snapshot: str
    made_at: datetime
    version: int
    committed_at: datetime
    into: Path
    """The folder of the warehouse."""
    current: int | None
    """The timeline that is current there, and stays; None where there is none."""
    left_behind: int
    tables: int
    rows: int
    files: int
    bytes: int
    missing_files: int
    missing_bytes: int
    """What must be fetched; the rest is in the warehouse, or came with an earlier attempt."""


def into_folder(lake: Lake, folder: Path) -> Lake:
    """The warehouse of another home, with the limits of ``lake``'s settings, and its databases in SQLite."""
    return Lake(lake.settings.model_copy(update={"home": folder, "catalog_url": None, "control_url": None}))


def plan_from(lake: Lake, target: Target, snapshot_id: str) -> SnapshotPlan:
    """What :func:`restore_from` would do, by names and sizes. Changes nothing but a few files in ``incoming``.

    Raises:
        UdbError: ``E_SNAPSHOT`` when there is no such snapshot; ``E_TARGET``, ``E_TARGET_DOWN``.
    """
    snapshot = snapshots.find(target, snapshot_id)
    there = _there(lake, snapshot)
    folder = _incoming(lake, snapshot)
    missing = [
        file for file in snapshot.files
        if not any(_size(root / file.path.removeprefix(FILES)) == file.bytes
                   for root in (lake.catalog.files, folder / "files"))
    ]  # fmt: skip
    return SnapshotPlan(
        snapshot=snapshot.id,
        made_at=snapshot.created_at,
        version=snapshot.version,
        committed_at=snapshot.committed_at,
        into=lake.settings.warehouse,
        current=there.current,
        left_behind=there.left_behind,
        tables=len(snapshot.tables),
        rows=snapshot.rows,
        files=len(snapshot.files),
        bytes=snapshot.bytes,
        missing_files=len(missing),
        missing_bytes=sum(file.bytes for file in missing) + snapshot.catalog.bytes,
    )


def restore_from(lake: Lake, target: Target, snapshot_id: str, *, salvage: bool = False) -> Restored:
    """Make a snapshot the newest version of a new timeline; everything in it has been compared with its manifest.

    Args:
        lake: the warehouse, which may be empty; see :func:`into_folder`.
        target: where the snapshot is.
        snapshot_id: of a snapshot or of a copy made in between.
        salvage: leave out tables whose files are missing or damaged, and do without such files of older versions.

    Raises:
        UdbError: ``E_SNAPSHOT`` when there is none, or its catalog is damaged; ``E_RESTORE`` for damaged files, or
            when the warehouse is another one; ``E_DISK_FULL``, ``E_LOCK_TIMEOUT``, ``E_TARGET``, ``E_TARGET_DOWN``.
            The warehouse is unchanged then, and what was fetched is kept for the next attempt.
    """
    with snapshots.reading(target, f"restore_{uuid.uuid4().hex}", lake.settings.lock_timeout_seconds):
        snapshot = snapshots.find(target, snapshot_id)
        _check_identity(lake, snapshot)
        folder = _incoming(lake, snapshot)
        make_folder(folder)
        catalog = folder / "lake.sqlite"
        snapshots.fetch_catalog(target, snapshot, catalog)
        copy = snapshots.lake_on(lake, catalog)
        _check_catalog(copy, snapshot)
        steps.reached("restore_catalog_fetched")
        damaged = _fetch(lake, target, snapshot, folder)
    lost = _lost(copy, snapshot, damaged, salvage) if damaged else frozenset()
    tables = datasets(copy) if lost else ()
    with lake.lock.held(f"restore of snapshot {snapshot.id}"):
        steps.reached("restore_locked")
        restored = _finish(lake, snapshot, folder, lost, tables)
    shutil.rmtree(folder, ignore_errors=True)
    return restored


@dataclass(frozen=True)
class _There:
    """What the warehouse holds before."""

    register: Register
    current: int | None
    newest: int
    left_behind: int


def _there(lake: Lake, snapshot: Snapshot) -> _There:
    if (
        isinstance(lake.catalog, SqliteCatalog)
        and not lake.catalog.register_file.exists()
        and not lake.catalog.exists()
    ):
        return _There(Register(timelines=()), None, 0, 0)
    register = lake.register()
    try:
        held = points(lake.at(register.current))
    except UdbError:
        # The catalog is damaged, which may be why somebody is here.
        newest = max(snapshot.version, *(item.first_version for item in register.timelines)) + _UNREADABLE_GAP
        return _There(register, register.current, newest, 0)
    versions = [point.version for point in held]
    left = sum(version > snapshot.version for version in versions)
    if not versions:
        return _There(Register(last=register.last, timelines=()), None, 0, 0)
    return _There(register, register.current, max(versions), left)


def _check_identity(lake: Lake, snapshot: Snapshot) -> None:
    there = _there(lake, snapshot)
    if there.newest <= FIRST:
        return  # nothing was ever committed
    try:
        known = identity(lake)
    except UdbError:
        return  # so damaged that it cannot say
    if known != snapshot.warehouse:
        raise _refused(
            f"the snapshot {snapshot.id} is of another warehouse than {lake.settings.warehouse}",
            "restore it into a folder of its own: udb restore from SNAPSHOT --to FOLDER",
        )


def _check_catalog(copy: Lake, snapshot: Snapshot) -> None:
    verdict = copy.catalog.integrity() if isinstance(copy.catalog, SqliteCatalog) else "ok"
    if verdict != "ok" or copy.current_version() != snapshot.version:
        raise _refused(
            f"the lake catalog of the snapshot {snapshot.id} is damaged",
            "restore another one: udb snapshot list --copies",
        )


def _refused(message: str, remedy: str) -> UdbError:
    return UdbError("E_RESTORE", message, kept="the warehouse as it is", remedy=remedy)


def _incoming(lake: Lake, snapshot: Snapshot) -> Path:
    return lake.settings.warehouse / INCOMING / snapshot.id


def _fetch(lake: Lake, target: Target, snapshot: Snapshot, folder: Path) -> dict[str, str]:
    """Bring every file that is not there, and verify all. Returns what is wrong, by path below the data files."""
    parents = {(folder / file.path).parent for file in snapshot.files}
    for parent in sorted(parents):
        make_folder(parent)
    _check_space(lake, snapshot, folder)
    counter = progress.Counter("restoring", sum(file.bytes for file in snapshot.files), "bytes")

    def bring(file: SnapshotFile) -> str | None:
        fetched, live = folder / file.path, lake.catalog.files / file.path.removeprefix(FILES)
        if _is(live, file) or _is(fetched, file):
            counter.add(file.bytes)
            return None
        try:
            digest = target.get(file.path, fetched, counter.add, link=True)
        except UdbError as error:
            if error.code != "E_SNAPSHOT":
                raise
            return "is missing"
        steps.reached("restore_file_fetched")
        size = _size(fetched)
        if size == file.bytes and (digest or sha256(fetched)) == file.sha256:
            return None
        fetched.unlink()
        return f"has {size} bytes, not {file.bytes}" if size != file.bytes else "was altered"

    found = zip(snapshot.files, at_once(bring, snapshot.files, _at_a_time(target)), strict=True)
    for parent in parents:
        sync_folder(parent)
    return {file.path.removeprefix(FILES): problem for file, problem in found if problem}


def _at_a_time(target: Target) -> int:
    """How many files are fetched at the same time: from a disk, as many wait for it to have written as are copied."""
    return 2 * COPIES_AT_ONCE if isinstance(target, FolderTarget) else AT_ONCE


def _check_space(lake: Lake, snapshot: Snapshot, folder: Path) -> None:
    missing = sum(
        file.bytes for file in snapshot.files
        if _size(lake.catalog.files / file.path.removeprefix(FILES)) != file.bytes
        and _size(folder / file.path) != file.bytes
    )  # fmt: skip
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise UdbError(
            "E_DISK_FULL",
            f"the snapshot {snapshot.id} needs {missing} bytes more in {folder}, and {free} are free",
            kept="the warehouse as it is",
            remedy="free space, or restore into another folder: --to FOLDER",
        )


def _is(path: Path, file: SnapshotFile) -> bool:
    return _size(path) == file.bytes and sha256(path) == file.sha256


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _lost(copy: Lake, snapshot: Snapshot, damaged: dict[str, str], salvage: bool) -> frozenset[str]:
    """Tables of the newest version that are damaged, if it is allowed to do without them."""
    files = [file for file in needed_files(copy) if file.path in damaged]
    lost = {file.table for file in files if file.at(snapshot.version)}
    tables = {info.dataset for info in datasets(copy)}
    if salvage and lost <= tables and (tables - lost or not tables):
        return frozenset(lost)
    named = "; ".join(f"{file.table}: {Path(file.path).name} {damaged[file.path]}" for file in files[:_NAMED])
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    whole = sorted(tables - lost)
    advice = "restore another snapshot: udb snapshot list --copies"
    if whole and lost <= tables:
        advice += f"; --salvage restores without the damaged files: {', '.join(whole)}"
    raise UdbError(
        "E_RESTORE",
        f"the snapshot {snapshot.id} of version {snapshot.version} is damaged: {named}{more}",
        kept="the warehouse as it is; what is whole was fetched and need not be again",
        remedy=advice,
    )


def _finish(
    lake: Lake, snapshot: Snapshot, folder: Path, lost: frozenset[str], tables: Sequence[VersionInfo]
) -> Restored:
    _place(lake, folder / "files")
    steps.reached("restore_files_placed")
    there = _there(lake, snapshot)
    beginning = Beginning(there.register.last + 1, f"snapshot {snapshot.id}", snapshot.version, lost)
    with open_draft(lake, there.register, folder / "lake.sqlite") as draft:
        steps.reached("restore_copied")
        source = snapshots.lake_on(lake, folder / "lake.sqlite")
        version, counted = swap(lake, draft, there.register, beginning, there.newest, source)
    return Restored(
        timeline=beginning.timeline,
        version=version,
        origin=beginning.origin,
        previous=there.current,
        left_behind=there.left_behind,
        tables=counted,
        lost=tuple(sorted(lost)),
        run_again=tuple(sorted({info.source for info in tables if info.dataset in lost and info.source})),
    )


def _place(lake: Lake, fetched: Path) -> None:
    """Rename what was fetched to where the catalog looks for it; a damaged file there is replaced."""
    folders = set()
    for path in sorted(fetched.rglob("*.parquet")):
        final = lake.catalog.files / path.relative_to(fetched)
        make_folder(final.parent)
        move(path, final)
        folders.add(final.parent)
    for folder in folders:
        sync_folder(folder)
