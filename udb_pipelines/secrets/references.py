"""References to secrets in text: ``${NAME}``, ``${secret:name}`` and ``${oauth:name}``.

The environment is the operator's, with the passwords of the warehouse, the secret key and what else the process was
given. So a source of another tenant than the default one sees none of it but what was set aside for that tenant:
``${NAME}`` of the tenant acme is the variable ``UDB_TENANT_ACME__NAME``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from udb_pipelines.config import DEFAULT_TENANT, tenant_variable
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub

if TYPE_CHECKING:
    from udb_pipelines.config import Settings

REFERENCE = re.compile(r"\$\{(?:(?P<store>secret|oauth):)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
"""``${NAME}``: the environment variable NAME, of a named tenant ``UDB_TENANT_<ID>__NAME``.
``${secret:name}``: the stored secret ``name``. ``${oauth:name}``: a valid access token of the sign-in ``name``."""

_LONG_LINE = 16
"""Of a secret of several lines, such as a private key, what is shown of it may be one of them."""


def resolve(text: str, settings: Settings) -> str:
    """``text`` with every reference replaced by its value. Never store or log the result.

    Raises:
        UdbError: ``E_AUTH`` with the name of a variable or secret that does not exist, ``E_SECRET_KEY`` when the
            store cannot be opened with the keys at hand.
    """
    return REFERENCE.sub(lambda match: _value(match, settings), text)


def resolve_address(uri: str, settings: Settings) -> str:
    """As :func:`resolve`, for an address: a value in its user, password or query is written as URLs write it.

    So a secret is kept as it is, ``p@ss/word`` and not ``p%40ss%2Fword``. References elsewhere, and one that stands
    for the whole beginning of the address, are taken literally.
    """
    start = uri.find("://") + 3
    query = uri.find("?") if "?" in uri else len(uri)
    host = uri.rfind("@", start, query)

    def written(match: re.Match[str]) -> str:
        value = _value(match, settings)
        inside = start > 2 and (start <= match.start() < host or match.start() > query)
        return quote(value, safe="") if inside else value

    return REFERENCE.sub(written, uri)


def resolve_all(config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A configuration with every reference in it resolved, at any depth.

    What stands under a secret's name is registered with the scrubber even if it was written without a reference.

    Raises:
        UdbError: as :func:`resolve`.
    """
    return {str(name): _resolved(str(name), value, settings) for name, value in config.items()}


def _resolved(name: str, value: object, settings: Settings) -> object:
    if isinstance(value, str):
        found = resolve(value, settings)
        if scrub.is_secret_name(name):
            scrub.register(found)
        return found
    if isinstance(value, Mapping):
        return resolve_all(value, settings)
    if isinstance(value, (list, tuple)):
        return [_resolved(name, inner, settings) for inner in value]
    return value


def _value(match: re.Match[str], settings: Settings) -> str:
    name = match["name"]
    if match["store"] == "oauth":
        found = _granted(name, settings)
    else:
        found = _stored(name, settings) if match["store"] else _from_environment(name, settings)
    scrub.register(found)
    for line in found.splitlines()[1:]:
        if len(line) >= _LONG_LINE:
            scrub.register(line)
    return found


def _from_environment(name: str, settings: Settings) -> str:
    own = settings.tenant == DEFAULT_TENANT
    variable = name if own else tenant_variable(settings.tenant, name)
    if variable in os.environ:
        return os.environ[variable]
    if own:
        raise UdbError("E_AUTH", f"the environment variable {name} is not set", remedy=f"set {name}, then run again")
    # Nothing is said of NAME itself: whether the operator has it is not the tenant's business.
    raise UdbError(
        "E_AUTH",
        f"the tenant {settings.tenant} has no variable {name}",
        remedy=f"store it (udb secrets set) and write ${{secret:…}}, or let the operator set {variable}",
    )


def _stored(name: str, settings: Settings) -> str:
    # The store brings SQLAlchemy and cryptography; most addresses need neither.
    from udb_pipelines.secrets.store import SecretStore

    return SecretStore(settings).get(name)


def _granted(name: str, settings: Settings) -> str:
    from udb_pipelines.oauth.grants import Grants

    return Grants(settings).access_token(name)
