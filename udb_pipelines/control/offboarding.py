"""Taking leave of a tenant: everything it has in this home goes, and it is said what lies elsewhere.

Its folder is renamed first, which is one instant and leaves nothing that could be opened; then the schemas of its lake
catalog are dropped, where that is in PostgreSQL; then its rows leave the control database; then the folder is removed.
Killed in between, the same command goes on. Nothing goes while a legal hold lasts, and nothing outside of
``<home>/tenants`` and of those schemas.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.control.database import METADATA, Database
from udb_pipelines.control.holds import HoldRegistry
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.secrets.store import SecretStore
from udb_pipelines.warehouse import Lake, datasets, steps
from udb_pipelines.warehouse.files import sync_folder, tree_bytes
from udb_pipelines.warehouse.removal import Item, remove
from udb_pipelines.warehouse.schemas import drop_schemas, schemas

_GOING = ".removed-"
"""In the name of a folder that is being removed; no id of a tenant has a point."""


class Leaving(Model):
    """What goes with a tenant, and what does not."""

    tenant: str
    folder: Path
    bytes: int
    sources: int
    secrets: int
    tables: int
    rows: int
    schemas: tuple[str, ...]
    """Of its lake catalog, where that is in PostgreSQL."""
    elsewhere: tuple[str, ...]
    """What UDB does not remove: targets outside of the folder."""


def plan_leave(settings: Settings, tenant: str) -> Leaving:
    """What :func:`leave` would remove. Changes nothing.

    Raises:
        UdbError: ``E_TENANT`` when there is no such tenant, or it is the default one; ``E_HOLD`` while something of
            it is held.
    """
    if tenant == DEFAULT_TENANT:
        raise UdbError("E_TENANT", f"the tenant {DEFAULT_TENANT} is always there")
    own = TenantRegistry(settings).open(tenant)
    held = [hold.name for hold in HoldRegistry(own).list(datetime.now(UTC))]
    if held:
        raise UdbError(
            "E_HOLD", f"the tenant {tenant} has legal holds on {', '.join(held)}", kept="everything of it",
            remedy=f"end them first: udb retention hold remove {held[0]} --tenant {tenant}",
        )  # fmt: skip
    lake = Lake(own)
    tables = datasets(lake)
    return Leaving(
        tenant=tenant,
        folder=own.tenant_home,
        bytes=tree_bytes(own.tenant_home) if own.tenant_home.exists() else 0,
        sources=len(SourceRegistry(own).list()),
        secrets=len(SecretStore(own).sealed()),
        tables=len(tables),
        rows=sum(table.rows_total for table in tables),
        schemas=schemas(lake),
        elsewhere=tuple(_elsewhere(own)),
    )


def leave(settings: Settings, tenant: str) -> Leaving:
    """Remove a tenant for good, once nobody writes its warehouse any more.

    Raises:
        UdbError: as from :func:`plan_leave`; ``E_LOCK_TIMEOUT`` while a job writes.
    """
    planned = plan_leave(settings, tenant)
    root = planned.folder.parent
    keeper = settings.for_tenant(DEFAULT_TENANT)
    if planned.folder.exists():
        with Lake(settings.for_tenant(tenant)).lock.held(f"removing the tenant {tenant}"):
            pass  # whoever was writing has finished
        planned.folder.rename(root / f"{tenant}{_GOING}{uuid.uuid4().hex[:8]}")
        sync_folder(root)
    steps.reached("tenant folder renamed")
    drop_schemas(Lake(keeper), planned.schemas)
    steps.reached("tenant catalog dropped")
    with Database(settings).begin() as connection:
        for table in METADATA.sorted_tables:
            column = table.c.id if table.name == "tenants" else table.c.get("tenant")
            if column is not None:
                connection.execute(delete(table).where(column == tenant))
    steps.reached("tenant forgotten")
    for path in sorted(root.glob(f"*{_GOING}*")):
        remove(
            Item(root=root, path=path, reason=f"the tenant {tenant} was removed", bytes=tree_bytes(path)),
            keeper.retention_journal,
        )
    return planned


def _elsewhere(own: Settings) -> list[str]:
    home = str(own.tenant_home)
    return [f"{what} in {where}" for what, where in (("snapshots", own.snapshots), ("the archive", own.archive))
            if not where.startswith(f"{home}/")]  # fmt: skip
