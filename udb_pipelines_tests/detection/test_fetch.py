"""Downloads over a real server: cached, confirmed, refused in clear words."""

from __future__ import annotations

import gzip
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.detection.fetch import local_copy
from udb_pipelines.detection.shared_links import download_address
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress
from udb_pipelines_tests.detection.conftest import Detect, WebServer

CSV = b"id,name\n1,ann\n2,bob\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A busy server is not asked again, but in the tests of that."""
    return Settings(home=tmp_path / "home", http_retry_seconds=0)


def test_a_url_is_a_source_like_any_other(detected: Detect, web: WebServer) -> None:
    web.pages["/data/people.csv"] = (200, CSV, {})
    found = detected(f"{web.address}/data/people.csv?token=planted")
    assert found.connector == "http"
    assert found.uri == f"{web.address}/data/people.csv?token=***"
    assert [column.name for column in found.streams[0].columns] == ["id", "name"]
    assert found.streams[0].name == "people"


def test_an_unchanged_file_is_not_sent_again(settings: Settings, web: WebServer) -> None:
    web.pages["/a.csv"] = (200, CSV, {"ETag": '"v1"'})
    first = local_copy(f"{web.address}/a.csv", settings)
    assert local_copy(f"{web.address}/a.csv", settings) == first
    web.pages["/a.csv"] = (200, CSV + b"3,eve\n", {"ETag": '"v2"'})
    assert local_copy(f"{web.address}/a.csv", settings).read_bytes().endswith(b"3,eve\n")
    assert [status for _, status in web.asked] == [200, 304, 200]
    assert first.read_bytes() == CSV


def test_a_cache_that_lost_its_content_is_filled_again(settings: Settings, web: WebServer) -> None:
    web.pages["/a.csv"] = (200, CSV, {"ETag": '"v1"'})
    local_copy(f"{web.address}/a.csv", settings).unlink()
    assert local_copy(f"{web.address}/a.csv", settings).read_bytes() == CSV


@pytest.mark.parametrize(
    ("status", "code"), [(401, "E_AUTH"), (403, "E_AUTH"), (404, "E_NOT_FOUND"), (500, "E_HTTP"), (429, "E_HTTP")]
)
def test_errors_of_the_server(detected: Detect, web: WebServer, status: int, code: str) -> None:
    web.pages["/a.csv"] = (status, b"no", {})
    with pytest.raises(UdbError) as caught:
        detected(f"{web.address}/a.csv?token=planted")
    assert (caught.value.code, caught.value.stage, caught.value.source) == (code, "detect", "thing")
    assert "planted" not in str(caught.value.as_dict())


def test_no_server(detected: Detect) -> None:
    with pytest.raises(UdbError) as caught:
        detected("http://127.0.0.1:9/a.csv")
    assert caught.value.code == "E_CONNECT"


def test_a_download_past_the_limit_is_refused(settings: Settings, web: WebServer) -> None:
    small = Settings(home=settings.home, max_expanded_gb=1e-6)
    web.pages["/a.csv"] = (200, b"x" * 2000, {})
    with pytest.raises(UdbError) as caught:
        local_copy(f"{web.address}/a.csv", small)
    assert caught.value.code == "E_TOO_LARGE"
    assert not list((settings.home / "cache").rglob("*.part"))


def test_compression_on_the_wire_counts_when_unpacked(settings: Settings, web: WebServer) -> None:
    web.pages["/a.csv"] = (200, gzip.compress(b"x" * 100_000), {"Content-Encoding": "gzip"})
    with pytest.raises(UdbError) as caught:
        local_copy(f"{web.address}/a.csv", Settings(home=settings.home, max_expanded_gb=1e-5))
    assert caught.value.code == "E_TOO_LARGE"


def test_a_hostile_file_name_stays_in_the_cache(settings: Settings, web: WebServer) -> None:
    web.pages["/a"] = (200, CSV, {"Content-Disposition": 'attachment; filename="../../../evil.csv"'})
    copy = local_copy(f"{web.address}/a", settings)
    assert copy.name == "evil.csv"
    assert copy.is_relative_to(settings.home / "cache" / "content")


def test_progress_is_told(settings: Settings, web: WebServer) -> None:
    web.pages["/a.csv"] = (200, CSV, {})
    heard: list[tuple[str, int, int | None, str]] = []
    with progress.reporting(lambda *report: heard.append(report)):
        local_copy(f"{web.address}/a.csv", settings)
    assert heard == [("download", len(CSV), len(CSV), "bytes")]


@pytest.mark.parametrize(
    ("shared", "file"),
    [
        ("https://drive.google.com/file/d/1Ab-c_D/view?usp=sharing",
         "https://drive.google.com/uc?export=download&id=1Ab-c_D"),
        ("https://drive.google.com/open?usp=drive_fs&id=1Ab", "https://drive.google.com/uc?export=download&id=1Ab"),
        ("https://docs.google.com/spreadsheets/d/1Ab/edit?gid=7#gid=7",
         "https://docs.google.com/spreadsheets/d/1Ab/export?format=xlsx"),
        ("https://docs.google.com/spreadsheets/d/e/2PACX-1/pubhtml",
         "https://docs.google.com/spreadsheets/d/e/2PACX-1/pub?output=xlsx"),
        ("https://docs.google.com/spreadsheets/d/e/2PACX-1/pub?output=csv", None),
        ("https://www.dropbox.com/scl/fi/x/a.csv?rlkey=k&dl=0", "https://www.dropbox.com/scl/fi/x/a.csv?rlkey=k&dl=1"),
        ("https://1drv.ms/x/s!Abc", "https://api.onedrive.com/v1.0/shares/u!aHR0cHM6Ly8xZHJ2Lm1zL3gvcyFBYmM/root/content"),
        ("https://corp.sharepoint.com/:x:/s/team/Eabc?e=1", "https://corp.sharepoint.com/:x:/s/team/Eabc?e=1&download=1"),
        ("https://github.com/ann/shop/blob/main/a%20b/orders.csv?plain=1#L3",
         "https://raw.githubusercontent.com/ann/shop/main/a%20b/orders.csv"),
        ("https://gist.github.com/ann/0123abcd", "https://gist.github.com/ann/0123abcd/raw"),
        ("https://gitlab.com/ann/shop/-/blob/main/a.csv", "https://gitlab.com/ann/shop/-/raw/main/a.csv"),
        ("https://raw.githubusercontent.com/ann/shop/main/a.csv", None),
        ("https://github.com/ann/shop", None),
        ("https://shop.example/blob/a.csv?dl=0", None),
    ],
)  # fmt: skip
def test_shared_links_become_downloads(shared: str, file: str | None) -> None:
    assert download_address(shared) == (file or shared)
    assert download_address(file or shared) == (file or shared)


def test_a_server_that_never_ends_is_left(settings: Settings) -> None:
    whole = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for _ in range(3000):
                    self.wfile.write(b"1\n")
                    time.sleep(0.02)
                whole.set()

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hasty = settings.model_copy(update={"download_timeout_seconds": 0.3})
    try:
        with pytest.raises(UdbError, match="did not end within") as caught:
            local_copy(f"http://127.0.0.1:{server.server_port}/a.csv", hasty)
    finally:
        server.shutdown()
        server.server_close()
    assert caught.value.code == "E_CONNECT"
    assert not whole.is_set(), "it would have gone on for a minute"
    assert not list(hasty.cache.rglob("*.part"))
