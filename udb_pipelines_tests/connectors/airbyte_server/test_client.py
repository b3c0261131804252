"""Signed in, tried again, refused: what the client does when the server is not at its best."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte_server import transport
from udb_pipelines.connectors.airbyte_server.client import endpoint_of, opened
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_SECRET, FakeAirbyte, Trouble

CONFIGURATION = {"count": 3, "api_token": "planted-source-token"}


def test_one_token_serves_until_shortly_before_its_end(airbyte: FakeAirbyte, connected: Settings) -> None:
    airbyte.state.token_seconds = 1
    with opened(connected) as server:
        for _ in range(3):
            server.workspace(None)
        assert airbyte.state.count("POST .*/applications/token") == 1
        time.sleep(0.85)
        server.workspace(None)
    assert airbyte.state.count("POST .*/applications/token") == 2
    assert airbyte.state.count("GET .*/workspaces") == 4, "no request was made with a token that was refused"


def test_a_token_that_is_refused_early_is_renewed_once(airbyte: FakeAirbyte, connected: Settings) -> None:
    with opened(connected) as server:
        server.workspace(None)
        airbyte.state.tokens.clear()
        server.workspace(None)
        airbyte.state.troubles = [Trouble("GET", "/workspaces$", status=401, times=99)]
        with pytest.raises(UdbError) as refused:
            server.workspace(None)
    assert refused.value.code == "E_AUTH"
    assert airbyte.state.count("GET .*/workspaces") == 5


def test_a_wrong_secret_is_told_without_being_shown(airbyte: FakeAirbyte, connected: Settings) -> None:
    wrong = connected.model_copy(update={"airbyte_client_secret": SecretStr("planted-wrong-secret")})
    with opened(wrong) as server, pytest.raises(UdbError) as refused:
        server.workspace(None)
    assert refused.value.code == "E_AUTH"
    assert "planted" not in str(refused.value.as_dict())


def test_without_an_application_nothing_is_sent(airbyte: FakeAirbyte, connected: Settings) -> None:
    open_to_all = connected.model_copy(update={"airbyte_client_id": None, "airbyte_client_secret": None})
    with opened(open_to_all) as server, pytest.raises(UdbError) as refused:
        server.workspace(None)
    assert refused.value.code == "E_AUTH"
    assert airbyte.state.count("POST .*/applications/token") == 0


def test_lists_are_read_to_their_end_by_the_query_of_the_next_page(airbyte: FakeAirbyte, connected: Settings) -> None:
    with opened(connected) as server:
        workspace = server.workspace(None).workspace_id
        for number in range(5):
            server.keep_actor("source", workspace, f"decoy {number}", CONFIGURATION)
        found = server.actor_named("source", workspace, "decoy 4")
    assert found is not None
    assert len(airbyte.state.sources) == 5


def test_failures_that_pass_are_waited_out(
    airbyte: FakeAirbyte, connected: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "FIRST_PAUSE", 0.01)
    airbyte.state.troubles = [
        Trouble("GET", "/workspaces$", status=503, times=2),
        Trouble("GET", "/workspaces$", status=0),
        Trouble("POST", "/applications/token$", status=500),
        Trouble("GET", "/workspaces$", status=429, headers={"Retry-After": "1"}),
    ]
    started = time.monotonic()
    with opened(connected) as server:
        assert server.workspace("main").name == "main"
    assert time.monotonic() - started > 1, "the server asked for a second"


def test_a_server_that_is_away_is_told(connected: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    away = connected.model_copy(update={"airbyte_url": "http://127.0.0.1:9"})
    with opened(away) as server, pytest.raises(UdbError) as refused:
        server.workspace(None)
    assert refused.value.code == "E_CONNECT"


def test_what_may_have_been_made_is_looked_for_and_not_made_again(airbyte: FakeAirbyte, connected: Settings) -> None:
    airbyte.state.troubles = [Trouble("POST", "/sources$", status=0, done=True)]
    with opened(connected) as server:
        workspace = server.workspace(None).workspace_id
        kept, made = server.keep_actor("source", workspace, "udb/default/shop", CONFIGURATION)
    assert [source["sourceId"] for source in airbyte.state.sources] == [kept.id]
    assert not made


def test_what_may_have_been_made_and_is_not_there_is_told(airbyte: FakeAirbyte, connected: Settings) -> None:
    airbyte.state.troubles = [Trouble("POST", "/sources$", status=502)]
    with opened(connected) as server, pytest.raises(UdbError) as refused:
        server.keep_actor("source", server.workspace(None).workspace_id, "udb/default/shop", CONFIGURATION)
    assert refused.value.code == "E_CONNECT"
    assert airbyte.state.count("POST .*/sources") == 1


def test_a_problem_is_told_with_its_title_and_detail_and_without_secrets(
    airbyte: FakeAirbyte, connected: Settings
) -> None:
    problem = {
        "type": "about:blank",
        "title": "unprocessable-entity",
        "detail": "The body was not understood",
        "data": {"message": f"count must be positive; secret {CLIENT_SECRET}"},
    }
    airbyte.state.troubles = [Trouble("POST", "/sources$", status=422, problem=problem)]
    with opened(connected) as server, pytest.raises(UdbError) as refused:
        server.keep_actor("source", server.workspace(None).workspace_id, "x", CONFIGURATION)
    told = refused.value.message
    assert "unprocessable-entity: The body was not understood: count must be positive" in told
    assert CLIENT_SECRET not in told


def test_an_address_that_is_no_airbyte_is_told(airbyte: FakeAirbyte, connected: Settings) -> None:
    elsewhere = connected.model_copy(
        update={"airbyte_url": f"{airbyte.url}/elsewhere", "airbyte_client_id": None, "airbyte_client_secret": None}
    )
    airbyte.state.troubles = [Trouble("GET", "/workspaces$", status=302, headers={"Location": "http://127.0.0.1:9/"})]
    with opened(elsewhere) as server, pytest.raises(UdbError) as refused:
        server.workspace(None)
    assert refused.value.code == "E_HTTP"
    assert "AIRBYTE_URL" in refused.value.remedy


def test_the_workspace_must_be_the_one_that_is_meant(airbyte: FakeAirbyte, connected: Settings) -> None:
    airbyte.state.add_workspace("other")
    with opened(connected) as server:
        assert server.workspace("other").name == "other"
        assert server.workspace(airbyte.state.workspace).name == "main"
        for wanted in (None, "third"):
            with pytest.raises(UdbError) as refused:
                server.workspace(wanted)
            assert refused.value.code == "E_CONFIG"
            assert "main, other" in refused.value.message


def test_connectors_are_found_by_any_of_their_names(connected: Settings) -> None:
    with opened(connected) as server:
        workspace = server.workspace(None).workspace_id
        names = ("faker", "source-faker", "airbyte/source-faker", "Sample Data (Faker)")
        assert len({server.definition(workspace, name).id for name in names}) == 1
        with pytest.raises(UdbError) as refused:
            server.definition(workspace, "hub")
    assert refused.value.code == "E_NOT_FOUND"
    assert "GitHub" in refused.value.message


@pytest.mark.parametrize(
    ("url", "public", "configuration"),
    [
        ("http://localhost:8000/", "http://localhost:8000/api/public/v1", "http://localhost:8000/api/v1"),
        ("https://a.example/api/public/v1", "https://a.example/api/public/v1", "https://a.example/api/v1"),
        ("https://api.airbyte.com", "https://api.airbyte.com/v1", "https://cloud.airbyte.com/api/v1"),
    ],
)
def test_both_apis_follow_from_one_address(url: str, public: str, configuration: str, settings: Settings) -> None:
    endpoint = endpoint_of(settings.model_copy(update={"airbyte_url": url}))
    assert (endpoint.public, endpoint.configuration) == (public, configuration)


@pytest.mark.parametrize("missing", ["airbyte_url", "airbyte_client_id", "airbyte_client_secret"])
def test_settings_that_are_missing_are_named(connected: Settings, missing: str) -> None:
    with pytest.raises(UdbError) as refused, opened(connected.model_copy(update={missing: None})):
        pass
    assert refused.value.code == "E_CONFIG"
    assert missing.upper() in f"{refused.value.message} {refused.value.remedy}"
