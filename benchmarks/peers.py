"""Other tools that do the same, each in an environment of its own: nothing of UDB depends on them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import cache

DLT = ("dlt[duckdb,parquet,sql-database]==1.31.0", "connectorx==0.4.6", "psycopg2-binary", "pyarrow")
"""dlt reads PostgreSQL through connectorx, the fastest of the ways that it offers, and writes a DuckDB file."""


def python_with(name: str, requirements: tuple[str, ...]) -> Path:
    """The Python of an environment that has ``requirements``; made on first use, which needs the package index.

    Raises:
        CalledProcessError: it cannot be made.
    """
    folder = cache(f"peer-{name}")
    ready, python = folder / "ready.json", folder / "bin" / "python"
    if ready.is_file() and json.loads(ready.read_text()) == list(requirements):
        return python
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    subprocess.run([uv, "venv", "--quiet", "--clear", str(folder)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *requirements], check=True)
    ready.write_text(json.dumps(requirements))
    return python


def dlt_versions() -> str:
    """What is compared with, for the table."""
    dlt, connectorx = (item.partition("==")[2] for item in DLT[:2])
    return f"dlt {dlt} with connectorx {connectorx}"
