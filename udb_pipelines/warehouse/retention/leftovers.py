"""Rejects of old jobs, what jobs that died left behind, old temporary files, and cached content nobody reads.

Cached are downloads and unpacked archive members; they are in use while a recorded stage of a source names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.models import SourceOptions
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.files import tree_bytes
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.removal import Item, newest_change, stale_folders
from udb_pipelines.warehouse.retention.tiers import limits_of

_DAY_SECONDS = 86_400

_DIGEST = re.compile(r"\b[0-9a-f]{32,64}\b")
_CACHED = re.compile(r"/cache/(?:content|unpacked|views)/([0-9a-f]{32,64})/")
"""Cached content as the path of a file in a stage's record; see ``detection.remote.copies`` and ``detection.files``."""


def plan(
    settings: Settings, lake: Lake, options: Mapping[str, SourceOptions], held: frozenset[str], now: datetime
) -> Iterator[Item]:
    """What is old and nobody's."""
    yield from _rejects(settings, lake, options, held, now)
    yesterday = now.timestamp() - _DAY_SECONDS
    for root, reason in ((settings.staging, "left by a job that died"), (settings.spill, "old temporary file")):
        for path in stale_folders(root, yesterday):
            yield _item(root, path, reason)
    in_use = _cache_in_use(settings)
    for cache in _folders(settings.cache):
        for path in stale_folders(cache, yesterday):
            if path.name not in in_use and not _remembers(path, in_use) and not _read_since(path, yesterday):
                yield _item(cache, path, "cached, but no source reads it")


def _rejects(
    settings: Settings, lake: Lake, options: Mapping[str, SourceOptions], held: frozenset[str], now: datetime
) -> Iterator[Item]:
    kept = _rejects_in_use(settings, lake)
    for source in _folders(settings.rejects):
        days = limits_of(settings, options.get(source.name)).days
        limit = (now - timedelta(days=days)).timestamp()
        for job in _folders(source):
            if source.name not in held and job not in kept and newest_change(job) < limit:
                yield _item(settings.rejects, job, f"rejected rows of a job older than {days} days")


def _item(root: Path, path: Path, reason: str) -> Item:
    return Item(root=root, path=path, reason=reason, bytes=tree_bytes(path))


def _rejects_in_use(settings: Settings, lake: Lake) -> set[Path]:
    """Reject folders of the last commit of each source: its rejected rows, and its values against a type."""
    with lake.reader() as connection:
        last = [ledger.last_result(connection, folder.name) for folder in _folders(settings.rejects)]
    results = [result for result in last if result]
    rows = {dataset.rejects.parent for result in results for dataset in result.datasets if dataset.rejects}
    return rows | {settings.rejects / result.source / result.job_id for result in results}


def _cache_in_use(settings: Settings) -> frozenset[str]:
    """Digests of the cached content that the recorded stages of any source refer to."""
    digests: set[str] = set()
    for record in sorted(settings.stages.glob("*/*.json")):
        digests.update(_CACHED.findall(record.read_text(encoding="utf-8")))
    for view in _folders(settings.cache / "views"):
        if view.name in digests:
            links = (path for path in view.rglob("*") if path.is_symlink())
            digests.update(digest for link in links for digest in _DIGEST.findall(str(link.readlink())))
    return frozenset(digests)


def _read_since(path: Path, moment: float) -> bool:
    """Whether somebody has read there: a job that has not recorded yet what it works on."""
    # Not of links: to ask where they lead counts as reading them.
    files = (item for item in path.rglob("*") if not item.is_symlink() and item.is_file())
    return any(item.stat().st_atime >= moment for item in files)


def _remembers(path: Path, in_use: frozenset[str]) -> bool:
    """Whether ``path`` is what is remembered of an address whose content is in use."""
    if path.suffix not in (".json", ".jsonl"):
        return False
    return any(digest in in_use for digest in _DIGEST.findall(path.read_text(encoding="utf-8", errors="replace")))


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
