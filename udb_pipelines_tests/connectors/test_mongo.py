"""Collections of MongoDB: exact values of every kind, queries, incremental syncs, refusals without secrets."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, preview, provision
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, last_state, query
from udb_pipelines_tests import mongodb
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of, types
from udb_pipelines_tests.mongodb import Mongo

bson = pytest.importorskip("bson", reason="needs the package pymongo")


def test_values_of_every_kind(settings: Settings, mongo: Mongo) -> None:
    key = bson.ObjectId("65a000000000000000000001")
    moment = datetime(2024, 1, 2, 3, 4, 5, 123_000, tzinfo=UTC)
    mongo.database["Order Lines"].insert_many(
        [
            {
                "_id": key, "n": 7, "big": bson.Int64(2**62), "d": 0.1 + 0.2, "mixed_number": 1,
                "price": bson.Decimal128("1.50"), "wide": bson.Decimal128("12345678901234567890.123456789"),
                "flag": True, "at": moment, "s": "007", "day": "2024-01-05", "u": uuid.UUID(int=1), "raw": b"\x00\xff",
                "nested": {"at": moment, "id": key, "tags": ["ü", None, 1.5], "m": bson.Decimal128("1.10")},
                "list": [1, {"a": float("nan")}], "Unit Price": 1, "a": 1, "A": 2, "mixed": 1, "odd": float("inf"),
                "pattern": bson.Regex("^a", "i"),
            },
            {"_id": bson.ObjectId("65a000000000000000000002"), "mixed_number": 0.5, "mixed": "x", "late": 1},
        ]
    )  # fmt: skip
    (found,) = read_detected(settings, mongo.url).datasets
    assert found.dataset == "shop"
    assert types(found) == {
        "id": "VARCHAR", "n": "BIGINT", "big": "BIGINT", "d": "DOUBLE", "mixed_number": "DOUBLE",
        "price": "DECIMAL(18,2)", "wide": "VARCHAR", "flag": "BOOLEAN", "at": "TIMESTAMP WITH TIME ZONE",
        "s": "VARCHAR", "day": "DATE", "u": "UUID", "raw": "BLOB", "nested": "VARCHAR", "list": "VARCHAR",
        "unit_price": "BIGINT", "a": "BIGINT", "a_2": "BIGINT", "mixed": "VARCHAR", "odd": "DOUBLE",
        "pattern": "VARCHAR", "late": "BIGINT",
    }  # fmt: skip
    first, second = rows(found)
    assert first[:11] == (
        str(key), 7, 2**62, 0.30000000000000004, 1.0, Decimal("1.50"), "12345678901234567890.123456789", True,
        moment, "007", date(2024, 1, 5),
    )  # fmt: skip
    assert first[11:] == (
        uuid.UUID(int=1), b"\x00\xff",
        '{"at": "2024-01-02 03:04:05.123Z", "id": "65a000000000000000000001", "tags": ["ü", null, 1.5], "m": "1.10"}',
        '[1, {"a": {"$numberDouble": "NaN"}}]', 1, 1, 2, "1", float("inf"),
        '{"$regularExpression": {"pattern": "^a", "options": "i"}}', None,
    )  # fmt: skip
    assert second[4] == 0.5
    assert (second[18], second[-1]) == ("x", 1)


def test_dates_beyond_the_calendar_and_large_numbers_among_fractions(settings: Settings, mongo: Mongo) -> None:
    late = bson.datetime_ms.DatetimeMS(2**60)
    mongo.database["t"].insert_many(
        [{"at": late, "n": bson.Int64(2**53 + 1)}, {"at": datetime(2024, 1, 1, tzinfo=UTC), "n": 0.5}]
    )
    (found,) = read_detected(settings, mongo.url).datasets
    assert [row[1:] for row in rows(found)] == [
        ('{"$date": {"$numberLong": "1152921504606846976"}}', "9007199254740993"),
        ("2024-01-01 00:00:00.000Z", "0.5"),
    ]


def test_keys_that_come_late_and_collections_without_documents(settings: Settings, mongo: Mongo) -> None:
    mongo.database["many"].insert_many(
        [{"_id": number, "text": "x" * 400} for number in range(40_000)] + [{"_id": 40_000, "text": None, "new": 1.5}]
    )
    mongo.database.create_collection("none")
    many, none = sorted(read_detected(settings, mongo.url).datasets, key=lambda dataset: dataset.dataset)
    assert types(many) == {"id": "BIGINT", "text": "VARCHAR", "new": "DOUBLE"}
    found = rows(many)
    assert len(found) == many.rows_read == 40_001
    assert found[-1] == (40_000, None, 1.5)
    assert {row[0] for row in found} == set(range(40_001))
    assert (types(none), rows(none)) == ({"id": "VARCHAR"}, [])


def test_queries_keys_and_the_first_documents(settings: Settings, mongo: Mongo) -> None:
    mongo.database["orders"].insert_many(
        [{"_id": 1, "open": True, "lines": [{"n": 1}, {"n": 2}]}, {"_id": 2, "open": False, "lines": [{"n": 3}]}]
    )
    found = detect(source_of(mongo.url), settings)
    assert (found.connector, [(s.name, s.member, s.primary_key, s.row_estimate) for s in found.streams]) == (
        "mongodb", [("orders", f"{mongo.name}.orders", ("id",), 2)],
    )  # fmt: skip
    shown = preview(source_of(mongo.url), found, settings, rows=1)
    assert shown.to_pydict() == {"id": ["1"], "open": ["true"], "lines": ['[{"n": 1}, {"n": 2}]']}
    asked = {
        "open_ones": '{"collection": "orders", "filter": {"open": true}, "projection": {"lines": 0}}',
        "lines": '{"collection": "orders", "pipeline": [{"$unwind": "$lines"}, '
        '{"$project": {"_id": 0, "order": "$_id", "n": "$lines.n"}}, {"$sort": {"n": 1}}]}',
    }
    open_ones, lines = read_detected(settings, mongo.url, queries=asked).datasets
    assert rows(open_ones) == [(1, True)]
    assert rows(lines) == [(1, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    "asked",
    [
        "SELECT 1",
        '{"filter": {}}',
        '{"collection": "orders", "pipeline": [{"$out": "other"}]}',
        '{"collection": "orders", "pipeline": [{"$gone": 1}]}',
        '{"collection": "orders", "find": {}}',
        '{"collection": "gone"}',
    ],
    ids=["sql", "nameless", "writing", "stage", "word", "absent"],
)
def test_a_query_that_is_none_is_refused(settings: Settings, mongo: Mongo, asked: str) -> None:
    mongo.database["orders"].insert_one({"_id": 1})
    with pytest.raises(UdbError, match=r"E_SQL.*the query asked"):
        detect(source_of(mongo.url, queries={"asked": asked}), settings)
    assert mongo.database.list_collection_names() == ["orders"]


@pytest.mark.parametrize(
    "values",
    [
        (1, 2, bson.Int64(3)),
        (0.5, 1.5, 2.25),
        ("a", "b", "ü"),
        (
            datetime(2024, 1, 1, tzinfo=UTC),
            datetime(2024, 1, 2, tzinfo=UTC),
            datetime(2024, 1, 2, 0, 0, 0, 1000, tzinfo=UTC),
        ),
        tuple(bson.ObjectId(f"65a00000000000000000000{number}") for number in range(3)),
    ],
    ids=["integer", "double", "text", "date", "objectid"],
)
def test_cursors_of_every_kind_find_the_last_document_again(
    settings: Settings, mongo: Mongo, values: tuple[object, ...]
) -> None:
    mongo.database["t"].insert_many([{"_id": number, "c": value} for number, value in enumerate(values)])
    mongo.database["t"].insert_one({"_id": 9})
    source = source_of(mongo.url, sync_mode="incremental_append", cursor="c")
    connection = provision(source, detect(source, settings))
    state = extract(connection, settings, "first", None).state
    (again,) = extract(connection, settings, "second", None, Request(state)).datasets
    assert [row[0] for row in rows(again)] == [2]


def test_upserts_follow_changes_and_deletions(settings: Settings, mongo: Mongo) -> None:
    lake, orders = Lake(settings), mongo.database["orders"]
    source = source_of(mongo.url, sync_mode="incremental_upsert", cursor="at", delete_missing=True)

    def sync() -> list[tuple[object, ...]]:
        connection = provision(source, detect(source, settings))
        request = Request(last_state(lake, "shop"))
        commit(lake, extract(connection, settings, str(uuid.uuid4()), None, request))
        return list(query(lake, "SELECT id, n FROM shop ORDER BY id").rows)

    orders.insert_many([{"_id": n, "at": datetime(2024, 1, n, tzinfo=UTC), "n": 1} for n in (1, 2, 3)])
    assert sync() == [(1, 1), (2, 1), (3, 1)]
    orders.update_one({"_id": 1}, {"$set": {"n": 2, "at": datetime(2024, 2, 1, tzinfo=UTC)}})
    orders.delete_one({"_id": 2})
    orders.insert_one({"_id": 4, "at": datetime(2024, 2, 2, tzinfo=UTC), "n": 1})
    assert sync() == [(1, 2), (3, 1), (4, 1)]


def test_a_collection_that_went_is_told(settings: Settings, mongo: Mongo) -> None:
    mongo.database["t"].insert_one({"_id": 1})
    connection = provision(source_of(mongo.url), detect(source_of(mongo.url), settings))
    mongo.database["t"].drop()
    with pytest.raises(UdbError, match="E_VANISHED"):
        extract(connection, settings, "job", None)


def test_a_server_that_goes_away_leaves_nothing(settings: Settings) -> None:
    from pymongo import MongoClient

    with mongodb.running() as server:
        with MongoClient[dict[str, object]](server.url()) as client:
            client["shop"]["t"].insert_one({"_id": 1})
        source = source_of(f"{server.url('shop')}?serverSelectionTimeoutMS=300")
        connection = provision(source, detect(source, settings))
    with pytest.raises(UdbError, match="E_CONNECT") as caught:
        extract(connection, settings, "job", None)
    assert (caught.value.source, caught.value.stage) == ("shop", "sync")
    assert not list(Path(settings.staging).glob("*"))


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("mongodb://ann:planted-mongo@127.0.0.1:1/shop?serverSelectionTimeoutMS=300", "E_CONNECT"),
        ("mongodb://ann:planted-mongo@127.0.0.1:many/shop", "E_CONFIG"),
    ],
    ids=["port", "address"],
)
def test_refusals_tell_no_secret(settings: Settings, uri: str, code: str) -> None:
    with pytest.raises(UdbError) as caught:
        detect(source_of(uri), settings)
    assert caught.value.code == code
    assert "planted-mongo@" not in str(caught.value.as_dict())


def test_without_the_driver_the_command_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(UdbError, match="E_CONNECTOR") as caught:
        detect(source_of("mongodb://127.0.0.1:1/shop"), settings)
    assert "pip install 'udb-pipelines[mongodb]'" in str(caught.value.as_dict()["remedy"])


def test_what_the_server_cannot_do_is_said(settings: Settings, mongo: Mongo) -> None:
    mongo.database["t"].insert_one({"_id": 1})
    with pytest.raises(UdbError, match=r"E_CONFIG.*one moment"):
        detect(source_of(mongo.url, config={"snapshot": "true"}), settings)
    with pytest.raises(UdbError, match="E_OPTION"):
        detect(source_of(mongo.url, config={"snapshots": "true"}), settings)
    wrong = mongo.url.replace("://", "://ann:planted-mongo@")
    with pytest.raises(UdbError) as caught:
        detect(source_of(wrong), settings)
    assert "planted-mongo" not in str(caught.value.as_dict())
