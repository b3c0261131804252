"""A fake Airbyte server whose destination is a real PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_ID, CLIENT_SECRET, FakeAirbyte, serving


@pytest.fixture
def airbyte() -> Iterator[FakeAirbyte]:
    with serving() as fake:
        yield fake


@pytest.fixture
def connected(airbyte: FakeAirbyte, tmp_path: Path) -> Settings:
    """Settings of a home that knows the server, without a destination."""
    return Settings(
        home=tmp_path / "home",
        airbyte_url=airbyte.url,
        airbyte_client_id=SecretStr(CLIENT_ID),
        airbyte_client_secret=SecretStr(CLIENT_SECRET),
    )


@pytest.fixture
def wired(connected: Settings, postgres_url: str) -> Settings:
    """The same with a destination: an empty database."""
    return connected.model_copy(update={"airbyte_destination": SecretStr(postgres_url)})
