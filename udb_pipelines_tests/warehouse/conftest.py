"""A lake on each kind of catalog, and a way to stage rows as a connector would."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake
from udb_pipelines_tests.warehouse.staging import Stager

ON_SQLITE_BY_DEFAULT = ("test_maintenance.py",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes half a minute with a PostgreSQL catalog is for ``make test-long``."""
    for item in items:
        if item.path.name in ON_SQLITE_BY_DEFAULT and "[postgres" in item.name:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(params=["sqlite", "postgres"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """The same test on an SQLite and on a PostgreSQL catalog."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    return Lake(
        Settings(
            home=tmp_path / "home", catalog_url=SecretStr(url) if url else None, lock_timeout_seconds=60, threads=2
        )
    )


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return Lake(settings)


@pytest.fixture
def stage(settings: Settings) -> Stager:
    return Stager(settings)
