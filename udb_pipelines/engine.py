"""DuckDB connections, made in one place so that limits and extensions hold everywhere.

Extensions come from the package index (``duckdb-extension-*``), never from the network at run time.
"""

from __future__ import annotations

import importlib
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb

from udb_pipelines.config import Settings

Extension = Literal["avro", "ducklake", "httpfs", "mysql_scanner", "postgres_scanner", "sqlite_scanner"]


def extension_file(name: Extension) -> Path:
    """Path of the extension's binary inside its installed package.

    Raises:
        ModuleNotFoundError: the package ``duckdb-extension-<name>`` is not installed.
        FileNotFoundError: it is installed for another DuckDB version.
    """
    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    return next(iter(folder.glob("*.duckdb_extension")), folder / f"{name}.duckdb_extension").resolve(strict=True)


def engine_memory(limit: str, share: float = 0.7) -> str:
    """DuckDB's part of the memory that a job may use: Python, Arrow and what DuckDB does not count need the rest.

    Measured: a million rows of 30 columns peak at 985 MB in all when DuckDB may use 700 MB, at 1,466 MB with 1 GB.

    >>> engine_memory("1GB"), engine_memory("800 MiB")
    ('0.7GB', '560MiB')
    """
    amount = limit.rstrip("KMGTiB ")
    return f"{float(amount) * share:g}{limit.removeprefix(amount).strip()}"


def connect(
    settings: Settings, extensions: tuple[Extension, ...] = (), threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that keeps to the memory, thread and spill limits and works in UTC.

    The caller closes it. Data lives in files and in the attached lake, never in this database. ``threads`` is the
    setting when absent; many small queries are cheaper on one, for waking another costs more than it computes.
    """
    settings.spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": engine_memory(settings.memory_limit),
            "threads": threads or settings.threads,
            "temp_directory": str(settings.spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # Checking a signature costs 0.1 CPU-seconds per extension and connection. Ours come from hash-locked
            # packages, like DuckDB itself; the check is switched on again once they are loaded.
            "allow_unsigned_extensions": True,
        }
    )
    # Given with the others above, DuckDB 1.5.5 would show this limit and not keep to it.
    connection.execute(f"SET max_temp_directory_size = '{settings.max_spill_gb}GB'")
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for name in extensions:
        connection.load_extension(str(extension_file(name)))
    connection.execute("SET allow_unsigned_extensions = false")
    return connection


def quote_identifier(name: str) -> str:
    """``name`` as an SQL identifier, whatever characters it holds.

    >>> print(quote_identifier('5" pipe'))
    "5"" pipe"
    """
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str | Path) -> str:
    """``text`` as an SQL string literal.

    >>> quote_literal("it's")
    "'it''s'"
    """
    return "'" + str(text).replace("'", "''") + "'"


def quote_value(value: str | int | datetime | None) -> str:
    """``value`` as an SQL literal.

    Instead of a bound parameter where a command must start quickly: binding one makes DuckDB import pandas, which
    costs 0.3 to 0.7 CPU-seconds.

    >>> quote_value(None), quote_value(3), quote_value("it's")
    ('NULL', '3', "'it''s'")
    >>> print(quote_value(datetime.fromisoformat("2026-01-02T00:00:00+00:00")))
    TIMESTAMPTZ '2026-01-02T00:00:00+00:00'
    """
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ {quote_literal(value.isoformat())}"
    return str(value) if isinstance(value, int) else quote_literal(value)
