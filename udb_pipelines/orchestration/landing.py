"""What lies in the landing folder, what has settled, and what is new. No Dagster here: state in, decision out.

An entry is a file or a sub-folder at the top of the landing folder; each becomes one source. It is taken when its
content differs from what was taken before and nothing about it has changed for the quiet time, measured by
our own clock from look to look: a modification time proves nothing, copying tools set it while they still write.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from udb_pipelines.config import DEFAULT_TENANT
from udb_pipelines.models import Model, Source

UNFINISHED = re.compile(r"^[._~]|~$|\.(tmp|temp|part|partial|crdownload|download|filepart|swp|lock|writing)$", re.I)
"""Names of files that belong to somebody still writing, or to nobody."""

WHOLE_BYTES = 1 << 30
"""Content up to this size is read in full to know it again; of more, size, change time and both ends decide.
A job on unchanged content says so and does nothing, so a wrong guess costs only a look."""

_CHUNK = 1 << 20


class Seen(Model):
    """One entry as it was last looked at."""

    look: str
    """Changes with every size, time or name inside."""
    since: float
    """Seconds of the epoch when it was first seen like that."""
    taken: str = ""
    """Content for which a run was requested; empty when none was."""


class Arrival(Model):
    """An entry that has settled with new content."""

    path: Path
    content: str
    """Digest of the content."""
    key: str
    """The same for the same arrival, however often it is looked at: Dagster's run key."""


class Memory(Model):
    """What is remembered of one folder. Entries that are gone are forgotten."""

    entries: Mapping[str, Seen] = {}


class Memories(Model):
    """The sensor's cursor: a memory per tenant."""

    tenants: Mapping[str, Memory] = {}


def recall(cursor: str | None) -> Memories:
    """The cursor as it was left; one from before there were tenants is the default tenant's."""
    if not cursor:
        return Memories()
    if "tenants" in json.loads(cursor):
        return Memories.model_validate_json(cursor)
    return Memories(tenants={DEFAULT_TENANT: Memory.model_validate_json(cursor)})


def arrivals(
    folder: Path, memory: Memory, quiet_seconds: float, now: float, more_time: Callable[[], bool] = lambda: True
) -> tuple[Memory, list[Arrival]]:
    """Look at the folder once.

    Args:
        folder: the landing folder; it need not exist.
        memory: what the last look remembered.
        quiet_seconds: how long nothing must have changed.
        now: seconds of the epoch.
        more_time: asked before content is read; what is left over waits for the next look.

    Returns:
        What to remember, and what has arrived.
    """
    entries: dict[str, Seen] = {}
    found = []
    for path in _entries(folder):
        files = _files(path)
        if not files:
            continue
        seen = _look(files, path, memory.entries.get(path.name), now)
        if seen.taken.partition("@")[2] != seen.look and now - seen.since >= quiet_seconds and more_time():
            content = _content(files, path)
            if content is not None:
                if content != seen.taken.partition("@")[0]:
                    found.append(Arrival(path=path, content=content, key=f"{content[:32]}-{_changed(files)}"))
                seen = seen.model_copy(update={"taken": f"{content}@{seen.look}"})
        entries[path.name] = seen
    return Memory(entries=entries), found


def source_for(path: Path, known: Iterable[Source]) -> str | None:
    """The name of the source that reads this entry already."""
    return next((source.name for source in known if source.uri == str(path)), None)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not UNFINISHED.search(path.name))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _files(entry: Path) -> list[tuple[Path, int, int]]:
    """Every file of an entry with size and change time; empty when something vanished or cannot be read."""
    paths = [entry] if entry.is_file() else [path for path in sorted(entry.rglob("*")) if path.is_file()]
    files = []
    for path in paths:
        if any(UNFINISHED.search(part) for part in path.relative_to(entry.parent).parts):
            continue
        try:
            about = path.stat()
        except OSError:
            return []
        files.append((path, about.st_size, about.st_ctime_ns))
    return files


def _look(files: list[tuple[Path, int, int]], entry: Path, before: Seen | None, now: float) -> Seen:
    listing = [(str(path.relative_to(entry.parent)), size, changed) for path, size, changed in files]
    look = hashlib.sha256(repr(listing).encode()).hexdigest()[:32]
    if before is not None and before.look == look:
        return before
    return Seen(look=look, since=now, taken=before.taken if before else "")


def _changed(files: list[tuple[Path, int, int]]) -> int:
    return max(changed for _, _, changed in files)


def _content(files: list[tuple[Path, int, int]], entry: Path) -> str | None:
    """Digest of names and content; None when a file cannot be read now."""
    digest = hashlib.sha256()
    try:
        for path, size, changed in files:
            digest.update(f"{path.relative_to(entry.parent)}\0{size}\0".encode())
            for chunk in _chunks(path, size, changed):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def _chunks(path: Path, size: int, changed: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        if size > WHOLE_BYTES:
            yield f"{changed}\0".encode() + file.read(_CHUNK)
            file.seek(-_CHUNK, 2)
        while chunk := file.read(_CHUNK):
            yield chunk
