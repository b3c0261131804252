"""Giving up a timeline: its catalog, and the data files that no other timeline needs."""

from __future__ import annotations

from pathlib import Path

from udb_pipelines.models import Model
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.checks import stored_files
from udb_pipelines.warehouse.lake import Lake
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


def plan_drop(lake: Lake, number: int) -> Dropped:
    """What :func:`drop` would remove. Changes nothing.

    Raises:
        UdbError: ``E_TIMELINE`` when there is no such timeline, or it is the current one.
    """
    register = lake.register()
    register.without(number)
    others = [lake.at(item.number) for item in register.timelines if item.number != number]
    held = {point.version for other in others for point in points(other)}
    kept = {file.path for other in others for file in stored_files(other)}
    files = [file for file in stored_files(lake.at(number)) if file.path not in kept]
    return Dropped(
        timeline=number,
        versions=tuple(point for point in points(lake.at(number)) if point.version not in held),
        files=tuple(sorted({file.path for file in files})),
        bytes=sum({file.path: file.bytes for file in files}.values()),
    )


def drop(lake: Lake, number: int) -> Dropped:
    """Remove a timeline for good. A crash in between leaves files without an owner, which the doctor removes.

    Raises:
        UdbError: ``E_TIMELINE``, ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
    """
    with lake.lock.held(f"removal of timeline {number}"):
        planned = plan_drop(lake, number)
        forget(lake, lake.register().without(number), number)
        steps.reached("timeline_removed")
        for path in planned.files:
            if path.exists():
                reason = f"of timeline {number}, which was dropped"
                remove(Item(root=lake.catalog.files, path=path, reason=reason, bytes=path.stat().st_size))
    return planned
