"""A store that refuses, is slow, or dies in the middle: said in words, nothing half-visible, no secret."""

from __future__ import annotations

import http.client
import io
import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, snapshots, steps
from udb_pipelines.warehouse.targets import Target, folder, open_target, opening
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectServer
from udb_pipelines_tests.warehouse.staging import Stager

ANSWERS = {
    403: "<Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>" + SECRET_KEY + "</SignatureProvided></Error>",
    500: "<Error><Code>InternalError</Code></Error>",
    503: "<Error><Code>SlowDown</Code></Error>",
}


@dataclass
class Faults:
    """What stands between the client and the real store, and misbehaves when told to."""

    port: int = 0
    status: int | None = None
    """Answer PUT requests of data files with this."""
    cut: bool = False
    """Read half of such a request, then close the connection."""
    delay: float = 0
    hang: bool = False
    """Say nothing to such a request until the client has gone."""
    seen: list[str] = field(default_factory=list)


@contextmanager
def between(server: ObjectServer, faults: Faults) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def _pass(self) -> None:
            faults.seen.append(f"{self.command} {self.path}")
            length = int(self.headers.get("Content-Length") or 0)
            troubled = self.command == "PUT" and "/files/" in self.path
            if troubled and (faults.cut or faults.hang):
                self.rfile.read(length // 2 if faults.cut else length)
                _left(self, faults.hang)
                return
            body = self.rfile.read(length)
            if troubled and faults.status:
                self._answer(faults.status, {}, ANSWERS[faults.status].encode())
                return
            if troubled:
                time.sleep(faults.delay)
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            if self.command == "HEAD":
                kept["Content-Length"] = answer.getheader("Content-Length") or "0"
            self._answer(answer.status, kept, content)

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the names that http.server looks for

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()


def _left(handler: BaseHTTPRequestHandler, hang: bool) -> None:
    if hang:
        handler.connection.settimeout(600)
        handler.connection.recv(1)  # returns when the client has closed its side
    handler.connection.close()
    handler.close_connection = True


_HOP = {"content-length", "connection", "transfer-encoding", "date", "server"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries are the library's; here they only have to end soon."""
    monkeypatch.setattr(opening, "_MOST_RETRIES", 1)
    monkeypatch.setattr(opening, "_RETRY_SECONDS", 5)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def patience() -> float:
    """How long a store may say nothing, in seconds."""
    return 60


@pytest.fixture
def shaky(filled: Lake, object_server: ObjectServer, faults: Faults, patience: float) -> Iterator[Target]:
    with between(object_server, faults) as endpoint:
        options = {**object_server.options(), "snapshot_endpoint": endpoint, "http_timeout_seconds": patience}
        settings = filled.settings.model_copy(update=options)
        yield open_target(f"s3://{object_server.new_bucket()}/udb", settings)


@pytest.mark.parametrize(
    ("trouble", "code", "patience"),
    [
        ({"status": 500}, "E_TARGET_DOWN", 60),
        ({"status": 503}, "E_TARGET_DOWN", 60),
        ({"status": 403}, "E_TARGET", 60),
        ({"cut": True}, "E_TARGET_DOWN", 60),
        ({"hang": True}, "E_TARGET_DOWN", 6),  # as short as a loaded machine allows: it is waited for
    ],
    ids=["500", "503", "403", "dies in the middle", "does not answer"],
)
def test_nothing_half_visible_and_the_next_completes(
    filled: Lake, shaky: Target, faults: Faults, trouble: dict[str, Any], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for name, value in trouble.items():
            setattr(faults, name, value)
        with pytest.raises(UdbError) as caught:
            snapshots.create(filled, shaky)
    error = caught.value
    assert error.code == code
    assert "s3://bucket" in error.message
    assert "(files/main/shop/" in error.message
    chain = f"{error.as_dict()} {error!r} {error.__cause__!r} {error.__context__!r} {caplog.text}"
    for secret in (SECRET_KEY, ACCESS_KEY, "SignatureProvided"):
        assert secret not in chain
    assert [entry.key for entry in shaky.list() if entry.key != "udb-target.json"] == []
    faults.status, faults.cut, faults.hang = None, False, False
    made = snapshots.create(filled, shaky)
    assert snapshots.verify(shaky, made.snapshot.id) == ()


def test_a_slow_store_is_only_slow(filled: Lake, shaky: Target, faults: Faults) -> None:
    faults.delay = 0.5
    assert snapshots.verify(shaky, snapshots.create(filled, shaky).snapshot.id) == ()


def test_a_bucket_that_is_not_there(filled: Lake, object_server: ObjectServer) -> None:
    settings = filled.settings.model_copy(update=object_server.options())
    with pytest.raises(UdbError, match="NoSuchBucket") as caught:
        snapshots.create(filled, open_target("s3://never-made/udb", settings))
    assert caught.value.code == "E_TARGET"
    assert "create the bucket" in caught.value.remedy


def test_without_credentials(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UdbError) as caught:
        snapshots.create(filled, open_target("s3://bucket/udb", filled.settings))
    assert caught.value.code in {"E_TARGET", "E_TARGET_DOWN"}
    assert "s3://bucket/udb" in caught.value.message


def test_a_full_target_says_so_and_keeps_what_it_had(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = open_target(str(tmp_path / "target"), filled.settings)
    first = snapshots.create(filled, target).snapshot
    commit(filled, Stager(filled.settings)("SELECT range AS a, uuid()::VARCHAR AS b FROM range(500)"))
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_up(step: str) -> None:
        """From here on, the system lets no file grow larger than a claim."""
        if step == "snapshot claimed":
            resource.setrlimit(resource.RLIMIT_FSIZE, (300, unlimited[1]))

    with monkeypatch.context() as patched:
        patched.setattr(folder, "_linked", lambda *_: False)  # as if the target were on another disk
        patched.setattr(steps, "reached", fill_up)
        try:
            with pytest.raises(UdbError) as caught:
                snapshots.create(filled, target)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert caught.value.code == "E_DISK_FULL"
    assert str(tmp_path / "target") in caught.value.message
    assert [item.id for item in snapshots.list_snapshots(target)] == [first.id]
    assert snapshots.verify(target, first.id) == ()
    assert not list((tmp_path / "target" / ".incoming").iterdir())
    assert snapshots.create(filled, target).snapshot.version == 4


def test_settings_show_no_secret() -> None:
    shown = io.StringIO()
    settings = Settings(snapshot_secret_key=SecretStr("planted"), snapshot_access_key=SecretStr("planted too"))
    print(settings, repr(settings), settings.model_dump(), settings.model_dump_json(), file=shown)
    assert "planted" not in shown.getvalue()
