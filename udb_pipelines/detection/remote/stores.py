"""Opening the object store of a source: S3 and what speaks its protocol, Google Cloud Storage, Azure.

Credentials are those that the source names (``--config``), as references. A source that names none uses what the
clouds' own variables say (``AWS_ACCESS_KEY_ID``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``
and so on, read by the store's library), or what a machine of that cloud is given. The two are never mixed.
Sources of other tenants than the default one always name their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.detection.remote.addresses import Address
from udb_pipelines.detection.switches import is_on
from udb_pipelines.egress import Guard
from udb_pipelines.errors import UdbError
from udb_pipelines.secrets.references import resolve

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, ObjectStore, RetryConfig, S3Config

    from udb_pipelines.objectstores import Trouble

T = TypeVar("T")

FIELDS: dict[str, tuple[str, ...]] = {
    "s3": ("access_key_id", "secret_access_key", "session_token", "region", "endpoint", "anonymous"),
    "gs": ("service_account_key", "endpoint", "anonymous"),
    "az": ("account_name", "account_key", "sas_token", "endpoint", "anonymous"),
}
"""What ``--config`` may say, by scheme."""

_OWN = {"s3": {"access_key_id"}, "gs": {"service_account_key"}, "az": {"account_key", "sas_token"}}
"""What a source has that brings its own credentials."""

_HOSTS = {"s3": "s3.amazonaws.com", "gs": "storage.googleapis.com", "az": "blob.core.windows.net"}
"""What has to be listed where only listed hosts may be reached."""

_CONNECT_SECONDS = 5
_MOST_RETRIES = 3
_RETRY_SECONDS = 20
"""How long the library tries a request again; a download that breaks later goes on by our own rules."""

_REMEDIES = {
    "NoSuchBucket": "correct the name of the bucket",
    "AccessDenied": "allow these credentials to list and read the bucket",
    "InvalidAccessKeyId": "correct the access key: AWS_ACCESS_KEY_ID, or --config access_key_id='${NAME}'",
    "SignatureDoesNotMatch": "correct the secret: AWS_SECRET_ACCESS_KEY, or --config secret_access_key='${NAME}'",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "ExpiredToken": "renew the session token",
    "ContainerNotFound": "correct the name of the container",
    "AuthenticationFailed": "correct the key: AZURE_STORAGE_ACCOUNT_KEY, or --config account_key='${NAME}'",
    "PermanentRedirect": "name the bucket's region: --config region=eu-central-1",
    "AuthorizationHeaderMalformed": "name the bucket's region: --config region=eu-central-1",
}
_VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS (the path of a service account's key)",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""What each cloud's own tools read."""
_ABSENT = ("NoSuchBucket", "ContainerNotFound")


def open_store(address: Address, config: Mapping[str, Any], settings: Settings) -> ObjectStore:
    """The bucket of ``address``. Nothing is asked of it yet.

    Raises:
        UdbError: ``E_OPTION`` for a setting that the store does not know, or half a pair of keys; ``E_AUTH`` for a
            reference to nothing, and for a source of a named tenant without credentials; ``E_EGRESS`` for an endpoint
            that may not be reached.
    """
    from obstore.store import AzureStore, GCSStore, S3Store

    told = _resolved(address.scheme, config, settings)
    _check_own(address, told, settings)
    if "endpoint" in told:
        Guard(settings).check_endpoint(told["endpoint"])
    else:
        Guard(settings).check_named(_HOSTS[address.scheme])
    client: ClientConfig = {
        "allow_http": True,  # only an endpoint that says http:// is asked without encryption
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=settings.http_timeout_seconds),
        "timeout": timedelta(seconds=settings.download_timeout_seconds),
    }
    retry: RetryConfig = {
        "max_retries": _MOST_RETRIES,
        "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5), "base": 2},
    }

    def opened() -> ObjectStore:
        if address.scheme == "gs":
            return GCSStore(address.bucket, config=_google(told), client_options=client, retry_config=retry)
        if address.scheme == "az":
            return AzureStore(address.bucket, config=_azure(told), client_options=client, retry_config=retry)
        config, keys = _amazon(told), _keys(told)
        if keys is None:
            return S3Store(address.bucket, config=config, client_options=client, retry_config=retry)
        return S3Store(
            address.bucket, config=config, client_options=client, retry_config=retry, credential_provider=lambda: keys
        )

    try:
        return asked(address, "", opened)
    except UdbError as error:
        failure = error if error.code != "E_HTTP" else _unusable(address, told)
    raise failure


def _unusable(address: Address, told: Mapping[str, str]) -> UdbError:
    """Why a store that nothing was asked of yet cannot be used: what is told of it is not of the form it must have."""
    where = f"{address.scheme}://{address.bucket}"
    given = sorted(_OWN[address.scheme] & set(told))
    if address.scheme == "az" and "account_name" not in told:
        return UdbError(
            "E_AUTH",
            f"no storage account is named for {where}",
            remedy=f"set {_VARIABLES['az']}, or name them with --config account_name=… account_key='${{NAME}}'",
        )
    return UdbError(
        "E_AUTH",
        f"{where}: {', '.join(given) or 'what the environment says'} is not of the form that the store's keys have",
        remedy="a service_account_key is the JSON text of a key file, an account_key the base64 text that Azure shows"
        if given
        else f"correct {_VARIABLES[address.scheme]}",
    )


def identity(config: Mapping[str, Any]) -> str:
    """What else than bucket and path says which objects are meant; references are not resolved."""
    return "\x00".join(str(config.get(name, "")) for name in ("endpoint", "account_name"))


def asked(address: Address, key: str, request: Callable[[], T]) -> T:
    """Send a request, and translate what the store's library raises.

    Raises:
        UdbError: ``E_AUTH``, ``E_NOT_FOUND``, ``E_CONNECT``, ``E_VANISHED`` for an object that is another one by now,
            ``E_HTTP`` for any other answer.
    """
    from udb_pipelines.objectstores import ERRORS, trouble

    try:
        return request()
    except ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of a local file, not of the store
        failure = _translated(trouble(error), f"{address.scheme}://{address.bucket}/{key}")
    # Outside of the handler: not even as a context may the library's text go along.
    raise failure


def _translated(found: Trouble, where: str) -> UdbError:
    remedy = _REMEDIES.get(found.answer)
    if found.answer in _ABSENT:
        return UdbError("E_NOT_FOUND", f"there is no such bucket or container: {where}", remedy=remedy)
    if found.kind == "absent":
        return UdbError("E_NOT_FOUND", f"{where} is not there", remedy=remedy)
    if found.kind == "replaced":
        return UdbError("E_VANISHED", f"{where} was replaced while it was fetched")
    if found.kind == "no_credentials":
        return UdbError(
            "E_AUTH",
            f"no credentials for {where} were found",
            remedy=f"set {_VARIABLES[where.partition(':')[0]]}, name credentials with --config, or read a public "
            "bucket with --config anonymous=true",
        )
    if found.kind == "refused":
        return UdbError("E_AUTH", f"{where} may not be read: {found.said}", remedy=remedy)
    if found.kind == "down":
        return UdbError("E_CONNECT", f"{where} {found.said}")
    return UdbError("E_HTTP", f"{where} cannot be used ({found.said})", remedy="check the settings of the source")


def _resolved(scheme: str, config: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    known = FIELDS[scheme]
    if unknown := sorted(set(config) - set(known)):
        raise UdbError(
            "E_OPTION",
            f"{scheme}:// has no setting {', '.join(unknown)}",
            remedy=f"--config takes {', '.join(known)}",
        )
    told = {name: resolve(str(value), settings) for name, value in config.items() if value is not None}
    if ("access_key_id" in told) != ("secret_access_key" in told):
        raise UdbError("E_OPTION", "access_key_id and secret_access_key are given together, or not at all")
    return told


def _check_own(address: Address, told: Mapping[str, str], settings: Settings) -> None:
    """The environment's credentials, and those of the machine, are the operator's."""
    if settings.tenant == DEFAULT_TENANT or is_on(told, "anonymous") or _OWN[address.scheme] & set(told):
        return
    raise UdbError(
        "E_AUTH",
        f"the source names no credentials for {address.scheme}://{address.bucket}",
        remedy=f"name them with --config {', '.join(sorted(_OWN[address.scheme]))}, or read a public one with "
        "--config anonymous=true",
    )


def _amazon(told: Mapping[str, str]) -> S3Config:
    config: S3Config = {}
    if "endpoint" in told:
        config["endpoint"] = told["endpoint"]
    if "region" in told:
        config["region"] = told["region"]
    if is_on(told, "anonymous"):
        config["skip_signature"] = True
    return config


def _keys(told: Mapping[str, str]) -> Any:  # noqa: ANN401 - S3Credential is a name for type checkers only
    """The source's own key pair; a session token of the environment belongs to another."""
    if "access_key_id" not in told:
        return None
    return {
        "access_key_id": told["access_key_id"],
        "secret_access_key": told["secret_access_key"],
        "token": told.get("session_token"),
        "expires_at": None,
    }


def _google(told: Mapping[str, str]) -> GCSConfig:
    config: GCSConfig = {}
    if "service_account_key" in told:
        config["service_account_key"] = told["service_account_key"]
    if "endpoint" in told:
        config["base_url"] = told["endpoint"]
    if is_on(told, "anonymous"):
        config["skip_signature"] = True
    return config


def _azure(told: Mapping[str, str]) -> AzureConfig:
    config: AzureConfig = {}
    if "account_name" in told:
        config["account_name"] = told["account_name"]
    if "account_key" in told:
        config["account_key"] = told["account_key"]
    if "sas_token" in told:
        config["sas_key"] = told["sas_token"]
    if "endpoint" in told:
        config["endpoint"] = told["endpoint"]
    if is_on(told, "anonymous"):
        config["skip_signature"] = True
    return config
