"""The two ways to sign in: in a browser on this machine, or with a code that is typed in on any device.

The browser comes back to the loopback interface (RFC 8252), with a state that only this process knows and a code that
is worth nothing without the verifier (PKCE with S256, RFC 7636). Where no browser can come back, on a server, the
device flow (RFC 8628) shows a short code and waits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.oauth.provider import Client, Provider, RefusedError, ask
from udb_pipelines.operations import scrub

SIGN_IN_SECONDS = 300
"""How long a person may take."""
_PATH = "/callback"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_SECONDS = 5
_DONE = "<!doctype html><title>UDB</title><p>You may close this window and go back to the terminal."
_NOT_OURS = "<!doctype html><title>UDB</title><p>This is not the sign-in that is waited for."


@dataclass(frozen=True)
class Code:
    """What a person needs for the device flow."""

    address: str
    code: str


def in_browser(
    provider: Provider,
    client: Client,
    scope: str,
    settings: Settings,
    show: Callable[[str], None],
    *,
    port: int = 0,
    seconds: float = SIGN_IN_SECONDS,
) -> dict[str, Any]:
    """Sign in by the authorization code flow; the provider's answer with the tokens.

    Args:
        provider: with an authorization endpoint.
        client: who signs in.
        scope: what is asked for, separated by blanks.
        settings: which hosts may be reached.
        show: given the address to open.
        port: of the loopback interface, for a provider that wants to know it; any free one by default.
        seconds: how long to wait for the person.

    Raises:
        UdbError: ``E_AUTH`` when it is refused or nobody comes back in time, ``E_CONNECT``, ``E_HTTP``, ``E_OPTION``
            for a port that is taken.
    """
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    scrub.register(verifier)
    with _listening(port, state) as server:
        redirect = f"http://127.0.0.1:{server.server_port}{_PATH}"
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": client.id, "redirect_uri": redirect, "scope": scope, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        joined = "&" if urlsplit(provider.authorize_url).query else "?"
        show(f"{provider.authorize_url}{joined}{urlencode({name: text for name, text in query.items() if text})}")
        code = server.wait(seconds)
    scrub.register(code)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    return _asked(provider.token_url, form, client, settings)


def by_device(
    provider: Provider,
    client: Client,
    scope: str,
    settings: Settings,
    show: Callable[[Code], None],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Sign in with a code on another device; the provider's answer with the tokens.

    Args:
        provider: with a device authorization endpoint.
        client: who signs in.
        scope: what is asked for, separated by blanks.
        settings: which hosts may be reached.
        show: given the code, and where to type it in.
        wait: lets the seconds pass that the provider wants between two questions.

    Raises:
        UdbError: ``E_AUTH`` when it is refused or the code has ended, ``E_CONNECT``, ``E_HTTP``.
    """
    begun = _asked(provider.device_url, {"scope": scope} if scope else {}, client, settings)
    try:
        device_code, shown = str(begun["device_code"]), Code(str(begun["verification_uri"]), str(begun["user_code"]))
        interval, left = float(begun.get("interval") or _INTERVAL_SECONDS), float(begun["expires_in"])
    except (KeyError, ValueError, TypeError):
        raise UdbError("E_HTTP", "the provider's answer lacks what the device flow needs") from None
    show(shown)
    while left > 0:
        wait(interval)
        left -= interval
        try:
            return ask(provider.token_url, {"grant_type": _DEVICE_GRANT, "device_code": device_code}, client, settings)
        except RefusedError as refusal:
            if refusal.error not in ("authorization_pending", "slow_down"):
                raise _refused(refusal) from None
            interval += _INTERVAL_SECONDS * (refusal.error == "slow_down")
        except UdbError as error:
            if error.code != "E_CONNECT":
                raise
            interval *= 2  # RFC 8628, 3.5: back off when the provider does not answer
    raise _refused(RefusedError("expired_token"))


def _asked(url: str, form: dict[str, str], client: Client, settings: Settings) -> dict[str, Any]:
    try:
        return ask(url, form, client, settings)
    except RefusedError as refusal:
        raise _refused(refusal) from None


def _refused(refusal: RefusedError) -> UdbError:
    said = {
        "access_denied": "the sign-in was refused",
        "expired_token": "nobody signed in before the code ended",
        "invalid_client": "the provider does not know the client, or its secret is another",
    }
    return UdbError(
        "E_AUTH",
        said.get(refusal.error, f"the provider refused ({refusal.error})"),
        remedy="check --client-id, --client-secret and --scope, then sign in again"
        + (
            "; some providers take the secret only with --client-auth post" if refusal.error == "invalid_client" else ""
        ),
    )


class _Server(HTTPServer):
    """Waits on the loopback interface for the browser to come back."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.state = state
        self.answer: dict[str, str] | None = None
        self.timeout = 0.5

    def wait(self, seconds: float) -> str:
        """The code; whatever comes with another state is turned away, and waited on."""
        deadline = time.monotonic() + seconds
        while self.answer is None:
            if time.monotonic() > deadline:
                raise UdbError("E_AUTH", f"nobody signed in within {seconds:g} seconds", remedy="sign in again")
            self.handle_request()
        if "code" not in self.answer:
            raise _refused(RefusedError(self.answer.get("error", "no code")))
        return self.answer["code"]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        answer = {name: values[0] for name, values in parse_qs(parts.query).items()}
        ours = parts.path == _PATH and hmac.compare_digest(answer.get("state", "").encode(), self.server.state.encode())
        if ours:
            self.server.answer = answer
        content = (_DONE if ours else _NOT_OURS).encode()
        self.send_response(200 if ours else 400)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the address holds the code."""


def _listening(port: int, state: str) -> _Server:
    try:
        return _Server(port, state)
    except OSError:
        raise UdbError("E_OPTION", f"port {port} is taken", remedy="choose another with --port") from None
