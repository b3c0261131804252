"""``python -m benchmarks [wide|small|landing …]``: measure, print, save ``RESULTS.md``."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

NAMES = ("wide", "small", "landing")
RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("udb-pipelines", "duckdb", "dagster", "pyarrow", "pydantic")


def main(chosen: list[str]) -> int:
    """Run the benchmarks named, or all; only all of them together are saved."""
    unknown = set(chosen) - set(NAMES)
    if unknown:
        sys.stderr.write(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}\n")
        return 2
    results = []
    for name in chosen or NAMES:
        result = importlib.import_module(f"benchmarks.{name}").run()
        print(result.markdown(), flush=True)
        results.append(result)
    if not chosen:
        RESULTS.write_text("\n".join([_preface(), *(result.markdown() for result in results)]), encoding="utf-8")
    return 0 if all(row.met is not False for result in results for row in result.rows) else 1


def _preface() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        "# What was measured\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}. "
        "Written by `make bench`; do not edit.\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
