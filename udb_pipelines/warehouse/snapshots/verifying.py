"""Is a snapshot whole? Everything its manifest names is read again and compared."""

from __future__ import annotations

import uuid

from udb_pipelines.operations import progress
from udb_pipelines.warehouse.snapshots import claims, shelf
from udb_pipelines.warehouse.snapshots.model import FILES, SnapshotFile, folder_of
from udb_pipelines.warehouse.targets import Target

_WAIT_SECONDS = 60


def verify(target: Target, snapshot_id: str, *, quick: bool = False) -> tuple[str, ...]:
    """Compare catalog and files of a snapshot with its manifest.

    Args:
        target: where it is.
        snapshot_id: of a snapshot or of a copy.
        quick: only whether everything is there in the right size, which the target's listing tells.

    Returns:
        What is wrong, a sentence for each file; empty when it is whole.

    Raises:
        UdbError: ``E_SNAPSHOT`` when there is no such snapshot, ``E_TARGET``, ``E_TARGET_DOWN``.
    """
    with claims.reading(target, f"verify_{uuid.uuid4().hex}", _WAIT_SECONDS):
        snapshot = shelf.find(target, snapshot_id)
        sizes = {
            entry.key: entry.bytes
            for prefix in (FILES, folder_of(snapshot.kind, snapshot.id))
            for entry in target.list(prefix)
        }
        parts = (snapshot.catalog, *((snapshot.home,) if snapshot.home else ()), *snapshot.files)
        problems = {part.path: problem for part in parts if (problem := _size_problem(part, sizes.get(part.path)))}
        if not quick:
            present = [part for part in parts if part.path not in problems]
            counter = progress.Counter("verify", sum(part.bytes for part in present), "bytes")

            def content_problem(part: SnapshotFile) -> str | None:
                whole = target.sha256(part.path, counter.add) == part.sha256
                return None if whole else f"{part.path} was altered"

            found = zip(present, shelf.at_once(content_problem, present), strict=True)
            problems.update({part.path: problem for part, problem in found if problem})
    return tuple(problems[path] for path in sorted(problems))


def _size_problem(part: SnapshotFile, size: int | None) -> str | None:
    if size is None:
        return f"{part.path} is missing"
    return None if size == part.bytes else f"{part.path} has {size} bytes, not {part.bytes}"
