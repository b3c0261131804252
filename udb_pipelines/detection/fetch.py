"""Downloads: an http(s) URL becomes a local file, fetched again only when the server says it changed.

The cache is content-addressed: ``cache/content/<sha256>/<file name>`` holds the bytes, ``cache/urls/<key>.json``
remembers which content a URL had, with its ETag and Last-Modified.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from udb_pipelines.config import Settings
from udb_pipelines.detection.location import Location, mask
from udb_pipelines.detection.remote.copies import Copies
from udb_pipelines.detection.shared_links import download_address
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress
from udb_pipelines.secrets.references import resolve_address

if TYPE_CHECKING:
    import httpx


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
        location: of a web server or an object store.
        config: what the source says beside the address, secrets as references.
        settings: where the cache is, and limits.

    Raises:
        UdbError: see :func:`local_copy` and ``remote.objects.local_copies``.
    """
    if location.kind == "objects":
        from udb_pipelines.detection.remote.objects import local_copies

        return local_copies(location.target, config, settings)
    copy = local_copy(location.target, settings)
    return Copies(copy.parent, ((copy, copy.parent.name),))


def local_copy(uri: str, settings: Settings) -> Path:
    """A local file with the content of ``uri`` (http or https; references to secrets allowed).

    A copy in the cache is used when the server confirms it by ETag or Last-Modified.

    Raises:
        UdbError: ``E_CONNECT`` when the host cannot be reached or takes too long, ``E_AUTH`` for 401 and 403,
            ``E_NOT_FOUND`` for 404 and 410, ``E_HTTP`` for any other error, ``E_TOO_LARGE`` past ``max_expanded_gb``.
    """
    cache = settings.cache
    record = cache / "urls" / f"{hashlib.sha256(uri.encode()).hexdigest()[:32]}.json"
    known = _recall(record, cache)
    current = _fetch(uri, known, cache, settings)
    if current != known:
        record.parent.mkdir(parents=True, exist_ok=True)
        partial = record.with_suffix(f".{secrets.token_hex(4)}.part")
        partial.write_text(json.dumps(asdict(current)), encoding="utf-8")
        partial.replace(record)
    return _content(cache, current)


def _fetch(uri: str, known: _Remembered | None, cache: Path, settings: Settings) -> _Remembered:
    """Ask the server once; ``known`` itself when it confirms that. Trying again is the job's business."""
    import httpx

    address = download_address(resolve_address(uri, settings))
    client = httpx.Client(timeout=settings.http_timeout_seconds, follow_redirects=True, headers=_conditions(known))
    with _translated(uri), client, client.stream("GET", address) as response:
        if response.status_code == 304 and known:
            return known
        _check_status(response, uri)
        return _download(response, cache, int(settings.max_expanded_gb * 1e9), settings.download_timeout_seconds)


def _content(cache: Path, known: _Remembered) -> Path:
    return cache / "content" / known.sha256 / known.name


def _recall(record: Path, cache: Path) -> _Remembered | None:
    try:
        known = _Remembered(**json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return known if _content(cache, known).is_file() else None


def _conditions(known: _Remembered | None) -> dict[str, str]:
    headers = {"User-Agent": "udb-pipelines"}
    if known and known.etag:
        headers["If-None-Match"] = known.etag
    if known and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Say in our words what went wrong on the way; the library's words may hold the URL with its secrets."""
    import httpx

    host = urlsplit(mask(uri)).hostname or "the host"
    try:
        yield
    except httpx.TimeoutException:
        raise UdbError("E_CONNECT", f"{host} did not answer in time") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise UdbError("E_NOT_FOUND", f"{mask(uri)} is not a valid address") from None
    except httpx.TransportError as error:
        raise UdbError("E_CONNECT", f"{host} cannot be reached ({type(error).__name__})") from None
    except httpx.HTTPError as error:
        raise UdbError("E_HTTP", f"{host} answered with an error ({type(error).__name__})") from None


def _check_status(response: httpx.Response, uri: str) -> None:
    status = response.status_code
    if status < 400:
        return
    code = {401: "E_AUTH", 403: "E_AUTH", 404: "E_NOT_FOUND", 410: "E_NOT_FOUND"}.get(status, "E_HTTP")
    raise UdbError(code, f"{mask(uri)} answered with status {status}")


def _download(response: httpx.Response, cache: Path, limit: int, seconds: float) -> _Remembered:
    packed = "Content-Encoding" in response.headers
    announced = 0 if packed else int(response.headers.get("Content-Length") or 0)
    if announced > limit:
        raise UdbError("E_TOO_LARGE", "the file at that address is larger than the limit")
    (cache / "content").mkdir(parents=True, exist_ok=True)
    partial = cache / "content" / f"{secrets.token_hex(8)}.part"
    digest = hashlib.sha256()
    size = 0
    deadline = time.monotonic() + seconds
    try:
        with partial.open("wb") as out:
            # As they arrive: a server that sends a byte now and then must not fill a chunk first.
            for chunk in response.iter_bytes():
                size += len(chunk)
                if time.monotonic() > deadline:
                    raise UdbError(
                        "E_CONNECT",
                        f"the download did not end within {seconds:g} seconds; {size} bytes had come",
                        remedy="raise UDB_DOWNLOAD_TIMEOUT_SECONDS if the server is only slow",
                    )
                if size > limit:
                    raise UdbError("E_TOO_LARGE", "the file at that address is larger than the limit")
                digest.update(chunk)
                out.write(chunk)
                progress.report("download", size, announced or None, "bytes")
        known = _Remembered(
            digest.hexdigest(),
            _file_name(response),
            response.headers.get("ETag"),
            response.headers.get("Last-Modified"),
        )
        target = _content(cache, known)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return known


def _file_name(response: httpx.Response) -> str:
    """A safe file name: from Content-Disposition, else the last part of the final URL's path."""
    disposition = response.headers.get("Content-Disposition", "")
    match = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", disposition, re.IGNORECASE)
    raw = unquote(match.group(1)) if match else unquote(response.url.path)
    name = re.sub(r"[^\w. -]+", "_", raw.replace("\\", "/").rstrip("/").rpartition("/")[2]).strip(". ")
    return name[-120:] or "download"
