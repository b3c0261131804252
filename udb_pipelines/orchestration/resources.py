"""What assets need of UDB: its settings, the lake and the sources, each opened when first used.

A plain object rather than a configurable resource: settings come from ``config.py`` alone, so there is
nothing to configure in the launchpad and no secret that could end up in a run's config.

One object serves all tenants: :meth:`Udb.at` turns a partition into its tenant's own settings, lake and register.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from udb_pipelines.config import Settings
from udb_pipelines.orchestration.partitions import parse_key

if TYPE_CHECKING:
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.warehouse import Lake


class Udb:
    """The resource ``udb``. In an asset: ``def mine(udb: dg.ResourceParam[Udb])``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opened: dict[str, Udb] = {settings.tenant: self}

    @cached_property
    def lake(self) -> Lake:
        """The warehouse."""
        from udb_pipelines.warehouse import Lake

        return Lake(self.settings)

    @cached_property
    def registry(self) -> SourceRegistry:
        """The registered sources."""
        from udb_pipelines.control.sources import SourceRegistry

        return SourceRegistry(self.settings)

    def at(self, key: str) -> tuple[Udb, str]:
        """The tenant of a partition, and the name of its source.

        Raises:
            UdbError: ``E_NAME`` for a partition that is no source, ``E_TENANT`` for a tenant that is not there.
        """
        tenant, source = parse_key(key)
        return self.of(tenant), source

    def of(self, tenant: str) -> Udb:
        """The same for another tenant.

        Raises:
            UdbError: ``E_TENANT`` when there is none of that id.
        """
        if tenant not in self._opened:
            from udb_pipelines.control.tenants import TenantRegistry

            self._opened[tenant] = Udb(TenantRegistry(self.settings).open(tenant))
        return self._opened[tenant]

    def tenants(self) -> tuple[Udb, ...]:
        """Every tenant, the default one first; without the control database, those that have a folder."""
        from udb_pipelines.control.tenants import TenantRegistry

        return tuple(self.of(tenant) for tenant in TenantRegistry(self.settings).known())
