"""What may leave the process in words: no secret, and nothing that comes from the data.

Two rules, applied to every log line, span attribute and error that is shown:

* *Secrets* are taken out of any text: those that were registered, and whatever looks like one (a password in an
  address, an ``Authorization`` header, ``token=...``, a signed URL, a JWT).
* *Data* is kept out by a list of the fields that may be logged. A value of the data has no field of its own, so a
  field that is not on the list is withheld, whoever wrote the log call.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError

MASK = "***"
WITHHELD = "(withheld)"

LOG_FIELDS = frozenset({
    "timestamp", "level", "job_id", "source", "stage", "event", "message", "logger",
    "attempt", "bytes", "code", "codes", "column", "columns", "connector", "count", "dataset", "datasets", "encoding",
    "error_type", "exit_code", "files", "folder", "format", "host", "kept", "limit", "path", "pid", "port", "reason",
    "remedy", "rows", "rows_committed", "rows_read", "rows_rejected", "seconds", "share", "snapshot", "status",
    "streams", "unchanged", "uri", "verdict", "version", "where",
})  # fmt: skip
"""Fields a log line or a span may carry: names, codes, counts, places and times."""

_SHORTEST_SECRET = 3
"""Shorter registered values are left alone: masking every ``a`` would hide the log, not the secret."""

_secrets: set[str] = set()
_registered: re.Pattern[str] | None = None

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)?$|^pwd$|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
    r"|^authorization$|^cookie$|^set-cookie$|signature$|^sig$",
    re.IGNORECASE,
)
_WORDS = r"(?:[\w-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|signature)[\w-]*|sig)"
_LOOKS_SECRET: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host; up to the last @ before the path, as passwords hold @ more often than hosts do.
    (re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@?#]*:)[^\s/]+(?=@)", re.IGNORECASE), r"\g<keep>" + MASK),
    (
        re.compile(r"(?P<keep>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|digest|token)\s+)?)[^\s\"',;]+",
                   re.IGNORECASE),
        r"\g<keep>" + MASK,
    ),
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE), r"\g<keep>" + MASK),
    # token=..., "password": "...", password='with blanks'
    (
        re.compile(
            rf"(?P<keep>\b{_WORDS}[\"']?\s*[:=]\s*)(?:'[^']*'|\"[^\"]*\"|(?!\$\{{)[^\s\"'&,;)}}]+)", re.IGNORECASE
        ),
        r"\g<keep>" + MASK,
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
)  # fmt: skip
_REFERENCE = re.compile(r"\$\{(\w+)\}")


def register(secret: str) -> None:
    """Make sure that ``secret`` is never shown again, as it is or as it is written in URLs and JSON."""
    global _registered
    for form in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
        if len(form) >= _SHORTEST_SECRET:
            _secrets.add(form)
    longest_first = sorted(_secrets, key=len, reverse=True)
    _registered = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def forget() -> None:
    """Forget all registered secrets, for a process that changes its settings."""
    global _registered
    _secrets.clear()
    _registered = None


def register_references(text: str) -> None:
    """Register the values of the environment variables that ``text`` refers to as ``${NAME}``."""
    for name in _REFERENCE.findall(text):
        if value := os.environ.get(name):
            register(value)


def register_settings(settings: Settings) -> None:
    """Register every secret setting, and the password inside it where it is an address."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            secret = value.get_secret_value()
            register(secret)
            if password := re.search(r"://[^/:@]*:(.+)@", secret):
                register(password.group(1))


def text(value: str) -> str:
    """``value`` without the secrets in it.

    >>> text("postgresql://ann:hunter2@db/shop?sslmode=require")
    'postgresql://ann:***@db/shop?sslmode=require'
    >>> text("GET /x?token=abc123&page=2")
    'GET /x?token=***&page=2'
    """
    if _registered:
        value = _registered.sub(MASK, value)
    for pattern, replacement in _LOOKS_SECRET:
        value = pattern.sub(replacement, value)
    return value


def is_secret_name(name: str) -> bool:
    """Whether something called ``name`` must be masked whatever its value is."""
    return _SECRET_NAME.search(name) is not None


def value(item: object) -> object:
    """``item`` without secrets: texts are scrubbed, secretly named entries masked, at any depth."""
    if isinstance(item, SecretStr):
        return MASK
    if isinstance(item, str):
        return text(item)
    if isinstance(item, Mapping):
        return {key: MASK if is_secret_name(str(key)) else value(inner) for key, inner in item.items()}
    if isinstance(item, (list, tuple, set, frozenset)):
        return [value(inner) for inner in item]
    if item is None or isinstance(item, (bool, int, float)):
        return item
    return text(str(item))


def fields(entries: Mapping[str, Any]) -> dict[str, Any]:
    """``entries`` as they may be logged: listed fields scrubbed, all others withheld but still named."""
    return {name: value(item) if name in LOG_FIELDS else WITHHELD for name, item in entries.items()}


def error(failure: UdbError) -> dict[str, str | None]:
    """The facts of ``failure`` without secrets, for output, events and metadata."""
    return {name: text(fact) if fact else fact for name, fact in failure.as_dict().items()}
