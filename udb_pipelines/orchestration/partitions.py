"""Sources as partitions: one key per source, added while Dagster runs.

A key is a source's name (:data:`udb_pipelines.models.NAME_PATTERN`), so it never holds the commas, quotes,
pipes or blanks that Dagster's CLI and UI stumble over.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

SOURCES = dg.DynamicPartitionsDefinition(name="sources")
"""The partitions of every asset of the path."""

_NAME = str(SOURCES.name)


def register(instance: dg.DagsterInstance, names: Iterable[str]) -> None:
    """Make the names known as partitions; those that are known already are left alone."""
    instance.add_dynamic_partitions(_NAME, list(names))


def registered(instance: dg.DagsterInstance) -> frozenset[str]:
    """Every partition there is."""
    return frozenset(instance.get_dynamic_partitions(_NAME))
