"""The value of each KPI at each version: ``<tenant home>/kpis/<name>.jsonl``, a line per version, never rewritten.

A line is appended whole and synced. What a process that died left of a line is skipped by readers and closed by the
next writer. Job artifacts expire; this stays.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from udb_pipelines.kpis.definitions import KpiPoint, KpiResult
from udb_pipelines.warehouse.steps import reached

if TYPE_CHECKING:
    from udb_pipelines.config import Settings

KEPT_IN_RESULT = 200
"""Newest points that a result carries along."""


def history_file(settings: Settings, name: str) -> Path:
    """Where the values of a KPI are kept."""
    return settings.tenant_home / "kpis" / f"{name}.jsonl"


def read(settings: Settings, name: str) -> tuple[KpiPoint, ...]:
    """Every value of a KPI, in the order of versions; of several for one version the last that was kept."""
    try:
        lines = history_file(settings, name).read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    points: dict[int, KpiPoint] = {}
    for line in lines:
        try:
            point = KpiPoint.model_validate_json(line)
        except ValidationError:
            continue  # cut off in the middle
        points[point.version] = point
    return tuple(points[version] for version in sorted(points))


def record(settings: Settings, result: KpiResult) -> KpiResult:
    """Keep the value of a result and return it with its history. The same value again is not written again.

    An answer that failed is not kept: it says nothing about the data.

    Raises:
        OSError: the disk refused; nothing is kept then.
    """
    if result.error is not None:
        return result.model_copy(update={"history": read(settings, result.name)[-KEPT_IN_RESULT:]})
    point = KpiPoint(version=result.version, at=result.at, value=result.value, verdict=result.verdict)
    file = history_file(settings, result.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        known = {p.version: p for p in read(settings, result.name)}
        same = known.get(point.version)
        if same is None or (same.value, same.verdict) != (point.value, point.verdict):
            stream.write(_opening(stream.name) + point.model_dump_json().encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
            reached("kpi.recorded")
    return result.model_copy(update={"history": read(settings, result.name)[-KEPT_IN_RESULT:]})


def _opening(path: str) -> bytes:
    """A line end, where the last line was cut off."""
    content = Path(path).read_bytes()[-1:]
    return b"" if content in (b"", b"\n") else b"\n"
