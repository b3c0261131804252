"""What every command starts with: settings read once, log and traces configured."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.secrets.store import SecretStore
    from udb_pipelines.warehouse import Lake


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The effective settings, with logging set up by them.

    On a terminal the command itself shows what happens, so the log stays silent unless a level was asked for.

    Raises:
        UdbError: ``E_CONFIG``.
    """
    from udb_pipelines.config import load_settings
    from udb_pipelines.operations import logging

    loaded = load_settings()
    shown_otherwise = sys.stderr.isatty() and "log_level" not in loaded.model_fields_set
    logging.configure(loaded, level="CRITICAL" if shown_otherwise else None)
    return loaded


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
