"""Virtual environments of connectors: one for each exact version, made once, and only with the user's consent.

A connector brings some sixty packages in versions of its own, so it never shares ours. An environment is complete
when its ``ready.json`` is there, written after the connector has answered ``spec``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte.pins import Pin
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import progress

INSTALL_SECONDS = 900
READY = "ready.json"
_NO_WAY = ("Failed to establish a new connection", "NewConnectionError", "ConnectTimeout", "NameResolutionError",
           "ProxyError", "SSLError")  # fmt: skip
_VERSIONS = re.compile(r"from versions: (?P<all>[^)]*)\)")
_RELEASE = re.compile(r"[0-9.]+")
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|PIP_\w+|(?:HTTPS?|NO|ALL)_PROXY",
    re.IGNORECASE,
)


def folder_of(pin: Pin, settings: Settings) -> Path:
    """Where a connector is, or would be."""
    return settings.connectors / pin.folder


def is_installed(pin: Pin, settings: Settings) -> bool:
    """Whether its environment is complete."""
    return (folder_of(pin, settings) / READY).is_file()


def executable(pin: Pin, settings: Settings) -> Path:
    """The connector's command, installed on first use where the settings accept licences.

    Raises:
        UdbError: ``E_CONNECTOR`` when it is not installed and nobody has accepted its licence.
    """
    if not is_installed(pin, settings):
        if not settings.accept_connector_licences:
            raise UdbError(
                "E_CONNECTOR",
                f"the connector {pin.name} is not installed; its licence is: {pin.licence}",
                remedy=f"accept it and install: udb connectors install {pin.name}",
            )
        install(pin, settings)
    return folder_of(pin, settings) / "bin" / pin.command


def install(pin: Pin, settings: Settings) -> dict[str, Any]:
    """Make the environment, unless it is there; returns the connector's specification.

    Raises:
        UdbError: ``E_CONNECTOR`` when it cannot be installed or does not answer; nothing is left of it then.
    """
    from udb_pipelines.connectors.airbyte import process

    folder = folder_of(pin, settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f"{folder.name}.lock")):
        if is_installed(pin, settings):
            return specification(pin, settings)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            progress.report(f"installing {pin.package}", 0, None, "")
            _run(pin, [sys.executable, "-m", "venv", str(folder)])
            python = str(folder / "bin" / "python")
            _run(pin, [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pin.requirement])
            spec = process.spec(folder / "bin" / pin.command, pin)
            (folder / READY).write_text(json.dumps({"requirement": pin.requirement, "spec": spec}), encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return spec


def specification(pin: Pin, settings: Settings) -> dict[str, Any]:
    """What the configuration of an installed connector may hold, as its JSON Schema."""
    ready = json.loads((folder_of(pin, settings) / READY).read_text(encoding="utf-8"))
    return dict(ready["spec"])


def _run(pin: Pin, command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, the requirement was checked by a pattern
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        raise UdbError("E_CONNECTOR", f"installing {pin.requirement} took longer than {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise refusal(pin, done.stderr)


def refusal(pin: Pin, said: str) -> UdbError:
    """Why the installer failed, by what it said: no way to the index, no such package, no such version, or else."""
    if any(words in said for words in _NO_WAY):
        return UdbError(
            "E_CONNECTOR",
            f"{pin.requirement} cannot be installed: the package index cannot be reached",
            remedy="check the network, and HTTPS_PROXY or PIP_INDEX_URL where they are needed; then install again",
        )
    versions = _VERSIONS.search(said)
    if versions is None:
        error = next((line for line in said.splitlines() if line.startswith("ERROR")), "the installer failed")
        return UdbError(
            "E_CONNECTOR",
            f"{pin.requirement} cannot be installed: {error.removeprefix('ERROR: ')[:300]}",
            remedy="try another version; connectors need what their packages say, a version of Python among it",
        )
    known = [version for version in versions["all"].split(", ") if _RELEASE.fullmatch(version)]
    if not known:
        return UdbError(
            "E_CONNECTOR",
            f"there is no package {pin.package} on the package index",
            remedy="check the name at https://pypi.org; connectors in other languages than Python need a server",
        )
    return UdbError(
        "E_CONNECTOR",
        f"there is no version {pin.version} of {pin.package}; the last ones are {', '.join(known[-5:])}",
        remedy=f"name one that there is: airbyte:{pin.name}@{known[-1]}",
    )


def environment() -> dict[str, str]:
    """What a program of others may know of ours: the way to the network and to itself, and no secret."""
    return {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
