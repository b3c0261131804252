"""What an address and the options of a source say about an SFTP server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.detection.location import mask
from udb_pipelines.detection.remote.addresses import Address
from udb_pipelines.errors import UdbError
from udb_pipelines.secrets.references import REFERENCE, resolve

FIELDS = ("password", "private_key", "passphrase", "host_key")
"""What ``--config`` may say."""
DEFAULT_PORT = 22
_EXAMPLE = "write sftp://USER@HOST/PATH, and give credentials with --config"


@dataclass(frozen=True)
class Server:
    """Who signs in where."""

    user: str
    host: str
    port: int


@dataclass(frozen=True)
class Credentials:
    """How to sign in; with nothing given, by the agent and the keys of the person who runs UDB."""

    password: str = ""
    private_key: str = ""
    passphrase: str = ""

    @property
    def own(self) -> bool:
        """Whether the source names any."""
        return bool(self.password or self.private_key)


@dataclass(frozen=True)
class Place:
    """A server, how to sign in there, and what to read."""

    server: Server
    address: Address
    """Its bucket is user and host; its path begins at the root, or with ``~/`` at the user's folder."""
    credentials: Credentials
    host_key: str
    """What the server must show; empty to go by the file of known hosts."""


def parse(uri: str, config: Mapping[str, Any], settings: Settings) -> Place:
    """Take address and options apart, with their secrets.

    Raises:
        UdbError: ``E_OPTION`` for an address without user or host, or a setting that is none; ``E_AUTH`` for a
            reference to nothing, and for a source of another tenant than the default one that names no credentials.
    """
    if unknown := sorted(set(config) - set(FIELDS)):
        raise UdbError(
            "E_OPTION", f"sftp:// has no setting {', '.join(unknown)}", remedy=f"--config takes {', '.join(FIELDS)}"
        )
    told = {name: resolve(str(value), settings) for name, value in config.items() if value is not None}
    server, path, password = _parts(uri, settings)
    if password:
        told.setdefault("password", password)
    if "password" in told and "private_key" in told:
        raise UdbError("E_OPTION", "password and private_key are both given", remedy="give one of them")
    credentials = Credentials(told.get("password", ""), told.get("private_key", ""), told.get("passphrase", ""))
    if not credentials.own and settings.tenant != DEFAULT_TENANT:
        # The agent and the keys in the home folder belong to the operator.
        raise UdbError(
            "E_AUTH",
            f"the source names no credentials for {server.host}",
            remedy="--config private_key='${secret:NAME}' or --config password='${secret:NAME}'",
        )
    return Place(server, Address("sftp", _authority(server), path), credentials, told.get("host_key", "").strip())


def _parts(uri: str, settings: Settings) -> tuple[Server, str, str]:
    """Server, path and the password that the address refers to."""
    authority, _, path = uri.partition("://")[2].partition("/")
    signed, _, host_port = authority.rpartition("@")
    user, _, password = signed.partition(":")
    if password and not REFERENCE.fullmatch(password):
        raise UdbError("E_SECRET_INLINE", "the address holds a password in plain text")
    try:
        parts = urlsplit(f"//{host_port}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, DEFAULT_PORT
    user = resolve(unquote(user), settings)
    if not user or not host or user.startswith("-") or host.startswith("-"):
        raise UdbError("E_OPTION", f"{mask(uri)} names no user, or no host", remedy=_EXAMPLE)
    return Server(user, host, port), path.lstrip("/"), resolve(password, settings)


def _authority(server: Server) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{server.user}@{host}" + (f":{server.port}" if server.port != DEFAULT_PORT else "")


def remote_path(key: str) -> str:
    """What the server is asked for; a path that begins nowhere begins in the user's folder.

    >>> remote_path("data/a.csv"), remote_path("~/in/a.csv"), remote_path("~")
    ('/data/a.csv', 'in/a.csv', '.')
    """
    if key == "~":
        return "."
    return key.removeprefix("~/") if key.startswith("~/") else f"/{key}"
