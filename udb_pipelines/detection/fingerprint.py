"""A fingerprint changes exactly when the content of a source, or an option that decides what is loaded, does."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from udb_pipelines.models import InputFile, SourceOptions
from udb_pipelines.operations import progress

CHUNK = 1 << 20
NOT_CONTENT = {"schedule", "freshness_hours", "max_reject_pct", "keep_days", "keep_jobs", "keys"}
"""Options that change when and whether a job passes, not what it loads."""


@dataclass(frozen=True)
class Content:
    """What files hold: their fingerprint, their size in bytes, and each as it was seen."""

    fingerprint: str
    bytes: int
    inputs: tuple[InputFile, ...]


def of_files(files: Sequence[Path], root: Path, options: SourceOptions) -> Content:
    """SHA-256 over names (relative to ``root``) and content of ``files`` and the options."""
    total = sum(file.stat().st_size for file in files)
    done = 0
    inputs = []
    for file in sorted(files):
        seen = state_of(file)
        own = sha256_of(file, done, total)
        done += seen[0]
        inputs.append(InputFile(path=str(file), bytes=seen[0], modified_ns=seen[1], sha256=own))
    return _of_inputs(inputs, root, options)


def of_copies(files: Sequence[tuple[Path, str]], root: Path, options: SourceOptions) -> Content:
    """As :func:`of_files`, of files whose SHA-256 is known and that nobody changes: not a byte of them is read."""
    inputs = []
    for file, own in sorted(files):
        size, modified_ns = state_of(file)
        inputs.append(InputFile(path=str(file), bytes=size, modified_ns=modified_ns, sha256=own))
    return _of_inputs(inputs, root, options)


def _of_inputs(inputs: Sequence[InputFile], root: Path, options: SourceOptions) -> Content:
    digest = hashlib.sha256(_options(options))
    for item in inputs:
        name = str(Path(item.path).relative_to(root)) if len(inputs) > 1 else ""
        digest.update(f"{name}\x00{item.sha256}\n".encode())
    return Content(digest.hexdigest(), sum(item.bytes for item in inputs), tuple(inputs))


def state_of(file: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def is_same(known: InputFile) -> bool:
    """Whether the file still is what it was; its content is read again when it was touched."""
    path = Path(known.path)
    if state_of(path) == (known.bytes, known.modified_ns):
        return True
    return path.stat().st_size == known.bytes and sha256_of(path, 0, known.bytes) == known.sha256


def sha256_of(file: Path, done: int, total: int) -> str:
    """SHA-256 of a file's content; ``done`` bytes of ``total`` were read before it, for the progress."""
    own = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            own.update(chunk)
            done += len(chunk)
            progress.report("fingerprint", done, total, "bytes")
    return own.hexdigest()


def of_moment() -> str:
    """A new fingerprint each time: a live database cannot cheaply tell whether it changed, so it is always read."""
    return f"live-{uuid.uuid4().hex}"


def _options(options: SourceOptions) -> bytes:
    return options.model_dump_json(exclude=NOT_CONTENT, exclude_defaults=True).encode() + b"\n"
