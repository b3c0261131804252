"""Bringing a warehouse back from a snapshot, against copying its files: both until everything is on disk.

The target is treated as another disk: nothing is linked. Both read what the memory holds already, so that the disk
is measured by writing alone, and neither is helped.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.measure import Result, Row
from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.warehouse import Lake, snapshots, store_frame
from udb_pipelines.warehouse.files import sync_all
from udb_pipelines.warehouse.restore import restore_from
from udb_pipelines.warehouse.targets.base import Moved, unheard
from udb_pipelines.warehouse.targets.folder import FolderTarget

MEGABYTES = 1_000
TABLES = 8
TIMES = 3
LEAST = 0.5
"""Of the speed of a plain copy."""
_ROW_BYTES = 25
"""Of three columns of noise, as Parquet stores them."""


class OtherDisk(FolderTarget):
    """A folder that cannot be linked to."""

    def get(self, key: str, file: Path, moved: Moved = unheard, *, link: bool = False) -> str | None:
        """Always a copy."""
        return super().get(key, file, moved)


def fill(lake: Lake, megabytes: int) -> None:
    """Tables of noise, which does not compress: altogether about so many megabytes."""
    rows = megabytes * 1_000_000 // TABLES // _ROW_BYTES
    with connect(lake.settings) as connection:
        for number in range(TABLES):
            query = f"SELECT range AS id, hash(range + {number}) AS noise, random() AS more FROM range({rows})"
            store_frame(lake, f"table_{number}", connection.sql(query), f"job_{number}")


def plain_copy(source: Path, target: Path) -> None:
    """Copy a folder, and wait until it is on disk."""
    shutil.copytree(source, target)
    sync_all(path for path in target.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Spent:
    """What a piece of work took."""

    wall: float
    cpu: float


def compare(folder: Path, megabytes: int, times: int = TIMES) -> tuple[int, Spent, Spent]:
    """Bytes of the warehouse, what a restore takes, and a plain copy of the same files; medians of ``times``.

    Args:
        folder: an empty one, on the disk to be measured, with four times the space.
        megabytes: of data.
        times: how often; restore and copy alternate.
    """
    lake = Lake(Settings(home=folder / "origin"))
    fill(lake, megabytes)
    target = OtherDisk(folder / "target")
    made = snapshots.create(lake, target).snapshot
    restored, copied = [], []
    for _ in range(times):
        empty = Lake(Settings(home=folder / "restored"))
        restored.append(_spent(partial(restore_from, empty, target, made.id)))
        shutil.rmtree(folder / "restored")
        copied.append(_spent(partial(plain_copy, lake.catalog.files, folder / "copied")))
        shutil.rmtree(folder / "copied")
    return made.bytes, _typical(restored), _typical(copied)


def _spent(work: Callable[[], object]) -> Spent:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return Spent(time.monotonic() - wall, time.process_time() - cpu)


def _typical(found: list[Spent]) -> Spent:
    return Spent(median(item.wall for item in found), median(item.cpu for item in found))


def run(megabytes: int = MEGABYTES, folder: Path | None = None) -> Result:
    """Measure, in a folder of its own below ``folder``, and say what came of it."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        size, restored, copied = compare(Path(scratch), megabytes)
    speed = copied.wall / restored.wall
    return Result(
        "Restore of a snapshot",
        f"A warehouse of {size / 1e6:,.0f} MB in {TABLES} tables, restored onto an empty machine with every checksum "
        f"compared, against `cp -r` and `fsync` of the same files; medians of {TIMES}.",
        (
            Row("plain copy", _described(size, copied)),
            Row("restore", _described(size, restored)),
            Row("restore, share of the copy's speed", f"{speed:.2f} x", f">= {LEAST} x", speed >= LEAST),
        ),
    )


def _described(size: int, spent: Spent) -> str:
    return f"{spent.wall:.2f} s, {size / spent.wall / 1e6:,.0f} MB/s; {spent.cpu:.2f} CPU-s"
