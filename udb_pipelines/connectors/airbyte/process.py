"""One run of a connector. Its configuration goes through a file that only we can read and that does not outlive it.

A connector may fail in four ways, all of them told as ``E_CONNECTOR``: a non-zero exit, an error trace, a check
that says FAILED although the exit is 0, and silence past the deadline.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from udb_pipelines.connectors.airbyte import messages
from udb_pipelines.connectors.airbyte.environments import environment
from udb_pipelines.connectors.airbyte.messages import Error, Message
from udb_pipelines.connectors.airbyte.pins import Pin
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub

QUICK_SECONDS = 180
"""For spec, check and discover."""
STOP_SECONDS = 5
_KEPT_ERRORS = 8_000
_AUTH = ("401", "403", "unauthorized", "forbidden", "credential", "api key", "invalid token", "authenticat")


def spec(command: Path, pin: Pin) -> dict[str, Any]:
    """What the configuration may hold, as a JSON Schema.

    Raises:
        UdbError: ``E_CONNECTOR``.
    """
    for message in _talk(command, pin, ["spec"], {}, QUICK_SECONDS):
        if message.spec is not None:
            return dict(message.spec.get("connectionSpecification", {}))
    raise UdbError("E_CONNECTOR", f"{pin.requirement} does not say what it needs to know")


def check(command: Path, pin: Pin, config: Mapping[str, Any]) -> None:
    """Try the configuration.

    Raises:
        UdbError: ``E_AUTH`` or ``E_CONNECTOR`` when it does not work, with the connector's own words.
    """
    status = None
    for message in _talk(command, pin, ["check"], {"config": config}, QUICK_SECONDS):
        status = message.connection_status or status
    if status is None:
        raise UdbError("E_CONNECTOR", f"{pin.name} did not say whether the configuration works")
    if status.status != "SUCCEEDED":
        raise _refused(pin, status.message or "the configuration does not work")


def discover(command: Path, pin: Pin, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The streams of the catalog, as the protocol describes them.

    Raises:
        UdbError: ``E_CONNECTOR``.
    """
    catalog = None
    for message in _talk(command, pin, ["discover"], {"config": config}, QUICK_SECONDS):
        catalog = message.catalog or catalog
    if catalog is None:
        raise UdbError("E_CONNECTOR", f"{pin.name} did not say which streams it has")
    return list(catalog.get("streams", []))


def read(
    command: Path, pin: Pin, config: Mapping[str, Any], catalog: Mapping[str, Any], state: Sequence[Mapping[str, Any]]
) -> Iterator[Message]:
    """The messages of a sync, as they come.

    Raises:
        UdbError: ``E_CONNECTOR`` at the end of a run that failed.
    """
    files: dict[str, object] = {"config": config, "catalog": catalog}
    if state:
        files["state"] = state
    yield from _talk(command, pin, ["read"], files, None)


def _talk(
    command: Path, pin: Pin, arguments: list[str], files: Mapping[str, object], seconds: float | None
) -> Iterator[Message]:
    errors: list[Error] = []
    with _files(files) as options, _started([str(command), *arguments, *options], seconds) as (process, said):
        assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
        for line in process.stdout:
            message = messages.parse(line)
            if message is None:
                continue
            if message.trace is not None and message.trace.error is not None:
                errors.append(message.trace.error)
            yield message
        code = process.wait()
        trace = _last_line(said()) if code else ""
    if errors:
        raise _refused(pin, errors[-1].message)
    if code == -signal.SIGKILL and seconds is not None:
        raise UdbError("E_CONNECTOR", f"{pin.name} {arguments[0]} gave no answer within {seconds:g} s")
    if code:
        raise _refused(pin, trace or f"it ended with exit code {code}")


def _refused(pin: Pin, said: str) -> UdbError:
    """The connector's own words, which may repeat its configuration but not a registered secret."""
    told = scrub.text(" ".join(said.split()))[:300]
    code = "E_AUTH" if any(word in told.lower() for word in _AUTH) else "E_CONNECTOR"
    return UdbError(code, f"{pin.name} says: {told}")


@contextmanager
def _files(contents: Mapping[str, object]) -> Iterator[list[str]]:
    """Options naming temporary files with ``contents``; the folder is readable by this user only."""
    with tempfile.TemporaryDirectory(prefix="udb-connector-") as folder:
        options = []
        for name, content in contents.items():
            file = Path(folder) / f"{name}.json"
            file.write_text(json.dumps(content), encoding="utf-8")
            options += [f"--{name}", str(file)]
        yield options


@contextmanager
def _started(command: list[str], seconds: float | None) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    """The process in a group of its own, which does not outlive the block; and what it said on standard error."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - the command of an environment that we made
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, bufsize=1 << 20,
            env=environment(), start_new_session=True,
        )  # fmt: skip
        clock = threading.Timer(seconds, _end, (process, signal.SIGKILL)) if seconds is not None else None
        if clock:
            clock.daemon = True
            clock.start()
        try:
            yield process, lambda: _tail(errors)
        finally:
            if clock:
                clock.cancel()
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _end(process, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _KEPT_ERRORS))
    return errors.read().decode(errors="replace")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
