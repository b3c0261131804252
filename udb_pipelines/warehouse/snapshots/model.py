"""What a snapshot is, and where its parts lie in a target.

files/main/<table>/…             data files, as in the warehouse; shared by all snapshots
snapshots/<id>/lake.sqlite.zst   the lake catalog with its whole history
snapshots/<id>/home.json.zst     sources, sealed secrets, holds, contracts, history of KPIs; see control.belongings
snapshots/<id>/manifest.json     written last: what has none is no snapshot
copies/<id>/…                    the same, made between snapshots whenever the catalog had changed
claims/<id>.json                 who is at work in the target
udb-target.json                  whose target it is
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from udb_pipelines.models import Model

Kind = Literal["snapshot", "copy"]

FILES = "files/"
FOLDERS: dict[Kind, str] = {"snapshot": "snapshots/", "copy": "copies/"}
"""Where the manifests and catalogs of each kind lie."""


class SnapshotFile(Model):
    """An object of the target; ``path`` is its key there."""

    path: str
    bytes: int
    sha256: str


class SnapshotTable(Model):
    """A dataset as the snapshot holds it."""

    dataset: str
    version: int
    """The version that changed it last."""
    rows: int
    checksum: str | None
    """Of its rows, in any order; see ``checksums``. Copies between snapshots have none."""


class Snapshot(Model):
    """What a snapshot holds; its ``manifest.json``."""

    schema_version: Literal[1] = 1
    id: str
    """Begins with a time, and is greater than those of the target's older ones even if the clock was set back."""
    kind: Kind
    created_at: datetime
    warehouse: str
    """Identity of the lake; it stays the same through restores and moves."""
    version: int
    """The newest version of the lake in it; the older ones are in it too."""
    committed_at: datetime
    """When that version was committed: what was acknowledged by then is in the snapshot."""
    tables: tuple[SnapshotTable, ...]
    catalog: SnapshotFile
    """An SQLite file, compressed with zstd; size and checksum are those of the compressed one."""
    files: tuple[SnapshotFile, ...]
    home: SnapshotFile | None = None
    """What the tenant has beside its warehouse; None where there was nothing. Compressed with zstd."""
    register_problem: str = ""
    """Why the control database could not be read; then ``home`` has the contracts and KPIs of now, and ..."""
    register_of: str | None = None
    """... the sources, secrets and holds of this older snapshot; none where there was no older one."""
    timeline: int = 1
    """The timeline that was current and is in the snapshot. Others are not: each is in the snapshots of its time."""
    software: dict[str, str]

    @property
    def bytes(self) -> int:
        """Size of everything together."""
        return self.catalog.bytes + (self.home.bytes if self.home else 0) + sum(file.bytes for file in self.files)

    @property
    def lacks(self) -> str:
        """What is not in it although it should be, in a sentence; empty when it is complete."""
        if not self.register_problem:
            return ""
        have = f"are those of {self.register_of}" if self.register_of else "are missing in it"
        return f"{self.register_problem}: the warehouse is whole, but sources, secrets and legal holds {have}"

    @property
    def rows(self) -> int:
        """Rows of all tables in the newest version."""
        return sum(table.rows for table in self.tables)


def folder_of(kind: Kind, snapshot_id: str) -> str:
    """Where the snapshot's own parts lie.

    >>> folder_of("copy", "20260103T101112_0a1b2c3d")
    'copies/20260103T101112_0a1b2c3d/'
    """
    return f"{FOLDERS[kind]}{snapshot_id}/"


def catalog_key(kind: Kind, snapshot_id: str) -> str:
    """Key of the catalog."""
    return f"{folder_of(kind, snapshot_id)}lake.sqlite.zst"


def home_key(kind: Kind, snapshot_id: str) -> str:
    """Key of what the tenant has beside its warehouse."""
    return f"{folder_of(kind, snapshot_id)}home.json.zst"


def manifest_key(kind: Kind, snapshot_id: str) -> str:
    """Key of the manifest."""
    return f"{folder_of(kind, snapshot_id)}manifest.json"


def kind_and_id(key: str) -> tuple[Kind, str] | None:
    """Which snapshot a key belongs to.

    >>> kind_and_id("snapshots/x1/manifest.json"), kind_and_id("files/main/shop/a.parquet")
    (('snapshot', 'x1'), None)
    """
    for kind, folder in FOLDERS.items():
        if key.startswith(folder) and "/" in key.removeprefix(folder):
            return kind, key.removeprefix(folder).split("/", 1)[0]
    return None
