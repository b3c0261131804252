"""Bringing a warehouse back from a snapshot, against copying its files: both until everything is on disk.

The target is treated as another disk: nothing is linked. Both read what the memory holds already, so that the disk
is measured by writing alone, and neither is helped.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.warehouse import Lake, snapshots, store_frame
from udb_pipelines.warehouse.files import sync_all
from udb_pipelines.warehouse.restore import restore_from, restore_to
from udb_pipelines.warehouse.targets.base import Moved, unheard
from udb_pipelines.warehouse.targets.folder import FolderTarget

TABLES = 8
TIMES = 3
LEAST = 0.5
"""Of the speed of a plain copy."""
_ROW_BYTES = 16.5
"""Of a number and two columns of noise, as Parquet stores them."""


class OtherDisk(FolderTarget):
    """A folder that cannot be linked to."""

    def get(self, key: str, file: Path, moved: Moved = unheard, *, link: bool = False) -> str | None:
        """Always a copy."""
        return super().get(key, file, moved)


def fill(lake: Lake, megabytes: int) -> None:
    """Tables of noise, which does not compress: altogether about so many megabytes."""
    rows = int(megabytes * 1_000_000 / TABLES / _ROW_BYTES)
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
    """What a piece of work took, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Compared:
    """Medians."""

    bytes: int
    """Of the warehouse."""
    copied: Spent
    """A plain copy of its files."""
    fetched: Spent
    """Its snapshot brought onto an empty machine."""
    back: Spent
    """An earlier version made the newest again, where the files are."""


def compare(folder: Path, megabytes: int) -> Compared:
    """Restore and copy in turn, :data:`TIMES` times.

    Args:
        folder: an empty one, on the disk to be measured, with four times the space.
        megabytes: of data.
    """
    lake = Lake(Settings(home=folder / "origin"))
    fill(lake, megabytes)
    target = OtherDisk(folder / "target")
    made = snapshots.create(lake, target).snapshot
    fetched, copied, back = [], [], []
    for _ in range(TIMES):
        empty = Lake(Settings(home=folder / "restored"))
        fetched.append(_spent(partial(restore_from, empty, target, made.id)))
        shutil.rmtree(folder / "restored")
        copied.append(_spent(partial(plain_copy, lake.catalog.files, folder / "copied")))
        shutil.rmtree(folder / "copied")
        back.append(_spent(partial(restore_to, lake, made.version)))
    return Compared(made.bytes, _typical(copied), _typical(fetched), _typical(back))


def _spent(work: Callable[[], object]) -> Spent:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return Spent(time.monotonic() - wall, time.process_time() - cpu)


def _typical(found: list[Spent]) -> Spent:
    return Spent(median(item.wall for item in found), median(item.cpu for item in found))


def described(size: int, spent: Spent) -> str:
    """In a line."""
    return f"{spent.wall:.2f} s, {size / spent.wall / 1e6:,.0f} MB/s; {spent.cpu:.2f} CPU-s"
