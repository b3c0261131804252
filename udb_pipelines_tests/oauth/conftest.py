"""A provider, and somebody who signs in there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from werkzeug.serving import make_server

from udb_pipelines.config import Settings
from udb_pipelines.secrets.store import new_key
from udb_pipelines_tests.oauth.server import Provider, make_app


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(new_key())})


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """The server trusts http:// only when it is told that this is a test."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "true")
    known = Provider()
    server = make_server("127.0.0.1", 0, make_app(known), threaded=True)
    known.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield known
    server.shutdown()
    server.server_close()


@pytest.fixture
def person() -> Callable[..., Callable[[str], None]]:
    """``person(first=...)``: opens an address as a browser does; ``first`` changes what comes back before it does."""

    def made(first: dict[str, str] | None = None, answers: list[int] | None = None) -> Callable[[str], None]:
        def browse(address: str) -> None:
            response = httpx.get(address)
            back = response.headers["Location"]
            if first is not None:
                parts = urlsplit(back)
                changed = parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **first})).geturl()
                status = httpx.get(changed).status_code
                if answers is not None:
                    answers.append(status)
            httpx.get(back)

        return lambda address: threading.Thread(target=browse, args=(address,), daemon=True).start()

    return made
