"""Going back in time: a version that history still holds becomes the newest of a new timeline.

1. Outside the lock: find the version, compare every file it needs with what the commits recorded.
2. Under the writer lock, beside the catalog that everybody uses: copy it, cut the copy off at the version, begin the
   new timeline with a commit, count every table.
3. Swap: the register names the new timeline. One rename, or one transaction.

Data files are shared, not copied. What was committed after the version stays in the old timeline. A crash before
the swap leaves the warehouse as it was; what it leaves lying about is removed by the next restore or the doctor.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.history import VersionInfo, datasets
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.beginning import Beginning
from udb_pipelines.warehouse.restore.drafting import open_draft
from udb_pipelines.warehouse.restore.points import Aim, Point, aim, described, points
from udb_pipelines.warehouse.restore.swapping import Restored, swap
from udb_pipelines.warehouse.restore.wholeness import (
    Damage,
    Needed,
    damages,
    needed_files,
    newest_whole,
    recorded_digests,
)

_NAMED = 5
"""Damaged files named in a message; the others are counted."""


class RestorePlan(Model):
    """What a restore would do."""

    point: Point
    current: int
    """The timeline that is current now, and stays as it is."""
    timeline: int
    """The new one."""
    newest: int
    left_behind: int
    """Versions of the current timeline that the new one will not have."""
    tables: tuple[VersionInfo, ...]
    files: int
    bytes: int
    """Size of the files that the version needs; they are shared, so none of it is copied."""


def plan(lake: Lake, wanted: datetime | int, timeline: int | None = None) -> RestorePlan:
    """What :func:`restore_to` would do. Changes nothing, reads no data file.

    Raises:
        UdbError: ``E_VERSION`` when history does not hold it, ``E_TIMELINE``, ``E_WAREHOUSE``.
    """
    found = aim(lake, wanted, timeline)
    source = lake.at(found.point.timeline)
    files = [file for file in needed_files(source) if file.at(found.point.version)]
    return RestorePlan(
        point=found.point,
        current=found.register.current,
        timeline=found.register.last + 1,
        newest=found.newest,
        left_behind=found.left_behind,
        tables=datasets(source, found.point.version),
        files=len(files),
        bytes=sum(file.bytes for file in files),
    )


def restore_to(lake: Lake, wanted: datetime | int, timeline: int | None = None, *, salvage: bool = False) -> Restored:
    """Make a version the newest of a new timeline; when this returns, everybody reads and writes that timeline.

    Args:
        lake: the warehouse.
        wanted: a version, or a time whose newest version is meant.
        timeline: where to look for it; see :func:`points.aim`.
        salvage: leave out tables whose files are damaged instead of refusing.

    Raises:
        UdbError: ``E_VERSION``, ``E_TIMELINE``; ``E_RESTORE`` for damage, naming tables, the newest version that is
            whole and what can be saved; ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``. The warehouse is unchanged then.
    """
    first = aim(lake, wanted, timeline)
    source = lake.at(first.point.timeline)
    lost = _lost(source, first.point, salvage)
    with lake.lock.held(f"restore of {described(first.point)}"):
        steps.reached("restore_locked")
        return _restore(lake, source, first, lost)


def _restore(lake: Lake, source: Lake, first: Aim, lost: frozenset[str]) -> Restored:
    point = first.point
    with open_draft(lake, first.register, point.timeline) as draft:
        steps.reached("restore_copied")
        # Nobody can commit by now, so what is counted here is what will be left behind.
        now = aim(lake, point.version, point.timeline)
        if now.register != first.register:
            raise UdbError("E_WAREHOUSE", "another restore came first", remedy="look at udb restore list")
        beginning = Beginning(now.register.last + 1, described(point), point.version, lost)
        version, tables = swap(lake, draft, now.register, beginning, now.newest, source)
    sources = {info.source for info in datasets(source, point.version) if info.dataset in lost and info.source}
    return Restored(
        timeline=beginning.timeline,
        version=version,
        origin=beginning.origin,
        previous=now.register.current,
        left_behind=now.left_behind,
        tables=tables,
        lost=tuple(sorted(lost)),
        run_again=tuple(sorted(sources)),
    )


def _lost(source: Lake, point: Point, salvage: bool) -> frozenset[str]:
    """Tables that are damaged at the version, if it is allowed to leave them out."""
    every = needed_files(source)
    digests = recorded_digests(source)
    found = damages(source, [file for file in every if file.at(point.version)], digests)
    if not found:
        return frozenset()
    tables = {info.dataset for info in datasets(source, point.version)}
    lost = {item.table for item in found}
    whole = tables - lost
    if salvage and whole and lost <= tables:
        return frozenset(lost)
    raise _damaged(source, point, found, every, whole if lost <= tables else set())


def _damaged(source: Lake, point: Point, found: Sequence[Damage], every: Sequence[Needed], whole: set[str]) -> UdbError:
    known = {item.path for item in found}
    root = source.catalog.files
    others = [file for file in every if root / file.path not in known]
    all_damage = (*found, *damages(source, others, recorded_digests(source)))
    held = points(source)
    newest = newest_whole([item.version for item in held], all_damage)
    best = next((item for item in held if item.version == newest), None)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    named = "; ".join(str(item) for item in found[:_NAMED])
    advice = (
        f"the newest time that can be restored in full is {best.committed_at:%Y-%m-%dT%H:%M:%SZ}: "
        f"udb restore to {best.version}"
        if best
        else "no version of this timeline is whole: restore a snapshot, udb restore from"
    )
    if whole:
        advice += f"; --salvage restores without the damaged tables, that is with {', '.join(sorted(whole))}"
    return UdbError(
        "E_RESTORE",
        f"{described(point)} is damaged: {named}{more}",
        kept="the warehouse as it is; nothing was restored",
        remedy=advice,
    )
