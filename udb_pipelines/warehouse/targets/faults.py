"""The errors of an object store that keeps snapshots or the archive, told to people.

What they are is found in ``objectstores``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from udb_pipelines.errors import UdbError
from udb_pipelines.objectstores import ERRORS, trouble

T = TypeVar("T")

_REMEDIES = {
    "NoSuchBucket": "create the bucket, or correct its name",
    "AccessDenied": "allow these credentials to list, read, write and delete in the bucket",
    "InvalidAccessKeyId": "correct AWS_ACCESS_KEY_ID (or UDB_SNAPSHOT_ACCESS_KEY)",
    "SignatureDoesNotMatch": "correct AWS_SECRET_ACCESS_KEY (or UDB_SNAPSHOT_SECRET_KEY)",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "ExpiredToken": "renew the session token",
}


def asked(address: str, key: str, request: Callable[[], T]) -> T:
    """Send a request, and translate what the store's library raises.

    Raises:
        FileNotFoundError: nothing is stored under ``key``.
        UdbError: ``E_TARGET_DOWN`` when trying again later may help, ``E_TARGET`` when it will not.
    """
    try:
        return request()
    except ERRORS as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of a local file, not of the store
        failure = _translated(error, f"{address} ({key})" if key else address)
    # Outside of the handler: not even as a context may the library's text go along.
    raise failure


def _translated(error: Exception, where: str) -> Exception:
    found = trouble(error)
    if found.kind == "absent":
        return FileNotFoundError(where)
    if found.kind == "no_credentials":
        return UdbError(
            "E_TARGET", f"no credentials for {where} were found",
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the store of your cloud needs",
        )  # fmt: skip
    if found.kind == "down":
        return UdbError("E_TARGET_DOWN", f"{where} {found.said}")
    if found.kind in ("refused", "replaced"):
        return UdbError("E_TARGET", f"{where} refused: {found.said}", remedy=_REMEDIES.get(found.answer))
    return UdbError("E_TARGET", f"{where} cannot be used ({type(error).__name__})")
