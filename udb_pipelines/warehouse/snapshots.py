"""Snapshots: a consistent copy of the catalog and of every file that it refers to, in a folder of its own.

``<target>/<id>/`` holds ``lake.sqlite``, ``files/`` as in the warehouse, and ``manifest.json``, written last: a
folder without it is not a snapshot. Data files never change, so a file that the previous snapshot has, or that
lies on the same file system, is linked and not copied. A snapshot on the warehouse's own disk therefore guards
against mistakes, and only one on another disk guards against the loss of the disk.

A snapshot opens as a lake: ``Lake`` on its catalog and files, read only.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from pydantic import ValidationError

from udb_pipelines import __version__
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse.catalog import SqliteCatalog
from udb_pipelines.warehouse.checks import stored_files
from udb_pipelines.warehouse.files import make_folder, sync_all, sync_folder
from udb_pipelines.warehouse.history import datasets
from udb_pipelines.warehouse.lake import Lake

MANIFEST = "manifest.json"
_CHUNK = 1 << 20


class SnapshotFile(Model):
    """A file of a snapshot; ``path`` is relative to its folder."""

    path: str
    bytes: int
    sha256: str


class SnapshotTable(Model):
    """A dataset as the snapshot holds it."""

    dataset: str
    version: int
    rows: int


class Snapshot(Model):
    """What a snapshot holds; its ``manifest.json``."""

    schema_version: int = 1
    id: str
    created_at: datetime
    version: int
    """The newest version of the lake in it; the older ones are in it too."""
    tables: tuple[SnapshotTable, ...]
    catalog: SnapshotFile
    files: tuple[SnapshotFile, ...]
    software: dict[str, str]

    @property
    def bytes(self) -> int:
        """Size of catalog and files together."""
        return self.catalog.bytes + sum(file.bytes for file in self.files)


def create(lake: Lake, target: Path) -> Snapshot:
    """Make a snapshot below ``target`` while others go on reading and writing.

    Raises:
        UdbError: ``E_UNSUPPORTED`` for a catalog in PostgreSQL, ``E_NO_DATA_FILES`` when nothing was ever
            committed, ``E_WAREHOUSE`` when a file of the warehouse is missing or damaged.
    """
    if not isinstance(lake.catalog, SqliteCatalog):
        raise UdbError(
            "E_UNSUPPORTED",
            "a snapshot of a lake catalog in PostgreSQL is not made by udb",
            remedy="back up the database with pg_dump, then copy the folder of the data files",
        )
    if not lake.catalog.exists():
        raise UdbError("E_NO_DATA_FILES", "the warehouse holds nothing yet", remedy="run a job first")
    now = datetime.now(UTC)
    previous = next(iter(list_snapshots(target)), None)
    folder = target / f"{now:%Y%m%dT%H%M%S}_{uuid.uuid4().hex[:8]}"
    make_folder(folder / "files")
    # The catalog first: every file it refers to is complete by then, and none of them ever changes.
    lake.catalog.copy_to(folder / "lake.sqlite")
    copy = open_lake(lake, folder)
    known = {file.path: file for file in previous.files} if previous else {}
    files = tuple(_copy_files(lake, copy, folder, target / previous.id if previous else None, known))
    tables = tuple(
        SnapshotTable(dataset=info.dataset, version=info.version, rows=info.rows_total) for info in datasets(copy)
    )
    snapshot = Snapshot(
        id=folder.name,
        created_at=now,
        version=copy.current_version(),
        tables=tables,
        catalog=_described(folder, folder / "lake.sqlite"),
        files=files,
        software={"udb": __version__, "duckdb": duckdb.__version__},
    )
    _write_manifest(folder, snapshot)
    return snapshot


def list_snapshots(target: Path) -> tuple[Snapshot, ...]:
    """Complete snapshots below ``target``, newest first."""
    if not target.is_dir():
        return ()
    found = (_load(folder) for folder in target.iterdir() if (folder / MANIFEST).is_file())
    return tuple(sorted((item for item in found if item), key=lambda item: (item.created_at, item.id), reverse=True))


def verify(target: Path, snapshot_id: str) -> tuple[str, ...]:
    """Compare catalog and files with the manifest. Returns what is wrong, one sentence each; empty is good.

    Raises:
        UdbError: ``E_NOT_FOUND`` when there is no such snapshot.
    """
    folder = target / snapshot_id
    snapshot = next((item for item in list_snapshots(target) if item.id == snapshot_id), None)
    if snapshot is None:
        raise UdbError("E_NOT_FOUND", f"there is no snapshot {snapshot_id} in {target}")
    return tuple(problem for file in (snapshot.catalog, *snapshot.files) if (problem := _problem(folder, file)))


def prune(target: Path, keep_days: int, now: datetime | None = None) -> tuple[str, ...]:
    """Remove snapshots older than ``keep_days``, but never the newest, and returns their ids.

    Folders without a manifest are snapshots that were never finished; old ones go too.
    """
    limit = (now or datetime.now(UTC)) - timedelta(days=keep_days)
    old = [snapshot.id for snapshot in list_snapshots(target)[1:] if snapshot.created_at < limit]
    complete = {snapshot.id for snapshot in list_snapshots(target)}
    unfinished = [
        folder.name
        for folder in sorted(target.iterdir() if target.is_dir() else ())
        if folder.name not in complete
        and (folder / "lake.sqlite").is_file()
        and not folder.is_symlink()
        and datetime.fromtimestamp(folder.stat().st_mtime, UTC) < limit
    ]
    for name in (*old, *unfinished):
        # The manifest first: a half-removed folder must not look like a snapshot.
        (target / name / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(target / name)
    return (*old, *unfinished)


def open_lake(lake: Lake, folder: Path) -> Lake:
    """The snapshot in ``folder`` as a lake to read, with the limits of ``lake``'s settings."""
    copy = Lake(lake.settings)
    copy.catalog = SqliteCatalog(folder / "lake.sqlite", folder / "files")
    return copy


def _copy_files(
    lake: Lake, copy: Lake, folder: Path, previous: Path | None, known: dict[str, SnapshotFile]
) -> Iterable[SnapshotFile]:
    folders = set()
    for stored in stored_files(copy):
        inside = stored.path.relative_to(copy.catalog.files)
        name = f"files/{inside}"
        make_folder(stored.path.parent)
        folders.add(stored.path.parent)
        candidates = [lake.catalog.files / inside]
        if previous is not None and name in known:
            candidates.insert(0, previous / name)
        _place(candidates, stored.path)
        if stored.path.stat().st_size != stored.bytes:
            raise UdbError("E_WAREHOUSE", f"a file of {stored.table} has not the size that its commit recorded")
        yield known.get(name) or _described(folder, stored.path)
    for changed in folders:
        sync_folder(changed)


def _place(candidates: list[Path], target: Path) -> None:
    """Link one of the candidates, which are the same file, or copy the last."""
    for source in candidates:
        try:
            os.link(source, target)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
                raise
            continue
        return
    try:
        shutil.copyfile(candidates[-1], target)
    except FileNotFoundError:
        raise UdbError("E_WAREHOUSE", f"the data file {candidates[-1]} is missing") from None
    sync_all([target])


def _described(folder: Path, file: Path) -> SnapshotFile:
    return SnapshotFile(path=str(file.relative_to(folder)), bytes=file.stat().st_size, sha256=_sha256(file))


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _problem(folder: Path, file: SnapshotFile) -> str | None:
    path = folder / file.path
    if not path.is_file():
        return f"{file.path} is missing"
    if path.stat().st_size != file.bytes:
        return f"{file.path} has {path.stat().st_size} bytes, not {file.bytes}"
    return None if _sha256(path) == file.sha256 else f"{file.path} was altered"


def _write_manifest(folder: Path, snapshot: Snapshot) -> None:
    draft = folder / f"{MANIFEST}.new"
    draft.write_text(snapshot.model_dump_json(indent=2))
    sync_all([draft])
    draft.rename(folder / MANIFEST)
    sync_folder(folder)


def _load(folder: Path) -> Snapshot | None:
    with suppress(OSError, ValidationError, json.JSONDecodeError):
        return Snapshot.model_validate_json((folder / MANIFEST).read_text())
    return None
