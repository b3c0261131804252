"""Does the store hold what it must? Pure: the oracle, the operation and what was seen go in, complaints come out."""

from __future__ import annotations

from udb_pipelines_tests.warehouse.proof.operations import (
    DropTimeline,
    Export,
    Operation,
    Prune,
    RestoreFrom,
    RestoreTo,
    Snapshot,
)
from udb_pipelines_tests.warehouse.proof.worlds import EMPTY, Content, History, Seen, World


def judge(world: World, operation: Operation, acknowledged: bool, seen: Seen) -> tuple[list[str], bool]:
    """Compare, and let the oracle follow what has happened.

    Returns:
        What is wrong, and whether the operation has taken effect.
    """
    complaints = list(seen.problems)
    before, after = world.content, operation.after(world)
    moved = seen.current != world.current
    restoring = isinstance(operation, RestoreTo | RestoreFrom)
    done = moved if restoring else acknowledged or (seen.newest == after and after != before)
    if acknowledged and restoring and not moved:
        complaints.append("an acknowledged restore has not taken effect")
    if seen.newest != (after if done else before):
        complaints.append(f"newest is {seen.newest}; it must be {after if done else before}")
    if doubled := sorted({job for job in seen.newest.jobs if seen.newest.jobs.count(job) > 1}):
        complaints.append(f"jobs {doubled} are in the ledger twice")
    for (timeline, version), content in seen.older.items():
        known = world.timelines[timeline].get(version)
        if content != known:
            complaints.append(f"version {version} of timeline {timeline} is {content}; it must be {known}")
    if moved and restoring:
        _begin_timeline(world, operation, seen.current)
    complaints += _timelines(world, operation, acknowledged, seen)
    complaints += _versions(world, operation, seen, after if done else before)
    complaints += _snapshots(world, operation, acknowledged, seen)
    complaints += _exported(world, operation, acknowledged, seen)
    return complaints, done


def _begin_timeline(world: World, operation: Operation, number: int) -> None:
    """The history that a restore goes on from."""
    history: History = {}
    if isinstance(operation, RestoreTo):
        history = {version: held for version, held in world.history.items() if version <= operation.version}
    elif isinstance(operation, RestoreFrom):
        history = dict(world.snapshots[operation.snapshot][1])
    world.timelines[number] = history
    world.current = number
    world.last_timeline = max(world.last_timeline, number)


def _timelines(world: World, operation: Operation, acknowledged: bool, seen: Seen) -> list[str]:
    complaints = []
    if seen.current != world.current:
        complaints.append(f"timeline {seen.current} is current; it must be {world.current}")
    missing, strange = set(world.timelines) - set(seen.timelines), set(seen.timelines) - set(world.timelines)
    dropped = {operation.number} if isinstance(operation, DropTimeline) else set()
    if missing - dropped or strange:
        complaints.append(f"timelines {seen.timelines}; there must be {tuple(world.timelines)}")
    if acknowledged and dropped - missing:
        complaints.append(f"timeline {dropped} was dropped and is still there")
    for number in missing & dropped:
        del world.timelines[number]
    return complaints


def _versions(world: World, operation: Operation, seen: Seen, newest: Content) -> list[str]:
    """Versions only come and go as the operation says; one that is new holds what is newest now."""
    history, found = world.history, set(seen.versions)
    complaints = []
    if lost := sorted(set(history) - found - operation.expires(world)):
        complaints.append(f"versions {lost} are gone")
    # The first two are the lake's own beginning: nothing, and the bookkeeping.
    fresh = {version: newest if version > 1 else EMPTY for version in found - set(history)}
    if history and fresh and min(fresh) <= max(history):
        complaints.append(f"versions {sorted(fresh)} came after version {max(history)}")
    if history and not found:
        complaints.append("there is no version left")
    world.timelines[world.current] = {v: held for v, held in history.items() if v in found} | fresh
    return complaints


def _snapshots(world: World, operation: Operation, acknowledged: bool, seen: Seen) -> list[str]:
    complaints = []
    listed, known = set(seen.snapshots), set(world.snapshots)
    newest = max(known, default=None)
    may_go = known - {newest} if isinstance(operation, Prune) else set()
    if known - listed - may_go:
        complaints.append(f"snapshots {sorted(known - listed - may_go)} are gone")
    made = listed - known
    if len(made) > isinstance(operation, Snapshot):
        complaints.append(f"snapshots {sorted(made)} came from nowhere")
    if acknowledged and isinstance(operation, Snapshot) and not made:
        complaints.append("an acknowledged snapshot is not listed")
    kept = {name: held for name, held in world.snapshots.items() if name in listed}
    world.snapshots = kept | {name: (world.content, dict(world.history)) for name in sorted(made)}
    return complaints


def _exported(world: World, operation: Operation, acknowledged: bool, seen: Seen) -> list[str]:
    allowed = [world.exported]
    if isinstance(operation, Export):
        allowed = [world.content.tables] if acknowledged else [world.exported, world.content.tables]
    if seen.exported not in allowed:
        return ["the exported file holds neither what it held nor what it should"]
    world.exported = seen.exported
    return []
