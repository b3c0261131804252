"""Getting the warehouse back: to a time, from a snapshot, one table; and proving that it can be done.

|              |                                                          |
|--------------|----------------------------------------------------------|
| points       | what can be restored                                     |
| wholeness    | is it as the commits wrote it?                           |
| truncating   | cutting a catalog off at a version                       |
| bounds       | of columns that took another type later                  |
| drafting     | the catalog of a timeline to come                        |
| beginning    | its first commit                                         |
| swapping     | from that catalog to the current timeline                |
| restoring    | back in time                                             |
| snapshot     | from a snapshot, onto this machine or an empty one       |
| table        | one table, as one more commit                            |
| dropping     | giving up a timeline                                     |
"""

from udb_pipelines.warehouse.restore.dropping import Dropped, drop, plan_drop
from udb_pipelines.warehouse.restore.points import Point, aim, points
from udb_pipelines.warehouse.restore.restoring import RestorePlan, plan, restore_to
from udb_pipelines.warehouse.restore.snapshot import SnapshotPlan, into_folder, plan_from, restore_from
from udb_pipelines.warehouse.restore.swapping import Restored
from udb_pipelines.warehouse.restore.table import RestoredTable, plan_table, restore_table
from udb_pipelines.warehouse.restore.wholeness import Damage, examine

__all__ = [
    "Damage",
    "Dropped",
    "Point",
    "RestorePlan",
    "Restored",
    "RestoredTable",
    "SnapshotPlan",
    "aim",
    "drop",
    "examine",
    "into_folder",
    "plan",
    "plan_drop",
    "plan_from",
    "plan_table",
    "points",
    "restore_from",
    "restore_table",
    "restore_to",
]
