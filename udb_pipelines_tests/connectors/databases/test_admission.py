"""Which database servers an address may reach, and that the driver goes where was looked."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors.databases.admission import admitted
from udb_pipelines.detection.servers import server_tables
from udb_pipelines.errors import UdbError
from udb_pipelines.models import SourceOptions
from udb_pipelines_tests.mariadb import MariaDB


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    return settings.model_copy(update={"egress": "guarded"})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:x@127.0.0.1/shop",
        "postgresql://ann:x@localhost/shop",
        "postgresql://ann:x@10.0.0.7:5433/shop",
        "postgresql://ann:x@2130706433/shop",
        "postgresql:///shop",
        "postgresql://ann:x@/shop?host=/var/run/postgresql",
        "postgresql://ann:x@%2Fvar%2Frun/shop",
        "postgresql://ann:x@1.1.1.1/shop?host=127.0.0.1",
        "postgresql://ann:x@1.1.1.1/shop?hostaddr=127.0.0.1",
        "postgresql://ann:x@1.1.1.1/shop?service=mine",
        "postgresql://ann:x@1.1.1.1/shop?sslrootcert=/etc/passwd",
        "postgresql://ann:x@1.1.1.1,127.0.0.1/shop",
        "mysql://ann:x@[::1]/shop",
        "mysql://ann:x@1.1.1.1/shop?socket=/run/mysqld.sock",
        "mongodb://ann:x@db.example.org/shop",
        "mssql://ann:x@169.254.169.254/shop",
    ],
)
def test_what_a_guarded_address_may_not_say(guarded: Settings, address: str) -> None:
    with pytest.raises(UdbError) as caught:
        admitted(address, guarded)
    assert caught.value.code == "E_EGRESS"


ODBC = "odbc://ann:x@db.example.org/shop?driver="


@pytest.mark.parametrize("driver", ["FreeTDS", "PostgreSQL%20Unicode", "postgresql+unicode"])
def test_a_driver_that_is_listed_may_be_named(guarded: Settings, driver: str) -> None:
    own = guarded.model_copy(update={"egress_allow": "db.example.org, odbc:FreeTDS, odbc:PostgreSQL Unicode"})
    assert admitted(f"{ODBC}{driver}", own) == f"{ODBC}{driver}"
    listed_host_only = guarded.model_copy(update={"egress_allow": "db.example.org"})
    with pytest.raises(UdbError, match="odbc:") as caught:
        admitted(f"{ODBC}{driver}", listed_host_only)
    assert caught.value.code == "E_EGRESS"
    assert "UDB_EGRESS_ALLOW" in caught.value.remedy


@pytest.mark.parametrize(
    "driver",
    ["/tmp/mine.so", "%2Ftmp%2Fmine.so", "mine.so", "..%5Cmine.dll", "mine.so.1", "SQLite3", "FreeTDS&Driver=/x"],
)
def test_a_library_is_never_a_driver_where_hosts_are_guarded(guarded: Settings, driver: str) -> None:
    own = guarded.model_copy(update={"egress_allow": "db.example.org,odbc:FreeTDS,odbc:*.so,odbc:/*"})
    with pytest.raises(UdbError) as caught:
        admitted(f"{ODBC}{driver}", own)
    assert caught.value.code == "E_EGRESS"


def test_a_library_is_no_driver_of_a_tenant_even_where_all_hosts_are_open(settings: Settings) -> None:
    address = f"{ODBC}/opt/odbc/driver.so.2"
    assert admitted(address, settings) == address, "the person at the machine may load what they like"
    with pytest.raises(UdbError, match=r"odbcinst\.ini"):
        admitted(address, settings.model_copy(update={"tenant": "acme", "egress": "open"}))


def test_the_encryption_of_mysql_may_be_said(guarded: Settings) -> None:
    own = guarded.model_copy(update={"egress": "listed", "egress_allow": "db.example.org"})
    with pytest.raises(UdbError) as caught:
        admitted("mysql://ann:x@db.example.org/shop?ssl-mode=required", own)
    assert caught.value.code == "E_CONNECT", "no option is refused; there is just no such host"


def test_link_local_is_refused_in_every_mode(settings: Settings) -> None:
    for address in ("postgresql://a:x@169.254.169.254/d", "postgresql://a:x@h/d?hostaddr=169.254.169.254"):
        with pytest.raises(UdbError) as caught:
            admitted(address, settings)
        assert caught.value.code == "E_EGRESS"


def test_open_leaves_an_address_as_it_is(settings: Settings) -> None:
    for address in ("postgresql:///shop", "postgresql://ann:x@a,b/shop?target_session_attrs=any", "mysql://h/shop"):
        assert admitted(address, settings) == address


def test_a_name_that_changes_its_mind_gains_nothing(
    guarded: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once; what is connected to is what was looked at, whatever the name means by then."""
    listed = guarded.model_copy(update={"egress_allow": "rebinding.test"})
    resolve, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *rest: Any, **more: Any) -> Any:
        if host != "rebinding.test":
            return resolve(host, *rest, **more)
        asked.append(host)
        return resolve("127.0.0.1" if len(asked) == 1 else "169.254.169.254", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    uri = postgres_url.replace("127.0.0.1", "rebinding.test")
    # The driver's own resolver has never heard of this name: it can only have gone to the address it was given.
    with pytest.raises(UdbError) as caught:
        server_tables(uri, "shown", SourceOptions(), listed)
    assert (caught.value.code, len(asked)) == ("E_EMPTY", 1)


def test_a_listed_server_serves_a_tenant(
    settings: Settings, postgres_url: str, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    mariadb.run("CREATE TABLE a (id int)")
    acme = settings.model_copy(update={"tenant": "acme", "egress_allow": "127.0.0.0/8"})
    assert [table.name for table in server_tables(mariadb.url, "shown", SourceOptions(), acme)] == ["a"]
    with pytest.raises(UdbError) as caught:
        server_tables(postgres_url, "shown", SourceOptions(), acme)
    assert caught.value.code == "E_EMPTY"
    # The operator's own password, in the variable that drivers read, opens nothing for a tenant.
    password = postgres_url.split(":")[2].partition("@")[0]
    monkeypatch.setenv("PGPASSWORD", password)
    with pytest.raises(UdbError, match="names no password") as caught:
        server_tables(postgres_url.replace(f":{password}@", "@"), "shown", SourceOptions(), acme)
    assert caught.value.code == "E_AUTH"
