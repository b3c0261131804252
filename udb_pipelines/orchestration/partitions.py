"""Sources as partitions: one key per source of every tenant, added while Dagster runs.

A key is a source's name (:data:`udb_pipelines.models.NAME_PATTERN`), behind ``<tenant>.`` for every tenant but the
default one. Neither part can hold a full stop, nor the commas, quotes, pipes or blanks that Dagster's CLI and UI
stumble over, so a key means one source of one tenant and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import dagster as dg

from udb_pipelines.config import DEFAULT_TENANT, tenant_id
from udb_pipelines.errors import UdbError
from udb_pipelines.models import NAME_PATTERN

SOURCES = dg.DynamicPartitionsDefinition(name="sources")
"""The partitions of every asset of the path."""

_NAME = str(SOURCES.name)


def key_of(tenant: str, source: str) -> str:
    """The partition of a source.

    >>> key_of("default", "orders"), key_of("acme", "orders")
    ('orders', 'acme.orders')
    """
    return source if tenant == DEFAULT_TENANT else f"{tenant}.{source}"


def parse_key(key: str) -> tuple[str, str]:
    """Tenant and source of a partition.

    Raises:
        UdbError: ``E_NAME``: partitions can be added by hand in the UI, and a key becomes a folder.

    >>> parse_key("orders"), parse_key("acme.orders")
    (('default', 'orders'), ('acme', 'orders'))
    """
    tenant, dot, source = key.rpartition(".")
    try:
        chosen = tenant_id(tenant) if dot else DEFAULT_TENANT
    except ValueError:
        chosen = ""
    if not chosen or not re.fullmatch(NAME_PATTERN, source) or key_of(chosen, source) != key:
        raise UdbError("E_NAME", "the partition is not the name of a source")
    return chosen, source


def shown(key: str | None) -> tuple[str, str | None]:
    """Tenant and source of a run's partition. What is no source (nothing, people's own partitions) is the default's."""
    try:
        return parse_key(key) if key else (DEFAULT_TENANT, None)
    except UdbError:
        return DEFAULT_TENANT, key


def register(instance: dg.DagsterInstance, names: Iterable[str]) -> None:
    """Make the names known as partitions; those that are known already are left alone."""
    instance.add_dynamic_partitions(_NAME, list(names))


def registered(instance: dg.DagsterInstance) -> frozenset[str]:
    """Every partition there is."""
    return frozenset(instance.get_dynamic_partitions(_NAME))
