"""Every target does the same, whatever it is made of."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.targets import Target, open_target
from udb_pipelines_tests.clouds import Cloud
from udb_pipelines_tests.objectstore import ObjectServer


@pytest.fixture(params=["folder", "s3", "gs", "az"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    if request.param == "folder":
        return open_target(str(tmp_path / "target"), Settings(home=tmp_path))
    if request.param in ("gs", "az"):
        cloud: Cloud = request.getfixturevalue("gcs_server" if request.param == "gs" else "azure_server")
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        return open_target(f"{cloud.new_address()}/some/prefix", Settings(home=tmp_path))
    server: ObjectServer = request.getfixturevalue("object_server")
    settings = Settings(home=tmp_path, **server.options())
    return open_target(f"s3://{server.new_bucket()}/some/prefix", settings)


def test_what_is_put_comes_back(target: Target, tmp_path: Path) -> None:
    content = os.urandom(20 << 20)  # more than two parts
    (tmp_path / "big").write_bytes(content)
    moved: list[int] = []
    target.put(tmp_path / "big", "files/main/a b/ü.parquet", moved.append)
    target.get("files/main/a b/ü.parquet", tmp_path / "back", moved.append)
    assert (tmp_path / "back").read_bytes() == content
    assert sum(moved) == 2 * len(content)
    assert target.sha256("files/main/a b/ü.parquet") == hashlib.sha256(content).hexdigest()
    assert target.size("files/main/a b/ü.parquet") == len(content)
    assert [(entry.key, entry.bytes) for entry in target.list()] == [("files/main/a b/ü.parquet", len(content))]


def test_putting_again_replaces(target: Target, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}").write_bytes(b"x" * number)
        target.put(tmp_path / f"{number}", "a/b")
        target.put(tmp_path / f"{number}", "a/b")
        target.write("note", f"{number}".encode())
    assert [(entry.key, entry.bytes) for entry in target.list()] == [("a/b", 2), ("note", 1)]
    assert target.read("note") == b"2"


def test_listing_by_prefix_and_deleting(target: Target) -> None:
    for key in ("a/1", "a/2", "ab/1", "z"):
        target.write(key, b"x")
    assert [entry.key for entry in target.list("a/")] == ["a/1", "a/2"]
    target.delete(["a/1", "a/2", "never there"])
    assert [entry.key for entry in target.list()] == ["ab/1", "z"]


class _Nothing(BaseHTTPRequestHandler):
    """Says of everything that it is not there, and no more, as a proxy before a store does."""

    def log_message(self, *_: Any) -> None: ...

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_nothing_is_deleted_in_a_bucket_that_is_not_there(object_server: ObjectServer, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        settings = Settings(home=tmp_path, **{**object_server.options(), "snapshot_endpoint": endpoint})
        with pytest.raises(UdbError) as caught:
            open_target("s3://never-made/prefix", settings).delete(["a"])
        server.shutdown()
    assert caught.value.code == "E_TARGET"
    assert "create the bucket" in (caught.value.remedy or "")


def test_what_is_not_there(target: Target, tmp_path: Path) -> None:
    assert target.read("x/y") is None
    assert target.size("x/y") is None
    assert target.sha256("x/y") is None
    assert list(target.list("x/")) == []
    with pytest.raises(UdbError, match="x/y is missing") as caught:
        target.get("x/y", tmp_path / "back")
    assert caught.value.code == "E_SNAPSHOT"
    assert list(tmp_path.glob("*back*")) == []


def test_no_key_leaves_the_folder(settings: Settings, tmp_path: Path) -> None:
    target = open_target(str(tmp_path / "target"), settings)
    for key in ("../x", "/etc/x", "a/../../x"):
        with pytest.raises(UdbError):
            target.write(key, b"")
    assert not (tmp_path / "x").exists()


def test_a_folder_links_what_never_changes(settings: Settings, tmp_path: Path) -> None:
    target = open_target(str(tmp_path / "target"), settings)
    (tmp_path / "file").write_bytes(b"x")
    target.put(tmp_path / "file", "a")
    target.get("a", tmp_path / "copy")
    target.get("a", tmp_path / "link", link=True)
    assert (tmp_path / "file").stat().st_nlink == 3
    assert (tmp_path / "copy").stat().st_nlink == 1


def test_folders_come_and_go_while_others_write(settings: Settings, tmp_path: Path) -> None:
    target = open_target(str(tmp_path / "target"), settings)

    def write_and_delete(number: int) -> None:
        for _ in range(50):
            target.write(f"a/b/{number}", b"x")
            target.delete([f"a/b/{number}"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_and_delete, range(4)))
    assert list(target.list()) == []


@pytest.mark.parametrize(
    "address", ["ftp://host/x", "s3:///prefix", "s3://key:secret@bucket/x", "s3://bucket?x=1", "http://bucket/x"]
)
def test_addresses_that_are_none(settings: Settings, address: str) -> None:
    with pytest.raises(UdbError) as caught:
        open_target(address, settings)
    assert caught.value.code == "E_TARGET"
    assert "secret" not in caught.value.message
