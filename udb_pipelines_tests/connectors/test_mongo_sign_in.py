"""MongoDB with users and with snapshots: who is let in, what the rest are told, and that a snapshot is one moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of
from udb_pipelines_tests.mongodb import Mongo
from udb_pipelines_tests.mongogate import PASSWORD, Gate, guarding


@pytest.fixture
def gate(mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate before a database with two collections."""
    mongo.database["a"].insert_many([{"_id": number} for number in range(3)])
    mongo.database["b"].insert_one({"_id": 7})
    monkeypatch.setenv("MONGO", PASSWORD)
    with guarding(mongo.server.port) as found:
        yield found


def test_who_signs_in_reads(settings: Settings, mongo: Mongo, gate: Gate) -> None:
    a, b = read_detected(settings, gate.url(mongo.name)).datasets
    assert (rows(a), rows(b)) == ([(0,), (1,), (2,)], [(7,)])
    mechanism = gate.url(mongo.name, rest="?authSource=admin&authMechanism=SCRAM-SHA-256")
    assert len(detect(source_of(mechanism), settings).streams) == 2


@pytest.mark.parametrize(
    ("user", "rest", "password"),
    [("ann", "?authSource=admin", "pl4nted"), ("bob", "?authSource=admin", PASSWORD), ("ann", "", PASSWORD)],
    ids=["a wrong password", "an unknown user", "another database than the user's"],
)
def test_who_does_not_is_told_and_no_password_is(
    settings: Settings, mongo: Mongo, gate: Gate, monkeypatch: pytest.MonkeyPatch, user: str, rest: str, password: str
) -> None:
    monkeypatch.setenv("MONGO", password)
    with pytest.raises(UdbError) as caught:
        detect(source_of(gate.url(mongo.name, user, rest)), settings)
    assert caught.value.code == "E_AUTH"
    assert "authSource" in caught.value.remedy
    assert password not in str(caught.value.as_dict())


def test_who_may_not_read_is_told_so(settings: Settings, mongo: Mongo, gate: Gate) -> None:
    gate.may_read = "other"
    with pytest.raises(UdbError, match="may not read") as caught:
        detect(source_of(gate.url(mongo.name)), settings)
    assert caught.value.code == "E_AUTH"
    assert PASSWORD not in str(caught.value.as_dict())


def test_a_snapshot_is_read_at_one_moment(settings: Settings, mongo: Mongo, gate: Gate) -> None:
    source = source_of(gate.url(mongo.name), config={"snapshot": "true"})
    connection = provision(source, detect(source, settings))
    gate.moments.clear()
    staged = extract(connection, settings, "job", None)
    assert [dataset.rows_staged for dataset in staged.datasets] == [3, 1]
    first, *later = gate.moments
    assert first is None, "the first read is given a moment"
    assert later
    assert len(set(later)) == 1
    assert later[0] is not None


def test_a_moment_that_the_server_forgot_ends_the_job(settings: Settings, mongo: Mongo, gate: Gate) -> None:
    source = source_of(gate.url(mongo.name), config={"snapshot": "true"})
    connection = provision(source, detect(source, settings))
    gate.too_old = True
    with pytest.raises(UdbError, match="no longer holds the moment") as caught:
        extract(connection, settings, "job", None)
    assert (caught.value.code, caught.value.stage) == ("E_VANISHED", "sync")
    assert not (settings.staging / "job").exists()
