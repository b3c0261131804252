"""Where snapshots and the archive are kept: a folder, or a bucket of an object store.

    base.py      what every target can do          folder.py    a folder of this machine, or mounted on it
    opening.py   from an address to a target       objects.py   S3, Google Cloud Storage, Azure
    faults.py    the errors of a store, told to people

A target knows keys and bytes, nothing of snapshots. A key is a relative path with ``/``; what is stored under one
appears whole or not at all.
"""

from udb_pipelines.warehouse.targets.base import Stored, Target
from udb_pipelines.warehouse.targets.opening import is_address, open_target

__all__ = ["Stored", "Target", "is_address", "open_target"]
