"""What the documentation of functions shows is what they do."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import udb_pipelines


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(udb_pipelines.__path__, "udb_pipelines."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            yield found.name


def test_examples_hold() -> None:
    results = {name: doctest.testmod(importlib.import_module(name)) for name in modules()}
    assert {name: result for name, result in results.items() if result.failed} == {}
    assert sum(result.attempted for result in results.values()) > 50
