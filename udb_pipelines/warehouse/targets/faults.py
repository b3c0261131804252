"""The errors of an object store, told to people.

The library's texts quote addresses, headers and the store's answer, which may echo a signed request. So none of
them is passed on: what is told is the kind of error, the HTTP status, and S3's own error code when it is a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

from udb_pipelines.errors import UdbError

T = TypeVar("T")

_STATUS = re.compile(r"status: (\d{3})\b|status code: (\d{3})\b")
_S3_CODE = re.compile(r"<Code>([A-Za-z]{3,60})</Code>")
_KIND = re.compile(r"kind: (\w+)")
_METADATA_SERVICES = ("169.254.169.254", "metadata.google.internal", "169.254.170.2")
"""Asked for credentials when none are configured."""

_REMEDIES = {
    "NoSuchBucket": "create the bucket, or correct the name in UDB_SNAPSHOT_TARGET",
    "AccessDenied": "allow these credentials to list, read, write and delete in the bucket",
    "InvalidAccessKeyId": "correct AWS_ACCESS_KEY_ID (or UDB_SNAPSHOT_ACCESS_KEY)",
    "SignatureDoesNotMatch": "correct AWS_SECRET_ACCESS_KEY (or UDB_SNAPSHOT_SECRET_KEY)",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "ExpiredToken": "renew the session token",
}
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def asked(address: str, key: str, request: Callable[[], T]) -> T:
    """Send a request, and translate what the store's library raises.

    Raises:
        FileNotFoundError: nothing is stored under ``key``.
        UdbError: ``E_TARGET_DOWN`` when trying again later may help, ``E_TARGET`` when it will not.
    """
    try:
        return request()
    except (BaseError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of a local file, not of the store
        failure = _translated(error, f"{address} ({key})" if key else address)
    # Outside of the handler: not even as a context may the library's text go along.
    raise failure


def _translated(error: Exception, where: str) -> Exception:
    text = str(error)
    answer = next(iter(_S3_CODE.findall(text)), "")
    if isinstance(error, (NotFoundError, FileNotFoundError)) and answer != "NoSuchBucket":
        return FileNotFoundError(where)
    if any(service in text for service in _METADATA_SERVICES):
        return UdbError(
            "E_TARGET", f"no credentials for {where} were found",
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the store of your cloud needs",
        )  # fmt: skip
    status = next((int(one or other) for one, other in _STATUS.findall(text)), None)
    refused = isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or (answer and status is None)
    if refused or _final(status):
        return UdbError("E_TARGET", f"{where} refused: {_said(answer, status)}", remedy=_REMEDIES.get(answer))
    kind = next(iter(_KIND.findall(text)), "")
    if status is None and not kind:
        return UdbError("E_TARGET", f"{where} cannot be used ({type(error).__name__})")
    reason = f"answered {status}" if status else {"Timeout": "did not answer in time"}.get(kind, "cannot be reached")
    return UdbError("E_TARGET_DOWN", f"{where} {reason}")


def _final(status: int | None) -> bool:
    return status is not None and status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS


def _said(answer: str, status: int | None) -> str:
    return " ".join(filter(None, (answer, f"(HTTP {status})" if status else ""))) or "not allowed"
