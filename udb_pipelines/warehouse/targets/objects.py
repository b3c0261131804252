"""A target in an object store: S3 and what speaks its protocol, Google Cloud Storage, Azure.

``obstore`` (the Rust ``object_store`` crate) signs, retries and uploads in parts; an object appears when its last
part is confirmed. An upload that is cut off leaves parts that nobody sees and the store bills for: give the bucket
a lifecycle rule that ends incomplete uploads.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import obstore

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.files import sync_file
from udb_pipelines.warehouse.targets.base import Moved, Stored, unheard
from udb_pipelines.warehouse.targets.faults import T, asked

if TYPE_CHECKING:
    from obstore import Bytes
    from obstore.store import ObjectStore

PART_BYTES = 8 << 20
"""Least size of the parts of an upload and of a download."""
_MOST_PARTS = 9_000
"""S3 allows 10,000."""
_PARTS_AT_ONCE = 4
_KEYS_AT_ONCE = 1_000


class ObjectTarget:
    """Objects of ``store``, which knows bucket and prefix; keys are what comes after the prefix."""

    def __init__(self, store: ObjectStore, address: str) -> None:
        self._store = store
        self._address = address

    @property
    def address(self) -> str:
        """``s3://bucket/prefix``."""
        return self._address

    def put(self, source: Path, key: str, moved: Moved = unheard) -> None:
        """Upload; a large file in parts, several at once."""
        size = source.stat().st_size
        if size <= PART_BYTES:
            self.write(key, source.read_bytes())
            moved(size)
            return
        part = max(PART_BYTES, size // _MOST_PARTS)
        self._must(
            key,
            lambda: obstore.put(
                self._store, key, _parts(source, part, moved), use_multipart=True, chunk_size=part,
                max_concurrency=_PARTS_AT_ONCE,
            ),
        )  # fmt: skip

    def get(self, key: str, file: Path, moved: Moved = unheard, *, link: bool = False) -> str | None:
        """Download range by range, so that a connection that breaks costs one range and not the file."""
        size = self.size(key)
        if size is None:
            raise UdbError("E_SNAPSHOT", f"{key} is missing in {self._address}")
        part = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
        digest = hashlib.sha256()
        try:
            with part.open("wb") as target:
                for content in self._ranges(key, size):
                    digest.update(content)
                    target.write(content)
                    moved(len(content))
            sync_file(part)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest()

    def read(self, key: str) -> bytes | None:
        """The object's content."""
        try:
            return self._ask(key, lambda: bytes(obstore.get(self._store, key).bytes()))
        except FileNotFoundError:
            return None

    def write(self, key: str, content: bytes) -> None:
        """One request."""
        self._must(key, lambda: obstore.put(self._store, key, content, use_multipart=False))

    def list(self, prefix: str = "") -> Iterable[Stored]:
        """The store's listing; S3 sorts it, others need not."""

        def all_pages() -> Sequence[Stored]:
            pages = obstore.list(self._store, prefix or None, chunk_size=_KEYS_AT_ONCE)
            return [Stored(entry["path"], entry["size"], entry["last_modified"]) for page in pages for entry in page]

        return sorted(self._must(prefix, all_pages), key=lambda entry: entry.key)

    def size(self, key: str) -> int | None:
        """From a HEAD request."""
        try:
            return self._ask(key, lambda: int(obstore.head(self._store, key)["size"]))
        except FileNotFoundError:
            return None

    def sha256(self, key: str, moved: Moved = unheard) -> str | None:
        """Of the object, read range by range."""
        size = self.size(key)
        if size is None:
            return None
        digest = hashlib.sha256()
        for content in self._ranges(key, size):
            digest.update(content)
            moved(len(content))
        return digest.hexdigest()

    def delete(self, keys: Iterable[str]) -> None:
        """Many per request, where the store knows such requests."""
        chosen = tuple(keys)
        for start in range(0, len(chosen), _KEYS_AT_ONCE):
            batch = chosen[start : start + _KEYS_AT_ONCE]
            request = partial(obstore.delete, self._store, batch)
            if self._address.startswith("s3://"):
                self._must(batch[0], request)  # S3 knows no key that is missing
                continue
            try:
                self._ask(batch[0], request)
            except FileNotFoundError:
                # Azure and Google refuse to delete what is not there, and the rest of the batch with it.
                for key in batch:
                    with suppress(FileNotFoundError):
                        self._ask(key, partial(obstore.delete, self._store, key))

    def _ranges(self, key: str, size: int) -> Iterator[Bytes]:
        for start in range(0, size, PART_BYTES):
            length = min(PART_BYTES, size - start)
            yield self._ask(key, partial(obstore.get_range, self._store, key, start=start, length=length))

    def _must(self, key: str, request: Callable[[], T]) -> T:
        """A request that can only miss the bucket itself."""
        try:
            return self._ask(key, request)
        except FileNotFoundError:
            raise UdbError(
                "E_TARGET", f"{self._address} is not there", remedy="create the bucket, or correct its name"
            ) from None

    def _ask(self, key: str, request: Callable[[], T]) -> T:
        return asked(self._address, key, request)

    def sweep(self) -> None:
        """Nothing that could be seen: the store ends incomplete uploads by its lifecycle rule."""


def _parts(source: Path, size: int, moved: Moved) -> Iterator[bytes]:
    with source.open("rb") as content:
        while part := content.read(size):
            yield part
            moved(len(part))
