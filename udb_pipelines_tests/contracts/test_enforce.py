"""Before a commit and after it: the gate sees what the commit would leave, and a blocked version never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.contracts import check_freshness, check_version, gate, pin, pinned, refusal
from udb_pipelines.contracts.store import Pin
from udb_pipelines.models import StagedSync
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines.yamltext import Document
from udb_pipelines_tests.contracts.building import contract
from udb_pipelines_tests.warehouse.staging import Stager

BLOCKS = [{"property": "udbEnforce", "value": "block"}]
OLD = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'b')) v(id, kind)"
NEW = "SELECT * FROM (VALUES (3, 'c'), (4, NULL), (4, 'b')) v(id, kind)"


def strict(*, blocks: bool = True, **more: Any) -> Document:
    kinds = [{"metric": "invalidValues", "arguments": {"validValues": ["a", "b"]}, "mustBe": 0}]
    promised = [
        {"name": "id", "unique": True},
        {"name": "kind", "required": True, "quality": [*kinds, {"metric": "duplicateValues", "mustBeLessThan": 2}]},
    ]
    rules = [
        {"metric": "rowCount", "mustBeBetween": [2, 4]},
        {"type": "sql", "query": "SELECT count(*) FROM {object} WHERE id > 3", "mustBe": 0},
    ]
    return contract(promised, "shop", quality=rules, **({"customProperties": BLOCKS} if blocks else {}), **more)


def keep(settings: Settings, document: Document) -> Pin:
    pin(settings, "shop", document.text.encode())
    kept = pinned(settings, "shop")
    assert kept is not None
    return kept


def staged(settings: Settings, mode: str) -> StagedSync:
    fields = {"primary_key": ("id",)} if mode == "incremental_upsert" else {}
    return Stager(settings)(NEW, sync_mode=mode, **fields)


@pytest.mark.parametrize("mode", ["full_refresh_overwrite", "incremental_append", "incremental_upsert"])
def test_the_gate_sees_what_the_commit_leaves(settings: Settings, mode: str):
    lake = Lake(settings)
    commit(lake, Stager(settings)(OLD))
    kept = keep(settings, strict())
    coming = staged(settings, mode)
    (before,) = gate(coming, settings, lake).values()
    committed = commit(lake, coming)
    after = check_version(lake, kept, committed.version)
    said = [(check.rule, check.status, check.count) for check in after.checks]
    assert [(check.rule, check.status, check.count) for check in before.checks] == said
    assert before.verdict == after.verdict == "FAIL"


GROWING = [
    # Rows that are stored already come again with the overlap of a cursor; the commit does not add them.
    ("incremental_append", {"cursor": "id"}, "(2, 'b'), (3, 'b'), (4, 'b')"),
    ("incremental_append", {"cursor": "id", "primary_key": ("id",)}, "(2, 'c'), (3, NULL), (4, 'b')"),
    ("incremental_upsert", {"primary_key": ("id",), "tombstone": "gone"}, "(1, 'a', 'x'), (4, 'b', NULL)"),
    ("incremental_upsert", {"primary_key": ("id",), "cursor": "id"}, "(3, 'b'), (4, 'b'), (4, NULL)"),
]


@pytest.mark.parametrize(("mode", "fields", "rows"), GROWING)
def test_the_gate_counts_what_is_added_not_what_is_staged(
    settings: Settings, mode: str, fields: dict[str, Any], rows: str
):
    lake = Lake(settings)
    columns = "id, kind, gone" if "tombstone" in fields else "id, kind"
    old = OLD.replace("SELECT *", "SELECT *, NULL::VARCHAR AS gone") if "tombstone" in fields else OLD
    commit(lake, Stager(settings)(old, sync_mode=mode, **fields))
    promised: list[dict[str, Any]] = [{"name": "id", "unique": True}, {"name": "kind", "required": True}]
    if "tombstone" in fields:
        promised.append({"name": "gone"})
    rules = [{"metric": "rowCount", "mustBeBetween": [2, 3]}]
    kept = keep(settings, contract(promised, "shop", quality=rules, customProperties=BLOCKS))
    coming = Stager(settings)(f"SELECT * FROM (VALUES {rows}) v({columns})", sync_mode=mode, **fields)
    (before,) = gate(coming, settings, lake).values()
    after = check_version(lake, kept, commit(lake, coming).version)
    said = [(check.rule, check.status, check.count, check.found) for check in after.checks]
    assert [(check.rule, check.status, check.count, check.found) for check in before.checks] == said


def test_the_gate_sees_rows_go_whose_keys_the_source_holds_no_longer(settings: Settings):
    lake = Lake(settings)
    fields: dict[str, Any] = {"sync_mode": "incremental_upsert", "primary_key": ("id",)}
    commit(lake, Stager(settings)(OLD, **fields))
    rules = [{"metric": "rowCount", "mustBe": 2}]
    keep(settings, contract([{"name": "id"}, {"name": "kind"}], "shop", quality=rules, customProperties=BLOCKS))
    held = settings.home / "keys.parquet"
    duckdb.sql("SELECT unnest([3, 4]) AS id").write_parquet(str(held))
    coming = Stager(settings)("SELECT 4 AS id, 'b' AS kind", keys=held, **fields)
    (result,) = gate(coming, settings, lake).values()
    assert result.verdict == "PASS"
    assert commit(lake, coming).datasets[0].rows_total == 2


def test_the_first_version_is_held_too_and_only_by_what_blocks(settings: Settings):
    lake, coming = Lake(settings), staged(settings, "full_refresh_overwrite")
    assert gate(coming, settings, lake) == {}
    keep(settings, strict(blocks=False))
    assert gate(coming, settings, lake) == {}
    keep(settings, strict())
    error = refusal(gate(coming, settings, lake), "shop")
    assert error is not None
    assert error.code == "E_CONTRACT_BLOCKED"
    assert error.message.startswith("shop breaks 4 of 7 promises: id.unique (1 row, first row 3); kind.required")
    assert lake.current_version() == 0


def test_a_warning_does_not_block(settings: Settings):
    severity = {"property": "udbSeverity", "value": "warning"}
    document = contract([{"name": "kind", "required": True}, {"name": "id"}], "shop",
                        customProperties=[*BLOCKS, severity])  # fmt: skip
    keep(settings, document)
    results = gate(staged(settings, "full_refresh_overwrite"), settings, Lake(settings))
    assert results["shop"].verdict == "WARN"
    assert refusal(results, "shop") is None


def test_columns_are_found_by_their_name_in_the_source(settings: Settings):
    lake = Lake(settings)
    result = commit(lake, Stager(settings)(OLD))
    kept = keep(settings, contract([{"name": "The kind", "required": True}, {"name": "ID"}], "shop"))
    found = check_version(lake, kept, result.version, result.datasets[0].columns)
    assert [(check.rule, check.status) for check in found.checks] == [
        ("shop.columns", "kept"), ("The kind.required", "kept"),
    ]  # fmt: skip


def test_older_versions_can_be_asked(settings: Settings):
    lake = Lake(settings)
    first = commit(lake, Stager(settings)(OLD)).version
    commit(lake, Stager(settings)(NEW))
    kept = keep(settings, contract([{"name": "kind", "required": True}, {"name": "id"}], "shop"))
    assert check_version(lake, kept, first).verdict == "PASS"
    assert check_version(lake, kept).verdict == "FAIL"


def test_a_query_reads_nothing_but_the_warehouse(settings: Settings):
    lake = Lake(settings)
    secret = settings.home / "secret.csv"
    commit(lake, Stager(settings)(OLD))
    secret.write_text("a\n1\n")
    rules = [
        {"type": "sql", "query": f"SELECT count(*) FROM '{secret}'", "mustBeGreaterThan": 0},
        {"type": "sql", "query": "SELECT count(*) FROM {object}", "mustBe": 3},
    ]
    kept = keep(settings, contract([{"name": "kind"}, {"name": "id"}], "shop", quality=rules))
    assert [check.status for check in check_version(lake, kept).checks] == ["kept", "broken", "kept"]


def test_promises_about_time(settings: Settings):
    lake = Lake(settings)
    result = commit(lake, Stager(settings)("SELECT TIMESTAMP '2026-03-01 00:00:00' AS at"))
    levels = [
        {"property": "latency", "value": 2, "unit": "d", "element": "shop.at"},
        {"property": "frequency", "value": 6, "unit": "h"},
        {"property": "latency", "value": 2, "element": "shop.gone"},
        {"property": "latency", "value": 2, "element": "other.at"},
        {"property": "retention", "value": 3, "unit": "y"},
    ]
    kept = keep(settings, contract([{"name": "at"}], "shop", sla=levels))
    now = datetime(2026, 3, 3, 1, tzinfo=UTC)
    found = check_freshness(lake, kept, now - timedelta(hours=5), now)
    assert [(check.promise, check.status, check.found) for check in found] == [
        ("the newest at is at most 2 d old", "broken", "49.0 hours old"),
        ("the last commit is at most 6 h old", "kept", "5.0 hours old"),
        ("the newest gone is at most 2 d old", "broken", "there is none"),
    ]
    in_a_job = {check.rule: check.status for check in check_version(lake, kept, result.version).checks}
    assert in_a_job == {
        "shop.columns": "kept", "sla.latency": "not_run", "sla.frequency": "not_run", "sla.retention": "not_run",
    }  # fmt: skip
