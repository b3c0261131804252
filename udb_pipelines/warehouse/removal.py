"""Removing things: bounded to the folder that UDB manages, written down, and safe to do again after a crash.

Nothing else in UDB removes what people may still want. A thing is removed only if it lies plainly inside its
managed folder: not the folder itself, nothing outside, nothing reached through a link.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.operations.logging import get_logger
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.files import make_folder, sync_all, sync_folder, tree_bytes
from udb_pipelines.warehouse.targets import Target

AUDIT = "audit.log.json"
PROFILE = "profile.json"
MANIFEST = "manifest.json"
STAYS_WARM = frozenset({AUDIT, MANIFEST, f"{PROFILE}.gz"})
"""What is left of a job's artifacts in the warm tier."""

Action = Literal["remove", "compress", "archive"]


class Item(Model):
    """One file or folder, and what becomes of it."""

    root: Path
    """The managed folder it lies in."""
    path: Path
    reason: str
    bytes: int
    """What is freed."""
    action: Action = "remove"
    """``compress``: profiles are compressed, audit logs stay, the rest goes. ``archive``: audit logs and manifest
    move to ``target`` in the archive, the rest goes."""
    target: str | None = None
    """``<source>/<job id>``"""


def check_bounds(item: Item) -> None:
    """Refuse what is not plainly inside its managed folder.

    Raises:
        UdbError: ``E_INTERNAL``.
    """
    below = item.path.absolute().relative_to(item.root.absolute()) if item.path.is_relative_to(item.root) else None
    names = below.parts if below else ()
    links = [part for number in range(1, len(names) + 1) if (part := item.root.joinpath(*names[:number])).is_symlink()]
    if not names or ".." in names or links:
        raise UdbError("E_INTERNAL", f"refused to remove {item.path}: it is not plainly inside {item.root}")


def remove(item: Item, journal: Path | None = None, archive: Target | None = None) -> bool:
    """Do what the item says, and write it down; false when the thing is gone already.

    Args:
        item: what, and how.
        journal: where it is written down.
        archive: what an item that is to be archived goes to.

    Raises:
        UdbError: ``E_INTERNAL`` when it is not inside, or is reached through a link, or there is no archive for it;
            ``E_TARGET``, ``E_TARGET_DOWN``, ``E_DISK_FULL`` of the archive. It is all there then.
    """
    check_bounds(item)
    if not os.path.lexists(item.path):
        return False
    if item.action == "archive":
        _archive(item, archive)
        steps.reached("retention archived")
    # Written down before it is done: a crash in between leaves a line too many, never a removal without one.
    _write_down(item, journal)
    steps.reached("retention written down")
    if item.action == "compress":
        _compress(item.path)
    else:
        _delete(item.path)
    steps.reached("retention removed")
    get_logger().info(
        f"retention.{item.action}", message=item.reason, path=str(item.path), reason=item.reason, bytes=item.bytes
    )
    return True


def stale_folders(root: Path, before: float) -> tuple[Path, ...]:
    """Entries of ``root`` in which nothing has changed since the time ``before`` (seconds of the epoch)."""
    if not root.is_dir():
        return ()
    return tuple(path for path in sorted(root.iterdir()) if not path.is_symlink() and newest_change(path) < before)


def newest_change(path: Path) -> float:
    """When anything in a file or folder last changed, in seconds of the epoch."""
    times = [path.lstat().st_mtime]
    if path.is_dir():
        times += [item.lstat().st_mtime for item in path.rglob("*")]
    return max(times)


def freed_by_compressing(job: Path) -> int:
    """Bytes of what the warm tier does not keep; a compressed profile takes about a tenth, which is not counted."""
    return sum(tree_bytes(path) for path in _files(job) if path.name not in STAYS_WARM)


def _compress(job: Path) -> None:
    for profile in _files(job):
        if profile.name == PROFILE and _is_regular(profile):
            packed = profile.with_name(f"{PROFILE}.gz")
            draft = profile.with_name(f".{packed.name}.new")
            draft.write_bytes(gzip.compress(profile.read_bytes(), mtime=0))
            sync_all([draft])
            draft.rename(packed)
            sync_folder(packed.parent)
    steps.reached("retention compressed")
    for path in _files(job):
        if path.name not in STAYS_WARM:
            path.unlink()


def _archive(item: Item, archive: Target | None) -> None:
    if archive is None or item.target is None:
        raise UdbError("E_INTERNAL", f"there is no archive for {item.path}", kept="it is as it was")
    for path in _files(item.path):
        if path.name in {AUDIT, MANIFEST} and _is_regular(path):
            archive.put(path, f"{item.target}/{path.relative_to(item.path).as_posix()}")


def _is_regular(path: Path) -> bool:
    """What a link leads to is neither packed nor archived."""
    return stat.S_ISREG(path.lstat().st_mode)


def _files(folder: Path) -> list[Path]:
    """Every file and link below a folder; links are not followed."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)  # follows no link, not even one that somebody puts there meanwhile
    else:
        path.unlink(missing_ok=True)


def _write_down(item: Item, journal: Path | None) -> None:
    if journal is None:
        return
    entry = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "action": item.action,
        "path": str(item.path),
        "reason": item.reason,
        "bytes": item.bytes,
    }
    write_down(entry, journal)


def write_down(entry: dict[str, object], journal: Path) -> None:
    """Append one line to the journal of what retention did, durably."""
    make_folder(journal.parent)
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
