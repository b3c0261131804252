"""The workspace of the containers: a code server elsewhere, under the name that backfills are queued with."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import yaml

ROOT = Path(__file__).parents[2]
QUERY = (
    "{ workspaceOrError { ... on Workspace { locationEntries { "
    "name loadStatus locationOrLoadError { __typename } } } } }"
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_the_location_of_a_remote_code_server_has_the_modules_name(tmp_path: Path) -> None:
    code, web = free_port(), free_port()
    workspace = yaml.safe_load((ROOT / "workspace.remote.yaml").read_text())
    workspace["load_from"][0]["grpc_server"]["port"] = code  # the only change: a port that is free here
    file = tmp_path / "workspace.yaml"
    file.write_text(yaml.safe_dump(workspace))
    home = tmp_path / "home"
    env = {**os.environ, "UDB_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "DAGSTER_CODE_HOST": "127.0.0.1"}
    subprocess.run([sys.executable, "-m", "udb_pipelines.orchestration.instance"], env=env, check=True)
    commands = [
        ["code-server", "start", "--port", str(code), "--module-name", "udb_pipelines.definitions"],
        ["-w", str(file), "--port", str(web)],
    ]
    modules = ["dagster", "dagster_webserver"]
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", module, *command], env=env, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for module, command in zip(modules, commands, strict=True)
    ]  # fmt: skip
    try:
        assert locations(web) == [("udb_pipelines.definitions", "RepositoryLocation")]
    finally:
        for server in servers:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def locations(port: int) -> list[tuple[str, str]]:
    """Name and kind of every code location, once all have loaded."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": QUERY}, timeout=10).json()
            entries = answer["data"]["workspaceOrError"]["locationEntries"]
            kinds = [(entry["name"], (entry["locationOrLoadError"] or {}).get("__typename", "")) for entry in entries]
            if kinds and all(kind == "RepositoryLocation" for _, kind in kinds):
                return kinds
        except (httpx.HTTPError, KeyError, TypeError):
            pass
        time.sleep(1)
    raise TimeoutError("the code location did not load")
