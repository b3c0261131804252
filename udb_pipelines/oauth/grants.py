"""What a provider has granted, in the encrypted store, and valid access tokens made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.oauth.provider import Client, ClientAuth, RefusedError, ask
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.references import resolve
from udb_pipelines.secrets.store import SecretStore

PREFIX = "oauth_"
"""Of the names under which the encrypted store keeps grants."""
_MARGIN = timedelta(seconds=120)
"""A token is renewed when it would end sooner than this, or within the last quarter of a shorter life."""


_NOT_RENEWED = {
    "invalid_grant": "the access was revoked at the provider, or has ended for good",
    "invalid_client": "the provider does not know the client any more, or its secret is another by now",
}


class Grant(Model):
    """Tokens, and how to get the next ones. Secret as a whole."""

    token_url: str
    client_id: str
    client_secret: str = ""
    """A reference; empty for a program that has none."""
    client_auth: ClientAuth = "basic"
    client_secret_expires: date | None = None
    scope: str = ""
    access_token: str
    refresh_token: str = ""
    obtained_at: datetime
    expires_at: datetime | None = None
    """Of the access token; None where the provider does not say."""

    def is_fresh(self, now: datetime) -> bool:
        """Whether the access token will do for a while."""
        if self.expires_at is None:
            return True
        return self.expires_at - now > min(_MARGIN, (self.expires_at - self.obtained_at) / 4)


class GrantInfo(Model):
    """What may be said about a grant."""

    name: str
    token_url: str
    scope: str
    obtained_at: datetime
    expires_at: datetime | None
    renewable: bool
    client_secret_expires: date | None


class Grants:
    """The grants of one UDB home. Safe to use from several processes at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = SecretStore(settings)

    def save(self, name: str, grant: Grant) -> None:
        """Keep ``grant`` as ``name``, in place of an earlier one.

        Raises:
            UdbError: ``E_NAME``, ``E_SECRET_KEY``.
        """
        self._store.set(f"{PREFIX}{name}", grant.model_dump_json())

    def get(self, name: str) -> Grant:
        """The grant of that name.

        Raises:
            UdbError: ``E_AUTH`` when nobody has signed in, ``E_SECRET_KEY``.
        """
        known = {info.name for info in self._store.list()}
        if f"{PREFIX}{name}" not in known:
            raise UdbError("E_AUTH", f"nobody has signed in as {name}", remedy=f"udb oauth login {name}")
        return _read(name, self._store.get(f"{PREFIX}{name}"))

    def list(self) -> tuple[GrantInfo, ...]:
        """Every grant without its tokens, by name."""
        names = [info.name.removeprefix(PREFIX) for info in self._store.list() if info.name.startswith(PREFIX)]
        return tuple(_told(name, self.get(name)) for name in names)

    def remove(self, name: str) -> None:
        """Forget a grant; the provider is not told.

        Raises:
            UdbError: ``E_AUTH`` when there is none of that name.
        """
        self.get(name)
        self._store.remove(f"{PREFIX}{name}")

    def access_token(self, name: str) -> str:
        """A valid access token. Of several processes that find it stale one renews it, and all get the new one.

        Raises:
            UdbError: ``E_AUTH`` when the grant is gone and somebody must sign in again, ``E_CONNECT`` when the
                provider cannot be reached and the token has ended.
        """
        grant = self.get(name)
        if not grant.is_fresh(datetime.now(UTC)):
            client = Client(grant.client_id, resolve(grant.client_secret, self._settings), grant.client_auth)
            after = self._store.update(f"{PREFIX}{name}", lambda before: self._renewed(name, before, client))
            grant = _read(name, after)
        return grant.access_token

    def _renewed(self, name: str, before: str, client: Client) -> str:
        grant, now = _read(name, before), datetime.now(UTC)
        if grant.is_fresh(now):
            return before  # another process was faster
        still_valid = grant.expires_at is not None and grant.expires_at > now
        if not grant.refresh_token:
            if still_valid:
                return before
            raise _over(name, "the access token has ended, and the provider gave none to renew it with")
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        try:
            answer = ask(grant.token_url, form, client, self._settings)
        except RefusedError as refusal:
            raise _over(
                name, _NOT_RENEWED.get(refusal.error, f"the provider refuses to renew it ({refusal.error})")
            ) from None
        except UdbError as error:
            if error.code == "E_CONNECT" and still_valid:
                return before
            raise
        return granted(answer, grant, now).model_dump_json()


def granted(answer: Mapping[str, Any], known: Grant, now: datetime) -> Grant:
    """``known`` with the tokens of a provider's answer; the refresh token stays where no new one is given.

    Raises:
        UdbError: ``E_HTTP`` for an answer without a token.
    """
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not token:
        raise UdbError("E_HTTP", "the provider's answer holds no access token")
    try:
        expires = now + timedelta(seconds=float(seconds)) if seconds is not None else None
    except (ValueError, TypeError, OverflowError):
        expires = None
    return known.model_copy(
        update={
            "access_token": str(token),
            "refresh_token": str(answer.get("refresh_token") or known.refresh_token),
            "scope": str(answer.get("scope") or known.scope),
            "obtained_at": now,
            "expires_at": expires,
        }
    )


def _read(name: str, text: str) -> Grant:
    try:
        grant = Grant.model_validate_json(text)
    except ValidationError:
        raise UdbError("E_AUTH", f"what is stored as {PREFIX}{name} is no grant") from None
    for secret in (grant.access_token, grant.refresh_token):
        if secret:
            scrub.register(secret)
    return grant


def _told(name: str, grant: Grant) -> GrantInfo:
    return GrantInfo(
        name=name,
        token_url=grant.token_url,
        scope=grant.scope,
        obtained_at=grant.obtained_at,
        expires_at=grant.expires_at,
        renewable=bool(grant.refresh_token),
        client_secret_expires=grant.client_secret_expires,
    )


def _over(name: str, why: str) -> UdbError:
    return UdbError("E_AUTH", f"{name}: {why}", remedy=f"sign in again: udb oauth login {name}")
