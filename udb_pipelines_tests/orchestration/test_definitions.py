"""All definitions at a glance: whoever changes the graph changes this, knowingly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines_tests.orchestration.daemon import environment


def test_assets_deps_pools_and_checks(settings: Settings):
    definitions = build_defs(settings)
    graph = definitions.resolve_asset_graph()
    assets = {
        key.to_user_string(): (
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            sorted(graph.get(key).pools or ()),
            graph.get(key).group_name,
            graph.get(key).is_partitioned,
        )
        for key in graph.get_all_asset_keys()
    }
    assert assets == {
        "detection": ([], [], "udb", True),
        "connection": (["detection"], [], "udb", True),
        "raw": (["connection"], ["duckdb_writer"], "udb", True),
        "profile": (["connection", "detection", "raw"], ["udb_analysis"], "udb", True),
        "publication": (["connection", "detection", "profile", "raw"], [], "udb", True),
        "snapshot": (["raw"], [], "udb", False),
        "restore_drill": (["snapshot"], [], "udb", False),
    }
    checks = {(key.asset_key.to_user_string(), key.name): graph.get(key).blocking for key in graph.asset_check_keys}
    assert checks == {
        ("raw", "row_count"): True,
        ("raw", "rejects"): False,
        ("raw", "not_empty"): False,
        ("raw", "contract"): False,
        ("raw", "fresh"): False,
        ("profile", "verdict"): False,
        ("profile", "contract"): False,
        ("profile", "drift"): False,
        ("publication", "kpis"): False,
        ("snapshot", "verified"): False,
        ("restore_drill", "restored"): False,
        ("restore_drill", "recent"): False,
    }


def test_jobs_sensors_and_schedules(settings: Settings):
    repository = build_defs(settings).get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {
        "udb_job",
        "udb_job_multiprocess",
        "snapshot_job",
        "restore_drill_job",
        "freshness_job",
        "cleanup_job",
    }
    assert {
        sensor.name: sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in repository.sensor_defs
    } == {
        "landing_sensor": True,
        "retention_sensor": True,
        "housekeeping_sensor": True,
        "failure_sensor": True,
        "copy_sensor": True,
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "snapshot_daily",
        "freshness_hourly",
        "cleanup_nightly",
        "restore_drill_weekly",
    }


def test_loading_is_cheap_and_says_nothing(settings: Settings):
    """No heavy library, no deprecated API, no network: what a code server pays at every reload."""
    code = (
        "import sys, warnings; warnings.simplefilter('error', DeprecationWarning); import dagster;"
        "warnings.simplefilter('error'); import udb_pipelines.definitions;"
        "heavy = {'pandas', 'polars', 'pyarrow', 'numpy', 'jinja2', 'httpx'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(settings), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_private_of_dagster_is_used():
    from pathlib import Path

    import udb_pipelines

    for path in Path(udb_pipelines.__file__).parent.rglob("*.py"):
        assert "dagster._" not in path.read_text(), path
        if "orchestration" not in path.parts and path.name != "definitions.py":
            assert "import dagster" not in path.read_text(), path


def test_schedules_follow_the_sources_file_and_survive_a_mistake_in_it(settings: Settings, tmp_path: Path):
    file = tmp_path / "sources.yaml"
    own = settings.model_copy(update={"sources_file": file})

    def scheduled() -> dict[str, str]:
        found = build_defs(own).schedules or ()
        return {item.name: str(item.cron_schedule) for item in found if item.name.startswith("source_")}

    def write(schedule: str) -> None:
        file.write_text(f"sources:\n  orders:\n    uri: orders.csv\n    schedule: {schedule}\n")

    write("'0 6 * * *'")
    assert scheduled() == {"source_orders": "0 6 * * *"}
    write("'15 8 * * *'")
    assert scheduled() == {"source_orders": "15 8 * * *"}
    write("'tomorrow'")
    assert scheduled() == {"source_orders": "15 8 * * *"}
    file.write_text("sources:\n  orders:\n    uri: orders.csv\n")
    assert scheduled() == {}
