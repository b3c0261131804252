"""What UDB reports about the sample shop is what was planted: no row lost, no dirt overlooked, none made up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from udb_pipelines import connectors, detection, profiling, warehouse
from udb_pipelines.config import Settings
from udb_pipelines.models import Profile, Source, SourceOptions, SyncResult, slug
from udb_pipelines.samples import SampleFile, create

JOB = "00000000-0000-4000-8000-000000000000"
Loaded = tuple[SampleFile, SyncResult, dict[str, Profile]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loaded]:
    """Every file of the shop through detect, provision, sync and analyze."""
    folder = tmp_path_factory.mktemp("shop")
    settings = Settings(home=folder / "home", mask_pii=False)  # the values themselves are looked at
    return {file.path.name: load(file, settings) for file in create(folder / "files")}


def load(file: SampleFile, settings: Settings) -> Loaded:
    options = SourceOptions(max_reject_pct=1)
    source = Source(name=slug(file.path.stem), uri=str(file.path), options=options, created_at=datetime.now(UTC))
    found = detection.detect(source, settings)
    connection = connectors.provision(source, found)
    lake = warehouse.Lake(settings)
    sync = warehouse.commit(lake, connectors.extract(connection, settings, JOB, None))
    findings = (*found.findings, *(finding for stream in found.streams for finding in stream.findings))
    profiles = profiling.analyze(sync, findings, settings, lake)
    return file, sync, {profile.dataset: profile for profile in profiles.profiles}


@pytest.mark.parametrize(
    "name", ["customers.csv", "orders.ndjson", "payments.parquet", "shop.sqlite", "suppliers.xlsx"]
)
def test_every_row_is_accounted_for(shop: dict[str, Loaded], name: str) -> None:
    file, sync, _ = shop[name]
    loaded = {dataset.dataset.split("__")[-1]: dataset.rows_committed for dataset in sync.datasets}
    assert loaded == file.rows
    assert sum(dataset.rows_rejected for dataset in sync.datasets) == file.rejected


def test_the_dirt_of_the_customers_is_counted_exactly(shop: dict[str, Loaded]) -> None:
    file, _, profiles = shop["customers.csv"]
    findings = {(finding.code, finding.column): finding for finding in profiles["customers"].findings}
    planted = file.planted
    assert findings["E_DATE_MIXED_FORMAT", "registered"].count == planted["other_date_format"]
    assert findings["W_NULL_MARKER", "phone"].count == planted["null_marker"]
    assert findings["W_DATE_RANGE", "born"].count == planted["date_out_of_range"]
    assert findings["E_ROW_EMPTY", None].count == planted["blank_line"]
    assert findings["E_JAGGED_ROW", None].count == planted["too_few_fields"]
    assert findings["E_UNQUOTED_DELIM", None].count == planted["too_many_fields"]
    assert ("W_BOM", None) in findings


def test_nothing_is_made_up_about_the_clean_tables(shop: dict[str, Loaded]) -> None:
    for name in ("orders.ndjson", "payments.parquet", "shop.sqlite"):
        for dataset, profile in shop[name][2].items():
            assert [finding.code for finding in profile.findings if finding.severity == "error"] == [], dataset
            assert profile.verdict == "PASS", dataset


def test_keys_are_found(shop: dict[str, Loaded]) -> None:
    best = {
        dataset: profile.keys[0].columns
        for _, _, profiles in shop.values()
        for dataset, profile in profiles.items()
        if profile.keys
    }
    assert best["orders"] == ("order_no",)
    assert best["shop__products"] == ("sku",)


def test_values_that_careless_tools_destroy_survive(shop: dict[str, Loaded]) -> None:
    _, sync, _ = shop["customers.csv"]
    types = {column.name: column.type for column in sync.datasets[0].columns}
    assert types["postcode"] == "VARCHAR"
    postcodes = next(c for c in shop["customers.csv"][2]["customers"].columns if c.name == "postcode")
    assert {"01067", "04109"} <= {value.value for value in (*postcodes.top_values, *postcodes.bottom_values)}


def test_a_field_that_appears_late_is_a_column(shop: dict[str, Loaded]) -> None:
    file, _, profiles = shop["orders.ndjson"]
    coupon = next(column for column in profiles["orders"].columns if column.name == "coupon")
    assert coupon.nulls >= coupon.rows - file.planted["late_field"]
    assert coupon.distinct == 1
