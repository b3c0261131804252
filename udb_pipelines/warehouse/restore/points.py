"""What can be restored: the versions that the timelines hold, and the one that a person means.

A number after the point where timelines part belongs to one of them, so it finds its timeline by itself; a time is
looked up in the current timeline unless another is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.timelines import Register

FIRST = 1
"""The first version with bookkeeping: the warehouse before its first commit."""


class Point(Model):
    """A version that can be restored."""

    timeline: int
    version: int
    committed_at: datetime
    what: str
    """The commit's message."""


@dataclass(frozen=True)
class Aim:
    """What is to be restored, and what there is."""

    point: Point
    register: Register
    newest: int
    """The newest version of the current timeline. No timeline has a higher one: each began above all others."""
    left_behind: int
    """Versions of the timeline restored from that are newer than the one restored."""


def points(lake: Lake) -> tuple[Point, ...]:
    """Every version that one timeline still holds, oldest first; see ``lake.timeline``."""
    with lake.raw_catalog() as connection:
        if connection is None:
            return ()
        number = lake.timeline or lake.catalog.current(connection).timeline
        rows = connection.execute(
            "SELECT snapshot_id, CAST(snapshot_time AS TIMESTAMPTZ)::VARCHAR, commit_message "
            "FROM catalog.ducklake_snapshot LEFT JOIN catalog.ducklake_snapshot_changes USING (snapshot_id) "
            f"WHERE snapshot_id >= {FIRST} ORDER BY snapshot_id"
        ).fetchall()
    return tuple(
        Point(
            timeline=number or 1,
            version=int(version),
            committed_at=datetime.fromisoformat(time).astimezone(UTC),
            what=message or "the empty warehouse",
        )
        for version, time, message in rows
    )


def aim(lake: Lake, wanted: datetime | int, timeline: int | None = None) -> Aim:
    """Find the version that is to be restored.

    Args:
        lake: the warehouse.
        wanted: a version, or a time whose newest version is meant.
        timeline: where to look; a version is looked for everywhere when absent, a time in the current timeline.

    Raises:
        UdbError: ``E_VERSION`` when there is none, naming what there is, or when the time is still to come, since
            that is a mistyped year; ``E_TIMELINE``.
    """
    register = lake.register()
    current = points(lake.at(register.current))
    if not isinstance(wanted, int) and _to_come(_in_utc(wanted), current):
        raise UdbError("E_VERSION", f"{_shown(wanted)} is still to come", kept="the warehouse as it is")
    for number in _order(register, wanted, timeline):
        chosen = current if number == register.current else points(lake.at(number))
        point = _newest(chosen, wanted)
        if point is not None:
            return Aim(
                point=point,
                register=register,
                newest=max((item.version for item in current), default=0),
                left_behind=sum(item.version > point.version for item in current),
            )
    raise _nothing(points(lake.at(timeline)) if timeline is not None else current, wanted)


def _order(register: Register, wanted: datetime | int, timeline: int | None) -> list[int]:
    """Where to look: a version was given by one timeline, but those that began later may hold it too."""
    if timeline is not None:
        return [register.find(timeline).number]
    if not isinstance(wanted, int):
        return [register.current]
    others = sorted(
        (item for item in register.timelines if item.number != register.current),
        key=lambda item: (item.first_version > wanted, -item.first_version),
    )
    return [register.current, *(item.number for item in others)]


def _newest(chosen: tuple[Point, ...], wanted: datetime | int) -> Point | None:
    if isinstance(wanted, int):
        return next((item for item in chosen if item.version == wanted), None)
    moment = _in_utc(wanted)
    return max((item for item in chosen if item.committed_at <= moment), key=lambda item: item.version, default=None)


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}".rstrip()


def _to_come(moment: datetime, current: tuple[Point, ...]) -> bool:
    """Whether no clock has reached it: neither this one, nor, if this one was set back, that of the newest commit."""
    return moment > max([datetime.now(UTC), *(item.committed_at for item in current)])


def _nothing(chosen: tuple[Point, ...], wanted: datetime | int) -> UdbError:
    if not chosen:
        return UdbError(
            "E_VERSION", "the warehouse holds nothing to go back to", remedy="restore a snapshot: udb restore from"
        )
    what = f"version {wanted}" if isinstance(wanted, int) else f"version as old as {_shown(wanted)}"
    first, last = chosen[0], chosen[-1]
    return UdbError(
        "E_VERSION",
        f"history holds no {what}; it goes from version {first.version} ({first.committed_at:%Y-%m-%d %H:%M:%S} UTC) "
        f"to version {last.version} ({last.committed_at:%Y-%m-%d %H:%M:%S} UTC)",
        kept="the warehouse as it is",
        remedy="udb restore list shows every version; for older times look at the snapshots: udb snapshot list",
    )


def described(point: Point) -> str:
    """A point as the origin of a timeline."""
    return f"version {point.version} of timeline {point.timeline}"
