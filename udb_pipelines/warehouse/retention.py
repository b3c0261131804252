"""What may go: artifacts and rejects of old jobs, leftovers of jobs that died, old temporary files, unused cache.

Cached are downloads and unpacked archive members; they are in use while a recorded stage of a source names them.
Deleting is planned first, and the plan is what a person is shown. A plan names only things inside the folders
that UDB manages, never such a folder itself, nothing reached through a link, and never the newest publication
of a source. Versions of the warehouse are not touched here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.operations.logging import get_logger
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.files import tree_bytes
from udb_pipelines.warehouse.lake import Lake

_DAY_SECONDS = 86_400

_DIGEST = re.compile(r"\b[0-9a-f]{32,64}\b")
_CACHED = re.compile(r"/cache/(?:content|unpacked)/([0-9a-f]{32,64})/")
"""Cached content as the path of a file in a stage's record; see ``detection.fetch`` and ``detection.files``."""


class Item(Model):
    """One file or folder to be removed, and why."""

    root: Path
    """The managed folder it lies in."""
    path: Path
    reason: str
    bytes: int


class RetentionPlan(Model):
    """What a clean-up would remove."""

    made_at: datetime
    items: tuple[Item, ...]

    @property
    def bytes(self) -> int:
        """What removing everything would free."""
        return sum(item.bytes for item in self.items)


def plan(settings: Settings, lake: Lake, now: datetime | None = None) -> RetentionPlan:
    """Find what is older than ``UDB_RETENTION_DAYS`` and needed by nobody. Changes nothing."""
    moment = now or datetime.now(UTC)
    limit = (moment - timedelta(days=settings.retention_days)).timestamp()
    kept = _rejects_in_use(settings, lake)
    found: list[tuple[Path, Path, str]] = []
    for source in _folders(settings.artifacts):
        found += [(settings.artifacts, job, "artifacts of an old job") for job in _old_jobs(source, limit)]
    for source in _folders(settings.rejects):
        found += [
            (settings.rejects, job, "rejected rows of an old job")
            for job in _folders(source)
            if job not in kept and _newest_change(job) < limit
        ]
    yesterday = moment.timestamp() - _DAY_SECONDS
    found += [
        (settings.staging, path, "left by a job that died") for path in stale_folders(settings.staging, yesterday)
    ]
    found += [(settings.spill, path, "old temporary file") for path in _old_entries(settings.spill, yesterday)]
    in_use = _cache_in_use(settings)
    for cache in _folders(settings.cache):
        found += [
            (cache, path, "cached, but no source reads it")
            for path in _old_entries(cache, yesterday)
            if path.name not in in_use and not _remembers(path, in_use) and not _read_since(path, yesterday)
        ]
    items = tuple(
        Item(root=root, path=path, reason=reason, bytes=tree_bytes(path)) for root, path, reason in sorted(found)
    )
    return RetentionPlan(made_at=moment, items=items)


def apply(planned: RetentionPlan) -> tuple[Item, ...]:
    """Remove what was planned and is still there; every removal is logged. Returns what was removed.

    Raises:
        UdbError: ``E_INTERNAL`` for an item outside its managed folder, before anything is removed.
    """
    for item in planned.items:
        _check_bounds(item)
    return tuple(item for item in planned.items if remove(item))


def remove(item: Item) -> bool:
    """Remove one thing inside its managed folder; false when it is gone already.

    Raises:
        UdbError: ``E_INTERNAL`` when it is not inside, or is reached through a link.
    """
    _check_bounds(item)
    try:
        if item.path.is_dir():
            shutil.rmtree(item.path)
        else:
            item.path.unlink()
    except FileNotFoundError:
        return False
    get_logger().info("retention.removed", path=str(item.path), reason=item.reason, bytes=item.bytes)
    return True


def stale_folders(root: Path, before: float) -> tuple[Path, ...]:
    """Entries of ``root`` in which nothing has changed since the time ``before`` (seconds of the epoch)."""
    return tuple(_old_entries(root, before))


def _check_bounds(item: Item) -> None:
    below = item.path.absolute().relative_to(item.root.absolute()) if item.path.is_relative_to(item.root) else None
    steps = below.parts if below else ()
    links = [part for number in range(1, len(steps) + 1) if (part := item.root.joinpath(*steps[:number])).is_symlink()]
    if not steps or ".." in steps or links:
        raise UdbError("E_INTERNAL", f"refused to remove {item.path}: it is not plainly inside {item.root}")


def _old_jobs(source: Path, limit: float) -> Iterator[Path]:
    """Old jobs of a source but for the newest that was published, and all newer than that."""
    published = [job for job in _folders(source) if (job / "manifest.json").is_file()]
    newest = max(published, key=lambda job: (job / "manifest.json").stat().st_mtime, default=None)
    for job in _folders(source):
        if job != newest and _newest_change(job) < limit:
            yield job


def _rejects_in_use(settings: Settings, lake: Lake) -> set[Path]:
    """Reject folders that the last commit of a source refers to."""
    with lake.reader() as connection:
        last = [ledger.last_result(connection, folder.name) for folder in _folders(settings.rejects)]
    return {dataset.rejects.parent for result in last if result for dataset in result.datasets if dataset.rejects}


def _cache_in_use(settings: Settings) -> frozenset[str]:
    """Digests of the cached content that the recorded stages of any source refer to."""
    digests: set[str] = set()
    for record in sorted(settings.stages.glob("*/*.json")):
        digests.update(_CACHED.findall(record.read_text(encoding="utf-8")))
    return frozenset(digests)


def _read_since(path: Path, moment: float) -> bool:
    """Whether somebody has read there: a job that has not recorded yet what it works on."""
    return any(item.lstat().st_atime >= moment for item in path.rglob("*") if item.is_file())


def _remembers(path: Path, in_use: frozenset[str]) -> bool:
    """Whether ``path`` is what is remembered of an address whose content is in use."""
    if path.suffix != ".json":
        return False
    return any(digest in in_use for digest in _DIGEST.findall(path.read_text(encoding="utf-8", errors="replace")))


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def _old_entries(root: Path, limit: float) -> Iterator[Path]:
    if root.is_dir():
        for path in sorted(root.iterdir()):
            if not path.is_symlink() and _newest_change(path) < limit:
                yield path


def _newest_change(path: Path) -> float:
    times = [path.lstat().st_mtime]
    if path.is_dir():
        times += [item.lstat().st_mtime for item in path.rglob("*")]
    return max(times)
