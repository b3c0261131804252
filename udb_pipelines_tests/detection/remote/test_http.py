"""Downloads that break, servers that are busy, redirects, and credentials that stay where they belong."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.detection.fetch import local_copy
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress

CONTENT = b"id,name\n" + b"".join(b"%d,name %d\n" % (row, row) for row in range(60_000))
Answer = tuple[int, bytes, dict[str, str]]


@dataclass
class Site:
    """Serves ``pages``; ``cut`` holds how many bytes of each of the next answers go through."""

    address: str = ""
    pages: dict[str, Callable[[Message], Answer]] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    asked: list[tuple[str, Message]] = field(default_factory=list)

    def serve(self, path: str, content: bytes, **headers: str) -> None:
        """``content`` under ``path``; parts of it for requests with a Range that still fits."""

        def answer(asked: Message) -> Answer:
            span = re.fullmatch(r"bytes=(\d+)-", asked.get("Range", ""))
            validator = headers.get("ETag") or headers.get("Last-Modified")
            if not span or asked.get("If-Range") != validator:
                return 200, content, headers
            start = int(span[1])
            if start >= len(content):
                return 416, b"", {}
            return (
                206,
                content[start:],
                {**headers, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"},
            )

        self.pages[path] = answer


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, self.headers))
            status, body, headers = site.pages.get(self.path, lambda _: (404, b"", {}))(self.headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cut.pop(0)] if site.cut else body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()


def test_a_broken_download_goes_on_where_it_broke(site: Site, settings: Settings) -> None:
    site.serve("/a.csv", CONTENT, ETag='"v1"')
    site.cut = [300_000, 200_000]
    heard: list[tuple[int, int | None]] = []
    with progress.reporting(lambda _what, done, total, _unit: heard.append((done, total))):
        assert local_copy(f"{site.address}/a.csv", settings).read_bytes() == CONTENT
    assert [headers.get("Range") for _, headers in site.asked] == [None, "bytes=300000-", "bytes=500000-"]
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert not list((settings.cache / "partial").iterdir())


def test_the_next_job_goes_on_with_a_download(site: Site, settings: Settings) -> None:
    site.serve("/a.csv", CONTENT, ETag='"v1"')
    site.cut = [300_000] + [0] * 20
    with pytest.raises(UdbError) as caught:
        local_copy(f"{site.address}/a.csv", settings)
    assert caught.value.code == "E_CONNECT"
    site.cut, site.asked = [], []
    assert local_copy(f"{site.address}/a.csv", settings).read_bytes() == CONTENT
    assert [headers.get("Range") for _, headers in site.asked] == ["bytes=300000-"]


JUST_NOW = "just now"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ETag": '"v1"'}, {"ETag": '"v2"'}),
        ({"ETag": 'W/"v1"'}, {"ETag": 'W/"v1"'}),
        ({}, {}),
        ({"Last-Modified": JUST_NOW}, {"Last-Modified": JUST_NOW}),
    ],
)
def test_what_may_be_other_content_starts_anew(
    site: Site, settings: Settings, before: dict[str, str], after: dict[str, str]
) -> None:
    # Within the minute in which content may change twice under one date; long after this was collected.
    now = format_datetime(datetime.now(UTC), usegmt=True)
    site.serve("/a.csv", CONTENT, **{name: value.replace(JUST_NOW, now) for name, value in before.items()})
    site.cut = [300_000] + [0] * 20
    with pytest.raises(UdbError):
        local_copy(f"{site.address}/a.csv", settings)
    other = CONTENT.replace(b"name", b"nome")
    site.serve("/a.csv", other, **{name: value.replace(JUST_NOW, now) for name, value in after.items()})
    site.cut = []
    assert local_copy(f"{site.address}/a.csv", settings).read_bytes() == other


def test_an_old_date_is_good_enough_to_go_on(site: Site, settings: Settings) -> None:
    changed = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    site.serve("/a.csv", CONTENT, **{"Last-Modified": changed})
    site.cut = [300_000]
    assert local_copy(f"{site.address}/a.csv", settings).read_bytes() == CONTENT
    assert site.asked[1][1].get("If-Range") == changed


def test_a_file_that_became_shorter_starts_anew(site: Site, settings: Settings) -> None:
    site.serve("/a.csv", CONTENT, ETag='"v1"')
    site.cut = [300_000] + [0] * 20
    with pytest.raises(UdbError):
        local_copy(f"{site.address}/a.csv", settings)
    site.serve("/a.csv", CONTENT[:1000], ETag='"v1"')
    site.cut = []
    assert local_copy(f"{site.address}/a.csv", settings).read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(site: Site, settings: Settings, status: int) -> None:
    answers = [(status, b"", {"Retry-After": "1"}), (200, CONTENT, {})]
    site.pages["/a.csv"] = lambda _: answers.pop(0)  # type: ignore[return-value]
    started = time.monotonic()
    assert local_copy(f"{site.address}/a.csv", settings).read_bytes() == CONTENT
    assert time.monotonic() - started >= 1
    assert len(site.asked) == 2


def test_a_server_that_wants_more_time_than_there_is_is_not_waited_for(site: Site, settings: Settings) -> None:
    site.pages["/a.csv"] = lambda _: (429, b"", {"Retry-After": "3600"})
    with pytest.raises(UdbError) as caught:
        local_copy(f"{site.address}/a.csv", settings)
    assert (caught.value.code, len(site.asked)) == ("E_HTTP", 1)


def test_headers_are_sent_to_their_host_and_to_no_other(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "planted-token")
    config = {"header.Authorization": "Bearer ${TOKEN}", "header.X-Key": "planted-too"}
    other = site.address.replace("127.0.0.1", "localhost")
    site.pages["/here.csv"] = lambda _: (302, b"", {"Location": "/there.csv"})
    site.pages["/there.csv"] = lambda _: (307, b"", {"Location": f"{other}/away.csv"})
    site.serve("/away.csv", CONTENT)
    copy = local_copy(f"{site.address}/here.csv", settings, config)
    assert copy.name == "away.csv"
    sent = {path: (headers.get("Authorization"), headers.get("X-Key")) for path, headers in site.asked}
    known = ("Bearer planted-token", "planted-too")
    assert sent == {"/here.csv": known, "/there.csv": known, "/away.csv": (None, None)}
    kept = "".join(path.read_text() for path in (settings.cache / "urls").iterdir())
    assert "planted" not in kept


def test_another_credential_does_not_get_the_copy_of_the_first(site: Site, settings: Settings) -> None:
    site.pages["/a.csv"] = lambda headers: (200, headers.get("X-Key", "").encode(), {"ETag": '"v1"'})
    first = local_copy(f"{site.address}/a.csv", settings, {"header.X-Key": "one"})
    second = local_copy(f"{site.address}/a.csv", settings, {"header.X-Key": "two"})
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")


@pytest.mark.parametrize("config", [{"token": "x"}, {"header.A b": "x"}, {"header.X": "a\r\nHost: evil"}])
def test_settings_that_are_none(site: Site, settings: Settings, config: dict[str, str]) -> None:
    with pytest.raises(UdbError) as caught:
        local_copy(f"{site.address}/a.csv", settings, config)
    assert caught.value.code == "E_OPTION"
    assert not site.asked


@pytest.mark.parametrize(
    ("location", "code"),
    [("/a.csv", "E_HTTP"), ("file:///etc/passwd", "E_NOT_FOUND"), ("http://169.254.169.254/", "E_EGRESS")],
)
def test_redirects_that_lead_nowhere_good(site: Site, settings: Settings, location: str, code: str) -> None:
    site.pages["/a.csv"] = lambda _: (302, b"", {"Location": location})
    with pytest.raises(UdbError) as caught:
        local_copy(f"{site.address}/a.csv", settings)
    assert caught.value.code == code


def test_several_who_want_the_same_fetch_it_once(site: Site, settings: Settings) -> None:
    site.pages["/a.csv"] = lambda headers: (
        (304, b"", {}) if headers.get("If-None-Match") else (200, CONTENT, {"ETag": '"v1"'})
    )
    copies: list[bytes] = []
    workers = [
        threading.Thread(target=lambda: copies.append(local_copy(f"{site.address}/a.csv", settings).read_bytes()))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert copies == [CONTENT] * 4
    assert [headers.get("If-None-Match") for _, headers in site.asked].count(None) == 1
