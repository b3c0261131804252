"""Findings, with severity and remedy taken from the list of codes."""

from __future__ import annotations

from udb_pipelines.errors import CODES
from udb_pipelines.models import Finding


def told(code: str, message: str, *, column: str | None = None, count: int = 0) -> Finding:
    """A finding of ``code``. ``message`` names files, columns and counts, never values."""
    info = CODES[code]
    return Finding(code=code, severity=info.severity, message=message, remedy=info.remedy, column=column, count=count)
