"""Connectors as they are published: installed from the package index, and run."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.connectors.airbyte.environments import install
from udb_pipelines.connectors.airbyte.pins import MANIFEST, PINS
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.models import Source, SourceOptions, SyncResult
from udb_pipelines.warehouse import Lake, commit, last_state, query
from udb_pipelines_tests.connectors.sources import CREATED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def sync(settings: Settings, uri: str, config: Mapping[str, object], mode: str) -> SyncResult:
    options = SourceOptions.model_validate({"sync_mode": mode, "config": config})
    wanted = Source(name="shop", uri=uri, options=options, created_at=CREATED)
    lake = Lake(settings)
    request = Request(last_state(lake, "shop"))
    connection = provision(wanted, detect(wanted, settings))
    return commit(lake, extract(connection, settings, str(uuid.uuid4()), None, request))


@pytest.mark.parametrize("pin", PINS, ids=[pin.name for pin in PINS])
def test_every_pinned_connector_installs_and_answers(settings: Settings, pin: object) -> None:
    assert install(pin, settings)["type"] == "object"  # type: ignore[arg-type]


def test_faker_is_read_and_read_on(settings: Settings) -> None:
    settings = settings.model_copy(update={"accept_connector_licences": True})
    config = {"count": 200, "seed": 3, "always_updated": False}
    first = sync(settings, "airbyte:faker", config, "incremental_upsert")
    assert {item.dataset: item.rows_total for item in first.datasets} == {
        "shop__products": 100, "shop__users": 200, "shop__purchases": 200,
    }  # fmt: skip
    assert query(Lake(settings), "SELECT count(DISTINCT id), count(email) FROM shop__users").rows[0] == (200, 200)
    assert sync(settings, "airbyte:faker", config, "incremental_upsert").unchanged


class Api(BaseHTTPRequestHandler):
    """Two pages of things, behind a key."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        allowed = self.headers.get("X-Key") == "planted-key"
        things = [{"id": page * 10 + n, "name": f"thing {n}", "price": 1.5} for n in range(3)] if page < 3 else []
        body = json.dumps({"things": things} if allowed else {"error": "who are you"}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def documented(name: str) -> str:
    """The file that the documentation shows under ``name``."""
    text = (Path(__file__).parents[3] / "docs" / "connectors.md").read_text(encoding="utf-8")
    found = re.search(rf"```yaml\n(# {re.escape(name)}\n.*?)```", text, re.DOTALL)
    assert found, f"docs/connectors.md shows no {name}"
    return found[1]


def test_a_manifest_reads_an_api_page_by_page(
    settings: Settings, tmp_path: Path, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"accept_connector_licences": True})
    manifest = tmp_path / "things.yaml"
    manifest.write_text(documented("things.yaml"))
    monkeypatch.setenv("THINGS_KEY", "planted-key")
    config = {"manifest": str(manifest), "url": api, "key": "${THINGS_KEY}"}
    sync(settings, f"airbyte:{MANIFEST}", config, "full_refresh_overwrite")
    found = query(Lake(settings), "SELECT id, name, price FROM shop ORDER BY id").rows
    assert [row[0] for row in found] == [10, 11, 12, 20, 21, 22]
    assert found[0][1:] == ("thing 0", 1.5)
    assert not any(b"planted-key" in file.read_bytes() for file in settings.home.glob("*/**/*.json"))
