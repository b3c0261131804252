"""What ``publish`` wrote."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from udb_pipelines.models.base import Model, Name, Verdict


class Artifact(Model):
    """A published file. ``path`` is relative to the folder that holds the manifest."""

    path: str
    dataset: str | None
    bytes: int
    sha256: str
    media_type: str


class Manifest(Model):
    """What a job published. Written last: a folder without it is not published."""

    schema_version: Literal[1] = 1
    job_id: str
    source: Name
    version: int
    published_at: datetime
    verdict: Verdict
    folder: Path
    artifacts: tuple[Artifact, ...]
    seconds: dict[str, float] = Field(default={})
    """Wall seconds per stage."""
    unchanged: bool = False
