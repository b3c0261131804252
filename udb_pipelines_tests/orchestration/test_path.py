"""The path through Dagster, on an instance in memory: data, metadata, checks, and what a failure leaves."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.orchestration.assets import PATH
from udb_pipelines.warehouse import Lake, query
from udb_pipelines_tests.orchestration.conftest import GOOD, JAGGED, add_source, run_job


def rows(settings: Settings, sql: str, as_of: int | None = None) -> list[tuple[object, ...]]:
    return list(query(Lake(settings), sql, as_of).rows)


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: entry.value for name, entry in event.metadata.items()}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def test_a_job_loads_profiles_and_publishes(settings: Settings, people: Path, instance: dg.DagsterInstance):
    result = run_job(settings, instance, "people")
    assert result.success
    assert rows(settings, "SELECT id, name, amount::DOUBLE FROM people ORDER BY id") == [
        (1, "Ann", 10.5), (2, "Bob", 20.0), (3, "Cid", 30.25),
    ]  # fmt: skip
    published = metadata(result, "publication")
    assert published["verdict"] == "PASS"
    assert Path(str(published["report (path)"])).read_text().startswith("<!doctype html>")
    assert set(published) >= {"seconds/detect", "seconds/provision", "seconds/sync", "seconds/analyze", "report"}


def test_metadata_tells_what_the_table_holds(settings: Settings, people: Path, instance: dg.DagsterInstance):
    people.write_text('id,"na|me"\n1,"<b>O\nK</b> | `x`"\n')
    raw = metadata(run_job(settings, instance, "people"), "raw")
    assert raw["dagster/row_count"] == 1
    assert raw["dagster/table_name"] == "lake.main.people"
    schema = raw["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [(column.name, column.description) for column in schema.columns] == [("id", None), ("na_me", "na|me")]
    preview = str(raw["preview"]).splitlines()
    assert preview[2] == r"| 1 | &lt;b&gt;O K&lt;/b&gt; \| \`x\` |"


def test_the_profile_shows_verdict_findings_and_charts(settings: Settings, people: Path, instance: dg.DagsterInstance):
    shown = metadata(run_job(settings, instance, "people"), "profile")
    assert shown["verdict"] == "PASS"
    assert "amount" in str(shown["columns"])
    assert str(shown["charts"]).count("data:image/svg+xml") >= 1
    assert len(str(shown["charts"])) < 100_000


def test_nothing_stays_in_staging(settings: Settings, people: Path, instance: dg.DagsterInstance):
    run_job(settings, instance, "people")
    assert list(settings.staging.iterdir()) == []


def test_unchanged_input_says_so_and_makes_no_version(settings: Settings, people: Path, instance: dg.DagsterInstance):
    first = metadata(run_job(settings, instance, "people"), "raw")
    again = run_job(settings, instance, "people")
    second = metadata(again, "raw")
    assert (first["unchanged"], second["unchanged"]) == (False, True)
    assert second["version"] == first["version"]
    assert second["committed_by"] == first["committed_by"] != again.run_id
    assert metadata(again, "publication")["unchanged"] is True


def test_changed_input_is_a_new_version_and_the_old_one_stays(
    settings: Settings, people: Path, instance: dg.DagsterInstance
):
    old = metadata(run_job(settings, instance, "people"), "raw")["version"]
    people.write_text(GOOD + "4,Dan,1.00\n")
    assert run_job(settings, instance, "people").success
    assert rows(settings, "SELECT count(*) FROM people") == [(4,)]
    assert isinstance(old, int)
    assert rows(settings, "SELECT count(*) FROM people", old) == [(3,)]


def test_checks_account_for_every_row(settings: Settings, people: Path, instance: dg.DagsterInstance):
    people.write_text(JAGGED)
    add_source(settings, "people", people, max_reject_pct=50)
    result = run_job(settings, instance, "people")
    checks = evaluations(result)
    assert checks["row_count"].passed
    assert checks["row_count"].blocking
    assert not checks["rejects"].passed
    assert checks["rejects"].severity is dg.AssetCheckSeverity.WARN
    assert checks["rejects"].metadata["rejected"].value == 1
    assert Path(str(checks["rejects"].metadata["people"].value)).is_file()
    assert checks["not_empty"].passed
    assert result.success


def test_a_failed_sync_keeps_the_previous_version_and_says_what_to_do(
    settings: Settings, people: Path, instance: dg.DagsterInstance
):
    assert run_job(settings, instance, "people").success
    people.write_text(JAGGED)
    failed = run_job(settings, instance, "people")
    assert not failed.success
    (event,) = [event for event in failed.all_events if event.is_step_failure]
    told = event.step_failure_data.user_failure_data
    assert told is not None
    facts = {name: entry.value for name, entry in told.metadata.items()}
    assert (facts["code"], facts["stage"], facts["source"]) == ("E_REJECTS", "sync", "people")
    assert "rejects" in str(facts["remedy"])
    assert facts["kept"]
    assert rows(settings, "SELECT count(*) FROM people") == [(3,)]
    assert not [event for event in failed.all_events if event.is_step_restarted], "a permanent failure is not retried"


def test_no_value_of_the_data_reaches_the_event_log_of_a_failure(
    settings: Settings, people: Path, instance: dg.DagsterInstance
):
    people.write_text("id,name\n1,Ann\n2,PLANTED-7731,surplus\n")
    failed = run_job(settings, instance, "people")
    assert not failed.success
    log = instance.all_logs(failed.run_id)
    assert log
    assert "PLANTED-7731" not in "".join(entry.to_json() if hasattr(entry, "to_json") else str(entry) for entry in log)


def test_an_unknown_partition_fails_in_words(settings: Settings, instance: dg.DagsterInstance):
    failed = run_job(settings, instance, "nobody")
    (event,) = [event for event in failed.all_events if event.is_step_failure]
    told = event.step_failure_data.user_failure_data
    assert told is not None
    assert told.metadata["code"].value == "E_SOURCE_UNKNOWN"


def test_several_tables_are_each_shown(settings: Settings, tmp_path: Path, instance: dg.DagsterInstance):
    import sqlite3

    shop = tmp_path / "shop.sqlite"
    with sqlite3.connect(shop) as database:
        database.executescript("CREATE TABLE a(x INTEGER); INSERT INTO a VALUES (1); CREATE TABLE b(y TEXT);"
                               "INSERT INTO b VALUES ('one'), ('two');")  # fmt: skip
    add_source(settings, "shop", shop)
    raw = metadata(run_job(settings, instance, "shop"), "raw")
    assert raw["dagster/row_count"] == 3
    assert {"preview of shop__a", "preview of shop__b", "columns of shop__a", "columns of shop__b"} <= set(raw)


@pytest.mark.parametrize("first", PATH[1:])
def test_a_later_stage_can_be_run_alone(settings: Settings, people: Path, instance: dg.DagsterInstance, first: str):
    """What the UI does when a person materializes one asset again."""
    from udb_pipelines.orchestration.build import build_defs

    assert run_job(settings, instance, "people").success
    job = build_defs(settings).resolve_job_def("udb_job")
    again = job.execute_in_process(
        instance=instance, partition_key="people", asset_selection=[dg.AssetKey(first)], raise_on_error=False
    )
    assert again.success


def test_a_stage_without_its_predecessor_says_so(settings: Settings, people: Path, instance: dg.DagsterInstance):
    from udb_pipelines.orchestration.build import build_defs
    from udb_pipelines.orchestration.partitions import register

    register(instance, ["people"])
    job = build_defs(settings).resolve_job_def("udb_job")
    alone = job.execute_in_process(
        instance=instance, partition_key="people", asset_selection=[dg.AssetKey("raw")], raise_on_error=False
    )
    (event,) = [event for event in alone.all_events if event.is_step_failure]
    told = event.step_failure_data.user_failure_data
    assert told is not None
    assert told.metadata["code"].value == "E_STAGE"
