"""What one tenant does, another neither sees, touches nor waits for."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from udb_pipelines.config import Settings, tenant_id
from udb_pipelines.control.holds import HoldRegistry
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.kpis.history import history_file
from udb_pipelines.models import Hold, Source
from udb_pipelines.orchestration import runner, sensors
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines.orchestration.partitions import key_of, parse_key
from udb_pipelines.orchestration.pools import WRITER
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.warehouse import Lake, commit, datasets, query
from udb_pipelines_tests.warehouse.staging import Stager

ILLEGAL = (
    "../default", "..", ".", "", "/etc", "a/b", "a\\b", "Acme", "ACME", "acme ", " acme", "acme\n", "\u0430cme",
    "acme\u0301", "\uff41cme", "acme__x", "_acme", "acme_", "1acme", "a.b", "a-b", "acme\0", "a" * 41, "\u017ftore",
)  # fmt: skip
"""Paths, cases, look-alikes (Cyrillic a, combining accent, full-width a, long s) and separators."""


@pytest.fixture
def tenants(settings: Settings) -> tuple[Settings, Settings]:
    registry = TenantRegistry(settings)
    return registry.add("acme"), registry.add("bolt")


def source(name: str, uri: Path) -> Source:
    return Source(name=name, uri=str(uri), created_at=datetime.now(UTC))


@pytest.mark.parametrize("text", ILLEGAL, ids=ascii)
def test_an_id_is_refused_not_mended(settings: Settings, text: str) -> None:
    registry = TenantRegistry(settings)
    for attempt in (registry.add, registry.open):
        with pytest.raises(UdbError) as caught:
            attempt(text)
        assert caught.value.code == "E_TENANT"
    assert registry.list() == ("default",)
    assert not (settings.home / "tenants").exists()


@given(st.text(max_size=12), st.text(max_size=12))
def test_two_legal_ids_are_two_folders_whatever_the_file_system(left: str, right: str) -> None:
    """Folded as the crudest file systems fold names: case, composition, width."""
    import unicodedata

    def folded(text: str) -> str:
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())

    legal = []
    for text in (left, right):
        try:
            legal.append(tenant_id(text))
        except ValueError:
            return
    assert (folded(legal[0]) == folded(legal[1])) == (legal[0] == legal[1])


def test_keys_mean_one_source_of_one_tenant() -> None:
    assert parse_key(key_of("acme", "orders")) == ("acme", "orders")
    assert parse_key(key_of("default", "orders")) == ("default", "orders")
    for key in ("default.orders", "acme.", ".orders", "a.b.c", "../x.orders", "Acme.orders", "acme.Orders"):
        with pytest.raises(UdbError):
            parse_key(key)


def test_no_folder_is_shared(settings: Settings, tenants: tuple[Settings, Settings]) -> None:
    names = ("warehouse", "staging", "rejects", "stages", "artifacts", "cache", "spill", "landing_folder", "snapshots")
    every = [Path(getattr(each, name)) for each in (settings, *tenants) for name in names]
    assert len(set(every)) == len(every)
    own = [each for each in every if each.is_relative_to(tenants[0].tenant_home)]
    assert len(own) == len(names)
    target = settings.model_copy(update={"snapshot_target": str(settings.home / "copies")})
    assert Path(target.for_tenant("acme").snapshots) != Path(target.for_tenant("bolt").snapshots)


def test_a_link_in_the_place_of_a_tenant_is_refused(settings: Settings, tenants: tuple[Settings, Settings]) -> None:
    acme, _ = tenants
    (settings.home / "tenants" / "evil").symlink_to(acme.tenant_home)
    registry = TenantRegistry(settings)
    with pytest.raises(UdbError, match="is a link"):
        registry.add("evil")
    (settings.home / "tenants" / "bolt").rmdir()
    (settings.home / "tenants" / "bolt").symlink_to(acme.tenant_home)
    with pytest.raises(UdbError, match="is a link"):
        registry.open("bolt")
    with pytest.raises(UdbError, match="there is no tenant evil"):
        registry.open("evil")


def test_the_same_names_side_by_side(settings: Settings, tenants: tuple[Settings, Settings], tmp_path: Path) -> None:
    for each in (settings, *tenants):
        SourceRegistry(each).add(source("orders", tmp_path / f"{each.tenant}.csv"))
        HoldRegistry(each).add(Hold(name="orders", reason=each.tenant, created_at=datetime.now(UTC)))
        commit(Lake(each), Stager(each)(f"SELECT '{each.tenant}' AS who", source="orders"))
    SourceRegistry(tenants[0]).remove("orders")
    HoldRegistry(tenants[0]).remove("orders")
    for each in (settings, *tenants):
        assert query(Lake(each), "FROM orders").rows == ((each.tenant,),)
    assert SourceRegistry(tenants[0]).list() == ()
    assert SourceRegistry(tenants[1]).get("orders").uri.endswith("bolt.csv")
    assert [hold.reason for hold in HoldRegistry(settings).list()] == ["default"]
    assert HoldRegistry(tenants[0]).list() == ()


def test_the_same_names_in_one_postgres(settings: Settings, postgres_url: str) -> None:
    shared = settings.model_copy(update={"catalog_url": SecretStr(postgres_url)})
    lakes = [Lake(shared.for_tenant(tenant)) for tenant in ("default", "acme", "bolt")]
    for lake in lakes:
        commit(lake, Stager(lake.settings)(f"SELECT '{lake.settings.tenant}' AS who"))
    for lake in lakes:
        assert query(lake, "FROM shop").rows == ((lake.settings.tenant,),)
        shown = query(lake, "SELECT database_name || schema_name || table_name FROM duckdb_tables()").rows
        schemas = query(lake, "SELECT schema_name FROM duckdb_schemas()").rows
        assert "tenant_" not in repr((shown, schemas)), "the names of others are not to be seen"
        for other in ("tenant_acme", "tenant_bolt"):
            with pytest.raises(UdbError):
                query(lake, f"FROM {other}.ducklake_data_file")
            with pytest.raises(UdbError):
                query(lake, f"FROM __ducklake_metadata_lake.{other}.ducklake_data_file")


def test_sql_cannot_leave_its_tenant(settings: Settings, tenants: tuple[Settings, Settings]) -> None:
    acme, bolt = tenants
    for each in (settings, acme, bolt):
        commit(Lake(each), Stager(each)(f"SELECT '{each.tenant}' AS who"))
    (file,) = bolt.warehouse.rglob("*.parquet")
    inside = acme.warehouse / "files" / "main" / "shop"
    up = inside / "../../../../../bolt" / file.relative_to(bolt.tenant_home)
    attempts = [
        f"FROM '{file}'",
        f"FROM '{up}'",
        f"SELECT * FROM read_parquet('{file}')",
        f"SELECT * FROM parquet_scan('{up}')",
        f"SELECT content FROM read_text('{file}')",
        f"SELECT * FROM glob('{bolt.tenant_home}/*')",
        f"ATTACH 'ducklake:sqlite:{bolt.warehouse}/lake.sqlite' AS other",
        f"SELECT * FROM sqlite_scan('{bolt.warehouse}/lake.sqlite', 'ducklake_snapshot')",
        f"SELECT getenv('HOME'), * FROM query('FROM ''{file}''')",
        f"COPY shop TO '{bolt.tenant_home}/x.csv'",
    ]
    for attempt in attempts:
        with pytest.raises(UdbError) as caught:
            query(Lake(acme), attempt)
        assert caught.value.code == "E_SQL", attempt


def test_a_source_cannot_read_what_another_tenant_keeps(
    settings: Settings, tenants: tuple[Settings, Settings], tmp_path: Path
) -> None:
    acme, bolt = tenants
    commit(Lake(settings), Stager(settings)("SELECT 1 AS a"))
    commit(Lake(bolt), Stager(bolt)("SELECT 1 AS a"))
    (foreign,) = bolt.warehouse.rglob("*.parquet")
    (defaults,) = settings.warehouse.rglob("*.parquet")
    link = tmp_path / "innocent.parquet"
    link.symlink_to(foreign)
    for who, path in ((acme, foreign), (acme, link), (acme, defaults), (settings, foreign), (settings, link)):
        with pytest.raises(UdbError, match="another tenant"):
            detect(source("spy", path), who)
    own = tmp_path / "own.csv"
    own.write_text("a,b\n1,2\n")
    assert detect(source("own", own), acme).streams


def test_a_writer_does_not_wait_for_another_tenant(settings: Settings, tenants: tuple[Settings, Settings]) -> None:
    acme, bolt = tenants
    started, done = threading.Event(), threading.Event()

    def hold() -> None:
        with Lake(acme).lock.held("a long commit of acme"):
            started.set()
            done.wait(600)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert started.wait(120)
        commit(Lake(bolt), Stager(bolt)("SELECT 1 AS a"))
        assert Lake(acme).lock.queue()[0].job == "a long commit of acme", "it is still at it"
    finally:
        done.set()
        holder.join()


def test_one_instance_serves_all(settings: Settings, tenants: tuple[Settings, Settings], tmp_path: Path) -> None:
    """Jobs of one source name in two tenants: their own tables, stages, reports, and lists of jobs."""
    outcomes = {}
    for each in (settings, tenants[0]):
        file = tmp_path / f"{each.tenant}.csv"
        file.write_text("who,n\n" + f"{each.tenant},1\n" * (1 + len(outcomes)))
        SourceRegistry(each).add(source("people", file))
        outcomes[each.tenant] = runner.run_source("people", each)
    for each in (settings, tenants[0]):
        outcome = outcomes[each.tenant]
        assert outcome.status == "success" and outcome.manifest
        assert outcome.manifest.folder.is_relative_to(each.artifacts)
        assert query(Lake(each), "SELECT DISTINCT who FROM people").rows == ((each.tenant,),)
        (job,) = runner.jobs(each)
        assert (job.job_id, job.tenant, job.source) == (outcome.job_id, each.tenant, "people")
    assert runner.jobs(tenants[1]) == ()
    assert datasets(Lake(tenants[1])) == ()
    with pytest.raises(UdbError, match="there is no failed or canceled job"):
        runner.resume(outcomes["acme"].job_id, tenants[1])


def test_sensors_and_schedules_know_every_tenant(settings: Settings, tenants: tuple[Settings, Settings]) -> None:
    quick = settings.model_copy(update={"landing_quiet_seconds": 0})
    for each in (quick, tenants[0]):
        each.landing_folder.mkdir(parents=True)
        (each.landing_folder / "orders.csv").write_text("a,b\n1,2\n")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"udb": Udb(quick)})
        landed = sensors.landing_sensor(context)
        assert isinstance(landed, dg.SensorResult)
        assert [str(request.partition_key) for request in landed.run_requests or ()] == ["orders", "acme.orders"]
        assert SourceRegistry(tenants[0]).get("orders").uri == str(tenants[0].landing_folder / "orders.csv")
        assert SourceRegistry(tenants[1]).list() == ()
        again = dg.build_sensor_context(instance=instance, cursor=landed.cursor, resources={"udb": Udb(quick)})
        assert not getattr(sensors.landing_sensor(again), "run_requests", None)
        kept = sensors.housekeeping_sensor(dg.build_sensor_context(instance=instance, resources={"udb": Udb(quick)}))
        assert isinstance(kept, dg.SensorResult)
        added = [key for request in kept.dynamic_partitions_requests or () for key in request.partition_keys]
        assert added == ["acme.orders", "orders"]
        assert instance.event_log_storage.get_concurrency_info(WRITER).slot_count == 3
    registry = SourceRegistry(tenants[1])
    options = {"options": {"schedule": "0 6 * * *"}}
    registry.add(Source.model_validate(source("daily", Path("/x.csv")).model_dump() | options))
    assert "source_bolt__daily" in {schedule.name for schedule in build_defs(settings).schedules or ()}


def test_the_history_of_a_kpi_is_the_tenants(tenants: tuple[Settings, Settings]) -> None:
    acme, bolt = tenants
    assert history_file(acme, "revenue") != history_file(bolt, "revenue")
    assert history_file(acme, "revenue").is_relative_to(acme.tenant_home)
