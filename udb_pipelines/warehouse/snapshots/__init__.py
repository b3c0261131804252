"""Snapshots: consistent copies of the lake catalog and of every file that it refers to, in a target.

    model.py      what a snapshot is, and where its parts lie     making.py     create, and copy in between
    shelf.py      whose a target is, and what stands in it        verifying.py  is it whole?
    claims.py     who is at work in a target                      pruning.py    what may go
    catalogs.py   the lake catalog as one SQLite file             checksums.py  of the rows of a table
    keeping.py    copies in between, whenever something has changed

Data files never change, so each lies in the target once, whichever snapshots need it: a snapshot copies what is
new. A target on the warehouse's own disk guards against mistakes, and only one elsewhere against the loss of the disk.
"""

from udb_pipelines.warehouse.snapshots.catalogs import lake_on
from udb_pipelines.warehouse.snapshots.claims import reading
from udb_pipelines.warehouse.snapshots.keeping import copy_if_due, remember
from udb_pipelines.warehouse.snapshots.making import Made, UnfinishedError, copy, create
from udb_pipelines.warehouse.snapshots.model import FILES, Snapshot, SnapshotFile, SnapshotTable
from udb_pipelines.warehouse.snapshots.pruning import Needed, Pruned, prune
from udb_pipelines.warehouse.snapshots.shelf import fetch_catalog, fetch_home, find, list_snapshots, newest
from udb_pipelines.warehouse.snapshots.verifying import verify

__all__ = [
    "FILES",
    "Made",
    "Needed",
    "Pruned",
    "Snapshot",
    "SnapshotFile",
    "SnapshotTable",
    "UnfinishedError",
    "copy",
    "copy_if_due",
    "create",
    "fetch_catalog",
    "fetch_home",
    "find",
    "lake_on",
    "list_snapshots",
    "newest",
    "prune",
    "reading",
    "remember",
    "verify",
]
