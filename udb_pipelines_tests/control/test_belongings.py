"""What goes along with a snapshot beside the warehouse: taken, put back, and nothing of today taken away."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.control.belongings import collect, put_back
from udb_pipelines.control.holds import HoldRegistry
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold, Source
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines.warehouse import steps


def test_a_tenant_takes_its_own_along_and_no_other(settings: Settings, tmp_path: Path) -> None:
    acme = TenantRegistry(settings.model_copy(update={"secret_key": SecretStr(new_key())})).add("acme")
    for tenant, name in ((settings, "unrelated"), (acme, "theirs")):
        SourceRegistry(tenant).add(Source(name=name, uri=f"/data/{name}.csv", created_at=datetime.now(UTC)))
    SecretStore(acme).set("shop", "planted-value")
    HoldRegistry(acme).add(Hold(name="theirs", reason="case", created_at=datetime.now(UTC)))
    (acme.tenant_home / "kpis").mkdir()
    (acme.tenant_home / "kpis" / "revenue.jsonl").write_bytes(b'{"version": 1}\n')
    content = collect(acme)
    assert b"unrelated" not in content
    assert b"planted-value" not in content
    elsewhere = acme.model_copy(update={"home": tmp_path / "elsewhere"})
    done = put_back(elsewhere, content)
    assert done.put == ("source theirs", "secret shop", "hold theirs", "kpis/revenue.jsonl")
    assert SecretStore(elsewhere).get("shop") == "planted-value"
    assert (elsewhere.tenant_home / "kpis" / "revenue.jsonl").read_bytes() == b'{"version": 1}\n'
    assert TenantRegistry(elsewhere).list() == ("default", "acme")
    assert put_back(elsewhere, content).put == (), "a second time changes nothing"


def test_nothing_is_made_where_there_is_nothing(settings: Settings) -> None:
    assert collect(settings) == b""
    assert not (settings.home / "control.sqlite").exists()


@pytest.mark.parametrize(
    "path", ["../control.sqlite", "contracts/../../x", "warehouse/lake.sqlite", "contracts", "/etc/x"]
)
def test_no_file_leaves_its_folder(settings: Settings, path: str) -> None:
    with pytest.raises(UdbError, match="outside"):
        put_back(settings, json.dumps({"files": {path: "eA=="}}).encode(), force=True)


def killed_while_putting_back(elsewhere: Settings, content: bytes, last: int) -> int:
    """The signal that ended a process of its own (forked: an interpreter costs seconds) at its step ``last``."""
    child = os.fork()
    if child:
        return os.WTERMSIG(os.waitpid(child, 0)[1])
    seen = count(1)

    def reached(_: str) -> None:
        if next(seen) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        steps.reached = reached
        put_back(elsewhere, content)
    finally:
        os._exit(1)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_killed_on_the_way_it_is_done_again(settings: Settings, tmp_path: Path, step: int) -> None:
    """At each thing that was put back, and between writing a file and naming it."""
    SourceRegistry(settings).add(Source(name="shop", uri="/data/shop.csv", created_at=datetime.now(UTC)))
    HoldRegistry(settings).add(Hold(name="shop", reason="case", created_at=datetime.now(UTC)))
    for folder, name in (("kpis", "revenue.jsonl"), ("contracts", "shop.yaml")):
        (settings.home / folder).mkdir()
        (settings.home / folder / name).write_bytes(b"{}")
    content = collect(settings)
    elsewhere = Settings(home=tmp_path / "elsewhere")
    assert killed_while_putting_back(elsewhere, content, step) == signal.SIGKILL
    assert collect(elsewhere) != content
    assert put_back(elsewhere, content).kept == ()
    assert collect(elsewhere) == content
