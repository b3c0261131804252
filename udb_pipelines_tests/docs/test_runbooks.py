"""Every command of the runbooks, run word for word in the trouble that it is for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.models import Source
from udb_pipelines.warehouse import Lake, commit, query, snapshots
from udb_pipelines.warehouse.checks import stored_files
from udb_pipelines.warehouse.targets import open_target
from udb_pipelines_tests.cli.conftest import Answer, Udb
from udb_pipelines_tests.cli.conftest import home as home
from udb_pipelines_tests.cli.conftest import udb as udb
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectServer
from udb_pipelines_tests.warehouse.staging import Stager

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
NOW = "2026-01-31T18:00:00+00:00"


def sections() -> dict[str, list[str]]:
    """The commands of each runbook."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Runbooks\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        title: [line.strip() for line in body.splitlines() if line.startswith("    ")]
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch, object_server: ObjectServer) -> Settings:
    """Two versions of ``orders``, a tenant with as many, and snapshots of both in ``s3://backups/udb``."""
    request = urllib.request.Request(f"{object_server.endpoint}/backups", method="PUT")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        assert error.code == 409, "it is there since the last test"
    for name, value in {
        "UDB_SNAPSHOT_TARGET": "s3://backups/udb",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_ENDPOINT_URL": object_server.endpoint,
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    target = open_target("s3://backups/udb", settings)
    target.delete([entry.key for entry in target.list()])
    SourceRegistry(settings).add(Source(name="orders", uri="/data/orders.csv", created_at=NOW))
    for own in (settings, TenantRegistry(settings).add("acme")):
        lake, stage = Lake(own), Stager(own)
        for number in (1, 2):
            commit(lake, stage(f"SELECT range AS id, {number} AS amount FROM range(50)", source="orders"))
        snapshots.create(lake, open_target(own.snapshots, own))
    return settings


def say(udb: Udb, command: str) -> Answer:
    """As a shell would run it; ``NAME=value`` before the command is for it alone."""
    words = shlex.split(command)
    with pytest.MonkeyPatch.context() as environment:
        while re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, value = words.pop(0).partition("=")
            environment.setenv(name, value)
        assert words[0] == "udb", command
        return udb(*words[1:])


def nothing(_: Settings) -> None:
    """No trouble is needed for these."""


def alter_a_file(settings: Settings) -> None:
    file = max(
        (stored.path for stored in stored_files(Lake(settings)) if stored.table == "orders"), key=os.path.getmtime
    )
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def lose_a_file(settings: Settings) -> None:
    next(stored.path for stored in stored_files(Lake(settings)) if stored.table == "orders").unlink()


def cut_the_catalog(settings: Settings) -> None:
    catalog = settings.warehouse / "lake.sqlite"
    for log in settings.warehouse.glob("lake.sqlite-*"):
        log.unlink()
    os.truncate(catalog, catalog.stat().st_size // 2)


def lose_the_machine(settings: Settings) -> None:
    shutil.rmtree(settings.home)


DAMAGED = "A data file or the catalog is damaged"
TROUBLE: list[tuple[str, Callable[[Settings], None]]] = [
    ("The disk is full", nothing),
    (DAMAGED, alter_a_file),
    (DAMAGED, lose_a_file),
    (DAMAGED, cut_the_catalog),
    ("The machine is lost", lose_the_machine),
    ("One table is wrong", nothing),
    ("Everything since a moment is wrong", nothing),
    ("Is the backup any good?", nothing),
    ("A tenant leaves", nothing),
]
AMOUNT = {"One table is wrong": 1}
"""What the orders cost at the end; the newest where nothing is said."""


def test_every_runbook_is_here() -> None:
    assert set(sections()) == {title for title, _ in TROUBLE}
    assert all(sections().values())


@pytest.mark.slow
@pytest.mark.parametrize(("title", "trouble"), TROUBLE, ids=lambda part: getattr(part, "__name__", str(part)))
def test_the_commands_do_what_they_are_for(
    world: Settings, udb: Udb, monkeypatch: pytest.MonkeyPatch, title: str, trouble: Callable[[Settings], None]
) -> None:
    trouble(world)
    for number, command in enumerate(sections()[title]):
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)
            continue
        done = say(udb, command)
        finds_the_damage = title == DAMAGED and number == 0
        assert done.code == (5 if finds_the_damage else 0), f"{command}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err
    amounts = query(Lake(world), "SELECT DISTINCT amount FROM orders").rows
    assert amounts == ((AMOUNT.get(title, 2),),)
    tenants = TenantRegistry(world).list()
    assert tenants == (("default",) if title == "A tenant leaves" else ("default", "acme"))
    if title != "A tenant leaves":
        assert query(Lake(world.for_tenant("acme")), "SELECT count(*) FROM orders").rows == ((50,),)
