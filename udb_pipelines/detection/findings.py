"""Findings of detection: what it noticed and went on from, hence warnings, with the remedy of their code."""

from __future__ import annotations

from udb_pipelines.errors import CODES, Severity
from udb_pipelines.models import Finding


def told(code: str, message: str, *, column: str | None = None, count: int = 0) -> Finding:
    """A finding of ``code``. ``message`` names files, columns and counts, never values."""
    return Finding(
        code=code,
        severity=Severity.WARNING,
        message=message,
        remedy=CODES[code].remedy,
        column=column,
        count=count,
    )
