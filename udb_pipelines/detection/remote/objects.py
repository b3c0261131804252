"""The objects of an object store: listing them, and receiving one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.addresses import Address, parse
from udb_pipelines.detection.remote.copies import Copies, Memory, Version
from udb_pipelines.detection.remote.fetching import copies_of
from udb_pipelines.detection.remote.stores import asked, identity, open_store
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

_KEYS_PER_PAGE = 1_000
_CHUNK = 1 << 20
_CHANGED = "changed "
"""Begins what stands for an ETag where a store has none."""


def local_copies(uri: str, config: Mapping[str, Any], settings: Settings) -> Copies:
    """Everything that ``uri`` names, as local files in folders like those of the store.

    Objects whose ETag and size are known are not fetched again.

    Raises:
        UdbError: as :func:`~udb_pipelines.detection.remote.fetching.copies_of`; ``E_OPTION`` for a setting the store
            does not have.
    """
    address = parse(uri)
    objects = _Objects(open_store(address, config, settings), address)
    return copies_of(objects, Memory(settings, address.shown, identity(config)), settings)


class _Objects:
    """What an address names in an open store."""

    def __init__(self, store: ObjectStore, address: Address) -> None:
        self._store, self._address = store, address

    def versions(self) -> tuple[Version, ...]:
        """What is there of what the address names, by key."""
        import obstore

        address = self._address
        if not address.is_pattern and not address.is_folder:
            try:
                return (_version(asked(address, address.path, lambda: obstore.head(self._store, address.path))),)
            except UdbError as error:
                if error.code != "E_NOT_FOUND":
                    raise

        def all_pages() -> Sequence[ObjectMeta]:
            pages = obstore.list(self._store, address.folder or None, chunk_size=_KEYS_PER_PAGE)
            return [entry for page in pages for entry in page]

        listed = asked(address, address.folder, all_pages)
        if not listed and not address.is_pattern and address.path:
            raise UdbError(
                "E_NOT_FOUND",
                f"there is no object or folder {address.shown}",
                remedy="correct the key, upper and lower case included; a pattern such as *.csv names several",
            )
        folders = {entry["path"].rpartition("/")[0] for entry in listed}
        found = [
            _version(entry)
            for entry in listed
            if address.names(entry["path"]) and (entry["size"] or not _is_marker(entry["path"], address, folders))
        ]
        if not found:
            raise UdbError("E_NO_DATA_FILES", f"{address.shown} holds no object that could be data")
        return tuple(sorted(found, key=lambda version: version.key))

    def receive(self, version: Version, offset: int, take: Callable[[bytes], None]) -> None:
        """Hand the content to ``take``; the store checks that it is still this version."""
        import obstore

        def received() -> None:
            options: GetOptions = {"range": {"offset": offset}} if offset else {}
            if not version.tag.startswith(_CHANGED):
                options["if_match"] = version.tag
            result = obstore.get(self._store, version.key, options=options)
            if _version(result.meta) != version:
                raise UdbError("E_VANISHED", f"{self.shown(version.key)} was replaced while it was fetched")
            for chunk in result.stream(min_chunk_size=_CHUNK):
                take(chunk)

        asked(self._address, version.key, received)

    def is_settled(self, _version: Version) -> bool:
        """Always: a store gives every content another ETag, or a time exact enough."""
        return True

    def shown(self, key: str) -> str:
        """As people write it."""
        return f"{self._address.scheme}://{self._address.bucket}/{key}"


def _is_marker(key: str, address: Address, folders: Iterable[str]) -> bool:
    """Whether an empty object only stands for a folder, as consoles make them."""
    return key == address.folder or key in folders


def _version(entry: ObjectMeta) -> Version:
    tag = entry["e_tag"]
    if tag and not tag.endswith('"'):
        tag = f'"{tag}"'  # Azure's listings leave out the quotes that its answers to GET and If-Match have
    return Version(entry["path"], entry["size"], tag or f"{_CHANGED}{entry['last_modified'].isoformat()}")
