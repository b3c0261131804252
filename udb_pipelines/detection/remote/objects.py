"""Objects of a store as local files: one listing tells what changed, and only that is fetched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.addresses import Address, local_names, parse
from udb_pipelines.detection.remote.copies import Copies, Memory, Version, view
from udb_pipelines.detection.remote.partial import Partial, opened
from udb_pipelines.detection.remote.stores import asked, identity, open_store
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

ATTEMPTS = 2
"""Listings: an object that is replaced while it is fetched is looked at anew, once."""
_AT_ONCE = 4
_KEYS_PER_PAGE = 1_000
_CHUNK = 1 << 20
_BREAKS = 5
"""Times a download goes on after its connection broke without a byte having come in between."""
_PAUSE_SECONDS = 0.5
_CHANGED = "changed "
"""Begins what stands for an ETag where a store has none."""


class _StoppedError(Exception):
    """Another object cannot be fetched, so this one need not be."""


def local_copies(uri: str, config: Mapping[str, Any], settings: Settings) -> Copies:
    """Everything that ``uri`` names, as local files in folders like those of the store.

    Objects whose ETag and size are known are not fetched again.

    Raises:
        UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_NOT_FOUND``, ``E_NO_DATA_FILES`` when the folder or pattern holds
            nothing, ``E_TOO_LARGE`` past ``max_expanded_gb`` in all, ``E_VANISHED`` when objects keep changing,
            ``E_OPTION`` for a setting the store does not have.
    """
    address = parse(uri)
    store = open_store(address, config, settings)
    memory = Memory(settings, f"{address.shown}\x00{identity(config)}")
    for attempt in range(1, ATTEMPTS + 1):
        versions = _versions(store, address)
        _check_size(versions, settings)
        try:
            contents = _Fetching(store, address, memory, settings).all(versions)
            break
        except UdbError as error:
            if error.code not in ("E_VANISHED", "E_NOT_FOUND") or attempt == ATTEMPTS:
                raise
    memory.forget_all_but(versions)
    return _laid_out(contents, settings, memory)


def _versions(store: ObjectStore, address: Address) -> tuple[Version, ...]:
    """What is there of what the address names, by key."""
    import obstore

    if not address.is_pattern and not address.is_folder:
        try:
            return (_version(asked(address, address.path, lambda: obstore.head(store, address.path))),)
        except UdbError as error:
            if error.code != "E_NOT_FOUND":
                raise

    def all_pages() -> Sequence[ObjectMeta]:
        pages = obstore.list(store, address.folder or None, chunk_size=_KEYS_PER_PAGE)
        return [entry for page in pages for entry in page]

    listed = asked(address, address.folder, all_pages)
    if not listed and not address.is_pattern and address.path:
        raise UdbError("E_NOT_FOUND", f"there is no object or folder {address.shown}")
    folders = {os.path.dirname(entry["path"]) for entry in listed}  # noqa: PTH120 - of a key, not of a file
    found = [
        _version(entry)
        for entry in listed
        if address.names(entry["path"]) and (entry["size"] or not _is_marker(entry["path"], address, folders))
    ]
    if not found:
        raise UdbError("E_NO_DATA_FILES", f"{address.shown} holds no object that could be data")
    return tuple(sorted(found, key=lambda version: version.key))


def _is_marker(key: str, address: Address, folders: Iterable[str]) -> bool:
    """Whether an empty object only stands for a folder, as consoles make them."""
    return key == address.folder or key in folders


def _version(entry: ObjectMeta) -> Version:
    return Version(entry["path"], entry["size"], entry["e_tag"] or f"{_CHANGED}{entry['last_modified'].isoformat()}")


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

    def __init__(self, store: ObjectStore, address: Address, memory: Memory, settings: Settings) -> None:
        self._store, self._address, self._memory, self._settings = store, address, memory, settings
        self._stopped = threading.Event()
        self._deadline = time.monotonic() + settings.download_timeout_seconds

    def all(self, versions: Sequence[Version]) -> dict[str, str]:
        """SHA-256 of each key's content; what was not in the cache is now."""
        known = {version: self._memory.content(version) for version in versions}
        missing = [version for version, sha256 in known.items() if sha256 is None]
        contents = {version.key: sha256 for version, sha256 in known.items() if sha256}
        if missing:
            counter = progress.Counter("download", sum(version.bytes for version in missing), "bytes")
            with ThreadPoolExecutor(min(_AT_ONCE, len(missing))) as pool:
                running = [pool.submit(self._one, version, counter) for version in missing]
                try:
                    contents |= {version.key: done.result() for version, done in zip(missing, running, strict=True)}
                except BaseException:
                    self._stopped.set()
                    pool.shutdown(cancel_futures=True)
                    raise
        return contents

    def _one(self, version: Version, counter: progress.Counter) -> str:
        with opened(self._memory.partial(self._address.shown, version)) as part:
            counter.add(part.bytes)
            pauses = 0
            while part.bytes < version.bytes:
                before = part.bytes
                try:
                    asked(self._address, version.key, lambda: self._receive(version, part, counter))
                except UdbError as error:
                    pauses = 0 if part.bytes > before else pauses + 1
                    if error.code != "E_CONNECT" or pauses >= _BREAKS or self._is_late():
                        raise
                    self._stopped.wait(_PAUSE_SECONDS * 2**pauses)
            if part.bytes != version.bytes:
                part.drop()
                raise UdbError("E_VANISHED", f"{self._shown(version)} is not as long as its store says")
            sha256 = part.sha256
            part.keep(self._memory.path(sha256))
        self._memory.remember(version, sha256)
        return sha256

    def _receive(self, version: Version, part: Partial, counter: progress.Counter) -> None:
        """From where the download stands to the end, or to where the connection breaks."""
        import obstore

        self._check(version)
        options: GetOptions = {"range": {"offset": part.bytes}} if part.bytes else {}
        if not version.tag.startswith(_CHANGED):
            options["if_match"] = version.tag
        result = obstore.get(self._store, version.key, options=options)
        if _version(result.meta) != version:
            raise UdbError("E_VANISHED", f"{self._shown(version)} was replaced while it was fetched")
        for chunk in result.stream(min_chunk_size=_CHUNK):
            self._check(version)
            part.append(chunk)
            counter.add(len(chunk))

    def _check(self, version: Version) -> None:
        if self._stopped.is_set():
            raise _StoppedError
        if self._is_late():
            raise UdbError(
                "E_CONNECT",
                f"{self._shown(version)} did not come within {self._settings.download_timeout_seconds:g} seconds",
                kept="what has come; the next job goes on there",
                remedy="raise UDB_DOWNLOAD_TIMEOUT_SECONDS if the store is only slow",
            )

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _shown(self, version: Version) -> str:
        return f"{self._address.scheme}://{self._address.bucket}/{version.key}"


def _laid_out(contents: Mapping[str, str], settings: Settings, memory: Memory) -> Copies:
    names = local_names(contents)
    folder = view(settings, {names[key]: memory.path(sha256) for key, sha256 in contents.items()})
    files = sorted((folder / names[key], sha256) for key, sha256 in contents.items())
    root = Path(os.path.commonpath([str(path.parent) for path, _ in files]))
    return Copies(root, tuple(files))
