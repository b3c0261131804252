"""Requests to a web server: the credentials of a source, redirects, and asking again.

Headers that a source gives go to the host they were given for and to no other, wherever it redirects to.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import SystemRandom
from typing import Any
from urllib.parse import urlsplit

import httpx

from udb_pipelines.config import Settings
from udb_pipelines.detection.location import mask
from udb_pipelines.egress import FROM_PUBLIC, IS_PUBLIC, Guard, GuardedTransport
from udb_pipelines.errors import UdbError
from udb_pipelines.secrets.references import resolve
from udb_pipelines.waiting import seconds_asked

BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which it is worth asking again."""
_NOT_SATISFIABLE = 416
_MOST_REDIRECTS = 10
_TRIES = 5
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30
_random = SystemRandom()
_HEADER = re.compile(r"header\.([!#$%&'*+.^_`|~0-9A-Za-z-]+)")


def headers_of(config: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """The headers that a source gives, as ``header.NAME``, with their secrets.

    Raises:
        UdbError: ``E_OPTION`` for anything else; ``E_AUTH`` for a reference to nothing.
    """
    headers = {}
    for name, value in config.items():
        match = _HEADER.fullmatch(name)
        text = resolve(str(value), settings)
        if match is None or re.search(r"[\r\n\0]", text):
            raise UdbError(
                "E_OPTION",
                f"http(s):// has no setting {name}" if match is None else f"{name} holds a line end",
                remedy="--config takes header.NAME=VALUE, e.g. header.Authorization='Bearer ${TOKEN}'",
            )
        headers[match[1]] = text
    return headers


class Web:
    """A client for one source. ``uri`` is its address as it may be shown once it is masked."""

    def __init__(self, uri: str, headers: Mapping[str, str], settings: Settings) -> None:
        self._uri = uri
        self._headers = dict(headers)
        self._busy_seconds = settings.http_retry_seconds
        self._client = httpx.Client(
            transport=GuardedTransport(Guard(settings)),
            timeout=settings.http_timeout_seconds,
            headers={"User-Agent": "udb-pipelines"},
        )

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextmanager
    def get(self, address: str, headers: Mapping[str, str], deadline: float) -> Iterator[httpx.Response]:
        """The answer to a GET, redirects followed; asked again while the server is busy, as it asks for.

        Args:
            address: with its secrets.
            headers: of this request; they go along with redirects.
            deadline: by the monotonic clock; nothing is waited for beyond it.

        Raises:
            UdbError: ``E_CONNECT``, ``E_AUTH``, ``E_NOT_FOUND``, ``E_HTTP``, ``E_EGRESS``.
        """
        until = min(deadline, time.monotonic() + self._busy_seconds)
        tries = 0
        while True:
            with self.translated():
                response = self._followed(httpx.URL(address), headers)
            try:
                tries += 1
                pause = _pause(response, tries)
                if response.status_code in BUSY and tries < _TRIES and time.monotonic() + pause < until:
                    response.close()
                    time.sleep(pause)
                    continue
                self._check_status(response)
                yield response
                return
            finally:
                response.close()

    def _followed(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        first, from_public = url, False
        for _ in range(_MOST_REDIRECTS + 1):
            own = self._headers if _may_know(first, url) else {}
            request = self._client.build_request(
                "GET", url, headers={**own, **headers}, extensions={FROM_PUBLIC: from_public}
            )
            response = self._client.send(request, stream=True, follow_redirects=False)
            if response.next_request is None:
                return response
            response.close()
            from_public = from_public or bool(response.extensions.get(IS_PUBLIC))
            url = response.next_request.url
        raise UdbError("E_HTTP", f"{mask(self._uri)} sends from one address to the next without an end")

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status < 400 or (status == _NOT_SATISFIABLE and "Range" in response.request.headers):
            return
        code = {401: "E_AUTH", 403: "E_AUTH", 404: "E_NOT_FOUND", 410: "E_NOT_FOUND"}.get(status, "E_HTTP")
        raise UdbError(code, f"{mask(self._uri)} answered with status {status}")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in our words what went wrong on the way; the library's words may hold the URL with its secrets.

        Raises:
            UdbError: ``E_CONNECT``, ``E_NOT_FOUND``, ``E_HTTP``.
        """
        host = urlsplit(mask(self._uri)).hostname or "the host"
        try:
            yield
        except httpx.TimeoutException:
            raise UdbError("E_CONNECT", f"{host} did not answer in time") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise UdbError("E_NOT_FOUND", f"{mask(self._uri)} is not a valid address") from None
        except httpx.TransportError as error:
            raise UdbError("E_CONNECT", f"{host} {_unreached(error)}") from None
        except httpx.HTTPError as error:
            raise UdbError("E_HTTP", f"{host} answered with an error ({type(error).__name__})") from None


def _unreached(error: httpx.TransportError) -> str:
    """Why there is no answer, by the words of the library, of which none are passed on."""
    text = str(error).lower()
    if "refused" in text:
        return "refuses connections at this port"
    if "certificate" in text:
        return "shows a certificate that is not accepted"
    if "ssl" in text or "tls" in text:
        return "does not speak https at this port"
    return f"cannot be reached ({type(error).__name__})"


def _may_know(first: httpx.URL, url: httpx.URL) -> bool:
    """Whether credentials for ``first`` may go to ``url``: the same host and port, or the same host now encrypted."""
    if first.host != url.host:
        return False
    same = (first.scheme, _port(first)) == (url.scheme, _port(url))
    return same or ((first.scheme, _port(first)) == ("http", 80) and (url.scheme, _port(url)) == ("https", 443))


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _pause(response: httpx.Response, tries: int) -> float:
    """Seconds to wait: what the server asks for, else longer each time and never quite the same."""
    asked = seconds_asked(response.headers.get("Retry-After"))
    if asked is not None:
        return asked
    pause = min(_PAUSE_SECONDS * 2.0 ** (tries - 1), _LONGEST_PAUSE_SECONDS)
    return _random.uniform(pause / 2, pause)
