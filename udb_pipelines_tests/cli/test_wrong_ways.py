"""The likeliest mistakes with every kind of source, as ``udb sources test`` tells them: what is wrong, what to do."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from udb_pipelines_tests import mariadb as maria
from udb_pipelines_tests.cli.conftest import Udb
from udb_pipelines_tests.clouds import AZURE_ACCOUNT, AZURE_KEY, Cloud
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_ID, CLIENT_SECRET, serving
from udb_pipelines_tests.mariadb import MariaDB
from udb_pipelines_tests.mongodb import Mongo
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectServer
from udb_pipelines_tests.odbc import through
from udb_pipelines_tests.postgres import PASSWORD
from udb_pipelines_tests.sftpserver import SftpServer

WRONG = "pl4nted-wrong-secret"
Case = tuple[str, dict[str, Any], str]
"""Address, what is pinned, and the words that the answer must have, the code first."""


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", WRONG)
    monkeypatch.delenv("NONE", raising=False)


def check(udb: Udb, cases: Mapping[str, Case]) -> None:
    """Test all sources in one command, and compare what it says of each."""
    sources = {name: {"uri": uri, **pinned} for name, (uri, pinned, _) in cases.items()}
    Path("sources.yaml").write_text(json.dumps({"sources": sources}))
    applied = udb("sources", "apply")
    assert applied.code == 0, applied.err
    done = udb("sources", "test", "--json")
    told = {result["source"]: result["what"] for result in done.json}
    for name, (_, _, words) in cases.items():
        for part in words.split(" … "):
            assert part in told[name], (name, part, told[name])
    assert WRONG not in done.out + done.err
    assert "Traceback" not in done.out + done.err
    assert "E_INTERNAL" not in done.out


def at(uri: str, place: str) -> str:
    """The address with another host and port."""
    scheme, _, rest = uri.partition("://")
    signed, _, tail = rest.rpartition("@")
    return f"{scheme}://{signed}@{place}/{tail.partition('/')[2]}"


def of_server(uri: str, password: str) -> dict[str, Case]:
    """What every database server has in common."""
    uri = uri.replace(password, "${GOOD}")
    return {
        "password": (uri.replace("${GOOD}", "${WRONG}"), {}, "E_AUTH … refused the credentials. Correct"),
        "unset": (uri.replace("${GOOD}", "${NONE}"), {}, "E_AUTH … the environment variable NONE is not set. Set NONE"),
        "stored": (uri.replace("${GOOD}", "${secret:none}"), {}, "E_AUTH … udb secrets set none"),
        "port": (at(uri, "127.0.0.1:1"), {}, "E_CONNECT … no server listens at the port. Correct the port"),
        "host": (at(uri, "no.such.host.invalid"), {}, "E_CONNECT … no address is known for the host"),
        "database": (uri.replace("test_", "testx_"), {}, "E_NOT_FOUND … no such database. Correct the name of the"),
        "tables": (uri, {"tables": ["b"]}, "E_NOT_FOUND … has no table b; it has: … .a. Correct the names given with"),
        "config": (uri, {"config": {"colour": 1}}, "E_OPTION … --config colour is not known here … ?NAME=VALUE"),
        "sql": (uri, {"queries": {"q": "SELEC 1"}}, "E_SQL … the query q"),
        "gone": (uri, {"queries": {"q": "SELECT * FROM gone"}}, "E_SQL … names a table or column that"),
        "good": (uri, {}, "never loaded"),
    }  # fmt: skip


def test_postgresql(udb: Udb, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a (id int)")
    monkeypatch.setenv("GOOD", PASSWORD)
    uri = postgres_url.replace(PASSWORD, "${GOOD}")
    check(udb, {
        **of_server(postgres_url, PASSWORD),
        "option": (f"{uri}?sslmod=require", {}, "E_CONFIG … an option of the address, or its port … sslmode=require"),
        "value": (f"{uri}?sslmode=maybe", {}, "E_CONFIG … an option of the address"),
        "encryption": (f"{uri}?sslmode=require", {}, "E_CONNECT … do not agree on encryption. Change sslmode"),
        "big_port": (at(uri, "127.0.0.1:134567"), {}, "E_CONFIG … or its port"),
        "cursor": (uri, {"sync_mode": "incremental_append", "cursor": "x"}, "E_CONFIG … the cursor column x is"),
    })  # fmt: skip


def test_mysql(udb: Udb, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    mariadb.run("CREATE TABLE a (id int)")
    monkeypatch.setenv("GOOD", maria.PASSWORD)
    uri = mariadb.url.replace(maria.PASSWORD, "${GOOD}")
    check(udb, {
        **of_server(mariadb.url, maria.PASSWORD),
        "option": (f"{uri}?sslmode=require", {}, "E_CONFIG … an option of the address … ssl-mode"),
        "big_port": (at(uri, "127.0.0.1:134567"), {}, "E_CONFIG … or its port"),
    })  # fmt: skip


def test_odbc(udb: Udb, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a (id int)")
    monkeypatch.setenv("GOOD", PASSWORD)
    uri = through("PostgreSQL Unicode", postgres_url)
    check(udb, {
        **of_server(uri, PASSWORD),
        "driver": ("odbc://u:${WRONG}@h/d?driver=Nope", {}, "E_CONNECTOR … ODBC driver is not installed. Install it"),
        "driverless": ("odbc://u:${WRONG}@h/d", {}, "E_NOT_FOUND … the address names no driver. Add ?driver=NAME"),
        "mssql": ("mssql://u:${WRONG}@127.0.0.1:1/d", {}, "E_CONNECT … Check address, network"),
    })  # fmt: skip


def test_mongodb(udb: Udb, mongo: Mongo) -> None:
    mongo.database["a"].insert_one({"x": 1})
    wait = "serverSelectionTimeoutMS=500"
    check(udb, {
        "unset": (mongo.url.replace("//", "//ann:${NONE}@"), {}, "E_AUTH … the environment variable NONE is not set"),
        "port": (f"mongodb://127.0.0.1:1/x?{wait}", {}, "E_CONNECT … no server listens at the port"),
        "host": (f"mongodb://no.such.host.invalid/x?{wait}", {}, "E_CONNECT … no address is known for the host"),
        "database": (f"{mongo.url}x", {}, "E_EMPTY … holds no table that can be read. Check the database's name"),
        "tables": (mongo.url, {"tables": ["b"]}, "E_NOT_FOUND … has no table b; it has: … .a"),
        "option": (f"{mongo.url}?sslmode=require", {}, "E_CONFIG … or an option of it, is not understood … authSource"),
        "value": (f"{mongo.url}?tls=maybe", {}, "E_CONFIG … or an option of it, is not understood"),
        "config": (mongo.url, {"config": {"colour": 1}}, "E_OPTION … --config colour is not known … snapshot=true"),
        "query": (mongo.url, {"queries": {"q": "SELECT 1"}}, 'E_SQL … it is no JSON. Write {"collection"'),
        "user": (mongo.url.replace("//", "//ann:${WRONG}@"), {}, "E_UNSUPPORTED … does not know a command of MongoDB"),
        "good": (mongo.url, {}, "never loaded"),
    })  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_database_files(udb: Udb, home: Path, kind: str) -> None:
    file = Path(f"shop.{kind}").absolute()
    if kind == "sqlite":
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE a (id int)")
    else:
        with duckdb.connect(str(file)) as made:
            made.execute("CREATE TABLE a (id int)")
    Path("cut.db").write_bytes(file.read_bytes()[:300])
    check(udb, {
        "good": (str(file), {}, "never loaded"),
        "url": (f"{kind}:///{file}", {}, "never loaded"),
        "relative": (f"{kind}:///shop.{kind}", {}, "never loaded"),
        "missing": (f"{kind}:////no/such/file", {}, "E_NOT_FOUND … there is no file or folder /no/such/file"),
        "cut": ("cut.db", {}, "E_CORRUPT … begins like … cannot be"),
        "tables": (str(file), {"tables": ["b"]}, "E_NOT_FOUND … has no table b; it has: main.a"),
        "query": (str(file), {"queries": {"q": "SELECT * FROM gone"}}, "E_SQL … the query q names a table or column"),
        "config": (str(file), {"config": {"colour": 1}}, "E_OPTION … --config colour is not known here"),
    })  # fmt: skip


def test_s3(udb: Udb, object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from obstore.store import S3Store

    bucket = object_server.new_bucket()
    own: Any = {"endpoint": object_server.endpoint, "region": "us-east-1", "access_key_id": ACCESS_KEY}
    store = S3Store(bucket, **own, secret_access_key=SECRET_KEY, client_options={"allow_http": True})
    store.put("a.csv", b"id,name\n1,a\n")
    monkeypatch.setenv("GOOD", SECRET_KEY)
    config = own | {"secret_access_key": "${GOOD}"}
    uri = f"s3://{bucket}/a.csv"
    check(udb, {
        "good": (uri, {"config": config}, "never loaded"),
        "unset": (uri, {"config": config | {"secret_access_key": "${NONE}"}}, "E_AUTH … NONE is not set"),
        "half": (uri, {"config": {"access_key_id": "x"}}, "E_OPTION … are given together"),
        "bucket": (f"s3://{bucket}x/a.csv", {"config": config}, "E_NOT_FOUND … no such bucket … Correct the name"),
        "key": (f"s3://{bucket}/b.csv", {"config": config}, "E_NOT_FOUND … no object or folder … Correct the key"),
        "pattern": (f"s3://{bucket}/*.json", {"config": config}, "E_NO_DATA_FILES"),
        "option": (uri, {"config": config | {"acess": "x"}}, "E_OPTION … has no setting acess. --config takes access"),
        "query": (uri, {"config": config, "queries": {"q": "SELECT 1"}}, "E_OPTION … --query needs a database"),
        "tables": (uri, {"config": config, "tables": ["b"]}, "E_NOT_FOUND … no table b; it has: a"),
    })  # fmt: skip


def test_google(udb: Udb, gcs_server: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    address = gcs_server.new_address()
    wrong = {"config": {"service_account_key": "${WRONG}"}}
    check(udb, {"form": (f"{address}/a.csv", wrong, "E_AUTH … service_account_key is not of the form … JSON text")})
    for name, value in gcs_server.environment.items():
        monkeypatch.setenv(name, value)
    check(udb, {
        "bucket": (f"{address}x/a.csv", {}, "E_NOT_FOUND … no such bucket"),
        "key": (f"{address}/a.csv", {}, "E_NOT_FOUND … no object or folder"),
        "option": (f"{address}/a.csv", {"config": {"colour": 1}}, "E_OPTION … --config takes service_account_key"),
    })  # fmt: skip


def test_azure(udb: Udb, azure_server: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    address = azure_server.new_address()
    monkeypatch.setenv("GOOD", AZURE_KEY)
    monkeypatch.setenv("OTHER", "cGw0bnRlZC13cm9uZw==")
    endpoint = f"{azure_server.environment['AZURITE_BLOB_STORAGE_URL']}/{AZURE_ACCOUNT}"
    config = {"account_name": AZURE_ACCOUNT, "account_key": "${GOOD}", "endpoint": endpoint}
    check(udb, {
        "key": (f"{address}/a.csv", {"config": config}, "E_NOT_FOUND … no object or folder"),
        "container": (f"{address}x/a.csv", {"config": config}, "E_NOT_FOUND … container … Correct the name of the"),
        "form": (f"{address}/a.csv", {"config": config | {"account_key": "${WRONG}"}}, "E_AUTH … base64"),
        "wrong": (f"{address}/a.csv", {"config": config | {"account_key": "${OTHER}"}}, "E_AUTH … may not be read"),
        "account": (f"{address}/a.csv", {}, "E_AUTH … no storage account is named … AZURE_STORAGE_ACCOUNT_NAME"),
        "option": (f"{address}/a.csv", {"config": config | {"colour": 1}}, "E_OPTION … --config takes account_name"),
    })  # fmt: skip


def test_sftp(udb: Udb, sftp_server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sftp_server.new_folder()
    (folder / "a.csv").write_text("id\n1\n")
    monkeypatch.setenv("KEY", sftp_server.key)
    config = {"private_key": "${KEY}", "host_key": sftp_server.host_key.strip()}
    uri = sftp_server.address(folder / "a.csv")
    check(udb, {
        "good": (uri, {"config": config}, "never loaded"),
        "file": (sftp_server.address(folder / "b.csv"), {"config": config}, "E_NOT_FOUND … no file or folder"),
        "form": (uri, {"config": config | {"private_key": "${WRONG}"}}, "E_AUTH … is no private key. Store"),
        "password": (uri, {"config": {"host_key": config["host_key"], "password": "${WRONG}"}}, "E_AUTH … password"),
        "unset": (uri, {"config": config | {"private_key": "${NONE}"}}, "E_AUTH … NONE is not set"),
        "unknown": (uri, {"config": {"private_key": "${KEY}"}}, "E_HOST_KEY … is not known … pin it"),
        "port": ("sftp://x@127.0.0.1:1/a.csv", {"config": config}, "E_CONNECT … refuses connections"),
        "host": ("sftp://x@no.such.host.invalid/a.csv", {"config": config}, "E_CONNECT … no address is known"),
        "option": (uri, {"config": config | {"colour": 1}}, "E_OPTION … --config takes password, private_key"),
    })  # fmt: skip


@pytest.fixture
def site() -> Iterator[str]:
    """A web server that answers with the status that is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:4]))
            self.end_headers()
            self.wfile.write(b"<!doctype html><html>Sign in</html>" if "page" in self.path else b"id,name\n1,a\n")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_http(udb: Udb, site: str) -> None:
    check(udb, {
        "good": (f"{site}/200.csv", {}, "never loaded"),
        "absent": (f"{site}/404.csv", {}, "E_NOT_FOUND … answered with status 404"),
        "refused": (f"{site}/401.csv", {}, "E_AUTH … answered with status 401"),
        "page": (f"{site}/200page", {}, "E_NOT_A_TABLE … is a web page"),
        "port": ("http://127.0.0.1:1/a.csv", {}, "E_CONNECT … refuses connections at this port"),
        "host": ("http://no.such.host.invalid/a.csv", {}, "E_CONNECT … no address is known for no.such.host.invalid"),
        "tls": (f"{site.replace('http:', 'https:')}/200.csv", {}, "E_CONNECT … does not speak https at this port"),
        "unset": (f"{site}/200.csv", {"config": {"header.X": "${NONE}"}}, "E_AUTH … NONE is not set"),
        "login": (f"{site}/200.csv", {"config": {"header.X": "${oauth:crm}"}}, "E_AUTH … Udb oauth login crm"),
        "option": (f"{site}/200.csv", {"config": {"colour": "x"}}, "E_OPTION … --config takes header.NAME"),
    })  # fmt: skip


def test_airbyte_server(udb: Udb, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(udb, {"nowhere": ("airbyte-server:faker", {}, "E_CONFIG … AIRBYTE_URL is not set. Set AIRBYTE_URL")})
    with serving() as fake:
        monkeypatch.setenv("AIRBYTE_URL", fake.url)
        only = {"nowhere": ("airbyte-server:faker", {}, "E_OPTION … Set AIRBYTE_DESTINATION")}
        check(udb, only)
        monkeypatch.setenv("AIRBYTE_DESTINATION", "postgresql://u:${WRONG}@127.0.0.1:1/d")
        check(udb, {"nowhere": ("airbyte-server:faker", {}, "E_AUTH … Set AIRBYTE_CLIENT_ID")})
        monkeypatch.setenv("AIRBYTE_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", WRONG)
        check(udb, {"nowhere": ("airbyte-server:faker", {}, "E_AUTH … refused the application's id or secret")})
        monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", CLIENT_SECRET)
        gone = "airbyte-server:connection/6f7d2c0e-5b1a-4a55-9d0e-2d9f0a3c1b77"
        check(udb, {
            "nowhere": ("airbyte-server:nope", {}, "E_NOT_FOUND … no source connector nope among 2"),
            "gone": (gone, {}, "E_NOT_FOUND … there is no connection … Compare the id"),
            "tables": ("airbyte-server:faker", {"tables": ["b"]}, "E_NOT_FOUND … no table b; it has: notes, orders"),
            "unset": ("airbyte-server:faker", {"config": {"key": "${NONE}"}}, "E_AUTH … NONE is not set"),
        })  # fmt: skip


def test_airbyte_connectors(udb: Udb, home: Path) -> None:
    check(udb, {
        "unknown": ("airbyte:nope", {}, "E_NOT_FOUND … is not among the connectors … airbyte:nope@1.2.3"),
        "licence": ("airbyte:faker", {}, "E_CONNECTOR … its licence is … udb connectors install faker"),
        "name": ("airbyte:", {}, "E_NOT_FOUND … names no connector. Write airbyte:NAME"),
    })  # fmt: skip


def test_addresses(udb: Udb, home: Path) -> None:
    check(udb, {
        "typo": ("postgre://u@h/d", {}, "E_UNSUPPORTED … Did you mean postgres"),
        "kafka": ("kafka://h/t", {}, "E_UNSUPPORTED … Kafka cannot be read by this version. Export"),
    })  # fmt: skip
    for uri, words in (("http://[bad/a.csv", "the address is not understood"), ("", "the address is empty")):
        done = udb("detect", uri)
        assert (done.code, words in done.err) == (2, True), done.err
