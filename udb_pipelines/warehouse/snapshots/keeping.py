"""Keeping the target up to date between snapshots: what a loss of this machine can cost is the age of the last copy.

The daemon asks every few seconds; a copy is made when the warehouse has changed since the last one. A target that
is down delays copies, each attempt later than the one before, and says so: here, in the log, and in ``udb doctor``.
What was last achieved is remembered beside the catalog, so that asking costs no request.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.operations import logging
from udb_pipelines.operations.stages import translate
from udb_pipelines.warehouse.files import make_folder, sync_all
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.snapshots.catalogs import newest_commit
from udb_pipelines.warehouse.snapshots.making import Made, UnfinishedError, copy
from udb_pipelines.warehouse.targets import open_target

STATE = "copies.json"
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=15)
_LATE = timedelta(minutes=10)
"""A change that has waited for its copy this long is told by the doctor."""


class CopyState(Model):
    """What was last achieved, and what has failed since."""

    target: str = ""
    snapshot: str = ""
    version: int = 0
    """The newest version that the target holds."""
    copied_at: datetime | None = None
    failures: int = 0
    """Since the last copy."""
    failed_at: datetime | None = None
    problem: str = ""
    """The last failure's code and message."""

    def next_attempt(self) -> datetime | None:
        """When it is worth trying again; None when nothing has failed."""
        if self.failed_at is None:
            return None
        doubled: timedelta = _FIRST_PAUSE * (1 << min(self.failures - 1, 10))
        return self.failed_at + min(doubled, _LONGEST_PAUSE)


class Outcome(Model):
    """What came of asking for a copy, in a sentence for people."""

    status: Literal["off", "current", "copied", "unfinished", "waiting", "busy", "failed"]
    detail: str
    bytes: int = 0
    files: int = 0
    snapshot: str = ""


def state(settings: Settings) -> CopyState:
    """What is remembered of the copies of this warehouse."""
    with suppress(OSError, ValidationError):
        return CopyState.model_validate_json((settings.warehouse / STATE).read_bytes())
    return CopyState()


def remember(settings: Settings, made: Made, address: str) -> None:
    """Write down that the target holds the snapshot or copy; others than the settings' target are not watched."""
    if address != open_target(settings.snapshots, settings).address:
        return
    snapshot = made.snapshot
    _write(
        settings,
        CopyState(target=address, snapshot=snapshot.id, version=snapshot.version, copied_at=snapshot.created_at),
    )


def copy_if_due(lake: Lake, budget_seconds: float | None = None, now: datetime | None = None) -> Outcome:
    """Copy what has changed since the last copy, if anything has and if the target may be up.

    Args:
        lake: the warehouse.
        budget_seconds: begin no further file after this; the next call goes on.
        now: the present unless given.

    Returns:
        What was done, or why nothing was. A failure is an outcome, not an exception: it must fail no job.
    """
    settings = lake.settings
    if settings.snapshot_copy_seconds == 0:
        return Outcome(status="off", detail="UDB_SNAPSHOT_COPY_SECONDS is 0: nothing is copied between snapshots")
    try:
        address = open_target(settings.snapshots, settings).address
        version = lake.current_version()
        known = state(settings)
        if version == 0:
            return Outcome(status="current", detail="the warehouse holds nothing yet")
        if (known.version, known.target) == (version, address):
            return Outcome(status="current", detail=f"version {version} is in {address}")
        if (later := known.next_attempt()) and (now or datetime.now(UTC)) < later:
            said = f"{known.failures} attempts failed, the last with {known.problem}"
            return Outcome(status="waiting", detail=f"{said}; the next is at {later:%H:%M:%S} UTC")
        with _alone(settings.warehouse) as alone:
            if not alone:
                return Outcome(status="busy", detail="another process is making a copy")
            return _copy(lake, address, budget_seconds)
    except Exception as error:
        return _failed(settings, translate(error))


def report(lake: Lake, now: datetime | None = None) -> tuple[Literal["ok", "warn"], str]:
    """For the doctor: whether the target is up to date, and since when not. Asks nothing of the target."""
    settings = lake.settings
    known = state(settings)
    present = now or datetime.now(UTC)
    if lake.current_version() == 0:
        return "ok", "nothing to copy yet"
    version, committed_at = newest_commit(lake)
    trouble = f"; {known.problem}" if known.problem else ""
    if known.copied_at is None:
        watched = settings.snapshot_target is not None or bool(trouble)
        return "warn" if watched else "ok", f"no copy of the warehouse was made yet{trouble}: udb snapshot create"
    age = _duration(present - known.copied_at)
    if known.version == version:
        return "ok", f"version {version} is in {known.target}, copied {age} ago"
    waiting = present - committed_at
    detail = (
        f"{known.target} holds version {known.version}, copied {age} ago; version {version} has waited "
        f"{_duration(waiting)}{trouble}: udb snapshot copy"
    )
    late = waiting > max(_LATE, 3 * timedelta(seconds=settings.snapshot_copy_seconds))
    return "warn" if late or known.problem else "ok", detail


def _copy(lake: Lake, address: str, budget_seconds: float | None) -> Outcome:
    target = open_target(lake.settings.snapshots, lake.settings)
    try:
        made = copy(lake, target, budget_seconds)
    except UnfinishedError as error:
        return Outcome(status="unfinished", detail=f"{error} to {address}; goes on in a moment")
    remember(lake.settings, made, address)
    logging.get_logger().info(
        "copy.made", message=f"version {made.snapshot.version} copied to {address}", version=made.snapshot.version,
        files=made.copied_files, bytes=made.copied_bytes, uri=address,
    )  # fmt: skip
    detail = (
        f"version {made.snapshot.version} copied to {address}: {made.copied_files} files, {made.copied_bytes} bytes"
    )
    if made.snapshot.lacks:
        detail += f"; {made.snapshot.lacks}"
    return Outcome(
        status="copied",
        detail=detail,
        bytes=made.copied_bytes,
        files=made.copied_files,
        snapshot=made.snapshot.id,
    )


def _failed(settings: Settings, problem: UdbError) -> Outcome:
    known = state(settings)
    changes = {"failures": known.failures + 1, "failed_at": datetime.now(UTC), "problem": str(problem)}
    with suppress(OSError):  # no place for the note; the log has it
        _write(settings, known.model_copy(update=changes))
    logging.get_logger().warning(
        "copy.failed", message=problem.message, code=problem.code, remedy=problem.remedy, attempt=known.failures + 1
    )
    return Outcome(status="failed", detail=f"{problem} → {problem.remedy}")


def _write(settings: Settings, known: CopyState) -> None:
    make_folder(settings.warehouse)
    draft = settings.warehouse / f".{STATE}.{os.getpid()}"
    draft.write_text(known.model_dump_json(indent=2))
    draft.rename(settings.warehouse / STATE)
    sync_all([settings.warehouse / STATE])


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process is copying; the kernel ends the claim of one that dies."""
    descriptor = os.open(folder / f".{STATE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _duration(time: timedelta) -> str:
    """For people, in one unit.

    >>> _duration(timedelta(seconds=90)), _duration(timedelta(hours=30))
    ('90 s', '30 h')
    """
    seconds = max(0.0, time.total_seconds())
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
