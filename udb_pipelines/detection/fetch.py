"""Downloads: what is not on this machine becomes local files, fetched again only when its server says it changed.

The cache is content-addressed: ``cache/content/<sha256>/<file name>`` holds the bytes, ``cache/urls/<key>.json``
remembers which content a URL had, with its ETag and Last-Modified. A download that breaks stays in ``cache/partial``
and goes on there, if the server says that the content still is the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from udb_pipelines.config import Settings
from udb_pipelines.detection.location import Location
from udb_pipelines.detection.remote.copies import Copies
from udb_pipelines.detection.shared_links import download_address
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress
from udb_pipelines.secrets.references import resolve_address

if TYPE_CHECKING:
    import httpx

    from udb_pipelines.detection.remote.http import Web
    from udb_pipelines.detection.remote.partial import Partial

_BREAKS = 4
"""Times a download goes on after its connection broke without a byte having come in between."""
_PAUSE_SECONDS = 0.2
_PARTIAL_CONTENT = 206
_NOT_MODIFIED = 304
_NOT_SATISFIABLE = 416
_STRONG_DATE_SECONDS = 60
"""A Last-Modified this much older than the answer is not that of a file still being written (RFC 9110, 8.8.2.2)."""


@dataclass(frozen=True)
class _Remembered:
    """What a URL answered last time."""

    sha256: str
    name: str
    etag: str | None
    last_modified: str | None


def fetch(location: Location, config: Mapping[str, Any], settings: Settings) -> Copies:
    """Local copies of what is not on this machine; what has not changed since the last time is not fetched again.

    Args:
        location: of a web server, an object store or an SFTP server.
        config: what the source says beside the address, secrets as references.
        settings: where the cache is, and limits.

    Raises:
        UdbError: see :func:`local_copy`, ``remote.objects.local_copies`` and ``remote.sftp.store.local_copies``.
    """
    if location.kind == "objects":
        from udb_pipelines.detection.remote.objects import local_copies

        return local_copies(location.target, config, settings)
    if location.kind == "sftp":
        from udb_pipelines.detection.remote.sftp import store

        return store.local_copies(location.target, config, settings)
    copy = local_copy(location.target, settings, config)
    return Copies(copy.parent, ((copy, copy.parent.name),))


def local_copy(uri: str, settings: Settings, config: Mapping[str, Any] | None = None) -> Path:
    """A local file with the content of ``uri`` (http or https; references to secrets allowed).

    A copy in the cache is used when the server confirms it by ETag or Last-Modified. Of several processes that ask
    for the same, one fetches and the others wait for it.

    Args:
        uri: as the source has it.
        settings: where the cache is, and limits.
        config: ``header.NAME``: headers for that host, secrets as references.

    Raises:
        UdbError: ``E_CONNECT`` when the host cannot be reached or takes too long, ``E_AUTH`` for 401 and 403,
            ``E_NOT_FOUND`` for 404 and 410, ``E_HTTP`` for any other error, ``E_TOO_LARGE`` past ``max_expanded_gb``,
            ``E_EGRESS`` for a host that may not be reached, ``E_OPTION`` for a setting that is none.
    """
    from udb_pipelines.detection.remote.http import Web, headers_of
    from udb_pipelines.detection.remote.partial import opened

    told = dict(config or {})
    own = json.dumps(told, sort_keys=True) if told else ""
    key = hashlib.sha256((uri + own).encode()).hexdigest()
    address = download_address(resolve_address(uri, settings))
    with (
        opened(settings.cache / "partial" / key) as part,
        Web(uri, headers_of(told, settings), settings) as web,
    ):
        record = settings.cache / "urls" / f"{key[:32]}.json"
        known = _recall(record, settings.cache)
        download = _Download(web, address, part, settings.cache / "partial" / f"{key}.json", settings)
        current = download.run(known)
        if current != known:
            _write(record, asdict(current))
    return _content(settings.cache, current)


@dataclass
class _Download:
    """One URL on its way into the cache."""

    web: Web
    address: str
    part: Partial
    note: Path
    """Beside the unfinished file: by what the server recognises the content that it is a part of."""
    settings: Settings
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.settings.download_timeout_seconds

    def run(self, known: _Remembered | None) -> _Remembered:
        """What the URL holds now; ``known`` itself when the server confirms that."""
        try:
            current = self._until_complete(known)
        except UdbError:
            if not self._validator() or not self.part.bytes:
                self._drop()
            raise
        self._drop()
        return current

    def _until_complete(self, known: _Remembered | None) -> _Remembered:
        breaks = 0
        while True:
            before = self.part.bytes
            try:
                with self.web.get(self.address, self._headers(known), self.deadline) as response:
                    if response.status_code == _NOT_MODIFIED and known:
                        return known
                    if response.status_code == _NOT_SATISFIABLE and self.part.bytes:
                        self._start_over("")
                        continue
                    self._begin(response)
                    with self.web.translated():
                        self._receive(response)
                    return self._kept(response)
            except UdbError as error:
                breaks = 0 if self.part.bytes > before else breaks + 1
                can_go_on = self._validator() and breaks < _BREAKS and time.monotonic() < self.deadline
                if error.code != "E_CONNECT" or not self.part.bytes or not can_go_on:
                    raise
            time.sleep(_PAUSE_SECONDS * 2**breaks)

    def _headers(self, known: _Remembered | None) -> dict[str, str]:
        headers = {}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        if known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        validator = self._validator()
        if self.part.bytes and validator:
            headers |= {"Range": f"bytes={self.part.bytes}-", "If-Range": validator, "Accept-Encoding": "identity"}
        return headers

    def _begin(self, response: httpx.Response) -> None:
        """Go on behind what has come if this is what follows; from the start otherwise."""
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if response.status_code == _PARTIAL_CONTENT and span and int(span[1]) == self.part.bytes:
            return
        if response.status_code == _PARTIAL_CONTENT:
            self._start_over("")
            raise UdbError("E_HTTP", "the server sent another part of the file than it was asked for")
        self._start_over(_recognised_by(response))

    def _receive(self, response: httpx.Response) -> None:
        limit = int(self.settings.max_expanded_gb * 1e9)
        packed = "Content-Encoding" in response.headers
        announced = 0 if packed else self.part.bytes + int(response.headers.get("Content-Length") or 0)
        too_large = UdbError("E_TOO_LARGE", "the file at that address is larger than the limit")
        if announced > limit:
            self._start_over("")
            raise too_large
        # As they arrive: a server that sends a byte now and then must not fill a chunk first.
        for chunk in response.iter_bytes():
            if time.monotonic() > self.deadline:
                raise UdbError(
                    "E_CONNECT",
                    f"the download did not end within {self.settings.download_timeout_seconds:g} seconds; "
                    f"{self.part.bytes} bytes had come",
                    remedy="raise UDB_DOWNLOAD_TIMEOUT_SECONDS if the server is only slow",
                )
            if self.part.bytes + len(chunk) > limit:
                self._start_over("")
                raise too_large
            self.part.append(chunk)
            progress.report("download", self.part.bytes, announced or None, "bytes")

    def _kept(self, response: httpx.Response) -> _Remembered:
        current = _Remembered(
            self.part.sha256,
            _file_name(response),
            response.headers.get("ETag"),
            response.headers.get("Last-Modified"),
        )
        self.part.keep(_content(self.settings.cache, current))
        return current

    def _validator(self) -> str:
        try:
            return str(json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return ""

    def _start_over(self, validator: str) -> None:
        # In this order: bytes must never stand beside what other content is recognised by.
        self.part.restart()
        _write(self.note, validator)

    def _drop(self) -> None:
        self.part.drop()
        self.note.unlink(missing_ok=True)


def _recognised_by(response: httpx.Response) -> str:
    """What a later request for the rest of this content can be tied to; empty when nothing is strong enough."""
    if "Content-Encoding" in response.headers:
        return ""
    etag = str(response.headers.get("ETag", ""))
    if etag.startswith('"'):
        return etag
    changed = str(response.headers.get("Last-Modified", ""))
    try:
        age = parsedate_to_datetime(response.headers.get("Date", "")) - parsedate_to_datetime(changed)
    except (ValueError, TypeError):
        return ""
    return changed if not etag and age.total_seconds() > _STRONG_DATE_SECONDS else ""


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{secrets.token_hex(4)}.part")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(file)


def _content(cache: Path, known: _Remembered) -> Path:
    return cache / "content" / known.sha256 / known.name


def _recall(record: Path, cache: Path) -> _Remembered | None:
    try:
        known = _Remembered(**json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return known if _content(cache, known).is_file() else None


def _file_name(response: httpx.Response) -> str:
    """A safe file name: from Content-Disposition, else the last part of the final URL's path."""
    disposition = response.headers.get("Content-Disposition", "")
    match = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", disposition, re.IGNORECASE)
    raw = unquote(match.group(1)) if match else unquote(response.url.path)
    name = re.sub(r"[^\w. -]+", "_", raw.replace("\\", "/").rstrip("/").rpartition("/")[2]).strip(". ")
    return name[-120:] or "download"
