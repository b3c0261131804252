"""Secrets that stand in the configuration of a source itself, which is stored, shown and exported as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.references import REFERENCE

Path = tuple[str | int, ...]
_NO_SECRET = re.compile(r"(?:_|-)(?:id|name|type|url|uri|endpoint|expir\w*|field|path|method|location)$", re.IGNORECASE)
"""Ends names of what is told about a secret, such as ``access_key_id`` or ``token_url``."""


def secrets_in(config: Mapping[str, Any]) -> Iterator[Path]:
    """Where a text stands in clear under a secret's name.

    >>> list(secrets_in({"password": "hunter2", "token_url": "https://login", "header.Authorization": "Bearer ${T}"}))
    [('password',)]
    """
    for name, value in config.items():
        yield from _within((str(name),), value)


def check(config: Mapping[str, Any]) -> None:
    """Refuse a configuration that holds a secret in clear.

    Raises:
        UdbError: ``E_SECRET_INLINE`` with the name under which it stands.
    """
    for path in secrets_in(config):
        name = ".".join(map(str, path))
        raise UdbError(
            "E_SECRET_INLINE",
            f"{name} stands in the configuration in plain text",
            remedy=f"store it (udb secrets set NAME) and write {name}='${{secret:NAME}}', or ${{NAME}} for a variable",
        )


def _within(path: Path, value: object) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _within((*path, str(name)), inner)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _within((*path, number), inner)
    elif isinstance(value, str) and value and not REFERENCE.search(value) and _is_secret(path):
        yield path


def _is_secret(path: Path) -> bool:
    name = next(str(part) for part in reversed(path) if isinstance(part, str)).removeprefix("header.")
    return scrub.is_secret_name(name) and not _NO_SECRET.search(name)
