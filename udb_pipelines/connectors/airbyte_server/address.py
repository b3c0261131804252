"""What the address and the options of a source say, and under which names it is kept on the server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.egress import Guard
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.references import resolve_address, resolve_all

SCHEME = "airbyte-server:"
DESTINATION = "destination_url"
"""The entry of a source's configuration that is ours: instead of AIRBYTE_DESTINATION."""
_EXISTING = re.compile(r"connection/(?P<id>[0-9A-Fa-f-]{36})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ()./_-]*")
_POSTGRES = ("postgres", "postgresql")
LONGEST_SCHEMA = 63
NAMESPACE = "${SOURCE_NAMESPACE}"
"""What Airbyte puts the namespace of a stream in the place of."""


@dataclass(frozen=True)
class Address:
    """One of both: the connector to configure, or the connection to run."""

    connector: str | None = None
    connection_id: str | None = None


def parse(uri: str) -> Address:
    """The meaning of an address.

    >>> parse("airbyte-server:faker")
    Address(connector='faker', connection_id=None)

    Raises:
        UdbError: ``E_OPTION``.
    """
    rest = uri.removeprefix(SCHEME)
    existing = _EXISTING.fullmatch(rest)
    if existing:
        return Address(connection_id=existing["id"].lower())
    if not _NAME.fullmatch(rest) or rest.startswith("connection/"):
        raise UdbError(
            "E_OPTION",
            "the address names neither a connector nor a connection of an Airbyte server",
            remedy="airbyte-server:faker for a connector, airbyte-server:connection/ID for a connection",
        )
    return Address(connector=rest)


def server_name(settings: Settings, source: str) -> str:
    """What source, destination and connection are called on the server, to be found again.

    >>> server_name(Settings(), "shop")
    'udb/default/shop'
    """
    return f"udb/{settings.tenant}/{source}"


def schema_name(settings: Settings, source: str, longest: int = LONGEST_SCHEMA) -> str:
    """The schema of the destination that only this source writes to; PostgreSQL would cut a longer name silently.

    >>> schema_name(Settings(), "shop"), schema_name(Settings(tenant="acme"), "shop")
    ('udb_shop', 'udb_acme__shop')
    """
    owner = "" if settings.tenant == DEFAULT_TENANT else f"{settings.tenant}__"
    name = f"udb_{owner}{source}"
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: longest - 13]}_{digest}"


def schemas_format(settings: Settings, source: str) -> str:
    """What the server makes the schemas of, where one would not do: one for each namespace of the source.

    >>> schemas_format(Settings(), "shop")
    'udb_shop__${SOURCE_NAMESPACE}'
    """
    return f"{schema_name(settings, source, LONGEST_SCHEMA // 2)}__{NAMESPACE}"


def configuration(config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A connector's configuration with its secrets, for the server's eyes only.

    Raises:
        UdbError: ``E_AUTH`` for a secret that is not there.
    """
    return resolve_all({name: value for name, value in config.items() if name != DESTINATION}, settings)


# --- the destination ------------------------------------------------------------------------------------


def destination_url(config: Mapping[str, Any], settings: Settings) -> str:
    """Address of the PostgreSQL database that the server writes to, references unresolved.

    Raises:
        UdbError: ``E_OPTION`` when none is named, or another kind of database; ``E_EGRESS`` for a source's own that
            may not be reached.
    """
    own = config.get(DESTINATION)
    if isinstance(own, str):
        # The server connects to it from where it is, by a name that only it resolves.
        Guard(settings).check_endpoint(own)
    if own is None and settings.airbyte_destination is not None:
        own = settings.airbyte_destination.get_secret_value()
    if not isinstance(own, str) or urlsplit(own).scheme not in _POSTGRES:
        raise UdbError(
            "E_OPTION",
            "an airbyte-server: source needs the PostgreSQL database that Airbyte writes to",
            remedy=f"set AIRBYTE_DESTINATION, or --config {DESTINATION}=postgresql://user:${{PASSWORD}}@host/database",
        )
    return own


def destination_configuration(url: str, schema: str, settings: Settings) -> dict[str, Any]:
    """The configuration of Airbyte's PostgreSQL destination for ``url``.

    Raises:
        UdbError: ``E_AUTH``, ``E_OPTION`` for an address without host, database or user.
    """
    parts = urlsplit(resolve_address(url, settings))
    database = parts.path.strip("/")
    if not (parts.hostname and database and parts.username):
        raise UdbError("E_OPTION", "the address of Airbyte's destination needs a user, a host and a database")
    query = dict(parse_qsl(parts.query))
    mode = query.get("sslmode", "prefer")
    password = unquote(parts.password or "")
    if password:
        scrub.register(password)
    return {
        "destinationType": "postgres",
        "host": parts.hostname,
        "port": parts.port or 5432,
        "database": unquote(database),
        "schema": schema,
        "username": unquote(parts.username),
        "password": password,
        "ssl_mode": {"mode": mode},
    }
