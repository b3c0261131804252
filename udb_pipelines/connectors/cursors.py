"""Where an incremental sync begins and ends: a window over the cursor column.

The lower bound is included, and lies ``lookback`` behind the last value seen: rows that share that value, or that
arrive late, are read again, and the commit recognises those it has. Values are kept as the source writes them
(times with a zone in UTC), so that the source can compare them itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Stream

CURSOR, COLUMN = "cursor", "column"
"""Keys of a stream's state."""

Kind = Literal["number", "time", "text"]
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|DECIMAL|NUMERIC|DOUBLE|FLOAT|REAL")
_TIMES = re.compile(r"DATE|TIMESTAMP")
_WRITTEN = {
    "number": "give a number, such as 1000",
    "time": "give a day or a moment, such as 2026-01-31 or '2026-01-31 14:00:00+00'",
}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Window:
    """``low <= cursor < high``; None is unbounded. Rows without a cursor belong to the unbounded window only."""

    low: str | None = None
    high: str | None = None

    def condition(self, column: str, literal: Callable[[str], str]) -> str:
        """SQL condition for ``column`` (SQL text), with values written by ``literal``.

        >>> Window("3", "9").condition("id", repr)
        "id >= '3' AND id < '9'"
        >>> Window().condition("id", repr)
        'TRUE'
        """
        parts = [f"{column} >= {literal(self.low)}"] if self.low is not None else []
        parts += [f"{column} < {literal(self.high)}"] if self.high is not None else []
        return " AND ".join(parts) or "TRUE"


ALL = Window()


@dataclass(frozen=True)
class Request:
    """What a sync is asked to read: what is new since ``state``, one ``span``, or with ``full`` everything again."""

    state: Mapping[str, Any] = field(default_factory=dict)
    """By dataset."""
    span: Window = ALL
    full: bool = False
    """Read everything and replace what is stored, in one commit."""

    @property
    def partial(self) -> bool:
        """Whether to read although the source says that it has not changed."""
        return self.full or self.span != ALL

    def state_of(self, dataset: str) -> Mapping[str, Any]:
        """Where to go on with one dataset."""
        found = self.state.get(dataset, {})
        return found if isinstance(found, Mapping) and not self.full else {}

    def applied(self, stream: Stream) -> Stream:
        """``stream`` as it is to be read now.

        Raises:
            UdbError: ``E_OPTION`` when a span is asked for of a stream that has no cursor to measure it by, or one that
                does not suit the cursor, or that holds nothing.
        """
        if self.full:
            return stream.model_copy(update={"sync_mode": "full_refresh_overwrite"})
        if self.span != ALL and (stream.cursor is None or not stream.sync_mode.startswith("incremental")):
            raise UdbError(
                "E_OPTION",
                f"{stream.dataset} is not read incrementally, so no part of it can be read again",
                remedy="run it without --from and --to",
            )
        if self.span != ALL:
            kinds = {column.name: column.type for column in stream.detected.columns}
            _check_span(self.span, kind_of(kinds.get(stream.cursor or "", "")))
        return stream


def kind_of(sql_type: str) -> Kind:
    """What values of a DuckDB type are compared as.

    >>> kind_of("DECIMAL(10,2)"), kind_of("TIMESTAMP WITH TIME ZONE"), kind_of("VARCHAR")
    ('number', 'time', 'text')
    """
    return "time" if _TIMES.match(sql_type) else "number" if _NUMBERS.match(sql_type) else "text"


def kind_of_value(value: str) -> Kind:
    """What a cursor value looks like.

    >>> kind_of_value("2026-01-31"), kind_of_value("-1.50"), kind_of_value("A-17")
    ('time', 'number', 'text')
    """
    return "number" if _number(value) is not None else "time" if _time(value) is not None else "text"


def check_like(value: str, present: str) -> None:
    """Refuse a cursor of another kind than the one it is to replace: no row of the source could be compared with it.

    Raises:
        UdbError: ``E_OPTION``.
    """
    wanted = kind_of_value(present)
    if wanted != "text" and kind_of_value(value) != wanted:
        raise UdbError("E_OPTION", f"the cursor is a {wanted}, and that value is none", remedy=_WRITTEN[wanted])


def _check_span(span: Window, kind: Kind) -> None:
    ends = [end for end in (span.low, span.high) if end is not None]
    if kind != "text" and any(kind_of_value(end) != kind for end in ends):
        raise UdbError("E_OPTION", f"the cursor is a {kind}, and --from or --to is none", remedy=_WRITTEN[kind])
    if span.low is not None and span.high is not None and not _is_before(span.low, span.high):
        raise UdbError(
            "E_OPTION",
            "nothing lies between --from and --to, which is left out itself",
            remedy="give the smaller value with --from",
        )


def _is_before(low: str, high: str) -> bool:
    numbers, times = (_number(low), _number(high)), (_time(low), _time(high))
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] < numbers[1]
    if times[0] is not None and times[1] is not None:
        return times[0] < times[1]
    return low.encode() < high.encode()


def _number(value: str) -> Decimal | None:
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _time(value: str) -> datetime | None:
    """A moment; one without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def window(stream: Stream, state: Mapping[str, Any], lookback: str | None, span: Window) -> Window:
    """What to read of ``stream``: ``span`` when one is asked for, else from the cursor on, else everything.

    Raises:
        UdbError: ``E_OPTION`` when the lookback does not suit the cursor.
    """
    if not stream.sync_mode.startswith("incremental") or stream.cursor is None:
        return ALL
    if span != ALL:
        return span
    value = state.get(CURSOR)
    # A cursor of another column says nothing.
    if value is None or state.get(COLUMN) != stream.cursor:
        return ALL
    return Window(low=behind(str(value), lookback))


def behind(value: str, lookback: str | None) -> str:
    """The cursor value that lies ``lookback`` behind ``value``, written alike.

    >>> behind("2024-03-01 00:10:00", "15m")
    '2024-02-29 23:55:00'
    >>> behind("1000", "25")
    '975'

    Raises:
        UdbError: ``E_OPTION`` when one is a time and the other a number.
    """
    if lookback is None:
        return value
    unit = _UNITS.get(lookback[-1])
    try:
        if unit is None:
            return str(Decimal(value) - Decimal(lookback))
        return _earlier(value, timedelta(**{unit: int(lookback[:-1])}))
    except (ValueError, InvalidOperation, OverflowError):
        kind = "is no time" if unit else "is no number"
        raise UdbError(
            "E_OPTION",
            f"the lookback {lookback} does not suit the cursor, which {kind}",
            remedy="give a number for a cursor that counts, 90s, 15m, 2h or 3d for one that is a time",
        ) from None


def _earlier(value: str, by: timedelta) -> str:
    if len(value) == len("2024-01-01"):
        return (date.fromisoformat(value) - by).isoformat()
    separator = "T" if "T" in value else " "
    return (datetime.fromisoformat(value) - by).isoformat(separator)


def later(old: Mapping[str, Any], column: str, value: str | None) -> dict[str, Any]:
    """The state after ``value`` was the greatest cursor read; the old one when nothing was read."""
    if value is None:
        return dict(old)
    return {**old, COLUMN: column, CURSOR: value, "read_at": datetime.now(UTC).isoformat(timespec="seconds")}
