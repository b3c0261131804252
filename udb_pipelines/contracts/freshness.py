"""``slaProperties`` about time: how old the newest commit, or the newest value of a column, may be.

``frequency`` and ``freshness`` are about the commit, since that is when data arrives; ``latency`` and ``freshness``
with an ``element`` are about the newest date or time in that column. Time passes without any job, so these promises
are checked by themselves: hourly by the check ``fresh``, and by ``udb contract test``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from udb_pipelines.contracts.parts import Part
from udb_pipelines.contracts.rules import NotRun, Rule
from udb_pipelines.errors import Severity
from udb_pipelines.yamltext import Document

TIMELY = {"latency": "latency", "ly": "latency", "freshness": "freshness", "frequency": "frequency", "fy": "frequency"}
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1), **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600), **dict.fromkeys(("", "d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 604_800), **dict.fromkeys(("mo", "month", "months"), 2_629_746),
    **dict.fromkeys(("y", "yr", "year", "years"), 31_556_952),
}  # fmt: skip
"""Seconds. Months and years are those of the Gregorian calendar on average."""


@dataclass(frozen=True)
class Limit:
    """How old something may be. Without a column it is the commit."""

    name: str
    column: str | None
    most: timedelta
    promise: str
    line: int | None


def time_rules(document: Document, promised: Part, find: Callable[[str], str | None]) -> Iterator[Rule]:
    """The promises about time, as rules that a job does not ask; and those of the others that UDB knows nothing of."""
    for limit, entry in _limits(document, promised, find):
        if limit is not None:
            reason = "time passes: checked hourly by the check fresh, and by udb contract test"
            yield Rule(limit.name, "freshness", limit.promise, Severity.ERROR, NotRun(reason), limit.column, limit.line)
        elif str(entry.get("property")).lower() not in TIMELY:
            said = f"{entry.get('property')} {entry.get('value')} {entry.get('unit') or ''}".strip()
            asked = NotRun("a service level that UDB does not measure")
            yield Rule(f"sla.{entry.get('property')}", "freshness", said, Severity.WARNING, asked, line=entry.line)


def limits(document: Document, promised: Part, find: Callable[[str], str | None]) -> tuple[Limit, ...]:
    """The promises about time of one object.

    Raises:
        UdbError: ``E_CONTRACT``: a number or a unit means nothing.
    """
    return tuple(limit for limit, _ in _limits(document, promised, find) if limit)


def _limits(
    document: Document, promised: Part, find: Callable[[str], str | None]
) -> Iterator[tuple[Limit | None, Part]]:
    default = document.content.get("slaDefaultElement")
    for entry in Part(document, (), document.content).parts("slaProperties"):
        kind = TIMELY.get(str(entry.get("property")).lower())
        if kind is None:
            yield None, entry
            continue
        element = entry.get("element") or (default if kind == "latency" else None)
        for name in str(element).split(",") if element else [None]:
            limit = _limit(entry, kind, name.strip() if name else None, promised, find)
            if limit is not None:
                yield limit, entry


def _limit(
    entry: Part, kind: str, element: str | None, promised: Part, find: Callable[[str], str | None]
) -> Limit | None:
    column = None
    if element is not None:
        owner, _, field = element.rpartition(".")
        if owner and owner not in (promised.get("name"), promised.get("physicalName")):
            return None  # about another object of the contract
        if field not in (promised.get("name"), promised.get("physicalName")):
            column = find(field) or field
    most = _duration(entry)
    what = f"the newest {column}" if column else "the last commit"
    unit = entry.get("unit") or "d"
    return Limit(f"sla.{kind}", column, most, f"{what} is at most {entry.get('value')} {unit} old", entry.line)


def _duration(entry: Part) -> timedelta:
    value, unit = entry.get("value"), str(entry.get("unit") or "").lower()
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise entry.wrong("the value is not a number", "value") from None
    if unit not in _UNITS:
        raise entry.wrong("the unit is none of s, min, h, d, w, mo, y", "unit")
    try:
        return timedelta(seconds=number * _UNITS[unit])
    except (OverflowError, ValueError):
        raise entry.wrong("the value is not a length of time", "value") from None
