"""Contracts and drift through Dagster: checks, verdicts, and what a blocked commit leaves."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.contracts import pin
from udb_pipelines.models import Manifest, Profile
from udb_pipelines.orchestration.checks import fresh, freshness
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.publishing import latest
from udb_pipelines.warehouse import Lake, query
from udb_pipelines_tests.contracts.building import contract
from udb_pipelines_tests.orchestration.conftest import GOOD, run_job

BAD = "id,name,amount\n1,Ann,10.50\n1,,20.00\n3,Cid,99.25\n"
PROMISED = [
    {"name": "id", "primaryKey": True},
    {"name": "name", "required": True},
    {"name": "amount", "logicalType": "number", "logicalTypeOptions": {"maximum": 50}},
]


def promise(settings: Settings, **of_object: object) -> None:
    pin(settings, "people", contract(PROMISED, "people", **of_object).text.encode())


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {
        (evaluation.asset_key.to_user_string(), evaluation.check_name): evaluation
        for evaluation in result.get_asset_check_evaluations()
    }


def published(settings: Settings) -> tuple[Manifest, Profile]:
    manifest = latest(settings, "people")
    assert manifest is not None
    return manifest, Profile.model_validate_json((manifest.folder / "people" / "profile.json").read_bytes())


def test_without_a_contract_nothing_is_promised(settings: Settings, people: Path, instance: dg.DagsterInstance):
    found = checks(run_job(settings, instance, "people"))
    assert found["profile", "contract"].description == "no contract is pinned"
    assert found["raw", "contract"].passed
    assert found["profile", "drift"].description == "nothing before it"
    manifest, profile = published(settings)
    assert "people/contract.yaml" in [artifact.path for artifact in manifest.artifacts]
    assert profile.contract is None


def test_what_is_broken_changes_the_verdict_and_is_listed(
    settings: Settings, people: Path, instance: dg.DagsterInstance
):
    run_job(settings, instance, "people")
    promise(settings)
    assert checks(run_job(settings, instance, "people"))["profile", "contract"].description == "6 promises are kept"
    assert published(settings)[1].verdict == "PASS"
    people.write_text(BAD)
    result = run_job(settings, instance, "people")
    assert result.success
    check = checks(result)["profile", "contract"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    table = str(check.metadata["violations"].value)
    assert "amount.maximum" in table
    assert "Ann" not in table
    assert "99" not in table
    manifest, profile = published(settings)
    assert manifest.verdict == "FAIL"
    assert [(finding.code, finding.column, finding.count, finding.row) for finding in profile.findings[:3]] == [
        ("E_CONTRACT_KEY", "id", 1, 2), ("E_CONTRACT_VALUES", "name", 1, 2), ("E_CONTRACT_VALUES", "amount", 1, 3),
    ]  # fmt: skip
    report = (manifest.folder / "people" / "report.html").read_text()
    assert '<section id="contract"' in report


def test_a_mended_contract_is_believed_without_new_data(settings: Settings, people: Path, instance: dg.DagsterInstance):
    promise(settings, customProperties=[{"property": "udbSeverity", "value": "warning"}])
    people.write_text(BAD)
    run_job(settings, instance, "people")
    assert published(settings)[0].verdict == "WARN"
    pin(settings, "people", contract([{"name": name} for name in ("id", "name", "amount")], "people").text.encode())
    check = checks(run_job(settings, instance, "people"))["profile", "contract"]
    assert (check.passed, check.description) == (True, "1 promises are kept")
    assert not [finding for finding in published(settings)[1].findings if "CONTRACT" in finding.code]


def test_what_blocks_is_not_committed(settings: Settings, people: Path, instance: dg.DagsterInstance):
    run_job(settings, instance, "people")
    before, version = published(settings)[0], Lake(settings).current_version()
    promise(settings, customProperties=[{"property": "udbEnforce", "value": "block"}])
    people.write_text(BAD)
    result = run_job(settings, instance, "people")
    assert not result.success
    check = checks(result)["raw", "contract"]
    assert (check.passed, check.metadata["broken"].value) == (False, 3)
    (failed,) = (event for event in result.all_node_events if event.is_step_failure)
    assert "E_CONTRACT_BLOCKED" in str(failed.step_failure_data.user_failure_data.description)
    assert Lake(settings).current_version() == version
    assert query(Lake(settings), "SELECT count(*), max(amount)::DOUBLE FROM people").rows == ((3, 30.25),)
    assert published(settings)[0] == before
    assert list(settings.staging.iterdir()) == []
    people.write_text(GOOD + "4,Dan,1.00\n")
    assert run_job(settings, instance, "people").success
    assert Lake(settings).current_version() > version


def test_drift_warns(settings: Settings, people: Path, instance: dg.DagsterInstance):
    run_job(settings, instance, "people")
    people.write_text("id,name\n" + "".join(f"{number},Zoë\n" for number in range(100, 160)))
    check = checks(run_job(settings, instance, "people"))["profile", "drift"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert str(check.description).startswith("changed: ")
    assert "amount" in str(check.metadata["differences"].value)


def test_promises_about_time_are_part_of_the_freshness_check(
    settings: Settings, people: Path, instance: dg.DagsterInstance
):
    from datetime import UTC, datetime, timedelta

    run_job(settings, instance, "people")
    levels = [{"property": "frequency", "value": 6, "unit": "h"}]
    pin(settings, "people", contract([{"name": "id"}], "people", sla=levels).text.encode())
    now = datetime.now(UTC)
    assert freshness(Udb(settings), now).passed
    late = freshness(Udb(settings), now + timedelta(hours=7))
    assert (late.passed, late.description) == (False, "late: people")
    assert fresh.check_specs
