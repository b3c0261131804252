"""The restore drill: the newest snapshot brought back into a scratch folder, and every row compared.

A backup that was never restored is a hope. The drill does what a person would do after losing the machine: it starts
with nothing but the target, restores, and compares the rows of every table with the checksums that were recorded
when the snapshot was made. What came of it is kept beside the warehouse.
"""

from __future__ import annotations

import shutil
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse import snapshots, steps
from udb_pipelines.warehouse.files import make_folder, sync_all, sync_folder
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.snapshot import into_folder, restore_from
from udb_pipelines.warehouse.snapshots import Snapshot
from udb_pipelines.warehouse.snapshots.checksums import checksum, differ
from udb_pipelines.warehouse.targets import Target

METRIC = "udb_last_verified_restore_timestamp_seconds"
"""When a snapshot was last restored and found whole, in seconds of the epoch."""

LATE_DAYS = 8
"""The drill is weekly; later than this, something is wrong."""

_RECORD = "drill.json"


class Drill(Model):
    """What a drill has found."""

    snapshot: str
    snapshot_made_at: datetime
    target: str
    done_at: datetime
    seconds: float
    tables: int
    compared: int
    """Tables whose rows were compared by checksum; the others were counted, for their snapshot recorded none, or
    another version of DuckDB made it."""
    rows: int
    bytes: int
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything came back as it was."""
        return not self.problems


class Drills(Model):
    """What is known of drills."""

    last: Drill | None = None
    verified: Drill | None = None
    """The last that found everything whole."""

    @property
    def timestamp(self) -> float | None:
        """The value of :data:`METRIC`; None before the first verified restore."""
        return self.verified.done_at.timestamp() if self.verified else None

    def age_days(self, now: datetime) -> float | None:
        """Days since a restore was last verified."""
        return (now - self.verified.done_at).total_seconds() / 86_400 if self.verified else None


def drill(lake: Lake, target: Target) -> Drill:
    """Restore the newest snapshot into a scratch folder, compare, record, and remove the folder.

    Damage is a result, not an error.

    Raises:
        UdbError: ``E_SNAPSHOT`` when there is no snapshot, ``E_TARGET``, ``E_TARGET_DOWN``, ``E_DISK_FULL``.
    """
    snapshot = next(iter(snapshots.list_snapshots(target)), None)
    if snapshot is None:
        raise UdbError("E_SNAPSHOT", f"there is no snapshot in {target.address}", remedy="udb snapshot create")
    begun = time.monotonic()
    folder = lake.settings.staging / f"drill-{uuid.uuid4()}"
    make_folder(folder)
    try:
        compared, problems = _tried(lake, target, snapshot, folder)
        steps.reached("drill_compared")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    done = Drill(
        snapshot=snapshot.id,
        snapshot_made_at=snapshot.created_at,
        target=target.address,
        done_at=datetime.now(UTC),
        seconds=round(time.monotonic() - begun, 3),
        tables=len(snapshot.tables),
        compared=compared,
        rows=snapshot.rows,
        bytes=snapshot.bytes,
        problems=problems,
    )
    known = last_drills(lake.settings)
    _record(lake.settings, Drills(last=done, verified=done if done.passed else known.verified))
    return done


def last_drills(settings: Settings) -> Drills:
    """What the last drills have found; nothing when there was none."""
    with suppress(OSError, ValidationError):
        return Drills.model_validate_json(_file(settings).read_bytes())
    return Drills()


def _tried(lake: Lake, target: Target, snapshot: Snapshot, folder: Path) -> tuple[int, tuple[str, ...]]:
    scratch = into_folder(lake, folder)
    try:
        restore_from(scratch, target, snapshot.id)
    except UdbError as error:
        if error.code in {"E_RESTORE", "E_SNAPSHOT", "E_WAREHOUSE"}:
            return 0, (error.message,)
        raise
    return _compared(scratch, snapshot)


def _compared(scratch: Lake, snapshot: Snapshot) -> tuple[int, tuple[str, ...]]:
    compared, problems = 0, []
    with scratch.reader(threads=scratch.settings.threads) as connection:
        for table in snapshot.tables:
            found = checksum(connection, table.dataset)
            # Two sums of different versions of DuckDB cannot be compared; the rows have been counted by the restore.
            if table.checksum and table.checksum.split(":")[0] == found.split(":")[0]:
                compared += 1
            if differ(table.checksum, found):
                problems.append(f"the rows of {table.dataset} are not those that the snapshot recorded")
    return compared, tuple(problems)


def _file(settings: Settings) -> Path:
    return settings.warehouse / _RECORD


def _record(settings: Settings, drills: Drills) -> None:
    make_folder(settings.warehouse)
    draft = _file(settings).with_suffix(".new")
    draft.write_text(drills.model_dump_json(indent=2))
    sync_all([draft])
    draft.rename(_file(settings))
    sync_folder(settings.warehouse)
