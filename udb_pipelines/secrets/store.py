"""The encrypted store: names in clear, values as Fernet tokens in the control database.

The keys (``UDB_SECRET_KEY``) are never stored. Several may be given, newest first: the first encrypts, all of them
decrypt, and :meth:`SecretStore.rotate` writes everything anew under the first, after which the others can go.
Each token is bound to its tenant and name, so that tokens exchanged in the database are noticed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Column, DateTime, String, Table, Text, delete, insert, select, update
from sqlalchemy.engine import Connection

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.control.database import METADATA, Database
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model, slug
from udb_pipelines.operations import scrub

_table = Table(
    "secrets",
    METADATA,
    Column("tenant", String(40), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("token", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)


class SecretInfo(Model):
    """What may be said about a stored secret."""

    name: str
    updated_at: datetime


class SealedSecret(Model):
    """A secret as it is stored: nobody reads it without the key."""

    name: str
    token: str
    updated_at: datetime


def new_key() -> str:
    """A fresh key for ``UDB_SECRET_KEY``: 32 random bytes, URL-safe base64."""
    return Fernet.generate_key().decode()


class SecretStore:
    """The stored secrets of the tenant that the settings name. Safe to use from several processes at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = _table.c.tenant == settings.tenant
        self._database = Database(settings)

    def set(self, name: str, value: str) -> SecretInfo:
        """Store ``value`` under ``name``, in place of an earlier one.

        Raises:
            UdbError: ``E_NAME``, ``E_OPTION`` for an empty value, ``E_SECRET_KEY`` without a usable key.
        """
        _check_name(name)
        if not value:
            raise UdbError("E_OPTION", f"the secret {name} would be empty", remedy="give the value on standard input")
        scrub.register(value)
        row = {"token": self._encrypt(name, value), "updated_at": datetime.now(UTC)}
        with self._database.begin() as connection:
            if not connection.execute(update(_table).where(self._own, _table.c.name == name).values(row)).rowcount:
                connection.execute(insert(_table).values(tenant=self._settings.tenant, name=name, **row))
        return SecretInfo(name=name, updated_at=row["updated_at"])

    def get(self, name: str) -> str:
        """The value of a secret, registered with the scrubber.

        Raises:
            UdbError: ``E_AUTH`` when there is none of that name, ``E_SECRET_KEY`` when no key opens it.
        """
        with self._database.begin() as connection:
            token = connection.execute(select(_table.c.token).where(self._own, _table.c.name == name)).scalar()
        if token is None:
            raise UdbError(
                "E_AUTH", f"no secret is stored as {name}", remedy=f"store it, then run again: udb secrets set {name}"
            )
        value = self._decrypt(name, token)
        scrub.register(value)
        return value

    def update(self, name: str, change: Callable[[str], str]) -> str:
        """Replace a value by what ``change`` makes of it, while every other process that wants to waits.

        For values that expire: of several processes that find an access token stale, one fetches the next and the
        others get that one.
        """
        with self._database.begin() as connection:
            _take_write_lock(connection)
            query = select(_table.c.token).where(self._own, _table.c.name == name).with_for_update()
            token = connection.execute(query).scalar()
            if token is None:
                raise UdbError("E_AUTH", f"no secret is stored as {name}", remedy=f"udb secrets set {name}")
            before = self._decrypt(name, token)
            after = change(before)
            if after != before:
                row = {"token": self._encrypt(name, after), "updated_at": datetime.now(UTC)}
                connection.execute(update(_table).where(self._own, _table.c.name == name).values(row))
        scrub.register(after)
        return after

    def list(self) -> tuple[SecretInfo, ...]:
        """Names and dates, by name; needs no key."""
        with self._database.begin() as connection:
            rows = connection.execute(
                select(_table.c.name, _table.c.updated_at).where(self._own).order_by(_table.c.name)
            ).all()
        return tuple(SecretInfo(name=name, updated_at=_with_zone(updated_at)) for name, updated_at in rows)

    def sealed(self) -> tuple[SealedSecret, ...]:
        """Every secret as it is stored, by name; needs no key."""
        query = select(_table.c.name, _table.c.token, _table.c.updated_at).where(self._own).order_by(_table.c.name)
        with self._database.begin() as connection:
            rows = connection.execute(query).all()
        return tuple(SealedSecret(name=name, token=token, updated_at=_with_zone(at)) for name, token, at in rows)

    def put_sealed(self, secret: SealedSecret) -> None:
        """Store what :meth:`sealed` gave, in place of an earlier one; it opens with the key it was sealed with."""
        row = {"token": secret.token, "updated_at": secret.updated_at}
        with self._database.begin() as connection:
            if not connection.execute(
                update(_table).where(self._own, _table.c.name == secret.name).values(row)
            ).rowcount:
                connection.execute(insert(_table).values(tenant=self._settings.tenant, name=secret.name, **row))

    def remove(self, name: str) -> None:
        """Forget a secret.

        Raises:
            UdbError: ``E_AUTH`` when there is none of that name.
        """
        with self._database.begin() as connection:
            if not connection.execute(delete(_table).where(self._own, _table.c.name == name)).rowcount:
                raise UdbError("E_AUTH", f"no secret is stored as {name}", remedy="udb secrets list shows the names")

    def rotate(self) -> int:
        """Encrypt every secret of the tenant anew with the first key, all or none; returns how many.

        Raises:
            UdbError: ``E_SECRET_KEY`` naming the secrets that no key opens; then nothing was changed.
        """
        with self._database.begin() as connection:
            _take_write_lock(connection)
            rows = connection.execute(select(_table.c.name, _table.c.token).where(self._own).with_for_update()).all()
            lost = [name for name, token in rows if not self._opens(name, token)]
            if lost:
                raise UdbError(
                    "E_SECRET_KEY",
                    f"no key opens {', '.join(lost)}",
                    kept="every secret as it was",
                    remedy="add the key they were stored with to UDB_SECRET_KEY, or store them again",
                )
            for name, token in rows:
                anew = self._encrypt(name, self._decrypt(name, token))
                connection.execute(update(_table).where(self._own, _table.c.name == name).values(token=anew))
        return len(rows)

    def _encrypt(self, name: str, value: str) -> str:
        return self._keys().encrypt(json.dumps([self._bound(name), value]).encode()).decode()

    def _decrypt(self, name: str, token: str) -> str:
        try:
            bound_to, value = json.loads(self._keys().decrypt(token.encode()))
        except InvalidToken:
            raise UdbError("E_SECRET_KEY", f"no key in UDB_SECRET_KEY opens the secret {name}") from None
        if bound_to != self._bound(name):
            raise UdbError("E_SECRET_KEY", f"the entry {name} holds another secret's value; it was tampered with")
        return str(value)

    def _bound(self, name: str) -> str:
        """What a token is bound to: no name has a dot in it."""
        return name if self._settings.tenant == DEFAULT_TENANT else f"{self._settings.tenant}.{name}"

    def _opens(self, name: str, token: str) -> bool:
        try:
            self._decrypt(name, token)
        except UdbError:
            return False
        return True

    def _keys(self) -> MultiFernet:
        if self._settings.secret_key is None:
            raise UdbError("E_SECRET_KEY", "UDB_SECRET_KEY is not set, so stored secrets cannot be used")
        keys = [key.strip() for key in self._settings.secret_key.get_secret_value().split(",") if key.strip()]
        try:
            return MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise UdbError("E_SECRET_KEY", "UDB_SECRET_KEY holds something that is not a Fernet key") from None


def _take_write_lock(connection: Connection) -> None:
    # SQLite upgrades a reading transaction only when nobody wrote since; PostgreSQL locks the rows.
    if connection.dialect.name == "sqlite":
        connection.execute(update(_table).where(_table.c.name == "").values(token=""))


def _check_name(name: str) -> None:
    if slug(name) != name:
        raise UdbError(
            "E_NAME",
            "a secret is named with small letters, digits and single underscores",
            remedy=f"for example {slug(name)}",
        )


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # SQLite forgets the zone
