"""How long a web server asks to be left alone: ``Retry-After``, in seconds or as a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_asked(retry_after: str | None) -> float | None:
    """The seconds that the header's value stands for, 0 for a date that is past; None when it says nothing.

    >>> seconds_asked("120"), seconds_asked("Thu, 01 Jan 2026 00:00:00 GMT"), seconds_asked("soon"), seconds_asked(None)
    (120.0, 0.0, None, None)
    """
    text = (retry_after or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    # A date in the zone -0000 comes without one.
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
