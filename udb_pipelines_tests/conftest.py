"""Fixtures for every test: settings on a folder of its own, and where the public corpora are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines_tests.clouds import azure_server as azure_server
from udb_pipelines_tests.clouds import gcs_server as gcs_server
from udb_pipelines_tests.mariadb import mariadb as mariadb
from udb_pipelines_tests.mariadb import mariadb_server as mariadb_server
from udb_pipelines_tests.mongodb import mongo as mongo
from udb_pipelines_tests.mongodb import mongo_server as mongo_server
from udb_pipelines_tests.objectstore import object_server as object_server
from udb_pipelines_tests.postgres import postgres_server as postgres_server
from udb_pipelines_tests.postgres import postgres_url as postgres_url
from udb_pipelines_tests.sftpserver import sftp_server as sftp_server

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own UDB settings must not decide how a test ends."""
    for name in list(os.environ):
        if name.startswith(("AIRBYTE_", "UDB_", "OTEL_", "DAGSTER_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def corpora() -> Path:
    """Folder of public data sets beside the repository; the test is skipped where it is absent."""
    if not CORPORA.is_dir():
        pytest.skip("needs the public corpora folder beside the repository")
    return CORPORA
