"""The connector of the tests, installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines_tests.connectors.airbyte import connector as script


@pytest.fixture
def installed(settings: Settings) -> Settings:
    """A home in which the connector of the tests is installed, as the installer leaves it."""
    folder = settings.connectors / "fake-1.0"
    (folder / "bin").mkdir(parents=True)
    command = folder / "bin" / "source-fake"
    command.write_text(f"#!{sys.executable}\n{Path(script.__file__ or '').read_text()}")
    command.chmod(0o755)
    (folder / "ready.json").write_text(json.dumps({"requirement": "x", "spec": script.SPEC}))
    return settings
