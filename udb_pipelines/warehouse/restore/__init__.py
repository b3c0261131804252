"""Getting the warehouse back: to a time, from a snapshot, one table; and proving that it can be done.

|              |                                                          |
|--------------|----------------------------------------------------------|
| points       | what can be restored                                     |
| wholeness    | is it as the commits wrote it?                           |
| truncating   | cutting a catalog off at a version                       |
| drafting     | the catalog of a timeline to come                        |
| beginning    | its first commit                                         |
| restoring    | back in time: verified, then swapped at one instant      |
"""

from udb_pipelines.warehouse.restore.points import Point, points
from udb_pipelines.warehouse.restore.restoring import Restored, RestorePlan, plan, restore_to
from udb_pipelines.warehouse.restore.wholeness import Damage

__all__ = ["Damage", "Point", "RestorePlan", "Restored", "plan", "points", "restore_to"]
