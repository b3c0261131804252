"""A provider of OAuth 2 (RFC 6749): where its endpoints are, and requests to them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote_plus, urlsplit

import httpx

from udb_pipelines.config import Settings
from udb_pipelines.egress import Guard, GuardedTransport
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub

_SECONDS = 8
"""The control database is locked while a token is renewed; others wait ten seconds for it."""
_WELL_KNOWN = (".well-known/openid-configuration", ".well-known/oauth-authorization-server")
_ERROR = re.compile(r"[a-z_]{3,40}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429


ClientAuth = Literal["basic", "post"]
"""Where a client's secret goes: the header ``Authorization``, or the form beside the rest (RFC 6749, 2.3.1)."""


class RefusedError(Exception):
    """The provider said no; ``error`` is one of the words of RFC 6749 and 8628."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class Client:
    """Who signs in, as the provider knows it; the secret is empty for a program that cannot keep one."""

    id: str
    secret: str = ""
    auth: ClientAuth = "basic"


@dataclass(frozen=True)
class Provider:
    """Where to ask for what; what a provider does not have is empty."""

    token_url: str
    authorize_url: str = ""
    device_url: str = ""
    client_auth: ClientAuth = "basic"
    """Where it takes a client's secret; by the header unless it publishes that it does not."""


def discover(address: str, settings: Settings) -> Provider:
    """The endpoints that a provider publishes below ``address`` (OpenID Connect Discovery, RFC 8414).

    Raises:
        UdbError: ``E_CONNECT``, ``E_NOT_FOUND`` when it publishes none, ``E_EGRESS``, ``E_OPTION``.
    """
    check_encrypted(address)
    host = urlsplit(address).hostname
    with _client(settings) as client:
        for path in _WELL_KNOWN:
            try:
                response = client.get(f"{address.rstrip('/')}/{path}", follow_redirects=True)
                found = response.json() if response.status_code == httpx.codes.OK else None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise UdbError("E_CONNECT", f"{host} cannot be reached ({type(error).__name__})") from None
            except ValueError:
                found = None
            if isinstance(found, dict) and found.get("token_endpoint"):
                return checked(Provider(
                    str(found["token_endpoint"]),
                    str(found.get("authorization_endpoint", "")),
                    str(found.get("device_authorization_endpoint", "")),
                    _client_auth(found.get("token_endpoint_auth_methods_supported")),
                ))  # fmt: skip
    raise UdbError(
        "E_NOT_FOUND",
        f"{host} does not publish its endpoints",
        remedy="give --token-url, and --authorize-url or --device-url",
    )


def _client_auth(methods: object) -> ClientAuth:
    """By the header, which every provider must take (RFC 6749), unless it says that it takes the form alone."""
    named = methods if isinstance(methods, list) else []
    return "post" if "client_secret_post" in named and "client_secret_basic" not in named else "basic"


def checked(provider: Provider) -> Provider:
    """``provider``, if nothing secret is sent to it in clear.

    Raises:
        UdbError: ``E_OPTION``.
    """
    for url in (provider.token_url, provider.authorize_url, provider.device_url):
        if url:
            check_encrypted(url)
    return provider


def check_encrypted(url: str) -> None:
    """Refuse ``http://`` anywhere but on this machine.

    Raises:
        UdbError: ``E_OPTION``.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise UdbError("E_OPTION", f"{parts.hostname or 'the provider'} would be sent secrets in clear",
                       remedy="write its address with https://")  # fmt: skip


def ask(url: str, form: Mapping[str, str], client: Client, settings: Settings) -> dict[str, Any]:
    """The answer of an endpoint, as JSON; every token in it is registered with the scrubber.

    Raises:
        RefusedError: the provider said no.
        UdbError: ``E_CONNECT`` when it cannot be reached or is busy, ``E_HTTP`` for an answer that is none,
            ``E_EGRESS``.
    """
    host = urlsplit(url).hostname
    body, headers = {**form}, {"Accept": "application/json"}
    if client.secret and client.auth == "basic":
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"  # RFC 6749, 2.3.1
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        body |= {"client_id": client.id, **({"client_secret": client.secret} if client.secret else {})}
    try:
        with _client(settings) as session:
            response = session.post(url, data=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UdbError("E_CONNECT", f"{host} cannot be reached ({type(error).__name__})") from None
    if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY_REQUESTS:
        raise UdbError("E_CONNECT", f"{host} answered with status {response.status_code}")
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UdbError("E_HTTP", f"{host} answered with status {response.status_code} and no JSON")
    for name in ("access_token", "refresh_token", "id_token", "device_code"):
        if answer.get(name):
            scrub.register(str(answer[name]))
    if response.is_success and "error" not in answer:
        return answer
    said = str(answer.get("error", ""))
    raise RefusedError(said if _ERROR.fullmatch(said) else f"status_{response.status_code}")


def _client(settings: Settings) -> httpx.Client:
    return httpx.Client(
        transport=GuardedTransport(Guard(settings)), timeout=_SECONDS, headers={"User-Agent": "udb-pipelines"}
    )
