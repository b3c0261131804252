"""What a person can be asked when a source cannot be read yet: a server's key, a password. For ``udb sources add``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from udb_pipelines.cli.present import note
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.models import Source, SourceOptions


def asked(source: Source, error: UdbError, settings: Settings) -> SourceOptions | None:
    """The options of ``source`` with what a person answers; None when nothing can be asked, or is not answered.

    Args:
        source: that cannot be read.
        error: why.
        settings: where a password goes, encrypted.

    Raises:
        UdbError: what the encrypted store refuses.
    """
    if not source.uri.lower().startswith("sftp://"):
        return None
    if error.code == "E_HOST_KEY" and "host_key" not in source.options.config:
        return _with_host_key(source, settings)
    if error.code == "E_AUTH" and "private_key" not in source.options.config:
        return _with_password(source, settings)
    return None


def _with_host_key(source: Source, settings: Settings) -> SourceOptions | None:
    from udb_pipelines.detection.remote.sftp import place, ssh

    try:
        key = ssh.offered(place.parse(source.uri, source.options.config, settings).server, settings)
    except UdbError:
        return None
    question = f"Does its operator say that {key.fingerprint} is its key" if key else ""
    if key is None or not typer.confirm(question, default=False, err=True):
        return None
    return _with(source, "host_key", key.written)


def _with_password(source: Source, settings: Settings) -> SourceOptions | None:
    if settings.secret_key is None:
        note("Without UDB_SECRET_KEY (udb secrets key makes one) no password can be kept.")
        return None
    password = str(typer.prompt("Password (empty for another address)", default="", hide_input=True, err=True,
                                show_default=False))  # fmt: skip
    if not password:
        return None
    from udb_pipelines.cli import session

    secret = f"{source.name}_password"
    session.secrets().set(secret, password)
    note(f"The password is in the encrypted store, as {secret}.")
    return _with(source, "password", f"${{secret:{secret}}}")


def _with(source: Source, name: str, value: str) -> SourceOptions:
    return source.options.model_copy(update={"config": {**source.options.config, name: value}})
