"""Giving up a timeline: its catalog, and the data files that no other timeline needs."""

from __future__ import annotations

from pathlib import Path

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse import leases, steps
from udb_pipelines.warehouse.checks import is_readable, stored_files
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.maintenance import held_versions
from udb_pipelines.warehouse.removal import Item, remove
from udb_pipelines.warehouse.restore.drafting import forget
from udb_pipelines.warehouse.restore.points import Point, points


class Dropped(Model):
    """What giving up a timeline removes."""

    timeline: int
    versions: tuple[Point, ...]
    """Versions that only it holds: they are gone afterwards."""
    files: tuple[Path, ...]
    bytes: int
    damaged: bool = False
    """Its catalog cannot be read: nobody can tell what it had, and files that only it needed are left as orphans."""


def plan_drop(lake: Lake, number: int) -> Dropped:
    """What :func:`drop` would remove. Changes nothing.

    Raises:
        UdbError: ``E_TIMELINE`` when there is no such timeline, or it is the current one.
    """
    register = lake.register()
    register.without(number)
    others = [lake.at(item.number) for item in register.timelines if item.number != number]
    if not is_readable(lake.at(number)):
        return Dropped(timeline=number, versions=(), files=(), bytes=0, damaged=True)
    held = {point.version for other in others for point in points(other)}
    kept = {file.path for other in others for file in stored_files(other)}
    files = [file for file in stored_files(lake.at(number)) if file.path not in kept]
    return Dropped(
        timeline=number,
        versions=tuple(point for point in points(lake.at(number)) if point.version not in held),
        files=tuple(sorted({file.path for file in files})),
        bytes=sum({file.path: file.bytes for file in files}.values()),
    )


def drop(lake: Lake, number: int, held: frozenset[str] = frozenset()) -> Dropped:
    """Remove a timeline for good. A crash in between leaves files without an owner, which the doctor removes.

    Args:
        lake: the warehouse.
        number: the timeline.
        held: sources and datasets under a legal hold.

    Raises:
        UdbError: ``E_TIMELINE`` when it is the current one, or somebody reads it; ``E_HOLD`` when only it has
            versions of something held; ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
    """
    readers = lake.settings.warehouse / "readers"
    with lake.lock.held(f"removal of timeline {number}"):
        planned = plan_drop(lake, number)
        _check_holds(lake, planned, held)
        its_own = set() if planned.damaged else {point.version for point in points(lake.at(number))}
        with leases.gate(readers, alone=True):
            if read := sorted(leases.leased(readers) & its_own):
                raise UdbError(
                    "E_TIMELINE",
                    f"timeline {number} is being read (version {read[0]})",
                    kept="the timeline",
                    remedy="wait until that has ended, then run again",
                )
            forget(lake, lake.register().without(number), number)
        steps.reached("timeline_removed")
        for path in planned.files:
            if path.exists():
                reason = f"of timeline {number}, which was dropped"
                item = Item(root=lake.catalog.files, path=path, reason=reason, bytes=path.stat().st_size)
                remove(item, lake.settings.retention_journal)
    return planned


def _check_holds(lake: Lake, planned: Dropped, held: frozenset[str]) -> None:
    if planned.damaged:
        if held:
            raise UdbError(
                "E_HOLD",
                f"the catalog of timeline {planned.timeline} is damaged: nobody can tell what it has of what is held",
                kept="the timeline",
                remedy="udb retention hold list shows the holds",
            )
        return
    going = {point.version for point in planned.versions}
    kept = sorted(going & held_versions(lake.at(planned.timeline), held))
    if kept:
        raise UdbError(
            "E_HOLD",
            f"only timeline {planned.timeline} has version {kept[0]}, which is under a legal hold",
            kept="the timeline",
            remedy="udb retention hold list shows the holds",
        )
