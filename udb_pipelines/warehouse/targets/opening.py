"""From an address to a target: a folder, ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``az://container/prefix``.

Credentials come from the settings, which read the usual ``AWS_`` variables; for Google and Azure the library reads
their own variables (``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, …) itself. On a machine of
one of these clouds none is needed.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.targets.base import Target
from udb_pipelines.warehouse.targets.folder import FolderTarget

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config
    from pydantic import SecretStr

    from udb_pipelines.config import Settings

_SCHEMES = ("s3", "gs", "az")
_CONNECT_SECONDS = 5
_MOST_RETRIES = 4
_RETRY_SECONDS = 30
"""How long a request is tried again: a store that is down should be told of, not waited for."""


def is_address(text: str) -> bool:
    """Whether ``text`` names a store and not a folder.

    >>> is_address("s3://backup/udb"), is_address("/mnt/backup")
    (True, False)
    """
    return "://" in text


def open_target(where: str, settings: Settings) -> Target:
    """The target at ``where``. Nothing is asked of it yet.

    Raises:
        UdbError: ``E_TARGET`` when the address is of no known form.
    """
    if not is_address(where):
        return FolderTarget(Path(where).expanduser().absolute())
    parts = urlsplit(where)
    if parts.username or parts.password or parts.query:
        raise UdbError(
            "E_TARGET", "an address of a target holds a bucket and a prefix, and no credentials",
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead",
        )  # fmt: skip
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise UdbError(
            "E_TARGET", f"{parts.scheme}://{parts.netloc} is no target that UDB knows",
            remedy="name a folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix",
        )  # fmt: skip
    from udb_pipelines.warehouse.targets.objects import ObjectTarget

    address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return ObjectTarget(_store(parts.scheme, parts.netloc, parts.path.strip("/"), address, settings), address)


def _store(scheme: str, bucket: str, prefix: str, address: str, settings: Settings) -> ObjectStore:
    from obstore.store import AzureStore, GCSStore, S3Store

    from udb_pipelines.warehouse.targets.faults import asked

    client: ClientConfig = {
        # Of Google and Azure only an endpoint that their own variables name as http:// is asked without encryption.
        "allow_http": scheme != "s3" or (settings.snapshot_endpoint or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "timeout": timedelta(seconds=settings.http_timeout_seconds),
    }
    retry: RetryConfig = {
        "max_retries": _MOST_RETRIES,
        "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5), "base": 2},
    }

    def opened() -> ObjectStore:
        if scheme == "s3":
            return S3Store(
                bucket, prefix=prefix or None, config=_s3(settings), client_options=client, retry_config=retry
            )
        kind = GCSStore if scheme == "gs" else AzureStore
        return kind(bucket, prefix=prefix or None, client_options=client, retry_config=retry)

    return asked(address, "", opened)


def _s3(settings: Settings) -> S3Config:
    config: S3Config = {}
    if settings.snapshot_endpoint:
        config["aws_endpoint_url_s3"] = settings.snapshot_endpoint
    if settings.snapshot_region:
        config["region"] = settings.snapshot_region
    # A variable that is set and empty says nothing.
    if key := _told(settings.snapshot_access_key):
        config["access_key_id"] = key
    if secret := _told(settings.snapshot_secret_key):
        config["secret_access_key"] = secret
    if token := _told(settings.snapshot_session_token):
        config["session_token"] = token
    return config


def _told(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
