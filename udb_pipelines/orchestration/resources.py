"""What assets need of UDB: its settings, the lake and the sources, each opened when first used.

A plain object rather than a configurable resource: settings come from ``config.py`` alone, so there is
nothing to configure in the launchpad and no secret that could end up in a run's config.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from udb_pipelines.config import Settings

if TYPE_CHECKING:
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.warehouse import Lake


class Udb:
    """The resource ``udb``. In an asset: ``def mine(udb: dg.ResourceParam[Udb])``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

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
