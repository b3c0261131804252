"""Sources in a real S3 server: only what changed is fetched, broken downloads go on, errors say what is wrong."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from obstore.store import S3Store

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.detection.remote import partial
from udb_pipelines.detection.remote.objects import local_copies
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Detection, Source, SourceOptions
from udb_pipelines.operations import progress, scrub
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectServer

CUT_AFTER = 400_000


@dataclass
class Wire:
    """Stands between client and server: records the requests, and cuts a connection or changes an object on demand."""

    server: ObjectServer
    port: int = 0
    requests: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    cut_next: int = 0
    """How many of the next downloads are cut after :data:`CUT_AFTER` bytes."""
    replace: tuple[str, bytes] | None = None
    """What is stored when the next download is cut."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, bucket: str, key: str, content: bytes) -> None:
        _store(self.server.endpoint, bucket).put(key, content)

    def downloads(self) -> list[str]:
        """Keys of objects that were asked for, listings left out."""
        return [line.split(" ")[1].partition("?")[0] for line in self.requests if _is_download(line)]


@cache
def _store(endpoint: str, bucket: str) -> S3Store:
    return S3Store(
        bucket, endpoint=endpoint, region="us-east-1", access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )  # fmt: skip


def _is_download(line: str) -> bool:
    return line.startswith("GET ") and "list-type" not in line


@pytest.fixture
def wire(object_server: ObjectServer) -> Iterator[Wire]:
    wire = Wire(object_server)
    listener = socket.create_server(("127.0.0.1", 0))
    wire.port = listener.getsockname()[1]

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            while head := _head(client):
                text = head.decode("latin-1")
                line = text.partition("\r\n")[0]
                wire.requests.append(line)
                wire.headers.append(text)
                with socket.create_connection(("127.0.0.1", object_server.port)) as server:
                    closing = re.sub(rb"\r\n\r\n$", b"\r\nConnection: close\r\n\r\n", head)
                    server.sendall(re.sub(rb"(?i)\r\nconnection: keep-alive", b"", closing))
                    cut = _is_download(line) and wire.cut_next > 0
                    sent = 0
                    while chunk := server.recv(65_536):
                        client.sendall(chunk)
                        sent += len(chunk)
                        if cut and sent > CUT_AFTER:
                            wire.cut_next -= 1
                            if wire.replace:
                                key, content = wire.replace
                                wire.put(*key.split("/", 1), content)
                                wire.replace = None
                            return
                return

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield wire
    listener.close()


def _head(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return b""
        head += byte
    return head


@pytest.fixture
def config(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of a source: its own endpoint and credentials, by reference."""
    monkeypatch.setenv("SHOP_KEY", ACCESS_KEY)
    monkeypatch.setenv("SHOP_SECRET", SECRET_KEY)
    return {
        "endpoint": wire.endpoint,
        "region": "us-east-1",
        "access_key_id": "${SHOP_KEY}",
        "secret_access_key": "${SHOP_SECRET}",
    }


def looked_at(uri: str, config: dict[str, Any], settings: Settings) -> tuple[Source, Detection]:
    source = Source(name="shop", uri=uri, options=SourceOptions(config=config), created_at=datetime.now(UTC))
    return source, detect(source, settings)


def csv(*rows: int) -> bytes:
    return ("id,name\n" + "".join(f"{row},name {row}\n" for row in rows)).encode()


def test_of_fifty_objects_only_the_changed_one_is_fetched(
    wire: Wire, config: dict[str, Any], settings: Settings
) -> None:
    bucket = wire.server.new_bucket()
    for number in range(50):
        wire.put(bucket, f"in/{number % 5}/day_{number:02}.csv", csv(number, number + 100))
    wire.put(bucket, "in/3/", b"")
    wire.put(bucket, "in/notes.tmp", b"x")
    source, first = looked_at(f"s3://{bucket}/in/", config, settings)
    assert first.connector == "s3"
    assert [stream.row_estimate for stream in first.streams] == [100]
    assert len(wire.downloads()) == 50

    wire.requests.clear()
    _, again = looked_at(f"s3://{bucket}/in/", config, settings)
    assert again.fingerprint == first.fingerprint
    assert len(wire.requests) == 1

    wire.put(bucket, "in/2/day_07.csv", csv(7, 8, 9))
    wire.requests.clear()
    _, changed = looked_at(f"s3://{bucket}/in/", config, settings)
    assert wire.downloads() == [f"/{bucket}/in/2/day_07.csv"]
    assert changed.fingerprint != first.fingerprint

    staged = extract(provision(source, changed), settings, "job", None)
    (dataset,) = staged.datasets
    assert dataset.rows_staged == 101
    import pyarrow.parquet as pq

    files = pq.read_table(dataset.parquet[0], columns=["_udb_file"])["_udb_file"].to_pylist()
    assert files.count("2/day_07.csv") == 3
    assert len(set(files)) == 50
    # What the first detection found can still be read: nothing of it was changed by the second.
    assert extract(provision(source, first), settings, "other", None).datasets[0].rows_staged == 100


def test_a_pattern_and_one_object(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    bucket = wire.server.new_bucket()
    for key in ("in/a.csv", "in/b.csv", "in/sub/c.csv", "in/other.json"):
        wire.put(bucket, key, csv(1, 2))
    _, found = looked_at(f"s3://{bucket}/in/*.csv", config, settings)
    assert [Path(file).name for file in found.streams[0].files] == ["a.csv", "b.csv"]
    _, one = looked_at(f"s3://{bucket}/in/sub/c.csv", config, settings)
    assert [stream.name for stream in one.streams] == ["c"]
    wire.requests.clear()
    assert looked_at(f"s3://{bucket}/in/sub/c.csv", config, settings)[1].fingerprint == one.fingerprint
    assert [line.split(" ")[0] for line in wire.requests] == ["HEAD"]


def test_the_same_content_stored_again_is_no_change(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    bucket = wire.server.new_bucket()
    wire.put(bucket, "a.csv", csv(1, 2))
    _, first = looked_at(f"s3://{bucket}/a.csv", config, settings)
    wire.put(bucket, "a.csv", csv(1, 2))
    assert looked_at(f"s3://{bucket}/a.csv", config, settings)[1].fingerprint == first.fingerprint


def test_a_broken_connection_goes_on_where_it_broke(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    bucket = wire.server.new_bucket()
    content = csv(*range(200_000))
    wire.put(bucket, "big.csv", content)
    wire.cut_next = 2
    heard: list[tuple[int, int | None]] = []
    with progress.reporting(lambda _what, done, total, _unit: heard.append((done, total))):
        copies = local_copies(f"s3://{bucket}/big.csv", config, settings)
    assert copies.files[0][0].read_bytes() == content
    assert heard[-1] == (len(content), len(content))
    gets = [head for head in wire.headers if _is_download(head)]
    assert len(gets) == 3
    starts = [re.search(r"(?i)range: bytes=(\d+)-", head) for head in gets]
    assert [int(start[1]) > 0 if start else False for start in starts] == [False, True, True]
    assert all("if-match:" in head.lower() for head in gets)


def test_an_unfinished_download_goes_on_in_the_next_job(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    bucket = wire.server.new_bucket()
    content = csv(*range(3_000_000))
    wire.put(bucket, "big.csv", content)
    wire.cut_next = 100
    hasty = settings.model_copy(update={"download_timeout_seconds": 4})
    with pytest.raises(UdbError) as caught:
        local_copies(f"s3://{bucket}/big.csv", config, hasty)
    assert caught.value.code == "E_CONNECT"
    (part,) = (settings.cache / "partial").iterdir()
    have = part.stat().st_size
    assert 0 < have < len(content)
    wire.cut_next = 0
    wire.headers.clear()
    assert local_copies(f"s3://{bucket}/big.csv", config, settings).files[0][0].read_bytes() == content
    assert f"range: bytes={have}-" in wire.headers[-1].lower()
    assert not list((settings.cache / "partial").iterdir())


def _killed(uri: str, config: dict[str, Any], settings: Settings) -> None:
    def kill(_step: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    partial.reached = kill
    local_copies(uri, config, settings)


def test_a_job_killed_before_its_download_was_kept(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    bucket = wire.server.new_bucket()
    wire.put(bucket, "a.csv", csv(1, 2))
    child = multiprocessing.get_context("spawn").Process(
        target=_killed, args=(f"s3://{bucket}/a.csv", config, settings)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    wire.requests.clear()
    assert local_copies(f"s3://{bucket}/a.csv", config, settings).files[0][0].read_bytes() == csv(1, 2)
    assert not wire.downloads()


def test_an_object_replaced_meanwhile_is_never_half_old_half_new(
    wire: Wire, config: dict[str, Any], settings: Settings
) -> None:
    bucket = wire.server.new_bucket()
    old, new = csv(*range(200_000)), csv(*range(500_000, 700_000))
    wire.put(bucket, "big.csv", old)
    wire.cut_next, wire.replace = 1, (f"{bucket}/big.csv", new)
    copies = local_copies(f"s3://{bucket}/big.csv", config, settings)
    assert copies.files[0][0].read_bytes() == new


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://no-such-bucket-here/a.csv", "E_NOT_FOUND"),
        ("s3://no-such-bucket-here/in/", "E_NOT_FOUND"),
        ("s3://{bucket}/nothing.csv", "E_NOT_FOUND"),
        ("s3://{bucket}/in/*.parquet", "E_NO_DATA_FILES"),
    ],
)
def test_what_is_not_there(wire: Wire, config: dict[str, Any], settings: Settings, uri: str, code: str) -> None:
    bucket = wire.server.new_bucket()
    wire.put(bucket, "in/a.csv", csv(1))
    with pytest.raises(UdbError) as caught:
        looked_at(uri.format(bucket=bucket), config, settings)
    assert caught.value.code == code


def test_nobody_answers(config: dict[str, Any], settings: Settings) -> None:
    with pytest.raises(UdbError) as caught:
        looked_at("s3://shop/a.csv", {**config, "endpoint": "http://127.0.0.1:9"}, settings)
    assert caught.value.code == "E_CONNECT"
    assert SECRET_KEY not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    ("body", "code", "remedy"),
    [
        ("<Error><Code>InvalidAccessKeyId</Code></Error>", "E_AUTH", "AWS_ACCESS_KEY_ID"),
        ("<Error><Code>SignatureDoesNotMatch</Code></Error>", "E_AUTH", "AWS_SECRET_ACCESS_KEY"),
        ("<Error><Code>AccessDenied</Code></Error>", "E_AUTH", "allow these credentials"),
    ],
)
def test_credentials_that_are_refused(
    config: dict[str, Any], settings: Settings, body: str, code: str, remedy: str
) -> None:
    """The server of the other tests takes any key; this one takes none, and echoes what it was sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    echoed = body.replace(
                        "</Error>", f"<Echo>{_head(client).decode('latin-1')}</Echo></Error>"
                    ).encode()
                    client.sendall(
                        b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close\r\n"
                        + f"Content-Length: {len(echoed)}\r\n\r\n".encode() + echoed
                    )  # fmt: skip

    threading.Thread(target=refuse, daemon=True).start()
    try:
        with pytest.raises(UdbError) as caught:
            looked_at(
                "s3://shop/in/*.csv", {**config, "endpoint": f"http://127.0.0.1:{listener.getsockname()[1]}"}, settings
            )
    finally:
        listener.close()
    assert (caught.value.code, caught.value.stage) == (code, "detect")
    assert remedy in caught.value.remedy
    for planted in (SECRET_KEY, ACCESS_KEY):
        assert planted not in str(caught.value.as_dict())


def test_settings_of_a_source(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    for wrong, words in (
        ({**config, "acess_key": "x"}, "acess_key"),
        ({"access_key_id": "${SHOP_KEY}"}, "together"),
    ):
        with pytest.raises(UdbError, match=words) as caught:
            looked_at("s3://shop/a.csv", wrong, settings)
        assert caught.value.code == "E_OPTION"
    with pytest.raises(UdbError, match="NOT_SET_ANYWHERE"):
        looked_at("s3://shop/a.csv", {**config, "access_key_id": "${NOT_SET_ANYWHERE}"}, settings)


def test_a_stored_secret_serves_and_stays_hidden(
    wire: Wire, config: dict[str, Any], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    from pydantic import SecretStr

    settings = settings.model_copy(update={"secret_key": SecretStr(new_key())})
    SecretStore(settings).set("shop_secret", "stored+planted/secret")
    scrub.forget()
    bucket = wire.server.new_bucket()
    wire.put(bucket, "a.csv", csv(1, 2))
    source, found = looked_at(
        f"s3://{bucket}/a.csv", {**config, "secret_access_key": "${secret:shop_secret}"}, settings
    )
    written = found.model_dump_json() + provision(source, found).model_dump_json() + caplog.text
    kept = "".join(path.read_text() for path in (settings.cache / "urls").iterdir())
    assert "planted" not in written + kept
    assert "stored+planted/secret" not in scrub.text("the key is stored+planted/secret")


def test_the_environment_of_the_cloud_serves_sources_that_name_nothing(
    wire: Wire, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_ENDPOINT_URL", wire.endpoint),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    bucket = wire.server.new_bucket()
    wire.put(bucket, "a.csv", csv(1, 2))
    assert looked_at(f"s3://{bucket}/a.csv", {}, settings)[1].streams[0].row_estimate == 2


def test_too_much_is_refused_before_anything_is_fetched(wire: Wire, config: dict[str, Any], settings: Settings) -> None:
    bucket = wire.server.new_bucket()
    for key in ("in/a.csv", "in/b.csv"):
        wire.put(bucket, key, b"x" * 800)
    small = settings.model_copy(update={"max_expanded_gb": 1e-6})
    with pytest.raises(UdbError) as caught:
        local_copies(f"s3://{bucket}/in/", config, small)
    assert caught.value.code == "E_TOO_LARGE"
    assert not wire.downloads()
