"""Making a snapshot, or a copy between snapshots, while others go on reading and writing.

The catalog is copied first: every file that it refers to is complete by then, and none of them ever changes. Then go
the files that the target has not, then the catalog, then the manifest, which makes it a snapshot. Whatever
happens in between, the target holds what it held before, and files that the next attempt finds there.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from udb_pipelines import __version__
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress
from udb_pipelines.operations.logging import get_logger
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.checks import StoredFile, stored_files
from udb_pipelines.warehouse.files import sha256
from udb_pipelines.warehouse.history import datasets
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.snapshots import claims, shelf
from udb_pipelines.warehouse.snapshots.catalogs import copy_catalog, identity, lake_on, newest_commit
from udb_pipelines.warehouse.snapshots.checksums import checksum
from udb_pipelines.warehouse.snapshots.model import (
    FILES,
    Kind,
    Snapshot,
    SnapshotFile,
    SnapshotTable,
    catalog_key,
    home_key,
    manifest_key,
)
from udb_pipelines.warehouse.targets import Target

_STAMP = "%Y%m%dT%H%M%S%f"
_ATTEMPTS = 3
"""Retention may remove files that a copied catalog still refers to; a fresh copy no longer does."""


@dataclass(frozen=True)
class Made:
    """A snapshot, and what making it cost."""

    snapshot: Snapshot
    copied_files: int
    copied_bytes: int


class UnfinishedError(Exception):
    """The time for a copy is used up before all files are in the target."""


class _VanishedError(Exception):
    """A file that the catalog refers to is not in the warehouse."""


def create(lake: Lake, target: Target, *, deep: bool = False) -> Made:
    """Make a snapshot.

    Args:
        lake: the warehouse.
        target: where to.
        deep: read again what the target holds already, and replace what was altered there; otherwise a file of the
            right size is taken for whole.

    Raises:
        UdbError: ``E_NO_DATA_FILES`` when nothing was ever committed, ``E_WAREHOUSE`` when a file of the warehouse
            is missing or damaged, ``E_TARGET``, ``E_TARGET_DOWN``, ``E_DISK_FULL``, and ``E_LOCK_TIMEOUT`` when
            somebody prunes the target for too long.
    """
    return _make(lake, target, "snapshot", deep=deep)


def copy(lake: Lake, target: Target, budget_seconds: float | None = None) -> Made:
    """The same between snapshots, cheaper: no table is read, so none has a checksum.

    Args:
        lake: the warehouse.
        target: where to.
        budget_seconds: begin no further file after this.

    Raises:
        UnfinishedError: the budget is used up; what was copied stays, and the next attempt goes on from there.
        UdbError: as from ``create``.
    """
    return _make(lake, target, "copy", budget_seconds)


def _make(lake: Lake, target: Target, kind: Kind, budget_seconds: float | None = None, *, deep: bool = False) -> Made:
    deadline = None if budget_seconds is None else time.monotonic() + budget_seconds
    now = datetime.now(UTC)
    snapshot_id = f"{_stamp(target, now)}_{uuid.uuid4().hex[:8]}"
    with _scratch(lake, snapshot_id) as scratch:
        copy_catalog(lake, scratch / "lake.sqlite")
        shelf.claim_ground(target, identity(lake_on(lake, scratch / "lake.sqlite")))
        with claims.claimed(target, "add", snapshot_id, lake.settings.lock_timeout_seconds):
            _sweep(target)
            steps.reached("snapshot claimed")
            attempt = 1
            while True:
                try:
                    return _Making(lake, target, kind, snapshot_id, now, scratch, deadline).run(deep)
                except _VanishedError as error:
                    if attempt == _ATTEMPTS:
                        raise UdbError("E_WAREHOUSE", str(error), kept="the target is as it was") from None
                attempt += 1
                copy_catalog(lake, scratch / "lake.sqlite")


def _stamp(target: Target, now: datetime) -> str:
    """The time as an id begins with it, later than that of every other: the clock may have been set back since."""
    taken = [key.split("/")[1].partition("_")[0] for key in shelf.manifest_keys(target)]
    newest = max(filter(None, map(_time_of, taken)), default=now)
    return f"{max(now, newest + timedelta(microseconds=1)):{_STAMP}}"


def _time_of(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


@contextmanager
def _scratch(lake: Lake, name: str) -> Iterator[Path]:
    folder = lake.settings.staging / f"snapshot_{name}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(target: Target) -> None:
    """Remove what attempts that died have left: their claims, drafts, and catalogs without a manifest."""
    target.sweep()
    claims.bury(target)
    shelf.remove_incomplete(target, {claim.name for claim in claims.alive(target)})


class _Making:
    """One attempt: the copied catalog decides what is needed."""

    def __init__(
        self, lake: Lake, target: Target, kind: Kind, snapshot_id: str, now: datetime, scratch: Path,
        deadline: float | None,
    ) -> None:  # fmt: skip
        self._lake, self._target, self._kind, self._id, self._now = lake, target, kind, snapshot_id, now
        self._scratch, self._deadline = scratch, deadline
        self._copy = lake_on(lake, scratch / "lake.sqlite")
        self._root = lake.catalog.files
        self._timeline = lake.register().current
        self._register_problem = ""
        self._register_of: str | None = None

    def run(self, deep: bool) -> Made:
        needed = stored_files(self._copy)
        previous = shelf.newest(self._target)
        held = {entry.key: entry.bytes for entry in self._target.list(FILES)}
        missing = [file for file in needed if held.get(self._key(file)) != file.bytes]
        if deep:
            missing += self._altered([file for file in needed if held.get(self._key(file)) == file.bytes])
        known = {file.path: file for file in previous.files} if previous else {}
        uploaded = self._upload(missing)
        steps.reached("snapshot files stored")
        files = tuple(self._described(file, uploaded, known) for file in needed)
        tables = tuple(self._tables(previous))
        catalog = self._store_catalog()
        home = self._store_home(previous)
        steps.reached("snapshot catalog stored")
        version, committed_at = newest_commit(self._copy)
        snapshot = Snapshot(
            id=self._id,
            kind=self._kind,
            created_at=self._now,
            warehouse=identity(self._copy),
            version=version,
            committed_at=committed_at,
            tables=tables,
            catalog=catalog,
            files=files,
            home=home,
            register_problem=self._register_problem,
            register_of=self._register_of,
            timeline=self._timeline,
            software={"udb": __version__, "duckdb": duckdb.__version__},
        )
        claims.still_held(self._target, self._id)
        self._target.write(manifest_key(self._kind, self._id), snapshot.model_dump_json(indent=2).encode())
        steps.reached("snapshot manifest stored")
        return Made(snapshot, len(missing), catalog.bytes + sum(file.bytes for file in missing))

    def _key(self, file: StoredFile) -> str:
        return f"{FILES}{file.path.relative_to(self._root).as_posix()}"

    def _altered(self, held: list[StoredFile]) -> list[StoredFile]:
        counter = progress.Counter("comparing", sum(file.bytes for file in held), "bytes")

        def differs(file: StoredFile) -> bool:
            key = self._key(file)
            return self._target.sha256(key, counter.add) != self._measured(file, key).sha256

        return [file for file, other in zip(held, shelf.at_once(differs, held), strict=True) if other]

    def _upload(self, missing: list[StoredFile]) -> dict[str, SnapshotFile]:
        total = sum(file.bytes for file in missing)
        counter = progress.Counter("snapshot", total, "bytes")

        def put(file: StoredFile) -> SnapshotFile | None:
            if self._deadline is not None and time.monotonic() > self._deadline:
                return None
            key = self._key(file)
            described = self._measured(file, key)
            try:
                self._target.put(file.path, key, counter.add)
            except (UdbError, FileNotFoundError):
                if file.path.exists():
                    raise
                raise _vanished(file) from None
            steps.reached("snapshot file stored")
            return described

        done = [file for file in shelf.at_once(put, missing) if file]
        if len(done) < len(missing):
            raise UnfinishedError(f"{len(done)} of {len(missing)} new files copied")
        return {file.path: file for file in done}

    def _described(
        self, file: StoredFile, uploaded: Mapping[str, SnapshotFile], known: Mapping[str, SnapshotFile]
    ) -> SnapshotFile:
        key = self._key(file)
        # One that the target holds although no snapshot names it comes from an attempt that did not end.
        return uploaded.get(key) or known.get(key) or self._measured(file, key)

    def _measured(self, file: StoredFile, key: str) -> SnapshotFile:
        try:
            size = file.path.stat().st_size
            if size != file.bytes:
                raise UdbError(
                    "E_WAREHOUSE",
                    f"{file.path} has {size} bytes, and its commit recorded {file.bytes} ({file.table})",
                    kept="no snapshot was made; the target is as it was",
                )
            return SnapshotFile(path=key, bytes=size, sha256=sha256(file.path))
        except FileNotFoundError:
            raise _vanished(file) from None

    def _tables(self, previous: Snapshot | None) -> Iterator[SnapshotTable]:
        infos = datasets(self._copy)
        before = {(table.dataset, table.version): table for table in previous.tables} if previous else {}
        with self._copy.reader(threads=self._lake.settings.threads) as connection:
            for number, info in enumerate(infos):
                progress.report("checksums", number, len(infos), "tables")
                # What the same commit left has the same rows.
                earlier = before.get((info.dataset, info.version))
                total = earlier.checksum if earlier else None
                if total is None and self._kind == "snapshot":
                    try:
                        total = checksum(connection, info.dataset)
                    except duckdb.IOException:
                        raise _VanishedError(f"a data file of {info.dataset} is missing or damaged") from None
                yield SnapshotTable(
                    dataset=info.dataset, version=info.version, rows=info.rows_total, checksum=total
                )  # fmt: skip

    def _store_catalog(self) -> SnapshotFile:
        packed = self._scratch / f"lake.{uuid.uuid4().hex[:8]}.zst"
        shelf.pack_catalog(self._scratch / "lake.sqlite", packed)
        key = catalog_key(self._kind, self._id)
        described = SnapshotFile(path=key, bytes=packed.stat().st_size, sha256=sha256(packed))
        self._target.put(packed, key)
        return described

    def _store_home(self, previous: Snapshot | None) -> SnapshotFile | None:
        content = self._collected(previous)
        if not content:
            return None
        packed = shelf.packed(content)
        key = home_key(self._kind, self._id)
        self._target.write(key, packed)
        return SnapshotFile(path=key, bytes=len(packed), sha256=hashlib.sha256(packed).hexdigest())

    def _collected(self, previous: Snapshot | None) -> bytes:
        """What the tenant has beside its warehouse; a control database that is down must not stop a copy of that."""
        # SQLAlchemy comes with it, and nothing else in the warehouse needs that.
        from udb_pipelines.control.belongings import collect, collect_files
        from udb_pipelines.control.database import UNREACHABLE

        try:
            return collect(self._lake.settings)
        except UdbError as error:
            if error.code not in UNREACHABLE:
                raise
            self._register_problem = error.message
        get_logger().warning("snapshot.register_missing", message=self._register_problem, snapshot=self._id)
        if previous is not None and previous.home is not None:
            self._register_of = previous.register_of if previous.register_problem else previous.id
        try:
            earlier = shelf.fetch_home(self._target, previous) if previous and self._register_of else None
            return collect_files(self._lake.settings, earlier or b"")
        except UdbError as error:
            if error.code != "E_SNAPSHOT":
                raise
        self._register_of = None  # what it had was altered, or is missing
        return collect_files(self._lake.settings, b"")


def _vanished(file: StoredFile) -> _VanishedError:
    return _VanishedError(f"the data file {file.path} of {file.table} is missing")
