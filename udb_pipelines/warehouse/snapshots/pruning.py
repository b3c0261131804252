"""What may go from a target: old snapshots, copies that newer ones have overtaken, and files that nothing needs.

A manifest goes before what it names, so that what is half removed is no snapshot; files go last, and only when
every manifest could be read and nobody is adding to the target.

Whatever its age, the newest snapshot stays, and the newest snapshot or copy of each timeline that the warehouse has: a
snapshot holds one timeline, and the others would be lost with the machine. What is under a legal hold stays too. The
warehouse lets no held version go, so what is made from now on has all that it has; but an old snapshot may have
versions that were gone before somebody asked for the hold. History only gets thinner while a dataset stays as it is,
so of the snapshots that hold the same commit of it the oldest has them all, and stays.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Needed:
    """What must stay whatever its age."""

    timelines: frozenset[int] = frozenset()
    """Those that the warehouse has."""
    held: frozenset[str] = frozenset()
    """Sources and datasets under a legal hold."""


NOTHING_ELSE = Needed()


class Pruned(Model):
    """What was removed, or would be."""

    snapshots: tuple[str, ...]
    copies: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """Old enough to go, and needed: for a timeline or a legal hold."""
    files: int
    bytes: int
    """Of the files; those of catalogs are not counted."""
    unreadable: tuple[str, ...]
    """Manifests that this version cannot read. While there are any, no file is removed."""


def prune(
    target: Target,
    keep_days: int,
    needed: Needed = NOTHING_ELSE,
    *,
    wait_seconds: float = 0,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Pruned:
    """Remove snapshots older than ``keep_days`` but never the newest, all but the newest copies, and unneeded files.

    Args:
        target: where.
        keep_days: younger snapshots stay.
        needed: what else stays.
        wait_seconds: how long to wait for those who are adding to the target or reading from it.
        dry_run: only tell.
        now: the present unless given.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT`` when others are at work there, ``E_TARGET``, ``E_TARGET_DOWN``.
    """
    limit = (now or datetime.now(UTC)) - timedelta(days=keep_days)
    if dry_run:
        pruned, _ = _plan(target, limit, needed)
        return pruned
    with claims.claimed(target, "remove", f"prune_{uuid.uuid4().hex}", wait_seconds):
        claims.bury(target)
        target.sweep()
        pruned, files = _plan(target, limit, needed)
        target.delete([manifest_key("snapshot", name) for name in pruned.snapshots])
        target.delete([manifest_key("copy", name) for name in pruned.copies])
        steps.reached("prune manifests removed")
        shelf.remove_incomplete(target)
        for start in range(0, len(files), _BATCH):
            target.delete(files[start : start + _BATCH])
            progress.report("prune", min(start + _BATCH, len(files)), len(files), "files")
            steps.reached("prune files removed")
    return pruned


def _plan(target: Target, limit: datetime, needed: Needed) -> tuple[Pruned, tuple[str, ...]]:
    keys = shelf.manifest_keys(target)
    loaded = dict(zip(keys, shelf.at_once(lambda key: shelf.load(target, key), keys), strict=True))
    known = shelf.in_order(item for item in loaded.values() if item)
    stays = {item.id for item in (*_newest_of(known, needed.timelines), *_held(known, needed.held))}
    old = [item for item in known if item.kind == "snapshot"][1:]
    old = [item for item in old if item.created_at < limit]
    overtaken = [item for item in known if item.kind == "copy"][KEPT_COPIES:]
    going = [item for item in (*old, *overtaken) if item.id not in stays]
    unreadable = tuple(key for key in keys if loaded[key] is None)
    unneeded = _unneeded(target, [item for item in known if item not in going])
    removed = {} if unreadable else unneeded
    pruned = Pruned(
        snapshots=tuple(item.id for item in going if item.kind == "snapshot"),
        copies=tuple(item.id for item in going if item.kind == "copy"),
        kept=tuple(item.id for item in (*old, *overtaken) if item.id in stays),
        files=len(removed),
        bytes=sum(removed.values()),
        unreadable=unreadable,
    )
    return pruned, tuple(removed)


def _newest_of(known: Iterable[Snapshot], timelines: frozenset[int]) -> Iterator[Snapshot]:
    seen: set[int] = set()
    for item in known:
        if item.timeline in timelines and item.timeline not in seen:
            seen.add(item.timeline)
            yield item


def _held(known: Iterable[Snapshot], held: frozenset[str]) -> Iterator[Snapshot]:
    """The oldest snapshot of each commit of what is held. The copies have nothing that a nightly snapshot has not."""
    seen: set[tuple[object, ...]] = set()
    for item in reversed([item for item in known if item.kind == "snapshot"]):
        fresh = {commit for commit in _commits(item, held) if commit not in seen}
        seen |= fresh
        if fresh:
            yield item


def _commits(snapshot: Snapshot, held: frozenset[str]) -> Iterator[tuple[object, ...]]:
    """What tells commits of held datasets apart; of a dataset that was dropped, its files in the history."""
    now = {table.dataset: table.version for table in snapshot.tables}
    files: dict[str, set[str]] = {}
    for file in snapshot.files:
        dataset = file.path.removeprefix(f"{FILES}main/").partition("/")[0]
        files.setdefault(dataset, set()).add(file.path)
    for dataset in sorted(now.keys() | files.keys()):
        if dataset in held or dataset.partition("__")[0] in held:
            left = now.get(dataset) or frozenset(files[dataset])
            yield (snapshot.timeline, dataset, left)


def _unneeded(target: Target, kept: list[Snapshot]) -> dict[str, int]:
    needed = {file.path for snapshot in kept for file in snapshot.files}
    return {entry.key: entry.bytes for entry in target.list(FILES) if entry.key not in needed}
