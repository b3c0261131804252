"""Fixtures of detection: detect a path or text in one call, and a small web server that counts what it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.detection import detect
from udb_pipelines.models import Detection, Source, SourceOptions

Detect = Callable[..., Detection]


@pytest.fixture
def detected(settings: Settings, tmp_path: Path) -> Detect:
    """``detected(path or uri, **options)``; with ``text=`` or ``data=`` the file is written first."""

    def run(uri: str | Path, *, text: str | None = None, data: bytes | None = None, **options: object) -> Detection:
        if text is not None:
            data = text.encode()
        if data is not None:
            uri = tmp_path / uri
            uri.parent.mkdir(parents=True, exist_ok=True)
            uri.write_bytes(data)
        source = Source(
            name="thing", uri=str(uri), options=SourceOptions.model_validate(options), created_at=datetime.now(UTC)
        )
        return detect(source, settings)

    return run


@dataclass
class WebServer:
    """Serves ``pages``: path → (status, body, headers). ``asked`` holds every request's path and status."""

    address: str = ""
    pages: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[WebServer]:
    site = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            status, body, headers = site.pages.get(path, (404, b"no", {}))
            if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
            site.asked.append((path, status))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
