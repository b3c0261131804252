"""What goes wrong with an object store, understood once for all who use one.

The library's texts quote addresses, headers and the store's answer, which may echo a signed request. So none of
them is passed on: what is told is the kind of trouble, the HTTP status, and S3's own error code when it is a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, PreconditionError, UnauthenticatedError

ERRORS = (BaseError, OSError, ValueError)
"""What the library raises."""

_STATUS = re.compile(r"status: (\d{3})\b|status code: (\d{3})\b")
_S3_CODE = re.compile(r"<Code>([A-Za-z]{3,60})</Code>")
_KIND = re.compile(r"kind: (\w+)")
_METADATA_SERVICES = ("169.254.169.254", "metadata.google.internal", "169.254.170.2")
"""Asked for credentials when none are configured."""
_PRECONDITION_FAILED = 412
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Trouble:
    """An error of a store. ``down`` is the only kind that may pass by itself."""

    kind: Literal["absent", "replaced", "no_credentials", "refused", "unusable", "down"]
    said: str
    """Words that may be shown."""
    answer: str = ""
    """S3's error code, such as ``NoSuchBucket``; empty when the store gave none."""


def trouble(error: Exception) -> Trouble:
    """What ``error``, one of :data:`ERRORS`, says about the store."""
    text = str(error)
    answer = next(iter(_S3_CODE.findall(text)), "")
    if isinstance(error, (NotFoundError, FileNotFoundError)) and answer != "NoSuchBucket":
        return Trouble("absent", "is not there", answer)
    if any(service in text for service in _METADATA_SERVICES):
        return Trouble("no_credentials", "no credentials were found", answer)
    status = next((int(one or other) for one, other in _STATUS.findall(text)), None)
    # The library's own attempt to go on with a broken download is refused as an error of no kind.
    if isinstance(error, PreconditionError) or status == _PRECONDITION_FAILED:
        return Trouble("replaced", "is another one by now", answer)
    refused = isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or (answer and status is None)
    if refused or _final(status):
        return Trouble("refused", _said(answer, status), answer)
    kind = next(iter(_KIND.findall(text)), "")
    if status is None and not kind:
        return Trouble("unusable", type(error).__name__, answer)
    reason = f"answered {status}" if status else {"Timeout": "did not answer in time"}.get(kind, "cannot be reached")
    return Trouble("down", reason, answer)


def _final(status: int | None) -> bool:
    return status is not None and status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS


def _said(answer: str, status: int | None) -> str:
    return " ".join(filter(None, (answer, f"(HTTP {status})" if status else ""))) or "not allowed"
