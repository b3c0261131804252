"""The target as a shelf of snapshots: whose it is, what stands on it, and reading what stands there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.files import sha256
from udb_pipelines.warehouse.snapshots.model import FILES, FOLDERS, Kind, Snapshot, kind_and_id, manifest_key
from udb_pipelines.warehouse.targets import Target

MARKER = "udb-target.json"
AT_ONCE = 8
"""Requests under way at the same time: a store answers in tens of milliseconds, whatever the machine does."""
TENANTS = "tenants/"
"""Targets of other tenants, below that of the default one; none of ours."""

_T = TypeVar("_T")
_R = TypeVar("_R")


def at_once(work: Callable[[_T], _R], items: Iterable[_T], number: int = AT_ONCE) -> list[_R]:
    """``work`` for each item, ``number`` at a time; the first failure is raised once those under way have ended."""
    with ThreadPoolExecutor(number, thread_name_prefix="snapshot") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()


def claim_ground(target: Target, warehouse: str) -> None:
    """Make sure that the target is this warehouse's; an empty one becomes its own.

    Raises:
        UdbError: ``E_TARGET`` when it is another warehouse's, or holds what UDB has not put there.
    """
    owner = owner_of(target)
    if owner is None:
        foreign = next((entry.key for entry in target.list() if not _ours(entry.key)), None)
        if foreign is not None:
            raise UdbError(
                "E_TARGET",
                f"{target.address} holds other things than snapshots of UDB, such as {foreign}",
                kept="nothing was written there",
                remedy="name an empty folder or prefix",
            )
        facts = {"kind": "snapshots of UDB", "layout": 1, "warehouse": warehouse}
        target.write(MARKER, json.dumps(facts, indent=2).encode())
    elif owner != warehouse:
        raise UdbError(
            "E_TARGET",
            f"{target.address} holds the snapshots of another warehouse",
            kept="nothing was written there",
            remedy="name another target; or restore from this one first: udb restore",
        )


def owner_of(target: Target) -> str | None:
    """The warehouse whose snapshots the target holds; None when it holds none.

    Raises:
        UdbError: ``E_TARGET`` when the target was written by a later UDB.
    """
    content = target.read(MARKER)
    if content is None:
        return None
    try:
        facts = json.loads(content)
        if facts["layout"] == 1:
            return str(facts["warehouse"])
    except (ValueError, KeyError, TypeError):
        pass
    raise UdbError(
        "E_TARGET", f"{target.address}: {MARKER} is not understood by this version of UDB", remedy="use a newer UDB"
    )


def list_snapshots(target: Target, kinds: Iterable[Kind] = ("snapshot",)) -> tuple[Snapshot, ...]:
    """Complete snapshots in the target, newest first; ``copy`` among ``kinds`` for those made in between, too."""
    found = at_once(lambda key: load(target, key), manifest_keys(target, kinds))
    return in_order(item for item in found if item)


def in_order(snapshots: Iterable[Snapshot]) -> tuple[Snapshot, ...]:
    """Newest first, by their ids: those go up whatever the clock does (see ``making``), and the times need not."""
    return tuple(sorted(snapshots, key=lambda item: item.id, reverse=True))


def manifest_keys(target: Target, kinds: Iterable[Kind] = ("snapshot", "copy")) -> tuple[str, ...]:
    """Keys of the manifests, newest first within a kind: the ids go up."""
    return tuple(
        key
        for kind in kinds
        for key in sorted((entry.key for entry in target.list(FOLDERS[kind])), reverse=True)
        if key.endswith("/manifest.json")
    )


def remove_incomplete(target: Target, working: Container[str] = ()) -> None:
    """Remove what has no manifest: what is left of removed snapshots, and of attempts that died.

    Args:
        target: where.
        working: ids of snapshots that are being made.
    """
    for folder in FOLDERS.values():
        keys = [entry.key for entry in target.list(folder)]
        whole = {key.rsplit("/", 1)[0] for key in keys if key.endswith("/manifest.json")}
        target.delete([
            key for key in keys
            if key.rsplit("/", 1)[0] not in whole and (found := kind_and_id(key)) and found[1] not in working
        ])  # fmt: skip


def find(target: Target, snapshot_id: str) -> Snapshot:
    """The snapshot or copy of that id.

    Raises:
        UdbError: ``E_SNAPSHOT`` when there is none.
    """
    kinds: tuple[Kind, ...] = ("snapshot", "copy")
    for kind in kinds:
        if found := load(target, manifest_key(kind, snapshot_id)):
            return found
    raise UdbError("E_SNAPSHOT", f"there is no snapshot {snapshot_id} in {target.address}", remedy="udb snapshot list")


def newest(target: Target) -> Snapshot | None:
    """The newest snapshot or copy that can be read."""
    keys = sorted(manifest_keys(target), key=lambda key: key.split("/")[1], reverse=True)
    return next((item for key in keys if (item := load(target, key))), None)


def fetch_catalog(target: Target, snapshot: Snapshot, file: Path) -> None:
    """Fetch the catalog of a snapshot as an SQLite file, compared with the manifest on the way.

    Raises:
        UdbError: ``E_SNAPSHOT`` when it is missing or damaged.
    """
    import zstandard

    packed = file.with_name(f"{file.name}.zst")
    try:
        target.get(snapshot.catalog.path, packed)
        if sha256(packed) != snapshot.catalog.sha256:
            raise UdbError("E_SNAPSHOT", f"the catalog of the snapshot {snapshot.id} was altered")
        with packed.open("rb") as source, file.open("wb") as unpacked:
            zstandard.ZstdDecompressor().copy_stream(source, unpacked)
    finally:
        packed.unlink(missing_ok=True)


def fetch_home(target: Target, snapshot: Snapshot) -> bytes | None:
    """What the tenant had beside its warehouse, compared with the manifest; None where the snapshot has nothing.

    Raises:
        UdbError: ``E_SNAPSHOT`` when it is missing or damaged.
    """
    import zstandard

    if snapshot.home is None:
        return None
    content = target.read(snapshot.home.path)
    if content is None or hashlib.sha256(content).hexdigest() != snapshot.home.sha256:
        what = "is missing" if content is None else "was altered"
        raise UdbError("E_SNAPSHOT", f"{snapshot.home.path} of the snapshot {snapshot.id} {what}")
    return zstandard.ZstdDecompressor().decompress(content)


def packed(content: bytes) -> bytes:
    """Compressed for the target."""
    import zstandard

    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(content)


def pack_catalog(file: Path, packed: Path) -> None:
    """Compress a catalog for the target."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    with file.open("rb") as source, packed.open("wb") as target:
        compressor.copy_stream(source, target, size=file.stat().st_size)


def _ours(key: str) -> bool:
    return key.startswith((TENANTS, FILES, "claims/")) or kind_and_id(key) is not None


def load(target: Target, key: str) -> Snapshot | None:
    """The manifest under ``key``; None when it is gone or cannot be understood."""
    content = target.read(key)
    if content is None:
        return None
    try:
        return Snapshot.model_validate_json(content)
    except ValidationError:
        return None
