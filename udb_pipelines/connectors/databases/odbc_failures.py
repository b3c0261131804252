"""What ODBC drivers say of a failure, in our words.

All of them give an SQLSTATE of the standard. Some connect under one state for every reason; then words tell more.
"""

from __future__ import annotations

import re

from udb_pipelines.connectors.databases.unreached import no_database, unreached
from udb_pipelines.connectors.faults import from_duckdb
from udb_pipelines.errors import UdbError

STATE = re.compile(r"State: (\w{5})")
NEEDED = re.compile(r"too large to be written into the allocated buffer.*Some\((\d+)\)", re.DOTALL)
"""With the bytes that a value has."""
CUT = "A value is too large to be written into the allocated buffer: Some({needed})"
"""The same, where a driver should have said it."""
REFUSED = ("authentication failed", "login failed", "access denied", "password", "pg_hba")
ABSENT = ("unknown database", "cannot open database")
UNREACHED = ("can't connect", "lost connection", "server has gone", "unable to connect", "server closed")
GONE = ("42S02", "42S22", "42P01", "42703", "3F000")


def told_by_driver(error: Exception, shown: str, what: str) -> UdbError:
    """``error`` while reading ``what`` from ``shown``; of its text only the SQLSTATE is passed on."""
    text = str(error).lower()
    if NEEDED.search(str(error)):
        return UdbError(
            "E_TOO_LARGE",
            f"{what}: a value is longer than the driver says that its column can be",
            remedy="raise the driver's own limit in the address; psqlodbc: &MaxLongVarcharSize=1000000",
        )
    found = STATE.search(str(error))
    if found is None:
        return from_duckdb(error, what)
    state = found[1]
    known = _of_connection(state, text, shown) or _of_query(state, text, what)
    return known or UdbError("E_UNREADABLE", f"{what}: the server ended with SQLSTATE {state}")


def _of_connection(state: str, text: str, shown: str) -> UdbError | None:
    if "can't open lib" in text:
        return UdbError(
            "E_CONNECTOR",
            f"{shown}: the ODBC driver is not installed",
            remedy="install it; odbcinst -q -d lists those that are. For SQL Server: apt-get install tdsodbc",
        )
    if state == "IM002":
        return UdbError(
            "E_NOT_FOUND",
            f"{shown}: there is no ODBC data source of that name, and the address names no driver",
            remedy="add ?driver=NAME to the address (odbcinst -q -d lists drivers), or name a data source in the "
            "place of the host (odbcinst -q -s lists them)",
        )
    if state.startswith("28") or (state.startswith("08") and any(words in text for words in REFUSED)):
        return UdbError("E_AUTH", f"{shown} refused the credentials")
    if (
        state == "3D000"
        or any(words in text for words in ABSENT)
        or (state.startswith("08") and "database" in text and "does not exist" in text)
    ):
        return no_database(shown)
    if state.startswith(("08", "HYT")) or any(words in text for words in UNREACHED):
        return unreached(text, shown)
    return None


def _of_query(state: str, text: str, what: str) -> UdbError | None:
    if state == "42501" or "permission" in text or "command denied" in text:
        return UdbError("E_AUTH", f"{what}: the user may not read this table")
    if state in GONE:
        return UdbError("E_VANISHED", f"{what} is no longer in the database as it was detected")
    if state.startswith("42") or state == "25006":
        return UdbError("E_SQL", f"{what}: the server does not take this as a query that only reads")
    return None
