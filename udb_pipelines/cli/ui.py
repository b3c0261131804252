"""``udb ui``: Dagster's web server and daemon, wired to this UDB home."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import note
from udb_pipelines.errors import UdbError

MODULE = "udb_pipelines.definitions"


def ui(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port to listen on.")] = 3000,
) -> None:
    """Start the Dagster UI with its daemon: assets, runs, sensors, schedules. Stop with Ctrl-C.

    [bold]Example[/bold]

      udb ui --port 3001
    """
    from udb_pipelines.orchestration.instance import prepare

    settings = session.settings()
    home = prepare(settings)
    program = Path(sys.executable).with_name("dagster")
    found = str(program) if program.exists() else shutil.which("dagster")
    if found is None:
        raise UdbError(
            "E_INTERNAL", "the program dagster is not installed beside udb", remedy="install udb-pipelines again"
        )
    settings.landing_folder.mkdir(parents=True, exist_ok=True)
    note(f"UI: http://{host}:{port}   landing folder: {settings.landing_folder}")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "UDB_HOME": str(settings.home)}
    arguments = [found, "dev", "-m", MODULE, "--host", host, "--port", str(port)]
    sys.stderr.flush()
    # A script that starts this with & has it ignore SIGINT, and Dagster answers SIGTERM as it answers SIGINT: it could
    # not be stopped.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(found, arguments, environment)  # noqa: S606 - our own program, no shell wanted
