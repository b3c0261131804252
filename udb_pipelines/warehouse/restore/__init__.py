"""Getting the warehouse back: to a time, from a snapshot, one table; and proving that it can be done.

|              |                                                          |
|--------------|----------------------------------------------------------|
| points       | what can be restored                                     |
| wholeness    | is it as the commits wrote it?                           |
| truncating   | cutting a catalog off at a version                       |
| drafting     | the catalog of a timeline to come                        |
| beginning    | its first commit                                         |
| restoring    | back in time: verified, then swapped at one instant      |
| table        | one table, as one more commit                            |
| dropping     | giving up a timeline                                     |
"""

from udb_pipelines.warehouse.restore.dropping import Dropped, drop, plan_drop
from udb_pipelines.warehouse.restore.points import Point, aim, points
from udb_pipelines.warehouse.restore.restoring import Restored, RestorePlan, plan, restore_to
from udb_pipelines.warehouse.restore.table import RestoredTable, plan_table, restore_table
from udb_pipelines.warehouse.restore.wholeness import Damage, examine

__all__ = [
    "Damage",
    "Dropped",
    "Point",
    "RestorePlan",
    "Restored",
    "RestoredTable",
    "aim",
    "drop",
    "examine",
    "plan",
    "plan_drop",
    "plan_table",
    "points",
    "restore_table",
    "restore_to",
]
