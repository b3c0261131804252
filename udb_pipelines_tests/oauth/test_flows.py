"""Signing in, both ways, at a server that checks what it is sent."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.oauth.flows import Code, by_device, in_browser
from udb_pipelines.oauth.provider import Client, Provider, discover
from udb_pipelines.operations import scrub
from udb_pipelines_tests.oauth import server
from udb_pipelines_tests.oauth.server import CLIENT, SECRET

Person = Callable[..., Callable[[str], None]]


def test_the_browser_comes_back_with_a_code(site: server.Provider, settings: Settings, person: Person) -> None:
    shown: list[str] = []

    def show(address: str) -> None:
        shown.append(address)
        person()(address)

    answer = in_browser(discover(site.address, settings), Client(CLIENT), "read", settings, show, seconds=20)
    assert answer["access_token"] in {token["access_token"] for token in site.tokens.values()}
    asked = parse_qs(urlsplit(shown[0]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) >= 32
    assert scrub.text(f"it is {answer['access_token']}") == "it is ***"


def test_a_client_with_a_secret(site: server.Provider, settings: Settings, person: Person) -> None:
    site.confidential = True
    known = discover(site.address, settings)
    assert in_browser(known, Client(CLIENT, SECRET), "read", settings, person(), seconds=20)["refresh_token"]
    with pytest.raises(UdbError) as caught:
        in_browser(known, Client(CLIENT, "wrong"), "read", settings, person(), seconds=20)
    assert (caught.value.code, "client" in caught.value.message) == ("E_AUTH", True)


@pytest.mark.parametrize(
    ("publishes", "used"),
    [
        (None, "basic"),
        (["client_secret_post"], "post"),
        (["client_secret_post", "client_secret_basic"], "basic"),
        (["private_key_jwt"], "basic"),
    ],
)
def test_a_provider_says_how_it_wants_the_secret(
    site: server.Provider, settings: Settings, publishes: list[str] | None, used: str
) -> None:
    site.publishes = publishes
    assert discover(site.address, settings).client_auth == used


def test_a_client_whose_secret_goes_into_the_form(site: server.Provider, settings: Settings, person: Person) -> None:
    site.confidential, site.takes, site.publishes = True, "client_secret_post", ["client_secret_post"]
    known = discover(site.address, settings)
    client = Client(CLIENT, SECRET, known.client_auth)
    assert in_browser(known, client, "read", settings, person(), seconds=20)["refresh_token"]
    assert by_device(known, client, "read", settings, lambda _: None, wait=lambda _: None)["refresh_token"]
    with pytest.raises(UdbError) as caught:
        in_browser(known, Client(CLIENT, SECRET), "read", settings, person(), seconds=20)
    assert (caught.value.code, "--client-auth post" in caught.value.remedy) == ("E_AUTH", True)


def test_another_state_is_turned_away_and_the_right_one_still_counts(
    site: server.Provider, settings: Settings, person: Person
) -> None:
    answers: list[int] = []
    browser = person(first={"state": "forged", "code": "stolen"}, answers=answers)
    assert in_browser(discover(site.address, settings), Client(CLIENT), "read", settings, browser, seconds=20)
    assert answers == [400]


def test_denied(site: server.Provider, settings: Settings, person: Person) -> None:
    site.allow = False
    with pytest.raises(UdbError, match="was refused") as caught:
        in_browser(discover(site.address, settings), Client(CLIENT), "read", settings, person(), seconds=20)
    assert caught.value.code == "E_AUTH"
    assert not site.tokens


def test_nobody_comes(site: server.Provider, settings: Settings) -> None:
    with pytest.raises(UdbError, match="nobody signed in"):
        in_browser(discover(site.address, settings), Client(CLIENT), "", settings, lambda _: None, seconds=0.2)


def test_a_code_on_another_device(site: server.Provider, settings: Settings) -> None:
    site.device_answers = ["wait", "slower", "wait"]
    waited: list[float] = []
    shown: list[Code] = []
    known = discover(site.address, settings)
    answer = by_device(known, Client(CLIENT), "read", settings, shown.append, wait=waited.append)
    assert answer["access_token"] in {token["access_token"] for token in site.tokens.values()}
    assert shown[0].address == f"{site.address}/activate"
    assert waited == [5, 5, 10, 10]


@pytest.mark.parametrize(("said", "words"), [("no", "was refused"), ("late", "before the code ended")])
def test_a_device_that_is_not_granted(site: server.Provider, settings: Settings, said: str, words: str) -> None:
    site.device_answers = ["wait", said]
    with pytest.raises(UdbError, match=words) as caught:
        by_device(discover(site.address, settings), Client(CLIENT), "", settings, lambda _: None, wait=lambda _: None)
    assert caught.value.code == "E_AUTH"


def test_a_code_ends_by_itself(site: server.Provider, settings: Settings) -> None:
    site.device_answers = ["slower"] * 100
    waited: list[float] = []
    with pytest.raises(UdbError, match="before the code ended"):
        by_device(discover(site.address, settings), Client(CLIENT), "", settings, lambda _: None, wait=waited.append)
    assert waited[:4] == [5, 10, 15, 20]
    assert 1800 <= sum(waited) < 1800 + waited[-1]


def test_secrets_are_not_sent_in_clear(settings: Settings) -> None:
    with pytest.raises(UdbError) as caught:
        discover("http://login.example.org", settings)
    assert caught.value.code == "E_OPTION"


def test_a_provider_that_publishes_nothing_or_is_not_there(site: server.Provider, settings: Settings) -> None:
    for address, code in ((f"{site.address}/nothing", "E_NOT_FOUND"), ("http://127.0.0.1:9", "E_CONNECT")):
        with pytest.raises(UdbError) as caught:
            discover(address, settings)
        assert caught.value.code == code


def test_a_provider_may_not_lead_into_the_network(settings: Settings) -> None:
    guarded = settings.model_copy(update={"egress": "guarded"})
    with pytest.raises(UdbError) as caught:
        in_browser(
            Provider("http://127.0.0.1:9/token", "http://127.0.0.1:9/authorize"), Client(CLIENT), "", guarded,
            lambda address: _come_back(address), seconds=20,
        )  # fmt: skip
    assert caught.value.code == "E_EGRESS"


def _come_back(address: str) -> None:
    import threading

    import httpx

    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    query = {"state": asked["state"], "code": "x"}
    threading.Thread(target=lambda: httpx.get(asked["redirect_uri"], params=query), daemon=True).start()
