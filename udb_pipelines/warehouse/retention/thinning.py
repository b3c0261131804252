"""Which versions of the warehouse stay: pure rules about times, no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta


def superfluous(
    versions: Iterable[tuple[int, datetime]],
    now: datetime,
    *,
    every_days: int,
    daily_days: int,
    needed: frozenset[int] = frozenset(),
) -> tuple[int, ...]:
    """The versions that may go, oldest first.

    Args:
        versions: number and time (with zone) of each.
        now: when.
        every_days: younger than this, every version stays.
        daily_days: younger than this, the newest version of each day (UTC) stays; of older ones, of each month.
        needed: versions that stay in any case. So does the newest.
    """
    ordered = sorted(versions)
    if not ordered:
        return ()
    last_of: dict[tuple[int, ...], int] = {}
    kept = set(needed) | {ordered[-1][0]}
    for number, time in ordered:
        age = now - time
        if age <= timedelta(days=every_days):
            kept.add(number)
        elif age <= timedelta(days=daily_days):
            last_of[time.year, time.month, time.day] = number
        else:
            last_of[time.year, time.month] = number
    kept.update(last_of.values())
    return tuple(number for number, _ in ordered if number not in kept)
