"""Why a database server is not reached, by what client libraries say of it; of their words none are passed on."""

from __future__ import annotations

from udb_pipelines.errors import UdbError

REASONS = (
    (
        ("could not translate host name", "unknown server host", "name or service not known", "no address associated"),
        "no address is known for the host",
        "correct the name of the host in the address",
    ),
    (
        ("connection refused", "errno 111"),
        "the host answers, but no server listens at the port",
        "correct the port in the address, and check that the server runs",
    ),
    (
        ("ssl was required", "ssl is required", "no encryption"),
        "the server and the address do not agree on encryption",
        "change sslmode (PostgreSQL) or ssl-mode (MySQL) in the address, or the server's own setting",
    ),
    (
        ("certificate", "ssl error"),
        "the server's certificate is not accepted",
        "name the authority that signed it in the address (sslrootcert, ssl-ca)",
    ),
    (
        ("timeout expired", "timed out"),
        "the server did not answer in time",
        "check the address, and whether a firewall stands in between",
    ),
)
"""Words, what they mean, what to do."""


def unreached(error: Exception | str, shown: str) -> UdbError:
    """``E_CONNECT`` for the server at ``shown``, with the reason where it is known."""
    text = str(error).lower()
    for words, reason, remedy in REASONS:
        if any(word in text for word in words):
            return UdbError("E_CONNECT", f"{shown}: {reason}", remedy=remedy)
    return UdbError("E_CONNECT", f"{shown} cannot be reached, or went away")


def no_database(shown: str) -> UdbError:
    """The server is there, and the database is not."""
    return UdbError(
        "E_NOT_FOUND",
        f"{shown}: there is no such database",
        remedy="correct the name of the database, the last part of the address",
    )
