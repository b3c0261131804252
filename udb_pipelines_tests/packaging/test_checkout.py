"""What a first user runs: the Makefile, the bootstrap script, the lock files and the CI script."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def locked(path: Path) -> dict[str, int]:
    """Package names in a lock file, and how many hashes each has."""
    entries = re.split(r"^(?=\S+==)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        canonicalize_name(entry.split("==")[0].split("[")[0]): entry.count("--hash=sha256:")
        for entry in entries
        if re.match(r"\S+==", entry)
    }


def test_lock_files_pin_every_dependency_by_hash(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    run_time = {canonicalize_name(Requirement(item).name) for item in project["project"]["dependencies"]}
    for_development = {canonicalize_name(Requirement(item).name) for item in project["dependency-groups"]["dev"]}
    extras = project["project"]["optional-dependencies"].values()
    run_time |= {canonicalize_name(Requirement(item).name) for extra in extras for item in extra}
    user, developer = locked(repository / "requirements.lock"), locked(repository / "requirements-dev.lock")
    assert run_time - set(user) == set()
    assert (run_time | for_development) - set(developer) == set()
    assert all(user.values())
    assert all(developer.values())


def test_lock_files_name_no_index(repository: Path) -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (repository / name).read_text(encoding="utf-8")


def test_make_alone_lists_every_target(repository: Path) -> None:
    listed = subprocess.run(["make"], cwd=repository, capture_output=True, text=True, check=True).stdout
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"^  make (\S+)", listed, re.MULTILINE)) == phony


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A folder with what the bootstrap script needs, and nothing to install."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(repository / "scripts" / "bootstrap.sh", tmp_path / "scripts")
    return tmp_path


def bootstrap(checkout: Path, path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = [shutil.which("sh") or "sh", "scripts/bootstrap.sh", ".venv"]
    return subprocess.run(script, cwd=checkout, env={"PATH": path} | environment, capture_output=True, text=True)


def fake(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def only_basics(folder: Path) -> str:
    """A PATH on which there is no Python."""
    folder.mkdir(exist_ok=True)
    for name in ("sh", "dirname"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


def test_a_machine_without_python_is_told_what_to_install(checkout: Path, tmp_path: Path) -> None:
    done = bootstrap(checkout, only_basics(tmp_path / "bin"))
    assert done.returncode == 1
    assert "UDB needs Python 3.11 or newer; found no Python at all." in done.stderr
    assert "apt-get install python3" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_named(checkout: Path, tmp_path: Path) -> None:
    path = only_basics(tmp_path / "bin")
    fake(tmp_path / "bin", "python3", 'test "$1" = --version && echo "Python 3.9.2" || exit 1')
    done = bootstrap(checkout, path)
    assert done.returncode == 1
    assert "found Python 3.9.2" in done.stderr


def test_a_python_without_venv_is_told_which_package_is_missing(checkout: Path, tmp_path: Path) -> None:
    path = only_basics(tmp_path / "bin")
    fake(tmp_path / "bin", "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = bootstrap(checkout, path)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_a_chosen_python_that_is_too_old_is_refused_not_replaced(checkout: Path) -> None:
    done = bootstrap(checkout, os.environ["PATH"], PYTHON="/bin/false")
    assert done.returncode == 1
    assert "PYTHON=/bin/false is not a Python 3.11 or newer" in done.stderr


def test_a_failed_installation_leaves_no_stamp(checkout: Path) -> None:
    """Without the lock file pip fails, as it does when the network ends half-way."""
    done = bootstrap(checkout, os.environ["PATH"])
    assert done.returncode != 0
    assert (checkout / ".venv" / "bin" / "python").exists()
    assert not (checkout / ".venv" / ".installed").exists()


def test_ci_fails_when_one_check_fails_and_still_runs_the_others(repository: Path, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(repository / ".ci" / "run", tmp_path / ".ci")
    fake(tmp_path / "bin", "make", 'shift $(($# - 1)); echo "ran $1"; test "$1" != types')
    fake(tmp_path / "bin", "chromium", "exit 0")
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("ran")] == [
        "ran install", "ran lint", "ran types", "ran test",
    ]  # fmt: skip
    assert done.stdout.splitlines()[-1] == "Failed: types"
