"""Which database servers an address may reach: the rules of ``egress`` for drivers that connect by themselves.

A driver resolves the name of a host anew, and takes hosts, sockets and files of this machine from the options of an
address, from its environment and from files in the home folder of whoever runs UDB. Where hosts are guarded, an
address therefore names one host and its credentials, has harmless options only, and the driver is given the network
address that was looked at.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlsplit

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.egress import Guard
from udb_pipelines.errors import UdbError

_PORTS = {"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306}
"""Of drivers that can be given an address; others must be listed, for they resolve names by themselves."""
_HARMLESS = frozenset({
    "application_name", "authmechanism", "authsource", "channel_binding", "charset", "client_encoding", "compression",
    "connect_timeout", "encrypt", "gssencmode", "options", "ssl", "ssl-mode", "sslmode", "tls",
    "trustservercertificate",
})  # fmt: skip
"""Options that lead to no other host and no file."""
_LIBRARY = re.compile(r"[/\\\\]|\.(so|dylib|dll)\b", re.IGNORECASE)
"""The path or the file of a shared library, which driver managers take as well as a name."""


def admitted(address: str, settings: Settings) -> str:
    """``address``, with its secrets, as the driver may have it.

    Raises:
        UdbError: ``E_EGRESS`` for a host that may not be reached, a socket, several hosts, an option that could
            lead elsewhere, or a driver that is not listed; ``E_AUTH`` for an address of a named tenant without
            password; ``E_CONNECT``.
    """
    guard = Guard(settings)
    driver = _driver_of(address)
    if _LIBRARY.search(driver) and (guard.mode != "open" or settings.tenant != DEFAULT_TENANT):
        # Loaded, it would do whatever it is made for, with the operator's rights.
        raise UdbError("E_EGRESS", "a driver is named as odbcinst.ini names it here, not by its library")
    if guard.mode == "open":
        for host in _hosts(address):
            guard.check_named(host)
        return address
    parts = urlsplit(address)
    hosts = _hosts(address)
    if len(hosts) != 1 or not parts.hostname:
        raise UdbError("E_EGRESS", "the address must name one host")
    if settings.tenant != DEFAULT_TENANT and not parts.password:
        # Without one, drivers look into the operator's variables and files.
        raise UdbError("E_AUTH", f"the address names no password for {parts.hostname}",
                       remedy="write it as ${secret:NAME}, behind the user")  # fmt: skip
    if driver:
        # It decides what the rest of the address means, such as a file for the database.
        guard.check_connector(f"odbc:{driver}")
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if wrong := sorted(names - _HARMLESS - {"driver"}):
        raise UdbError(
            "E_EGRESS",
            f"an address may not say {', '.join(wrong)} here",
            remedy=f"leave it out; what may be said: {', '.join(sorted(_HARMLESS))}",
        )
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        guard.check_endpoint(address)
        return address
    return _pinned(address, guard.reachable(parts.hostname, parts.port or _PORTS[scheme]))


def _driver_of(address: str) -> str:
    """The ODBC driver that an address names; all of them, if it is several, so that no list has them."""
    options = parse_qsl(urlsplit(address).query)
    return ",".join(value for name, value in options if name.lower() == "driver")


def _hosts(address: str) -> list[str]:
    """Every host that the address names; none for a socket."""
    authority = urlsplit(address).netloc.rpartition("@")[2]
    named = [urlsplit(f"//{part}").hostname or "" for part in authority.split(",")]
    options = dict(parse_qsl(urlsplit(address).query))
    named += [host for name in ("host", "hostaddr") for host in options.get(name, "").split(",")]
    return [host for host in named if host and "/" not in host and "%2f" not in host.lower()]


def _pinned(address: str, to: str) -> str:
    parts = urlsplit(address)
    if parts.scheme.lower().startswith("postgres"):
        # The name stays, for the certificate; the driver connects to the address.
        query = f"{parts.query}&" if parts.query else ""
        return parts._replace(query=f"{query}hostaddr={quote(to, safe=':')}").geturl()
    signed = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    host = f"[{to}]" if ":" in to else to
    return parts._replace(netloc=f"{signed}{host}" + (f":{parts.port}" if parts.port else "")).geturl()
