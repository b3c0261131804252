"""What a person can be asked when a source cannot be read yet: a server's key, a password. For ``udb sources add``."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

import typer

from udb_pipelines.cli.present import note
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.models import Source, SourceOptions


class Passwords:
    """The passwords of one talk, each in the encrypted store under a name that nothing had there before the talk."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def keep(self, source: str, password: str) -> str:
        """Store the password of a source, in place of an earlier one of this talk; the reference to it.

        Raises:
            UdbError: what the encrypted store refuses.
        """
        from udb_pipelines.cli import session

        store = session.secrets()
        if source not in self._names:
            taken = {secret.name for secret in store.list()}
            names = (f"{source}_password{number}" for number in chain([""], (f"_{more}" for more in count(2))))
            self._names[source] = next(name for name in names if name not in taken)
        name = self._names[source]
        store.set(name, password)
        note(f"The password is in the encrypted store, as {name}.")
        return f"${{secret:{name}}}"


def asked(source: Source, error: UdbError, settings: Settings, passwords: Passwords) -> SourceOptions | None:
    """The options of ``source`` with what a person answers; None when nothing can be asked, or is not answered.

    Args:
        source: that cannot be read.
        error: why.
        settings: how to reach it, and whether passwords can be kept.
        passwords: takes the one that is given.

    Raises:
        UdbError: what the encrypted store refuses.
    """
    if not source.uri.lower().startswith("sftp://"):
        return None
    if error.code == "E_HOST_KEY" and "host_key" not in source.options.config:
        return _with_host_key(source, settings)
    if error.code == "E_AUTH" and "private_key" not in source.options.config:
        return _with_password(source, settings, passwords)
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


def _with_password(source: Source, settings: Settings, passwords: Passwords) -> SourceOptions | None:
    if settings.secret_key is None:
        note("Without UDB_SECRET_KEY (udb secrets key makes one) no password can be kept.")
        return None
    password = str(typer.prompt("Password (empty for another address)", default="", hide_input=True, err=True,
                                show_default=False))  # fmt: skip
    if not password:
        return None
    return _with(source, "password", passwords.keep(source.name, password))


def _with(source: Source, name: str, value: str) -> SourceOptions:
    return source.options.model_copy(update={"config": {**source.options.config, name: value}})
