"""Failures of reading, told in our words.

DuckDB's and the operating system's messages quote data and paths; nothing of them is passed on.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from udb_pipelines.errors import UdbError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("no space left", "disk quota", "file too large")


def base_name(path: str | Path) -> str:
    """The name to show for a file: never its folder."""
    return Path(path).name


@contextmanager
def told(what: str) -> Iterator[None]:
    """Translate every exception of the enclosed reading of ``what`` into an :class:`UdbError`.

    Raises:
        UdbError: ``E_VANISHED``, ``E_UNREADABLE``, ``E_DISK_FULL``, ``E_SPILL_FULL`` or ``E_CORRUPT``.
    """
    try:
        yield
    except duckdb.Error as error:
        raise from_duckdb(error, what) from None
    except OSError as error:
        raise from_system(error, what) from None


def from_system(error: OSError, what: str) -> UdbError:
    """An operating-system failure while reading ``what`` or writing what was read."""
    if error.errno in FULL:
        return UdbError("E_DISK_FULL", f"no space is left while {what} was read into staging")
    if isinstance(error, FileNotFoundError):
        return UdbError("E_VANISHED", f"{what} disappeared while it was read")
    if isinstance(error, PermissionError):
        return UdbError("E_UNREADABLE", f"{what} may not be read")
    return UdbError("E_UNREADABLE", f"{what} cannot be read ({type(error).__name__})")


def from_duckdb(error: Exception, what: str) -> UdbError:
    """A failure of DuckDB, or below it, while reading ``what``, by what its text mentions; the text is dropped."""
    text = str(error).lower()
    if any(words in text for words in _FULL_TEXTS):
        return UdbError("E_DISK_FULL", f"no space is left while {what} was read into staging")
    if "temp_directory_size" in text or "failed to offload" in text:
        return UdbError("E_SPILL_FULL", f"{what} needs more temporary space than the limit allows")
    if isinstance(error, duckdb.OutOfMemoryException):
        return UdbError(
            "E_SPILL_FULL", f"{what} needs more memory than the limit allows", remedy="raise UDB_MEMORY_LIMIT"
        )
    if isinstance(error, duckdb.IOException):
        if "permission denied" in text:
            return UdbError("E_UNREADABLE", f"{what} may not be read")
        if "no files found" in text or "no such file" in text:
            return UdbError("E_VANISHED", f"{what} disappeared while it was read")
    return UdbError("E_CORRUPT", f"{what} cannot be read to its end ({type(error).__name__})")
