"""What a run was asked to read, as tags: the UI, a backfill and the command all can set them.

``udb/full``: everything again. ``udb/from`` and ``udb/to``: the part of the cursor from the one, included, to the
other. Without any of them a sync goes on from where the last one ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from udb_pipelines.connectors.cursors import Request

FULL, FROM, TO = "udb/full", "udb/from", "udb/to"


def tags_for(*, full: bool = False, low: str | None = None, high: str | None = None) -> dict[str, str]:
    """The tags of a run that reads what is asked for.

    >>> tags_for(low="2024-01-01")
    {'udb/from': '2024-01-01'}
    """
    given = {FULL: "true" if full else None, FROM: low, TO: high}
    return {tag: value for tag, value in given.items() if value is not None}


def request_of(tags: Mapping[str, str], state: Mapping[str, Any]) -> Request:
    """What a run with these tags reads, after a sync that left ``state``."""
    from udb_pipelines.connectors.cursors import Request, Window

    return Request(state, Window(tags.get(FROM), tags.get(TO)), full=tags.get(FULL) == "true")
