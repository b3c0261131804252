"""What a store holds, as local files: one listing tells what changed, and only that is fetched.

The same for every kind of store; a :class:`Store` lists its objects and sends one from any byte on.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.addresses import local_names
from udb_pipelines.detection.remote.copies import Copies, Memory, Version, view
from udb_pipelines.detection.remote.partial import Partial, opened
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress

ATTEMPTS = 2
"""Listings: an object that is replaced while it is fetched is looked at anew, once."""
AT_ONCE = 4
"""Objects fetched at the same time."""
_BREAKS = 5
"""Times a download goes on after its connection broke without a byte having come in between."""
_PAUSE_SECONDS = 0.5


class Store(Protocol):
    """Where objects are. Used by several threads at once."""

    def versions(self) -> tuple[Version, ...]:
        """What is there of what the source names, by key.

        Raises:
            UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_NOT_FOUND``, ``E_NO_DATA_FILES``.
        """

    def receive(self, version: Version, offset: int, take: Callable[[bytes], None]) -> None:
        """Hand the content of exactly this version to ``take``, from ``offset`` to its end.

        Raises:
            UdbError: ``E_CONNECT`` when the connection breaks, ``E_VANISHED`` when the object is another one by now.
        """

    def is_settled(self, version: Version) -> bool:
        """Whether what the store says of the object is enough to recognise it later."""

    def shown(self, key: str) -> str:
        """The address of an object, for messages."""


class _StoppedError(Exception):
    """Another object cannot be fetched, so this one need not be."""


def copies_of(store: Store, memory: Memory, settings: Settings) -> Copies:
    """Everything that a source names, as local files in folders like those of the store.

    Objects whose version is known are not fetched again.

    Raises:
        UdbError: what the store raises, ``E_TOO_LARGE`` past ``max_expanded_gb`` in all, ``E_VANISHED`` when objects
            keep changing.
    """
    for attempt in range(1, ATTEMPTS + 1):
        versions = store.versions()
        _check_size(versions, settings)
        try:
            contents = _Fetching(store, memory, settings).all(versions)
            break
        except UdbError as error:
            if error.code not in ("E_VANISHED", "E_NOT_FOUND") or attempt == ATTEMPTS:
                raise
    memory.forget_all_but(versions)
    return _laid_out(contents, settings, memory)


def _check_size(versions: Sequence[Version], settings: Settings) -> None:
    total, limit = sum(version.bytes for version in versions), int(settings.max_expanded_gb * 1e9)
    if total > limit:
        raise UdbError(
            "E_TOO_LARGE",
            f"{len(versions)} object{'s' * (len(versions) != 1)} with {total / 1e9:.3g} GB are more than the limit",
            remedy="name a folder or pattern that holds less, or raise UDB_MAX_EXPANDED_GB",
        )


class _Fetching:
    """One pass over the objects of a listing, several at a time."""

    def __init__(self, store: Store, memory: Memory, settings: Settings) -> None:
        self._store, self._memory, self._settings = store, memory, settings
        self._stopped = threading.Event()
        self._deadline = time.monotonic() + settings.download_timeout_seconds

    def all(self, versions: Sequence[Version]) -> dict[str, str]:
        """SHA-256 of each key's content; what was not in the cache is now."""
        known = {version: self._memory.content(version) for version in versions}
        missing = [version for version, sha256 in known.items() if sha256 is None]
        contents = {version.key: sha256 for version, sha256 in known.items() if sha256}
        if missing:
            counter = progress.Counter("download", sum(version.bytes for version in missing), "bytes")
            with ThreadPoolExecutor(min(AT_ONCE, len(missing))) as pool:
                running = [pool.submit(self._one, version, counter) for version in missing]
                try:
                    contents |= {version.key: done.result() for version, done in zip(missing, running, strict=True)}
                except BaseException:
                    self._stopped.set()
                    pool.shutdown(cancel_futures=True)
                    raise
        return contents

    def _one(self, version: Version, counter: progress.Counter) -> str:
        settled = self._store.is_settled(version)
        with opened(self._memory.partial(version)) as part:
            if not settled:
                part.restart()  # what has come may be of other content that the store tells the same of
            counter.add(part.bytes)
            pauses = 0
            while part.bytes < version.bytes:
                before = part.bytes
                try:
                    self._receive(version, part, counter)
                except UdbError as error:
                    pauses = 0 if part.bytes > before else pauses + 1
                    if error.code != "E_CONNECT" or pauses >= _BREAKS or self._is_late():
                        raise
                    self._stopped.wait(_PAUSE_SECONDS * 2**pauses)
            if part.bytes != version.bytes:
                part.drop()
                raise UdbError("E_VANISHED", f"{self._store.shown(version.key)} is not as long as its store says")
            sha256 = part.sha256
            part.keep(self._memory.path(sha256))
        if settled:
            self._memory.remember(version, sha256)
        return sha256

    def _receive(self, version: Version, part: Partial, counter: progress.Counter) -> None:
        """From where the download stands to the end, or to where the connection breaks."""

        def take(chunk: bytes) -> None:
            self._check(version)
            part.append(chunk)
            counter.add(len(chunk))

        self._check(version)
        self._store.receive(version, part.bytes, take)

    def _check(self, version: Version) -> None:
        if self._stopped.is_set():
            raise _StoppedError
        if self._is_late():
            raise UdbError(
                "E_CONNECT",
                f"{self._store.shown(version.key)} did not come within "
                f"{self._settings.download_timeout_seconds:g} seconds",
                kept="what has come; the next job goes on there",
                remedy="raise UDB_DOWNLOAD_TIMEOUT_SECONDS if the store is only slow",
            )

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline


def _laid_out(contents: Mapping[str, str], settings: Settings, memory: Memory) -> Copies:
    names = local_names(contents)
    folder = view(settings, {names[key]: memory.path(sha256) for key, sha256 in contents.items()})
    files = sorted((folder / names[key], sha256) for key, sha256 in contents.items())
    root = Path(os.path.commonpath([str(path.parent) for path, _ in files]))
    return Copies(root, tuple(files))
