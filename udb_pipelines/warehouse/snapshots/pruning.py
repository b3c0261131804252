"""What may go from a target: old snapshots, copies that newer ones have overtaken, and files that nothing needs.

A manifest goes before what it names, so that what is half removed is no snapshot; files go last, and only when
every manifest could be read and nobody is adding to the target.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from udb_pipelines.models import Model
from udb_pipelines.operations import progress
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.snapshots import claims, shelf
from udb_pipelines.warehouse.snapshots.model import FILES, Snapshot, manifest_key
from udb_pipelines.warehouse.targets import Target

KEPT_COPIES = 3
"""Each copy holds the history that the one before it held; more than one, in case the newest is damaged."""
_BATCH = 1_000


class Pruned(Model):
    """What was removed, or would be."""

    snapshots: tuple[str, ...]
    copies: tuple[str, ...]
    files: int
    bytes: int
    """Of the files; those of catalogs are not counted."""
    unreadable: tuple[str, ...]
    """Manifests that this version cannot read. While there are any, no file is removed."""


def prune(
    target: Target, keep_days: int, *, wait_seconds: float = 0, dry_run: bool = False, now: datetime | None = None
) -> Pruned:
    """Remove snapshots older than ``keep_days`` but never the newest, all but the newest copies, and unneeded files.

    Args:
        target: where.
        keep_days: younger snapshots stay.
        wait_seconds: how long to wait for those who are adding to the target or reading from it.
        dry_run: only tell.
        now: the present unless given.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT`` when others are at work there, ``E_TARGET``, ``E_TARGET_DOWN``.
    """
    limit = (now or datetime.now(UTC)) - timedelta(days=keep_days)
    if dry_run:
        pruned, _ = _plan(target, limit)
        return pruned
    with claims.claimed(target, "remove", f"prune_{uuid.uuid4().hex}", wait_seconds):
        claims.bury(target)
        target.sweep()
        pruned, files = _plan(target, limit)
        target.delete([manifest_key("snapshot", name) for name in pruned.snapshots])
        target.delete([manifest_key("copy", name) for name in pruned.copies])
        steps.reached("prune manifests removed")
        shelf.remove_incomplete(target)
        for start in range(0, len(files), _BATCH):
            target.delete(files[start : start + _BATCH])
            progress.report("prune", min(start + _BATCH, len(files)), len(files), "files")
            steps.reached("prune files removed")
    return pruned


def _plan(target: Target, limit: datetime) -> tuple[Pruned, tuple[str, ...]]:
    keys = shelf.manifest_keys(target)
    loaded = dict(zip(keys, shelf.at_once(lambda key: shelf.load(target, key), keys), strict=True))
    known = sorted(
        (item for item in loaded.values() if item), key=lambda item: (item.created_at, item.id), reverse=True
    )
    snapshots = [item for item in known if item.kind == "snapshot"]
    gone = [item for item in snapshots[1:] if item.created_at < limit]
    overtaken = [item for item in known if item.kind == "copy"][KEPT_COPIES:]
    unreadable = tuple(key for key in keys if loaded[key] is None)
    unneeded = _unneeded(target, [item for item in known if item not in gone and item not in overtaken])
    removed = {} if unreadable else unneeded
    pruned = Pruned(
        snapshots=tuple(item.id for item in gone),
        copies=tuple(item.id for item in overtaken),
        files=len(removed),
        bytes=sum(removed.values()),
        unreadable=unreadable,
    )
    return pruned, tuple(removed)


def _unneeded(target: Target, kept: list[Snapshot]) -> dict[str, int]:
    needed = {file.path for snapshot in kept for file in snapshot.files}
    return {entry.key: entry.bytes for entry in target.list(FILES) if entry.key not in needed}
