"""What every command starts with: settings read once, log and traces configured."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

    from udb_pipelines.config import Settings
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.secrets.store import SecretStore
    from udb_pipelines.warehouse import Lake


_TENANT = "udb.tenant"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The effective settings, with logging set up by them.

    On a terminal the command itself shows what happens, so the log stays silent unless a level was asked for.

    Raises:
        UdbError: ``E_CONFIG``.
    """
    from udb_pipelines.config import DEFAULT_TENANT, load_settings
    from udb_pipelines.operations import logging

    loaded = load_settings()
    tenant = _chosen_tenant() or loaded.tenant
    if tenant != DEFAULT_TENANT:
        from udb_pipelines.control.tenants import TenantRegistry

        loaded = TenantRegistry(loaded).open(tenant)
    elif tenant != loaded.tenant:
        loaded = loaded.for_tenant(tenant)
    shown_otherwise = sys.stderr.isatty() and "log_level" not in loaded.model_fields_set
    logging.configure(loaded, level="CRITICAL" if shown_otherwise else None)
    return loaded


def choose_tenant(context: click.Context, _: click.Parameter, tenant: str | None) -> None:
    """Callback of ``--tenant``, which stands before or behind the command and counts more than ``UDB_TENANT``."""
    if tenant is not None:
        context.find_root().meta[_TENANT] = tenant


def _chosen_tenant() -> str | None:
    import click

    context = click.get_current_context(silent=True)
    return context.find_root().meta.get(_TENANT) if context else None


def registry() -> SourceRegistry:
    """The register of sources."""
    from udb_pipelines.control.sources import SourceRegistry

    return SourceRegistry(settings())


def lake() -> Lake:
    """The warehouse."""
    from udb_pipelines.warehouse import Lake

    return Lake(settings())


def secrets() -> SecretStore:
    """The encrypted secrets."""
    from udb_pipelines.secrets.store import SecretStore

    return SecretStore(settings())
