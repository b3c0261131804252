"""Sources in the stores of Google and Microsoft: a pattern becomes one dataset, and only what changed is fetched."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from obstore.store import from_url

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.models import Source, SourceOptions, StagedSync
from udb_pipelines_tests.clouds import AZURE_ACCOUNT, AZURE_KEY, Cloud

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["gcs_server", "azure_server"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    found: Cloud = request.getfixturevalue(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def put(address: str, **objects: str) -> None:
    store = from_url(address, client_options={"allow_http": True})
    for name, content in objects.items():
        store.put(f"in/{name}.csv", content.encode())


def synced(source: Source, settings: Settings, last: str | None = None) -> tuple[StagedSync, str]:
    connection = provision(source, detect(source, settings))
    return extract(connection, settings, str(uuid.uuid4()), last), connection.fingerprint


def test_a_pattern_is_read_and_read_again_only_when_it_changed(cloud: Cloud, settings: Settings) -> None:
    address = cloud.new_address()
    put(address, north="id,name\n1,Ann\n2,Bob\n", south="id,name\n3,Cy\n")
    source = Source(name="people", uri=f"{address}/in/*.csv", created_at=NOW)
    first, fingerprint = synced(source, settings)
    assert [(dataset.rows_read, len(dataset.columns)) for dataset in first.datasets] == [(3, 3)]
    again, same = synced(source, settings, fingerprint)
    assert (again.datasets, same) == ((), fingerprint)
    put(address, south="id,name\n3,Cy\n4,Di\n")
    changed, _ = synced(source, settings, fingerprint)
    assert changed.datasets[0].rows_read == 4


def test_an_azure_account_is_named_by_the_source(azure_server: Cloud, settings: Settings) -> None:
    address = azure_server.new_address()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in azure_server.environment.items():
            environment.setenv(name, value)
        put(address, only="id,name\n1,Ann\n")
    endpoint = f"{azure_server.environment['AZURITE_BLOB_STORAGE_URL']}/{AZURE_ACCOUNT}"
    config = {"account_name": AZURE_ACCOUNT, "account_key": "${AZ_KEY}", "endpoint": endpoint}
    options = SourceOptions(config=config)
    source = Source(name="one", uri=f"{address}/in/only.csv", options=options, created_at=NOW)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AZ_KEY", AZURE_KEY)
        staged, _ = synced(source, settings)
    assert staged.datasets[0].rows_read == 1
