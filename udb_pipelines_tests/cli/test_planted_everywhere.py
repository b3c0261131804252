"""Every kind of source with its secret, loaded and failing: where no secret may be afterwards, packed or not."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.oauth.grants import Grant, Grants
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines_tests import mariadb as maria
from udb_pipelines_tests import objectstore, sftpserver
from udb_pipelines_tests.cli.conftest import PROGRAM
from udb_pipelines_tests.cli.test_planted_secrets import Arguments
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_ID, CLIENT_SECRET, serving
from udb_pipelines_tests.mariadb import MariaDB
from udb_pipelines_tests.objectstore import ObjectServer
from udb_pipelines_tests.operations.test_tracing import Collector
from udb_pipelines_tests.postgres import PASSWORD as POSTGRES_PASSWORD
from udb_pipelines_tests.sftpserver import SftpServer

ACCESS, REFRESH, TOKEN = "planted-access-token", "planted-refresh-token", "planted-connector-token"


@pytest.fixture
def site() -> Iterator[str]:
    """A web server that gives a file to who has the token, and echoes what it is sent to who has not."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == f"Bearer {ACCESS}" and self.path == "/a.csv"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(b"id,name\n1,a\n" if known else f"no: {self.headers}".encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def unpacked(file: Path) -> bytes:
    """The content, and what lies compressed in an SQLite file (Dagster keeps the plan of a run so)."""
    content = file.read_bytes()
    if not content.startswith(b"SQLite format 3"):
        return content
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        with suppress(zlib.error):
                            content += zlib.decompress(value)
    return content


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_kind_of_source_keeps_its_secret(
    home: Path, sftp_server: SftpServer, mariadb: MariaDB, object_server: ObjectServer, postgres_url: str, site: str
) -> None:
    mariadb.run("CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a VALUES (1)")
    folder, bucket = sftp_server.new_folder(), object_server.new_bucket()
    (folder / "a.csv").write_text("id,name\n1,a\n")
    config = {
        "endpoint": object_server.endpoint, "region": "us-east-1", "access_key_id": "${S3_ID}",
        "secret_access_key": "${S3_KEY}",
    }  # fmt: skip
    key = SecretStr(new_key())
    settings = Settings(home=home, secret_key=key)
    SecretStore(settings).set("ssh", sftp_server.locked_key)
    SecretStore(settings).set("phrase", sftpserver.PASSPHRASE)
    Grants(settings).save("crm", Grant(
        token_url=site, client_id="udb", access_token=ACCESS, refresh_token=REFRESH, obtained_at=datetime.now(UTC)
    ))  # fmt: skip
    sftp = {"private_key": "${secret:ssh}", "passphrase": "${secret:phrase}", "host_key": sftp_server.host_key.strip()}
    my = mariadb.url.replace(maria.PASSWORD, "${MY}")
    bearer = {"header.Authorization": "Bearer ${oauth:crm}"}
    good = {
        "sftp": (sftp_server.address(folder / "a.csv"), sftp),
        "my": (my, {}),
        "s3": (f"s3://{bucket}/a.csv", config),
        "web": (f"{site}/a.csv", bearer),
        "server": ("airbyte-server:faker", {"count": 1, "token": "${TOKEN}"}),
    }
    bad = {
        "sftp_bad": (sftp_server.address(folder / "none.csv"), sftp),
        "sftp_out": (sftp_server.address(folder / "a.csv"), {**sftp, "passphrase": "${TOKEN}"}),
        "my_bad": (re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", my), {}),
        "s3_bad": (f"s3://{bucket}x/a.csv", config),
        "web_bad": (f"{site}/other.csv", bearer),
    }
    Path("sources.yaml").write_text(
        json.dumps({"sources": {name: {"uri": uri, "config": told} for name, (uri, told) in {**good, **bad}.items()}})
    )
    _put(object_server, bucket)
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    watched = Arguments()
    watched.start()
    with serving() as airbyte:
        airbyte.state.script = ("queued", "succeeded")
        airbyte.state.records = {"Orders": [{"id": 1, "note": "a"}], "notes": [{"text": "n"}]}
        environment = {
            **os.environ, "UDB_LOG_LEVEL": "DEBUG", "UDB_SECRET_KEY": key.get_secret_value(), "MY": maria.PASSWORD,
            "S3_ID": objectstore.ACCESS_KEY, "S3_KEY": objectstore.SECRET_KEY, "TOKEN": TOKEN,
            "DEST": POSTGRES_PASSWORD,
            "AIRBYTE_URL": airbyte.url, "AIRBYTE_CLIENT_ID": CLIENT_ID, "AIRBYTE_CLIENT_SECRET": CLIENT_SECRET,
            "AIRBYTE_DESTINATION": postgres_url.replace(POSTGRES_PASSWORD, "${DEST}"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }  # fmt: skip

        def udb(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*PROGRAM, *words], env=environment, text=True, capture_output=True, timeout=200, check=False
            )

        assert udb("sources", "apply").returncode == 0
        loaded = udb("run", *good)
        failed = udb("run", *bad)
        tested = udb("sources", "test", "--json")
        said = [loaded, failed, tested, udb("snapshot", "create"), udb("config"), udb("sources", "export")]
    watched.ended.set()
    assert loaded.returncode == 0, loaded.stderr
    assert all(code in failed.stdout for code in ("E_NOT_FOUND", "E_AUTH", "E_CONNECT")), failed.stdout
    results = {result["source"]: result["result"] for result in json.loads(tested.stdout)}
    assert results == {**dict.fromkeys(good, "ok"), **dict.fromkeys(bad, "failed")}
    assert collector.spans
    printed = "".join(done.stdout + done.stderr for done in said)
    ssh = sftp_server.locked_key.splitlines()[2]
    planted = (
        ssh, sftpserver.PASSPHRASE, maria.PASSWORD, objectstore.SECRET_KEY, ACCESS, REFRESH, TOKEN, POSTGRES_PASSWORD,
        CLIENT_SECRET, key.get_secret_value(),
    )  # fmt: skip
    contents = {str(file): unpacked(file) for file in home.rglob("*") if file.is_file()}
    contents |= {"what was printed": printed.encode(), "the spans": collector.raw}
    contents |= {"a process list": b"\n".join(watched.seen), "sources.yaml": Path("sources.yaml").read_bytes()}
    found = [(secret[:20], place) for secret in planted for place, text in contents.items() if secret.encode() in text]
    assert found == []
    collector.shutdown()
    collector.server_close()


def _put(server: ObjectServer, bucket: str) -> None:
    from obstore.store import S3Store

    S3Store(
        bucket, endpoint=server.endpoint, region="us-east-1", access_key_id=objectstore.ACCESS_KEY,
        secret_access_key=objectstore.SECRET_KEY, client_options={"allow_http": True},
    ).put("a.csv", b"id,name\n1,a\n")  # fmt: skip
