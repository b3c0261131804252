"""One job in this process, and the ledger it leaves: in-process, concurrent, interrupted, multi-process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import dagster as dg
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import logging
from udb_pipelines.orchestration import runner
from udb_pipelines.orchestration.instance import open_instance
from udb_pipelines.orchestration.partitions import registered
from udb_pipelines.warehouse import Lake
from udb_pipelines_tests.orchestration.conftest import GOOD, JAGGED, add_source


def test_outcome_and_ledger_of_a_good_job_which_cannot_be_resumed(settings: Settings, people: Path):
    seen: list[str] = []
    job_id = str(uuid.uuid4())
    begun = time.time()
    outcome = runner.run_source("people", settings, job_id=job_id, on_progress=lambda what, *_: seen.append(what))
    took = time.time() - begun
    assert (outcome.status, outcome.job_id, outcome.error) == ("success", job_id, None)
    assert outcome.manifest is not None and outcome.manifest.verdict == "PASS"
    assert outcome.sync is not None and outcome.sync.job_id == job_id
    assert set(outcome.seconds) == {"detect", "provision", "sync", "analyze", "publish"}
    (job,) = runner.jobs(settings)
    assert (job.job_id, job.source, job.status, job.error) == (job_id, "people", "success", None)
    assert job.seconds is not None and 0 < job.seconds <= took
    with open_instance(settings) as instance:
        assert registered(instance) == {"people"}
        assert instance.get_latest_materialization_event(dg.AssetKey("raw")) is not None
    for not_failed in (job_id, str(uuid.uuid4())):
        with pytest.raises(UdbError, match="E_STAGE"):
            runner.resume(not_failed, settings)


def test_outcome_of_a_failed_job_has_the_six_facts(settings: Settings, people: Path):
    assert runner.run_source("people", settings).status == "success"
    people.write_text(JAGGED)
    outcome = runner.run_source("people", settings)
    assert outcome.status == "failure"
    assert outcome.error is not None
    assert (outcome.error["code"], outcome.error["stage"], outcome.error["source"]) == ("E_REJECTS", "sync", "people")
    assert outcome.error["kept"] and outcome.error["remedy"]
    assert (outcome.manifest, outcome.sync) == (None, None), "nothing of the job before is shown as this one's"
    assert set(outcome.seconds) >= {"detect", "provision"}
    failed, good = runner.jobs(settings)
    assert failed.error == outcome.error
    assert good.status == "success"
    assert [job.job_id for job in runner.jobs(settings, limit=1)] == [outcome.job_id]


def test_an_unknown_source_is_refused(settings: Settings):
    outcome = runner.run_source("nobody", settings)
    assert outcome.error is not None
    assert outcome.error["code"] == "E_SOURCE_UNKNOWN"


def test_a_job_prints_nothing_of_its_own_and_gives_the_signal_handlers_back(
    settings: Settings, people: Path, capfd: pytest.CaptureFixture[str]
):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    logging.configure(settings)
    runner.run_source("people", settings)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    out, err = capfd.readouterr()
    assert out == ""
    assert all(line.startswith('{"timestamp"') for line in err.splitlines())
    assert "RUN_START" not in err


def test_resume_continues_after_the_stage_that_was_done(settings: Settings, people: Path):
    blocked = settings.artifacts
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the artifacts' folder should be")
    failed = runner.run_source("people", settings)
    assert failed.status == "failure" and failed.error is not None
    assert failed.error["stage"] in {"analyze", "publish"}
    version = Lake(settings).current_version()
    blocked.unlink()
    resumed = runner.resume(failed.job_id, settings)
    assert resumed.status == "success"
    assert "detect" not in resumed.seconds and "publish" in resumed.seconds
    assert resumed.manifest is not None and resumed.manifest.version == version
    assert Lake(settings).current_version() == version, "the sync was not done again"


SCRIPT = """
import sys, json
from pathlib import Path
from udb_pipelines.config import load_settings
from udb_pipelines.operations import logging
from udb_pipelines.orchestration import runner
logging.configure(load_settings())
outcome = runner.run_source(sys.argv[1], load_settings())
print(json.dumps([outcome.job_id, outcome.status, outcome.error]), flush=True)
"""


def start(settings: Settings, source: str, script: str = SCRIPT) -> subprocess.Popen[str]:
    environment = {**os.environ, "UDB_HOME": str(settings.home)}
    return subprocess.Popen(
        [sys.executable, "-c", script, source],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_commands_at_once_on_a_fresh_home_both_succeed(settings: Settings, tmp_path: Path):
    for name in ("first", "second"):
        (tmp_path / f"{name}.csv").write_text(GOOD)
        add_source(settings, name, tmp_path / f"{name}.csv")
    commands = [start(settings, name) for name in ("first", "second")]
    ended = [command.communicate(timeout=400) for command in commands]
    assert [json.loads(out.splitlines()[-1])[1] for out, _ in ended] == ["success", "success"], ended
    assert {job.status for job in runner.jobs(settings)} == {"success"}


@pytest.mark.parametrize(("number", "stage"), [(signal.SIGTERM, "sync"), (signal.SIGINT, "analyze")])
def test_a_signal_cancels_the_job_and_leaves_no_lock(
    settings: Settings, tmp_path: Path, number: signal.Signals, stage: str
):
    big = tmp_path / "big.csv"
    with big.open("w") as file:
        file.write("id,a,b,c,d\n")
        file.writelines(
            f"{row},alpha{row % 97},{row * 3.5},2024-01-{row % 28 + 1:02d},x y z\n" for row in range(600_000)
        )
    add_source(settings, "big", big)
    command = start(settings, "big")
    assert command.stdout is not None
    assert command.stderr is not None
    for line in command.stderr:
        if json.loads(line)["stage"] == stage:
            break
    command.send_signal(number)
    out, err = command.communicate(timeout=240)
    assert out, (command.returncode, err)
    job_id, status, error = json.loads(out.splitlines()[-1])
    assert (status, error) == ("canceled", None), err
    (job,) = runner.jobs(settings)
    assert (job.job_id, job.status) == (job_id, "canceled")
    add_source(settings, "small", _small(tmp_path))
    assert Lake(settings).lock.queue() == (), "nobody has to wait for a lock"
    assert runner.run_source("small", settings).status == "success"


def _small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(GOOD)
    return path


def multiprocess_job() -> dg.JobDefinition:
    """Loaded again by every step's process, from the environment."""
    from udb_pipelines.orchestration.build import build_defs

    return build_defs().resolve_job_def("udb_job_multiprocess")


def test_a_process_per_stage_does_the_same(settings: Settings, people: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UDB_HOME", str(settings.home))
    with open_instance(settings) as instance:
        instance.add_dynamic_partitions("sources", ["people"])
        job = dg.reconstructable(multiprocess_job)
        with dg.execute_job(job, instance, tags={"dagster/partition": "people"}) as result:
            assert result.success
            told = [entry.message for entry in instance.all_logs(result.run_id) if "pid: " in (entry.message or "")]
    launched = {word for message in told for word in message.split("pid: ")[1:]}
    assert len(launched) >= 5, "a process for every stage"
    (job_record,) = runner.jobs(settings)
    assert job_record.status == "success"
    manifest = runner.read_stage(settings, "people", "publication", runner.Manifest)
    assert set(manifest.seconds) == {"detect", "provision", "sync", "analyze", "publish"}
