"""The tiers of artifacts: hot, where all is kept; warm, profile and audit log; cold, the audit log in the archive.

What a job published gets older by the time of its manifest. The newest publication of a source is always hot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.models import SourceOptions
from udb_pipelines.warehouse.files import tree_bytes
from udb_pipelines.warehouse.removal import AUDIT, MANIFEST, Item, freed_by_compressing, newest_change

PRESSED_MIN_DAYS = 1
"""However full the disk is, what is younger stays as it is."""


@dataclass(frozen=True)
class Job:
    """What one job published, or tried to."""

    source: str
    folder: Path
    moment: float
    """Seconds of the epoch."""
    published: bool


@dataclass(frozen=True)
class Limits:
    """How long a source's artifacts stay."""

    hot_days: int
    days: int
    jobs: int


def limits_of(settings: Settings, options: SourceOptions | None) -> Limits:
    """The source's own limits where it has some, else those of the settings."""
    days = (options and options.keep_days) or settings.retention_days
    jobs = (options and options.keep_jobs) or settings.retention_jobs
    return Limits(min(settings.retention_hot_days, days), days, jobs)


def jobs_of(settings: Settings) -> list[Job]:
    """Every job that left artifacts, newest first; what is not a plain folder is nobody's."""
    found = []
    for source in _folders(settings.artifacts):
        for folder in _folders(source):
            manifest = folder / MANIFEST
            published = manifest.is_file()
            moment = manifest.stat().st_mtime if published else newest_change(folder)
            found.append(Job(source.name, folder, moment, published))
    return sorted(found, key=lambda job: (job.moment, job.folder.name), reverse=True)


def plan(
    settings: Settings, options: Mapping[str, SourceOptions], held: frozenset[str], now: datetime, pressed_bytes: int
) -> Iterator[Item]:
    """What age and number ask for; then, oldest first, what frees ``pressed_bytes`` on a disk over its mark."""
    movable = [job for job in _without_newest(jobs_of(settings)) if job.source not in held]
    planned: dict[Path, Item] = {}
    younger: Counter[str] = Counter()
    for job in movable:
        limits = limits_of(settings, options.get(job.source))
        younger[job.source] += 1
        age = now - datetime.fromtimestamp(job.moment, now.tzinfo)
        if age > timedelta(days=limits.days):
            planned[job.folder] = _cold(settings, job, f"older than {limits.days} days")
        elif younger[job.source] >= limits.jobs:
            planned[job.folder] = _cold(settings, job, f"not among the newest {limits.jobs} jobs")
        elif age > timedelta(days=limits.hot_days) and freed_by_compressing(job.folder):
            planned[job.folder] = _warm(settings, job, limits.hot_days)
    yield from planned.values()
    yield from _pressed(settings, movable, planned, now, pressed_bytes)


def _pressed(
    settings: Settings, movable: list[Job], planned: Mapping[Path, Item], now: datetime, wanted: int
) -> Iterator[Item]:
    wanted -= sum(item.bytes for item in planned.values())
    for job in reversed(movable):
        old = now.timestamp() - job.moment > PRESSED_MIN_DAYS * 86_400
        if wanted > 0 and old and job.folder not in planned:
            item = _cold(settings, job, f"the disk is more than {settings.disk_high_pct} % full")
            wanted -= item.bytes
            yield item


def _without_newest(jobs: list[Job]) -> Iterator[Job]:
    """All but each source's newest publication."""
    seen = set()
    for job in jobs:
        if job.published and job.source not in seen:
            seen.add(job.source)
        else:
            yield job


def _warm(settings: Settings, job: Job, days: int) -> Item:
    reason = f"artifacts older than {days} days: profile and audit log stay"
    return Item(
        root=settings.artifacts,
        path=job.folder,
        reason=reason,
        bytes=freed_by_compressing(job.folder),
        action="compress",
    )


def _cold(settings: Settings, job: Job, why: str) -> Item:
    has_audit = any(path.is_file() and not path.is_symlink() for path in job.folder.rglob(AUDIT))
    return Item(
        root=settings.artifacts,
        path=job.folder,
        reason=f"artifacts {why}" + (": the audit log goes to the archive" if has_audit else ""),
        bytes=tree_bytes(job.folder),
        action="archive" if has_audit else "remove",
        target=f"{job.source}/{job.folder.name}" if has_audit else None,
    )


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
