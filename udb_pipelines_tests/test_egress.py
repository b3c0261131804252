"""Which hosts may be reached: every notation of an address, every mode, and connections that go where was looked."""

from __future__ import annotations

import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.addresses import parse
from udb_pipelines.detection.remote.stores import open_store
from udb_pipelines.egress import FROM_PUBLIC, Guard, GuardedTransport, kind_of
from udb_pipelines.errors import UdbError

PRIVATE = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/8")


def addresses_in(network: str) -> st.SearchStrategy[ipaddress.IPv4Address]:
    own = ipaddress.IPv4Network(network)
    return st.integers(int(own.network_address), int(own.broadcast_address)).map(ipaddress.IPv4Address)


private = st.sampled_from(PRIVATE).flatmap(addresses_in)
link_local = addresses_in("169.254.0.0/16")


def wrapped(address: ipaddress.IPv4Address) -> list[ipaddress.IPv6Address]:
    """The ways in which an IPv6 address can lead to an IPv4 one."""
    number = int(address)
    return [
        ipaddress.IPv6Address(f"::ffff:{address}"),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("2002::")) | number << 80),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("2001::")) | (number ^ 0xFFFFFFFF)),
    ]


def notations(address: ipaddress.IPv4Address) -> list[str]:
    a, b, c, d = address.packed
    number = int(address)
    return [
        str(address), str(number), hex(number), f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{c << 8 | d}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
    ]  # fmt: skip


@given(private)
def test_no_notation_of_a_private_address_is_public(address: ipaddress.IPv4Address) -> None:
    assert kind_of(address) == "private" or address in map(ipaddress.ip_address, ("100.100.100.200",))
    assert all(kind_of(each) != "public" for each in wrapped(address))
    guard = Guard(Settings(egress="guarded"))
    for written in (*notations(address), *map(str, wrapped(address))):
        with pytest.raises(UdbError) as caught:
            guard.addresses(written, 80)
        assert caught.value.code == "E_EGRESS"


@given(link_local)
def test_link_local_is_refused_in_every_mode(address: ipaddress.IPv4Address) -> None:
    for mode in ("open", "guarded", "listed"):
        guard = Guard(Settings(egress=mode, egress_allow="*"))
        for written in (*notations(address), f"::ffff:{address}"):
            with pytest.raises(UdbError) as caught:
                guard.addresses(written, 80)
            assert caught.value.code == "E_EGRESS"


@given(st.ip_addresses(v=4))
def test_a_public_address_stays_public_however_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    kind = kind_of(address)
    mapped, six_to_four, nat64, _ = wrapped(address)
    assert [kind_of(each) for each in (mapped, six_to_four, nat64)] == [kind] * 3


@pytest.mark.parametrize(
    ("mode", "tenant", "allow", "host", "may"),
    [
        ("auto", "default", "", "127.0.0.1", True),
        ("auto", "acme", "", "127.0.0.1", False),
        ("auto", "acme", "", "93.184.215.14", True),
        ("auto", "acme", "127.0.0.0/8", "127.0.0.1", True),
        ("auto", "acme", "localhost", "localhost", True),
        ("auto", "acme", "*.lan", "localhost", False),
        ("open", "acme", "", "10.1.2.3", True),
        ("open", "default", "", "fd00:ec2::254", False),
        ("open", "default", "fd00:ec2::254", "fd00:ec2::254", True),
        ("guarded", "default", "10.1.0.0/16, files.corp", "10.1.2.3", True),
        ("guarded", "default", "10.1.0.0/16", "10.2.2.3", False),
        ("guarded", "default", "10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("listed", "default", "", "93.184.215.14", False),
        ("listed", "default", "93.184.215.0/24", "93.184.215.14", True),
    ],
)
def test_modes(mode: Any, tenant: str, allow: str, host: str, may: bool) -> None:
    guard = Guard(Settings(egress=mode, tenant=tenant, egress_allow=allow))
    if may:
        assert guard.addresses(host, 80)[0]
        return
    with pytest.raises(UdbError) as caught:
        guard.addresses(host, 80)
    assert caught.value.code == "E_EGRESS"


def test_a_public_host_cannot_send_on_to_a_private_one() -> None:
    guard = Guard(Settings(egress="open"))
    assert guard.addresses("127.0.0.1", 80) == (("127.0.0.1",), False)
    with pytest.raises(UdbError):
        guard.addresses("127.0.0.1", 80, from_public=True)
    with httpx.Client(transport=GuardedTransport(guard)) as client, pytest.raises(UdbError) as caught:
        client.get("http://127.0.0.1:9/", extensions={FROM_PUBLIC: True})
    assert caught.value.code == "E_EGRESS"


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once, and the connection goes there with the name as Host."""
    hosts: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers.get("Host"))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    answers = ["127.0.0.1"]
    resolve = socket.getaddrinfo

    def changing(host: Any, *rest: Any, **options: Any) -> Any:
        return resolve(answers.pop(0) if host == "files.corp" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    guard = Guard(Settings(egress="guarded", egress_allow="files.corp"))
    try:
        with httpx.Client(transport=GuardedTransport(guard)) as client:
            assert client.get(f"http://files.corp:{server.server_port}/").status_code == 204
    finally:
        server.shutdown()
        server.server_close()
    assert not answers
    assert hosts == [f"files.corp:{server.server_port}"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "http://2130706433:9000", "http://minio.corp:9000"])
def test_endpoints_of_stores_are_listed_unless_the_mode_is_open(endpoint: str) -> None:
    address, config = parse("s3://shop/a.csv"), {"endpoint": endpoint}
    open_store(address, config, Settings())
    open_store(address, config, Settings(egress="guarded", egress_allow="127.0.0.0/8,minio.corp"))
    with pytest.raises(UdbError) as caught:
        open_store(address, config, Settings(egress="guarded"))
    assert caught.value.code == "E_EGRESS"
    with pytest.raises(UdbError):
        open_store(address, {"endpoint": "http://169.254.169.254"}, Settings())


def test_where_only_listed_hosts_may_be_reached_that_is_true_of_stores_too() -> None:
    open_store(
        parse("gs://shop/a.csv"), {"anonymous": True}, Settings(egress="listed", egress_allow="*.googleapis.com")
    )
    with pytest.raises(UdbError) as caught:
        open_store(parse("s3://shop/a.csv"), {"anonymous": True}, Settings(egress="listed", egress_allow="*.lan"))
    assert caught.value.code == "E_EGRESS"


def test_a_list_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="egress_allow"):
        Settings(egress_allow="http://[evil]\n")


@pytest.mark.parametrize("name", ["airbyte:faker", "airbyte-server:faker"])
def test_connectors_of_others_run_where_hosts_are_guarded_only_if_they_are_listed(name: str) -> None:
    Guard(Settings()).check_connector(name)
    Guard(Settings(egress="guarded", egress_allow=f"10.0.0.0/8, {name}")).check_connector(name)
    for allow in ("", "faker", "airbyte:other", "10.0.0.0/8"):
        with pytest.raises(UdbError, match="makes its own connections") as caught:
            Guard(Settings(egress="guarded", egress_allow=allow)).check_connector(name)
        assert caught.value.code == "E_EGRESS"


def test_the_destination_that_a_tenants_source_names_for_airbyte_is_guarded() -> None:
    from udb_pipelines.connectors.airbyte_server.address import destination_url

    config = {"destination_url": "postgresql://ann:${P}@db.internal/landing"}
    assert destination_url(config, Settings()) == config["destination_url"]
    with pytest.raises(UdbError) as caught:
        destination_url(config, Settings(tenant="acme"))
    assert caught.value.code == "E_EGRESS"
    assert destination_url(config, Settings(tenant="acme", egress_allow="db.internal"))
