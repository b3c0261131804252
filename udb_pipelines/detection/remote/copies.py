"""What was fetched: content under its hash, what each address had, and views of it as files.

    cache/content/<sha256>/<name>    the bytes, once
    cache/urls/<key>.jsonl           what is known of the objects below an address, the newest line last
    cache/views/<digest>/<key>       links to the content, called as the objects are; never changed once made
    cache/partial/<digest>           downloads that are not complete

A job reads from a view, so what another job fetches meanwhile does not touch it. Clean-up removes what no recorded
stage refers to (``warehouse.retention.leftovers``).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from udb_pipelines.config import Settings

CONTENT_NAME = "object"


@dataclass(frozen=True)
class Copies:
    """Local copies of everything a source names."""

    root: Path
    """The folder that all of them share."""
    files: tuple[tuple[Path, str], ...]
    """Each with the SHA-256 of its content; sorted."""


@dataclass(frozen=True)
class Version:
    """What a store says of an object, by which another version of it is told apart."""

    key: str
    bytes: int
    tag: str
    """Its ETag, or the time of its last change where the store has none."""


class Memory:
    """Which content each version of an object had. Written line by line, so that a job that dies loses nothing."""

    def __init__(self, settings: Settings, address: str, identity: str) -> None:
        """Of what ``address`` names in the store that ``identity`` tells from others of that address."""
        self._cache, self._address = settings.cache, address
        self._file = settings.cache / "urls" / f"{_digest(address, identity)}.jsonl"
        self._known: dict[Version, str] = {}
        self._lock = threading.Lock()
        self._lines = 0
        self._read()

    def _read(self) -> None:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        self._lines = len(lines)
        for line in lines:
            try:
                entry = json.loads(line)
                sha256 = str(entry.pop("sha256"))
                self._known[Version(**entry)] = sha256
            except (ValueError, TypeError, KeyError):
                continue  # a line that was cut off; its object is fetched again

    def content(self, version: Version) -> str | None:
        """SHA-256 of a version whose content is in the cache; None otherwise."""
        sha256 = self._known.get(version)
        return sha256 if sha256 and self.path(sha256).is_file() else None

    def path(self, sha256: str) -> Path:
        """Where content lies, or belongs."""
        return self._cache / "content" / sha256 / CONTENT_NAME

    def partial(self, version: Version) -> Path:
        """Where an unfinished download of exactly this version lies."""
        return self._cache / "partial" / _digest(self._address, version.key, str(version.bytes), version.tag)

    def remember(self, version: Version, sha256: str) -> None:
        """``version`` has this content. May be called from several threads."""
        with self._lock:
            self._known[version] = sha256
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as out:
                out.write(_line(version, sha256))
            self._lines += 1

    def forget_all_but(self, current: Iterable[Version]) -> None:
        """Leave out what is not there any more, once that is most of what is written."""
        kept = {version: self._known[version] for version in current if version in self._known}
        if self._lines <= 2 * len(kept):
            return
        partial = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}.part")
        partial.write_text("".join(_line(version, sha256) for version, sha256 in kept.items()), encoding="utf-8")
        partial.replace(self._file)


def view(settings: Settings, contents: Mapping[PurePosixPath, Path]) -> Path:
    """A folder in which each relative path is a link to its content. The same contents give the same folder."""
    views = settings.cache / "views"
    parts = [part for name, content in sorted(contents.items()) for part in (str(name), content.parent.name)]
    folder = views / _digest(*parts)
    if folder.is_dir():
        os.utime(folder)  # clean-up leaves alone what a job has just begun to use
        return folder
    making = views / f"{folder.name}.{secrets.token_hex(4)}.part"
    for name, content in contents.items():
        link = making / name
        link.parent.mkdir(parents=True, exist_ok=True)
        # Relative to where it will be, which is as deep as where it is made: the home can be moved.
        link.symlink_to(os.path.relpath(content, link.parent))
    try:
        making.rename(folder)
    except OSError:
        shutil.rmtree(making)
        if not folder.is_dir():
            raise
    return folder


def _line(version: Version, sha256: str) -> str:
    return json.dumps({**asdict(version), "sha256": sha256}) + "\n"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
