"""A control database that is down must not stop copies of the warehouse; what is missing is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.control.holds import HoldRegistry
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold, Source
from udb_pipelines.warehouse import Lake, commit, snapshots
from udb_pipelines.warehouse.snapshots import Snapshot, keeping
from udb_pipelines.warehouse.targets import Target
from udb_pipelines_tests.warehouse.staging import Stager


def registered(settings: Settings, name: str) -> None:
    SourceRegistry(settings).add(Source(name=name, uri=f"/data/{name}.csv", created_at=datetime.now(UTC)))


def break_control(settings: Settings) -> None:
    (settings.home / "control.sqlite").write_bytes(b"this is no database" * 1000)


def home_of(target: Target, snapshot: Snapshot) -> bytes:
    return snapshots.fetch_home(target, snapshot) or b""


def test_a_snapshot_is_made_with_the_register_of_the_one_before(filled: Lake, target: Target) -> None:
    settings = filled.settings
    registered(settings, "shop")
    HoldRegistry(settings).add(Hold(name="shop", created_at=datetime.now(UTC)))
    good = snapshots.create(filled, target).snapshot
    assert good.lacks == ""
    break_control(settings)
    (settings.tenant_home / "contracts").mkdir(parents=True)
    (settings.tenant_home / "contracts" / "shop.yaml").write_text("agreed since")
    made = snapshots.create(filled, target).snapshot
    assert snapshots.verify(target, made.id) == ()
    assert "control database" in made.lacks
    assert f"are those of {good.id}" in made.lacks
    assert b'"/data/shop.csv"' in home_of(target, made)
    assert b"contracts/shop.yaml" in home_of(target, made)
    again = snapshots.copy(filled, target).snapshot
    assert f"are those of {good.id}" in again.lacks, "not of one that had them from elsewhere itself"
    assert b'"/data/shop.csv"' in home_of(target, again)


def test_the_first_snapshot_without_a_register_says_what_is_missing(filled: Lake, folder: Target) -> None:
    break_control(filled.settings)
    made = snapshots.create(filled, folder).snapshot
    assert made.home is None
    assert "are missing in it" in made.lacks
    outcome = snapshots.copy_if_due(filled)
    assert outcome.status == "copied"
    assert "sources, secrets and legal holds are missing" in outcome.detail
    assert keeping.report(filled)[0] == "ok"


def test_neither_a_register_nor_what_the_snapshot_before_had_of_it(filled: Lake, folder: Target) -> None:
    registered(filled.settings, "shop")
    good = snapshots.create(filled, folder).snapshot
    assert good.home is not None
    break_control(filled.settings)
    for content in (b"altered", None):
        if content is None:
            folder.delete([good.home.path])
        else:
            folder.write(good.home.path, content)
        made = snapshots.copy(filled, folder).snapshot
        assert "are missing in it" in made.lacks
        assert snapshots.verify(folder, made.id) == ()
        folder.delete([f"copies/{made.id}/manifest.json"])


def test_an_address_that_is_not_understood(settings: Settings, folder: Target) -> None:
    acme = TenantRegistry(settings).add("acme")
    wrong = acme.model_copy(update={"control_url": SecretStr("nonsense://udb:planted@somewhere/control")})
    assert TenantRegistry(wrong).known() == ("default", "acme")
    lake = Lake(wrong)
    commit(lake, Stager(wrong)("SELECT 1 AS a"))
    made = snapshots.create(lake, folder).snapshot
    assert "UDB_CONTROL_URL" in made.lacks
    assert "planted" not in made.model_dump_json()


def test_a_server_that_is_down(settings: Settings, folder: Target) -> None:
    lake = Lake(settings.model_copy(update={"control_url": SecretStr("postgresql://udb:planted@127.0.0.1:1/control")}))
    commit(lake, Stager(settings)("SELECT 1 AS a"))
    made = snapshots.create(lake, folder).snapshot
    assert "control database" in made.lacks
    assert "planted" not in made.model_dump_json()


def test_a_tenant_without_a_folder_is_not_taken_for_one(settings: Settings) -> None:
    TenantRegistry(settings).add("acme")
    break_control(settings)
    assert TenantRegistry(settings).open("acme").tenant == "acme"
    with pytest.raises(UdbError) as caught:
        TenantRegistry(settings).open("acne")
    assert caught.value.code == "E_TENANT"
