"""The register of tenants, and the one way to the settings of one. The only owner of the table ``tenants``.

A tenant has a warehouse, sources, reports and snapshots of its own, in ``<home>/tenants/<id>``. Made on purpose
with ``udb tenants add``: a slip of the keyboard must not become an empty warehouse. The default tenant is always
there and lies in the home itself.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, String, Table, insert, select
from sqlalchemy.exc import IntegrityError

from udb_pipelines.config import DEFAULT_TENANT, Settings, tenant_id
from udb_pipelines.control.database import METADATA, UNREACHABLE, Database
from udb_pipelines.errors import UdbError

_table = Table(
    "tenants",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
)


class TenantRegistry:
    """The tenants of one home. Safe to use from several processes at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(settings)

    def add(self, tenant: str) -> Settings:
        """Make a tenant and return its settings.

        Raises:
            UdbError: ``E_TENANT`` when the id is not legal or taken, or its folder is somebody else's.
        """
        settings = self._legal(tenant)
        if tenant == DEFAULT_TENANT:
            raise UdbError("E_TENANT", f"the tenant {DEFAULT_TENANT} is always there")
        _refuse_links(settings)
        with self._database.begin() as connection:
            try:
                connection.execute(insert(_table).values(id=tenant, created_at=datetime.now(UTC)))
            except IntegrityError:
                raise UdbError("E_TENANT", f"there is a tenant {tenant} already") from None
        settings.tenant_home.mkdir(parents=True, exist_ok=True)
        return settings

    def list(self) -> tuple[str, ...]:
        """Every tenant, the default one first."""
        with self._database.begin() as connection:
            return (DEFAULT_TENANT, *connection.execute(select(_table.c.id).order_by(_table.c.id)).scalars())

    def known(self) -> tuple[str, ...]:
        """Every tenant; while the control database cannot be opened, those that have a folder.

        Their warehouses need no control database, and must be copied without one too.
        """
        try:
            return self.list()
        except UdbError as error:
            if error.code not in UNREACHABLE:
                raise
        folders = (self._settings.home / "tenants").glob("*/")
        return (DEFAULT_TENANT, *sorted(folder.name for folder in folders if _is_legal(folder.name)))

    def open(self, tenant: str) -> Settings:
        """The settings of a tenant that exists.

        Raises:
            UdbError: ``E_TENANT`` when there is none of that id, or a link stands in the place of its folder.
        """
        settings = self._legal(tenant)
        if tenant == DEFAULT_TENANT:
            return settings
        known = self.known()
        if tenant not in known:
            close = difflib.get_close_matches(tenant, known, n=2)
            hint = f"did you mean {' or '.join(close)}? " if close else ""
            raise UdbError(
                "E_TENANT", f"there is no tenant {tenant}", remedy=f"{hint}udb tenants add {tenant} makes it"
            )
        _refuse_links(settings)
        return settings

    def _legal(self, tenant: str) -> Settings:
        try:
            return self._settings.for_tenant(tenant_id(tenant))
        except ValueError as error:
            raise UdbError("E_TENANT", str(error)) from None


def _is_legal(name: str) -> bool:
    try:
        return tenant_id(name) == name
    except ValueError:
        return False


def _refuse_links(settings: Settings) -> None:
    """A link in the place of a tenant's folder would let two tenants share one."""
    for path in (settings.tenant_home.parent, settings.tenant_home, settings.warehouse, settings.artifacts):
        if path.is_symlink():
            raise UdbError(
                "E_TENANT",
                f"{path} is a link; a tenant's folder must be its own",
                remedy="put the folder itself there, or mount a disk on it",
            )
