"""Requests to an Airbyte server: signed in, tried again where that is harmless, refused in our words.

A call that may be made twice is tried again after a pause that grows and is random, so that many clients do not
return together. A call that makes something is sent again only when the server surely did not act on it; when its
answer is lost, :class:`LostAnswerError` says so, and the caller looks whether it was made.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub
from udb_pipelines.waiting import seconds_asked

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.4, 20.0
"""Seconds; a pause is random up to a bound that grows 2.5-fold from one to the other."""
LONGEST_WISH = 120.0
"""Seconds that a server may ask us to wait (``Retry-After``)."""
TOKEN_SECONDS = 180
"""How long a token is good when the server does not say; Airbyte's own value."""
EARLY = 0.2
"""Share of a token's life that is left when it is replaced."""
PAGE = 100
_SAID = 300

_random = SystemRandom()


class LostAnswerError(Exception):
    """A call that makes something was sent, and nothing says whether the server acted on it."""


class RefusedError(UdbError):
    """The server said no. ``status`` is that of HTTP."""

    def __init__(self, code: str, message: str, status: int, remedy: str | None = None) -> None:
        super().__init__(code, message, remedy=remedy)
        self.status = status


@dataclass(frozen=True)
class _Request:
    """A call. ``again``: it may be made twice."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    url: str
    params: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    again: bool = True
    timeout: float | None = None


class _PassingError(Exception):
    """A failure that may be over soon. ``acted``: the server may have done what it was asked."""

    def __init__(self, failure: UdbError, *, acted: bool, wish: float = 0.0) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.acted = acted
        self.wish = wish


@dataclass(frozen=True)
class Endpoint:
    """Where a server is, and who asks. Both APIs' addresses are without a slash at their end."""

    public: str
    configuration: str
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None

    @property
    def host(self) -> str:
        """For messages."""
        return urlsplit(self.public).netloc


class Transport:
    """A session with a server. Not for several threads at once."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        import httpx

        self.endpoint = endpoint
        self._timeout = timeout
        # Without following: a token is for one host.
        self._http = httpx.Client(
            timeout=timeout,
            follow_redirects=False,
            headers={"User-Agent": "udb-pipelines", "Accept": "application/json"},
        )
        self._token: str | None = None
        self._renew_at = 0.0

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:  # noqa: ANN401
        """Ask the public API; ``timeout`` in seconds, the session's when absent.

        Raises:
            UdbError: ``E_CONNECT``, ``E_HTTP``, and :class:`RefusedError`.
        """
        return self._call(_Request("GET", self.endpoint.public + path, params, timeout=timeout))

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """The items of a list, page after page.

        Of the address of the next page only the query is used: behind a proxy the server does not know its own name,
        and a token must not follow an address into another host.

        Raises:
            UdbError: as :meth:`get`.
        """
        asked: dict[str, Any] = {"limit": PAGE, **params}
        while True:
            answer = self.get(path, asked)
            items = answer.get("data") or []
            yield from items
            following = dict(parse_qsl(urlsplit(answer.get("next") or "").query))
            if not items or not following or following.items() <= {k: str(v) for k, v in asked.items()}.items():
                return
            asked |= following

    def make(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Make something with the public API, at most once.

        Raises:
            LostAnswerError: it may have been made.
            UdbError: as :meth:`get`.
        """
        return self._call(_Request("POST", self.endpoint.public + path, body=body, again=False))

    def change(self, method: Literal["PATCH", "DELETE"], path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Change or end something; doing so twice is as good as once.

        Raises:
            UdbError: as :meth:`get`.
        """
        return self._call(_Request(method, self.endpoint.public + path, body=body))

    def configuration(self, path: str, body: Mapping[str, Any], timeout: float | None = None) -> Any:  # noqa: ANN401
        """Ask the configuration API, which not every server offers to everybody: None where it does not.

        Raises:
            UdbError: as :meth:`get`.
        """
        try:
            return self._call(_Request("POST", self.endpoint.configuration + path, body=body, timeout=timeout))
        except RefusedError as refusal:
            if refusal.status in (401, 403, 404, 405, 501):
                return None
            raise

    def _call(self, request: _Request) -> Any:  # noqa: ANN401 - JSON
        for bound in (*_bounds(), None):
            try:
                return self._once(request)
            except _PassingError as passing:
                if passing.acted and not request.again:
                    raise LostAnswerError(passing.failure.message) from None
                if bound is None:
                    raise passing.failure from None
                wish = passing.wish
            time.sleep(max(wish, _random.uniform(bound / 4, bound)))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, request: _Request) -> Any:  # noqa: ANN401 - JSON
        """One attempt; two requests when the token turns out to be no longer good."""
        response = self._sent(request)
        if response.status_code == 401 and self._token is not None:
            self._token = None
            response = self._sent(request)
        if response.status_code < 400:
            return _content(response, self.endpoint.host)
        refusal = _refusal(response, self.endpoint.host)
        if response.status_code >= 500:
            raise _PassingError(refusal, acted=True)
        if response.status_code == 429:
            raise _PassingError(refusal, acted=False, wish=_wished(response))
        raise refusal

    def _sent(self, request: _Request) -> httpx.Response:
        import httpx

        headers = self._signed()
        try:
            return self._http.request(
                request.method,
                request.url,
                params=request.params,
                json=request.body,
                headers=headers,
                timeout=request.timeout or self._timeout,
            )
        except httpx.TransportError as error:
            not_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
            raise _PassingError(self._unreachable(error), acted=not not_sent) from None

    def _unreachable(self, error: Exception) -> UdbError:
        return UdbError("E_CONNECT", f"Airbyte at {self.endpoint.host} cannot be reached ({type(error).__name__})")

    # --- sign-in ----------------------------------------------------------------------------------------

    def _signed(self) -> dict[str, str]:
        if self.endpoint.client_id is None or self.endpoint.client_secret is None:
            return {}
        if self._token is None or time.monotonic() >= self._renew_at:
            self._sign_in(self.endpoint.client_id, self.endpoint.client_secret)
        return {"Authorization": f"Bearer {self._token}"}

    def _sign_in(self, client_id: SecretStr, client_secret: SecretStr) -> None:
        body = {
            "client_id": client_id.get_secret_value(),
            "client_secret": client_secret.get_secret_value(),
            "grant-type": "client_credentials",
        }
        import httpx

        try:
            response = self._http.post(f"{self.endpoint.public}/applications/token", json=body)
        except httpx.TransportError as error:
            raise _PassingError(self._unreachable(error), acted=False) from None
        if response.status_code in (400, 401, 403, 422):
            raise RefusedError(
                "E_AUTH",
                f"Airbyte at {self.endpoint.host} refused the application's id or secret",
                response.status_code,
                remedy="correct AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET",
            )
        if response.status_code >= 400:
            raise _PassingError(_refusal(response, self.endpoint.host), acted=False, wish=_wished(response))
        content = _content(response, self.endpoint.host)
        token = content.get("access_token") if isinstance(content, dict) else None
        if not isinstance(token, str) or not token:
            raise UdbError("E_HTTP", f"Airbyte at {self.endpoint.host} answered the sign-in without a token")
        scrub.register(token)
        self._token = token
        self._renew_at = time.monotonic() + (1 - EARLY) * float(content.get("expires_in") or TOKEN_SECONDS)


def _bounds() -> Iterator[float]:
    """The longest pause after each attempt, in seconds."""
    bound = FIRST_PAUSE
    for _ in range(ATTEMPTS):
        yield bound
        bound = min(bound * 2.5, LONGEST_PAUSE)


def _wished(response: httpx.Response) -> float:
    """Seconds that the server asks to be left alone, as far as we would."""
    return min(seconds_asked(response.headers.get("Retry-After")) or 0.0, LONGEST_WISH)


def _content(response: httpx.Response, host: str) -> Any:  # noqa: ANN401 - JSON
    if not response.content:
        return {}
    if response.status_code >= 300 or "json" not in response.headers.get("Content-Type", ""):
        raise UdbError(
            "E_HTTP",
            f"{host} does not answer as Airbyte's API does (status {response.status_code})",
            remedy="AIRBYTE_URL is the address of the server, such as http://localhost:8000, or https://api.airbyte.com",
        )
    return response.json()


_REMEDIES = {
    "E_AUTH": "set AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET to those of an application (Settings, Applications)",
    "E_NOT_FOUND": "compare the id with what Airbyte shows in the address of its pages",
}
_CODES = {401: "E_AUTH", 403: "E_AUTH", 404: "E_NOT_FOUND", 410: "E_NOT_FOUND"}


def _refusal(response: httpx.Response, host: str) -> RefusedError:
    """The server's problem (RFC 9457: title, detail, data.message), without secrets, in one line."""
    status = response.status_code
    problem = _problem(response)
    title = str(problem.get("title") or f"status {status}")
    data = problem.get("data")
    parts = (title, problem.get("detail"), data.get("message") if isinstance(data, dict) else None)
    said = ": ".join(dict.fromkeys(str(part) for part in parts if part))
    told = scrub.text(" ".join(said.split()))[:_SAID]
    code = _CODES.get(status) or ("E_HTTP" if status >= 500 or status == 429 else "E_CONNECTOR")
    if title == "resource-not-found":
        code = "E_NOT_FOUND"
    return RefusedError(code, f"Airbyte at {host} answers: {told.rstrip(' :')}", status, _REMEDIES.get(code))


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
