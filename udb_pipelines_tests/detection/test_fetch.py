"""Downloads over a real server: cached, confirmed, refused in clear words."""

from __future__ import annotations

import gzip

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.detection.fetch import local_copy
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress
from udb_pipelines_tests.detection.conftest import Detect, WebServer

CSV = b"id,name\n1,ann\n2,bob\n"


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
