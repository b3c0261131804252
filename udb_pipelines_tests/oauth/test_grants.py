"""What was granted is kept encrypted, and renewed in time by exactly one of all who need it."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, date, datetime, timedelta

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.database import Database
from udb_pipelines.detection.fetch import local_copy
from udb_pipelines.errors import UdbError
from udb_pipelines.oauth.flows import by_device
from udb_pipelines.oauth.grants import Grant, Grants, granted
from udb_pipelines.oauth.provider import Client, discover
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.references import resolve
from udb_pipelines.secrets.store import SecretStore
from udb_pipelines_tests.oauth.server import CLIENT, SECRET, Provider


def sign_in(site: Provider, settings: Settings, secret: str = "") -> Grant:
    found = discover(site.address, settings)
    answer = by_device(
        found, Client(CLIENT, resolve(secret, settings)), "read", settings, lambda _: None, wait=lambda _: None
    )
    known = Grant(token_url=found.token_url, client_id=CLIENT, client_secret=secret, access_token="",
                  obtained_at=datetime.now(UTC))  # fmt: skip
    grant = granted(answer, known, datetime.now(UTC))
    Grants(settings).save("crm", grant)
    return grant


def age(settings: Settings, grant: Grant, seconds: float) -> None:
    """As if the token had been granted an hour ago and ended in so many seconds."""
    now = datetime.now(UTC)
    Grants(settings).save("crm", grant.model_copy(
        update={"obtained_at": now - timedelta(hours=1), "expires_at": now + timedelta(seconds=seconds)}
    ))  # fmt: skip


def test_a_source_refers_to_it(site: Provider, settings: Settings) -> None:
    grant = sign_in(site, settings)
    copy = local_copy(f"{site.address}/data.csv", settings, {"header.Authorization": "Bearer ${oauth:crm}"})
    assert copy.read_bytes().startswith(b"id,name")
    assert resolve("${oauth:crm}", settings) == grant.access_token
    assert site.refreshes == 0
    scrub.forget()
    resolve("${oauth:crm}", settings)
    assert grant.access_token not in scrub.text(grant.access_token)


def test_it_is_encrypted_and_never_listed(site: Provider, settings: Settings) -> None:
    grant = sign_in(site, settings)
    with Database(settings).begin() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM secrets").all())
    (info,) = Grants(settings).list()
    for secret in (grant.access_token, grant.refresh_token):
        assert secret not in stored
        assert secret not in info.model_dump_json()
    assert (info.name, info.renewable, info.scope) == ("crm", True, "read")


def test_it_is_renewed_before_it_ends(site: Provider, settings: Settings) -> None:
    grant = sign_in(site, settings)
    age(settings, grant, 300)
    assert Grants(settings).access_token("crm") == grant.access_token
    age(settings, grant, 60)
    renewed = Grants(settings).access_token("crm")
    assert renewed != grant.access_token
    after = Grants(settings).get("crm")
    assert after.refresh_token not in ("", grant.refresh_token)
    assert after.expires_at is not None
    assert after.expires_at > datetime.now(UTC) + timedelta(minutes=50)
    assert Grants(settings).access_token("crm") == renewed
    assert site.refreshes == 1


def _ask(settings: Settings, barrier: object, found: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    found.put(Grants(settings).access_token("crm"))  # type: ignore[attr-defined]


def test_of_several_processes_exactly_one_renews(site: Provider, settings: Settings) -> None:
    """The server takes a refresh token once, so two renewals would end the access."""
    age(settings, sign_in(site, settings), 10)
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(3), context.Queue()
    workers = [context.Process(target=_ask, args=(settings, barrier, found)) for _ in range(3)]
    for worker in workers:
        worker.start()
    tokens = {found.get(timeout=240) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(tokens) == 1
    assert site.refreshes == 1


def test_an_access_that_is_over_says_what_to_do(site: Provider, settings: Settings) -> None:
    grant = sign_in(site, settings)
    age(settings, grant, 60)
    site.refresh_is_valid = False
    with pytest.raises(UdbError) as caught:
        Grants(settings).access_token("crm")
    assert (caught.value.code, "udb oauth login crm" in caught.value.remedy) == ("E_AUTH", True)
    assert "was revoked" in caught.value.message
    assert Grants(settings).get("crm").refresh_token == grant.refresh_token
    with pytest.raises(UdbError, match="nobody has signed in as other"):
        resolve("${oauth:other}", settings)


def test_a_provider_that_is_down_does_not_end_a_valid_token(site: Provider, settings: Settings) -> None:
    grant = sign_in(site, settings)
    site.down = True
    age(settings, grant, 60)
    assert Grants(settings).access_token("crm") == grant.access_token
    age(settings, grant, -1)
    with pytest.raises(UdbError) as caught:
        Grants(settings).access_token("crm")
    assert caught.value.code == "E_CONNECT"


def test_a_token_that_nothing_renews(site: Provider, settings: Settings) -> None:
    grant = sign_in(site, settings).model_copy(update={"refresh_token": ""})
    age(settings, grant, 60)
    assert Grants(settings).access_token("crm") == grant.access_token
    age(settings, grant, -1)
    with pytest.raises(UdbError, match="gave none to renew"):
        Grants(settings).access_token("crm")


def test_the_secret_of_the_client_is_a_reference(site: Provider, settings: Settings) -> None:
    site.confidential = True
    SecretStore(settings).set("crm_client", SECRET)
    grant = sign_in(site, settings, "${secret:crm_client}")
    age(settings, grant, 1)
    assert Grants(settings).access_token("crm") != grant.access_token
    assert SECRET not in Grants(settings).get("crm").model_dump_json()


def test_a_secret_that_goes_into_the_form_renews_as_well(site: Provider, settings: Settings) -> None:
    site.confidential, site.takes = True, "client_secret_post"
    SecretStore(settings).set("crm_client", SECRET)
    found = discover(site.address, settings)
    client = Client(CLIENT, SECRET, "post")
    answer = by_device(found, client, "read", settings, lambda _: None, wait=lambda _: None)
    known = Grant(token_url=found.token_url, client_id=CLIENT, client_secret="${secret:crm_client}", client_auth="post",
                  access_token="", obtained_at=datetime.now(UTC))  # fmt: skip
    grant = granted(answer, known, datetime.now(UTC))
    age(settings, grant, 60)
    assert Grants(settings).access_token("crm") != grant.access_token
    SecretStore(settings).set("crm_client", "another")
    age(settings, Grants(settings).get("crm"), 60)
    with pytest.raises(UdbError, match="its secret is another") as caught:
        Grants(settings).access_token("crm")
    assert caught.value.code == "E_AUTH"


def test_the_doctor_warns_of_what_ends(site: Provider, settings: Settings) -> None:
    from udb_pipelines.cli.doctor import _oauth

    grant = sign_in(site, settings)
    assert _oauth(settings).status == "ok"
    soon = date.today() + timedelta(days=20)  # noqa: DTZ011
    Grants(settings).save("crm", grant.model_copy(update={"client_secret_expires": soon}))
    check = _oauth(settings)
    assert (check.status, str(soon) in check.detail) == ("warn", True)
    age(settings, grant.model_copy(update={"refresh_token": ""}), -1)
    assert "udb oauth login crm" in _oauth(settings).detail
