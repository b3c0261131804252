"""The default suite restores on SQLite catalogs and once on PostgreSQL's; `make test-long` does everything on both."""

from __future__ import annotations

from pathlib import Path

import pytest

ALSO_BY_DEFAULT = ("test_random_times_equal_the_oracle", "test_into_an_empty_postgresql_catalog")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each takes five to ten seconds with a PostgreSQL catalog."""
    for item in items:
        here = Path(item.path).is_relative_to(Path(__file__).parent)
        if here and "[postgres" in item.name and not item.name.startswith(ALSO_BY_DEFAULT):
            item.add_marker(pytest.mark.slow)
