"""The plan of a clean-up, and carrying it out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold, Model, SourceOptions
from udb_pipelines.operations import progress
from udb_pipelines.operations.logging import get_logger
from udb_pipelines.warehouse import maintenance
from udb_pipelines.warehouse.checks import damaged_timelines
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.maintenance import Merge, VersionTime
from udb_pipelines.warehouse.removal import Item, check_bounds, remove, write_down
from udb_pipelines.warehouse.retention import leftovers, thinning, tiers
from udb_pipelines.warehouse.targets import Target, open_target

_ARCHIVE_TROUBLE = {"E_TARGET", "E_TARGET_DOWN", "E_DISK_FULL"}


@dataclass(frozen=True)
class Rules:
    """What the register knows: the options of the sources, and the legal holds that last."""

    options: Mapping[str, SourceOptions] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()

    def held(self, now: datetime) -> frozenset[str]:
        """Sources and datasets under a hold; the source of a held dataset is held with it."""
        names = {hold.name for hold in self.holds if hold.until is None or hold.until > now}
        return frozenset(names | {name.partition("__")[0] for name in names})


class RetentionPlan(Model):
    """What a clean-up would do. Changes nothing by itself."""

    made_at: datetime
    items: tuple[Item, ...]
    """Artifacts, rejects, leftovers."""
    files: tuple[Item, ...] = ()
    """Data files of the warehouse that no version needs."""
    versions: tuple[VersionTime, ...] = ()
    """Versions that go."""
    merges: tuple[Merge, ...] = ()

    @property
    def bytes(self) -> int:
        """What is freed at once. Versions that go free their files when the grace time is over."""
        return sum(item.bytes for item in (*self.items, *self.files))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.items or self.files or self.versions or self.merges)


class Removed(Model):
    """What a clean-up did."""

    items: tuple[Item, ...]
    versions: tuple[int, ...]
    merged: Mapping[str, int]
    """Datasets whose files were merged, and how many files there are fewer."""
    delayed: tuple[Item, ...] = ()
    """What could not go to the archive yet, and is all there."""
    problem: str = ""
    """Why."""

    @property
    def bytes(self) -> int:
        """What was freed."""
        return sum(item.bytes for item in self.items)


def plan(
    settings: Settings, lake: Lake, rules: Rules, now: datetime | None = None, used_pct: float | None = None
) -> RetentionPlan:
    """Find what may go. Changes nothing.

    Args:
        settings: the limits.
        lake: the warehouse.
        rules: what the register knows; without it holds would be broken, so it must be given.
        now: when; now when absent.
        used_pct: how full the disk is; looked at when absent.
    """
    moment = now or datetime.now(UTC)
    held = rules.held(moment)
    used = disk_used_pct(settings) if used_pct is None else used_pct
    found = list(leftovers.plan(settings, lake, rules.options, held, moment))
    pressed = max(0, int((used - settings.disk_high_pct) / 100 * _disk_bytes(settings)) - sum(i.bytes for i in found))
    found += tiers.plan(settings, rules.options, held, moment, pressed)
    known = maintenance.versions(lake)
    superfluous = set(
        thinning.superfluous(
            ((item.version, item.committed_at) for item in known),
            moment,
            every_days=settings.history_days,
            daily_days=settings.history_daily_days,
            needed=maintenance.needed_versions(lake, held),
        )
    )
    return RetentionPlan(
        made_at=moment,
        items=tuple(sorted(found, key=lambda item: (item.root, item.path))),
        files=_unneeded_files(lake, moment),
        versions=tuple(item for item in known if item.version in superfluous),
        merges=maintenance.merges(lake),
    )


def _unneeded_files(lake: Lake, moment: datetime) -> tuple[Item, ...]:
    """None while a timeline that was left is damaged: nobody can tell what it needs, and all else goes on."""
    try:
        return maintenance.unneeded_files(lake, moment.timestamp())
    except UdbError:
        damaged = damaged_timelines(lake)
        if not damaged:
            raise
    names = ", ".join(map(str, damaged))
    said = f"the catalog of timeline {names} is damaged, so no data file is removed: what it needs is unknown"
    get_logger().warning("retention.files_kept", message=said, remedy="run: udb doctor")
    return ()


def apply(lake: Lake, planned: RetentionPlan) -> Removed:
    """Carry out a plan, as far as it still holds; every step is written down in the journal.

    An archive that is down delays what is to go there, and nothing else.

    Raises:
        UdbError: ``E_INTERNAL`` for an item outside its managed folder, before anything is removed;
            ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
    """
    for item in (*planned.items, *planned.files):
        check_bounds(item)
    journal = lake.settings.retention_journal
    total = len(planned.items) + 3
    archive: Target | None = None
    done: list[Item] = []
    delayed: list[Item] = []
    problem: UdbError | None = None
    for number, item in enumerate(planned.items):
        progress.report("retention", number, total, "steps")
        if problem is not None and item.action == "archive":
            delayed.append(item)
            continue
        try:
            if item.action == "archive":
                archive = archive or open_target(lake.settings.archive, lake.settings)
            if remove(item, journal, archive):
                done.append(item)
        except UdbError as error:
            if item.action != "archive" or error.code not in _ARCHIVE_TROUBLE:
                raise
            problem = error
            delayed.append(item)
    progress.report("retention", total - 3, total, "steps")
    merged = {item.dataset: maintenance.merge(lake, item.dataset) for item in planned.merges}
    progress.report("retention", total - 2, total, "steps")
    gone = maintenance.expire(lake, (item.version for item in planned.versions))
    if merged or gone:
        write_down(
            {"timestamp": datetime.now(UTC).isoformat(), "action": "thin", "versions": gone, "merged": merged}, journal
        )
    progress.report("retention", total - 1, total, "steps")
    done += maintenance.remove_files(lake, planned.files)
    progress.report("retention", total, total, "steps")
    return Removed(
        items=tuple(done), versions=gone, merged=merged, delayed=tuple(delayed), problem=_told(problem, len(delayed))
    )


def _told(problem: UdbError | None, delayed: int) -> str:
    if problem is None:
        return ""
    said = f"{problem.message}; {delayed} jobs wait for the archive with all they have"
    get_logger().warning("retention.delayed", message=said, code=problem.code, remedy=problem.remedy)
    return said


def disk_used_pct(settings: Settings) -> float:
    """How full the disk under the tenant's home is, 0 to 100, as ``df`` tells it: of what people may use."""
    usage = shutil.disk_usage(_existing(settings))
    return 100 * usage.used / (usage.used + usage.free)


def _disk_bytes(settings: Settings) -> int:
    usage = shutil.disk_usage(_existing(settings))
    return usage.used + usage.free


def _existing(settings: Settings) -> str:
    return str(next(path for path in (settings.tenant_home, *settings.tenant_home.parents) if path.exists()))
