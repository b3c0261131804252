"""A tenant that leaves takes everything of its own with it, and nothing of anybody else."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.control.holds import HoldRegistry
from udb_pipelines.control.offboarding import leave, plan_leave
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold, Source
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines.warehouse import Lake, commit, query, steps
from udb_pipelines.warehouse.restore import restore_to
from udb_pipelines_tests.warehouse.staging import Stager


@pytest.fixture
def owner(settings: Settings) -> Settings:
    """Three tenants with the same source."""
    keyed = settings.model_copy(update={"secret_key": SecretStr(new_key())})
    for tenant in ("acme", "acme2"):
        TenantRegistry(keyed).add(tenant)
    for tenant in ("default", "acme", "acme2"):
        own = keyed.for_tenant(tenant)
        commit(Lake(own), Stager(own)(f"SELECT '{tenant}' AS a"))
        SourceRegistry(own).add(Source(name="shop", uri="/data/shop.csv", created_at=datetime.now(UTC)))
        SecretStore(own).set("password", tenant)
    return keyed


def assert_only_acme_left(owner: Settings) -> None:
    assert TenantRegistry(owner).list() == ("default", "acme2")
    assert [path.name for path in (owner.home / "tenants").iterdir()] == ["acme2"]
    for tenant in ("default", "acme2"):
        own = owner.for_tenant(tenant)
        assert query(Lake(own), "FROM shop").rows == ((tenant,),)
        assert [source.name for source in SourceRegistry(own).list()] == ["shop"]
        assert SecretStore(own).get("password") == tenant
    again = TenantRegistry(owner).add("acme")
    assert SourceRegistry(again).list() == ()
    assert SecretStore(again).sealed() == ()
    assert Lake(again).current_version() == 0


def leave_interrupted(owner: Settings, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(steps, "reached", reached)
        with pytest.raises(KeyboardInterrupt):
            leave(owner, "acme")


def test_what_it_has_goes_and_the_others_keep_theirs(owner: Settings) -> None:
    planned = plan_leave(owner, "acme")
    assert (planned.tables, planned.rows, planned.sources, planned.secrets, planned.elsewhere) == (1, 1, 1, 1, ())
    assert planned.folder.exists()
    assert leave(owner, "acme") == planned
    assert_only_acme_left(owner)
    (line,) = [json.loads(text) for text in owner.retention_journal.read_text().splitlines()]
    assert "acme" in line["reason"]


@pytest.mark.parametrize("step", ["tenant folder renamed", "tenant forgotten"])
def test_interrupted_it_goes_on(owner: Settings, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    leave_interrupted(owner, step, monkeypatch)
    if step == "tenant forgotten":
        TenantRegistry(owner).add("acme")  # a new one of that name begins with nothing, and sweeps when it leaves
    leave(owner, "acme")
    assert_only_acme_left(owner)


def test_a_legal_hold_keeps_it(owner: Settings) -> None:
    HoldRegistry(owner.for_tenant("acme")).add(Hold(name="shop", created_at=datetime.now(UTC)))
    with pytest.raises(UdbError) as caught:
        leave(owner, "acme")
    assert caught.value.code == "E_HOLD"
    assert query(Lake(owner.for_tenant("acme")), "FROM shop").rows == (("acme",),)


def test_what_lies_elsewhere_is_named_and_stays(owner: Settings, tmp_path: Path) -> None:
    far = owner.model_copy(update={"snapshot_target": str(tmp_path / "backup"), "archive_target": "s3://archive"})
    (tmp_path / "backup" / "tenants" / "acme").mkdir(parents=True)
    done = leave(far, "acme")
    assert done.elsewhere == (
        f"snapshots in {tmp_path}/backup/tenants/acme", "the archive in s3://archive/tenants/acme",
    )  # fmt: skip
    assert (tmp_path / "backup" / "tenants" / "acme").is_dir()


@pytest.mark.parametrize("step", ["tenant folder renamed", "tenant catalog dropped"])
def test_its_catalog_in_postgresql_goes_too(
    settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    shared = settings.model_copy(update={"catalog_url": SecretStr(postgres_url)})
    for tenant in ("acme", "acme2"):
        own = TenantRegistry(shared).add(tenant)
        commit(Lake(own), Stager(own)(f"SELECT '{tenant}' AS a"))
    restore_to(Lake(shared.for_tenant("acme")), 2)
    planned = plan_leave(shared, "acme")
    assert planned.schemas == ("tenant_acme", "tenant_acme__udb_timeline_2")
    assert (planned.tables, planned.elsewhere) == (1, ())

    leave_interrupted(shared, step, monkeypatch)
    leave(shared, "acme")
    with closing(psycopg2.connect(postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'tenant%'")
        assert cursor.fetchall() == [("tenant_acme2",)]
    assert [path.name for path in (shared.home / "tenants").iterdir()] == ["acme2"]
    assert query(Lake(shared.for_tenant("acme2")), "FROM shop").rows == (("acme2",),)
    assert Lake(TenantRegistry(shared).add("acme")).current_version() == 0


@pytest.mark.parametrize("tenant", ["default", "acne", "../acme", "acme.removed-1"])
def test_no_other_name_removes_anything(owner: Settings, tenant: str) -> None:
    with pytest.raises(UdbError) as caught:
        leave(owner, tenant)
    assert caught.value.code == "E_TENANT"
    assert len(list((owner.home / "tenants").iterdir())) == 2


def test_a_link_in_its_place_is_refused(owner: Settings, tmp_path: Path) -> None:
    folder = owner.for_tenant("acme").tenant_home
    folder.rename(tmp_path / "precious")
    folder.symlink_to(tmp_path / "precious")
    with pytest.raises(UdbError, match="is a link"):
        leave(owner, "acme")
    assert (tmp_path / "precious" / "warehouse").is_dir()
