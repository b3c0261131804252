"""Which hosts an address that somebody gives may reach, and connections that go only there.

UDB fetches what it is told to fetch, so whoever may name an address could make it read what only this machine can
reach: the metadata service of a cloud, an admin page on the loopback interface, a database in the same network.

* ``open``: any host may be named. For the person at the machine, who can reach the same hosts without UDB; to
  refuse ``http://localhost:8000/a.csv`` or a file server in the office would protect nobody.
* ``guarded``: public hosts, and what ``UDB_EGRESS_ALLOW`` lists. For addresses that others give.
* ``listed``: only what ``UDB_EGRESS_ALLOW`` lists.
* ``auto``, the default: ``open`` for the default tenant, whose people are those who own this home, and ``guarded``
  for every other tenant.

In every mode link-local addresses and metadata services are refused unless their network is listed, and a public
host cannot send UDB on (by a redirect) to one that is not public. A name is resolved once, and the connection goes to
the address that was looked at: a name that means something else a moment later gains nothing. Where a proxy makes
the connections (``HTTPS_PROXY``), it also resolves the names, and is the one to say which hosts may be reached.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import socket
import urllib.request
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import httpx

from udb_pipelines.config import DEFAULT_TENANT
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.config import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Kind = Literal["public", "private", "forbidden"]

FROM_PUBLIC = "udb_from_public"
"""Extension of a request: a public host has sent us here."""
IS_PUBLIC = "udb_is_public"
"""Extension of a response: it came from a public host."""

_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")))
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NUMERIC = re.compile(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def kind_of(address: Address) -> Kind:
    """Whether everybody can reach ``address``, only this machine or network, or nobody should through UDB.

    An IPv4 address inside an IPv6 one (mapped, compatible, 6to4, Teredo, NAT64) counts in its place.

    >>> kind_of(ipaddress.ip_address("::ffff:127.0.0.1")), kind_of(ipaddress.ip_address("169.254.169.254"))
    ('private', 'forbidden')
    """
    # What an address wraps is where the packets go; the wrapping itself is never public, or always.
    kinds = {_own_kind(each) for each in _inside(address) or (address,)}
    return "forbidden" if "forbidden" in kinds else "private" if "private" in kinds else "public"


def _own_kind(address: Address) -> Kind:
    if address in _METADATA or address.is_link_local or address.is_multicast:
        return "forbidden"
    return "public" if address.is_global else "private"


def _inside(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """IPv4 addresses that a gateway or this machine may make of an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)


class Guard:
    """The rules of one tenant."""

    def __init__(self, settings: Settings) -> None:
        mode = settings.egress
        if mode == "auto":
            mode = "open" if settings.tenant == DEFAULT_TENANT else "guarded"
        self.mode = mode
        self._allowed = [entry.strip().lower() for entry in settings.egress_allow.split(",") if entry.strip()]

    @cached_property
    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        found = []
        for entry in self._allowed:
            try:
                found.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                continue  # the name of a host
        return found

    def addresses(self, host: str, port: int, *, from_public: bool = False) -> tuple[tuple[str, ...], bool]:
        """The addresses to connect to, all of them looked at, and whether they are public.

        Raises:
            UdbError: ``E_CONNECT`` when the name is not known, ``E_EGRESS`` when one of its addresses is refused.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise UdbError("E_CONNECT", f"no address is known for {host}") from None
        texts = tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        kinds = [self._checked(host, ipaddress.ip_address(text), from_public=from_public) for text in texts]
        return texts, all(kind == "public" for kind in kinds)

    def check_named(self, host: str) -> None:
        """For a connection that somebody else makes: only what can be told without resolving the name.

        Raises:
            UdbError: ``E_EGRESS``.
        """
        literal = _literal(host)
        if literal is not None:
            self._checked(host, literal)
        elif self.mode == "listed" and not self._is_listed(host):
            raise self._refused(host)

    def check_endpoint(self, address: str) -> None:
        """For a server whose name a library resolves by itself, so that it could change its mind afterwards.

        Raises:
            UdbError: ``E_EGRESS``; unless the mode is open, when it is not listed.
        """
        host = urlsplit(address).hostname or ""
        self.check_named(host)
        literal = _literal(host)
        listed = self._is_listed(host) or (literal is not None and self._is_in_listed_network(literal))
        if self.mode != "open" and not listed:
            raise self._refused(host)

    def check_connector(self, name: str) -> None:
        """For a connector of others, which reaches whatever hosts its configuration or its maker names.

        Args:
            name: as addresses write it, such as ``airbyte:faker``.

        Raises:
            UdbError: ``E_EGRESS``; unless the mode is open, when it is not listed.
        """
        if self.mode != "open" and not self._is_listed(name):
            raise UdbError(
                "E_EGRESS",
                f"{name} makes its own connections, and may not be run from here",
                remedy=f"if it is to be trusted, its operator lists {name} in UDB_EGRESS_ALLOW",
            )

    def reachable(self, host: str, port: int, seconds: float = 5) -> str:
        """The first address of ``host`` that accepts a connection, all of them looked at.

        For a library that takes an address beside the name, and would resolve the name anew.

        Raises:
            UdbError: ``E_CONNECT`` when none does, ``E_EGRESS``.
        """
        for address in self.addresses(host, port)[0]:
            try:
                socket.create_connection((address, port), seconds).close()
            except OSError:
                continue
            return address
        raise UdbError("E_CONNECT", f"{host} cannot be reached")

    def _checked(self, host: str, address: Address, *, from_public: bool = False) -> Kind:
        kind = kind_of(address)
        if self._is_in_listed_network(address):
            return kind
        by_name = self._is_listed(host)
        fits = {
            "public": self.mode != "listed" or by_name,
            "private": by_name or (self.mode == "open" and not from_public),
            "forbidden": False,
        }
        if not fits[kind]:
            raise self._refused(host)
        return kind

    def _is_listed(self, host: str) -> bool:
        return any(fnmatch.fnmatchcase(host.lower().rstrip("."), entry) for entry in self._allowed)

    def _is_in_listed_network(self, address: Address) -> bool:
        every = (address, *_inside(address))
        return any(each in network for each in every for network in self._networks)

    def _refused(self, host: str) -> UdbError:
        # Which address a name has inside the network is nobody's business who may not reach it.
        return UdbError("E_EGRESS", f"{host} may not be reached from here")


def _literal(host: str) -> Address | None:
    """The address that ``host`` is, in any notation a C library takes: ``127.1``, ``0x7f000001``, ``2130706433``."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    if not _NUMERIC.fullmatch(host):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


class GuardedTransport(httpx.BaseTransport):
    """Connects to the addresses that a guard has looked at; TLS still speaks to, and asks for, the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # No connection is kept: two names of one address must not share what was verified for one of them.
        self._limits = httpx.Limits(max_keepalive_connections=0)
        self._direct: httpx.HTTPTransport | None = None
        self._proxied: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` to the first address of its host that accepts a connection."""
        url = request.url
        if url.scheme not in _PORTS:
            raise httpx.UnsupportedProtocol(f"{url.scheme}:// is no address of a web server", request=request)
        if proxy := _proxy_for(url):
            self._guard.check_named(url.host)
            return self._through(proxy).handle_request(request)
        from_public = bool(request.extensions.get(FROM_PUBLIC))
        port = url.port or _PORTS[url.scheme]
        addresses, public = self._guard.addresses(url.host, port, from_public=from_public)
        response = self._first(request, addresses)
        response.extensions[IS_PUBLIC] = public
        return response

    def _first(self, request: httpx.Request, addresses: tuple[str, ...]) -> httpx.Response:
        if self._direct is None:
            self._direct = httpx.HTTPTransport(limits=self._limits)
        for number, address in enumerate(addresses, start=1):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # among them Host, with the name
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")},
            )
            try:
                return self._direct.handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpx.ConnectError("no address", request=request)

    def _through(self, proxy: str) -> httpx.HTTPTransport:
        if proxy not in self._proxied:
            self._proxied[proxy] = httpx.HTTPTransport(proxy=proxy, limits=self._limits)
        return self._proxied[proxy]

    def close(self) -> None:
        """Close what was opened."""
        for transport in (self._direct, *self._proxied.values()):
            if transport is not None:
                transport.close()


def _proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment names for ``url``."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if proxy and not urllib.request.proxy_bypass(url.host) else None
