"""What logging changes in the process is put back after each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from udb_pipelines.config import Settings
from udb_pipelines.operations import scrub, tracing


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, root.handlers[:], logging.getLogger("opentelemetry").level)
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.getLogger("opentelemetry").setLevel(before[2])
    logging.captureWarnings(False)
    structlog.reset_defaults()
    scrub.forget()
    tracing.configure(Settings())
