"""Where the repository is, and the names of what its container files may use."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from udb_pipelines.config import Settings


@pytest.fixture(scope="session")
def repository() -> Path:
    folder = Path(__file__).parents[2]
    if not (folder / "Makefile").is_file():
        pytest.skip("needs the repository; this is an installed package")
    return folder


@pytest.fixture(scope="session")
def setting_names() -> set[str]:
    return {f"UDB_{name}".upper() for name in Settings.model_fields if name != "otlp_endpoint"} | {
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    }


@pytest.fixture(scope="session")
def commands() -> set[str]:
    """Console scripts of everything installed."""
    return {
        entry.name for package in distributions() for entry in package.entry_points if entry.group == "console_scripts"
    }
