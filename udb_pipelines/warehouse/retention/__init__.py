"""Retention: what may go, and when. Planned first; the plan is what a person is shown; then applied and written down.

    tiers       artifacts: hot, warm, cold
    leftovers   rejects, staging, temporary files, cache
    thinning    which versions of the history stay
    planning    the whole plan, and carrying it out

Nothing that is needed goes: not the newest publication of a source, not the newest version or one that somebody
reads, no file that any version of any timeline refers to, nothing under a legal hold, nothing outside of the folders
that UDB manages. Snapshots keep copies of their own and have a rule of their own.
"""

from udb_pipelines.warehouse.removal import Item
from udb_pipelines.warehouse.retention.planning import Removed, RetentionPlan, Rules, apply, disk_used_pct, plan

__all__ = ["Item", "Removed", "RetentionPlan", "Rules", "apply", "disk_used_pct", "plan"]
