"""A fingerprint changes exactly when the content of a source, or an option that decides what is loaded, does."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path

from udb_pipelines.models import SourceOptions
from udb_pipelines.operations import progress

CHUNK = 1 << 20
NOT_CONTENT = {"schedule", "freshness_hours", "max_reject_pct", "keep_days", "keep_jobs", "keys"}
"""Options that change when and whether a job passes, not what it loads."""


def of_files(files: Sequence[Path], root: Path, options: SourceOptions) -> tuple[str, int]:
    """SHA-256 over names (relative to ``root``) and content of ``files`` and the options, and their size in bytes."""
    digest = hashlib.sha256(_options(options))
    total = sum(file.stat().st_size for file in files)
    done = 0
    for file in sorted(files):
        own = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                own.update(chunk)
                done += len(chunk)
                progress.report("fingerprint", done, total, "bytes")
        name = str(file.relative_to(root)) if len(files) > 1 else ""
        digest.update(f"{name}\x00{own.hexdigest()}\n".encode())
    return digest.hexdigest(), total


def of_moment() -> str:
    """A new fingerprint each time: a live database cannot cheaply tell whether it changed, so it is always read."""
    return f"live-{uuid.uuid4().hex}"


def _options(options: SourceOptions) -> bytes:
    return options.model_dump_json(exclude=NOT_CONTENT, exclude_defaults=True).encode() + b"\n"
