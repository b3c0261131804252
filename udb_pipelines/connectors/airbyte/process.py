"""One run of a connector, asked in the protocol's words.

A connector may fail in four ways, all of them told as ``E_CONNECTOR``: a non-zero exit, an error trace, a check
that says FAILED although the exit is 0, and silence past the deadline.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from udb_pipelines.connectors.airbyte import messages
from udb_pipelines.connectors.airbyte.handover import handed
from udb_pipelines.connectors.airbyte.messages import Error, Message
from udb_pipelines.connectors.airbyte.pins import Pin
from udb_pipelines.connectors.airbyte.running import Patience, output, started, whole_lines
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub

QUICK_SECONDS = 180
"""For spec, check and discover."""
Take = Callable[[bytes], Iterable[Error]]
"""Gets whole lines, gives back the errors that are told in them."""
_AUTH = ("401", "403", "unauthorized", "forbidden", "credential", "api key", "invalid token", "authenticat")


def spec(command: Path, pin: Pin) -> dict[str, Any]:
    """What the configuration may hold, as a JSON Schema.

    Raises:
        UdbError: ``E_CONNECTOR``.
    """
    for message in _talk(command, pin, ["spec"], {}):
        if message.spec is not None:
            return dict(message.spec.get("connectionSpecification", {}))
    raise UdbError("E_CONNECTOR", f"{pin.requirement} does not say what it needs to know")


def check(command: Path, pin: Pin, config: Mapping[str, Any]) -> None:
    """Try the configuration.

    Raises:
        UdbError: ``E_AUTH`` or ``E_CONNECTOR`` when it does not work, with the connector's own words.
    """
    status = None
    for message in _talk(command, pin, ["check"], {"config": config}):
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
    for message in _talk(command, pin, ["discover"], {"config": config}):
        catalog = message.catalog or catalog
    if catalog is None:
        raise UdbError("E_CONNECTOR", f"{pin.name} did not say which streams it has")
    return list(catalog.get("streams", []))


def read(
    command: Path,
    pin: Pin,
    config: Mapping[str, Any],
    catalog: Mapping[str, Any],
    state: Sequence[Mapping[str, Any]],
    *,
    take: Take,
    silence: float,
) -> None:
    """Run a sync; ``take`` gets what the connector prints, as it comes.

    ``silence`` is how many seconds it may say nothing.

    Raises:
        UdbError: ``E_CONNECTOR`` or ``E_AUTH`` at the end of a run that failed, and what ``take`` raises.
    """
    files: dict[str, object] = {"config": config, "catalog": catalog}
    if state:
        files["state"] = state
    _run(command, pin, ["read"], files, take, Patience(silence, renewed=True))


def _talk(command: Path, pin: Pin, arguments: list[str], files: Mapping[str, object]) -> list[Message]:
    """All messages of a short run."""
    heard: list[Message] = []

    def take(lines: bytes) -> list[Error]:
        new = [message for message in map(messages.parse, lines.splitlines()) if message is not None]
        heard.extend(new)
        return [error for message in new if (error := messages.error_of(message)) is not None]

    _run(command, pin, arguments, files, take, Patience(QUICK_SECONDS, renewed=False))
    return heard


def _run(
    command: Path, pin: Pin, arguments: list[str], files: Mapping[str, object], take: Take, patience: Patience
) -> None:
    errors: list[Error] = []
    with handed(files) as (folder, options), started([str(command), *arguments, *options], folder) as (process, said):
        try:
            for lines in whole_lines(output(process, patience), pin.name):
                errors += take(lines)
            code = process.wait(patience.left())
        except (TimeoutError, subprocess.TimeoutExpired):
            raise _silent(pin, arguments[0], patience, errors) from None
        told = _last_line(said()) if code else ""
    if errors:
        raise _refused(pin, errors[-1].message)
    if code:
        raise _refused(pin, told or _ending(code))


def _silent(pin: Pin, what: str, patience: Patience, errors: Sequence[Error]) -> UdbError:
    if errors:
        return _refused(pin, errors[-1].message)
    if patience.renewed:
        return UdbError(
            "E_CONNECTOR",
            f"{pin.name} said nothing for {patience.seconds:g} s and was stopped",
            remedy="run the job again; UDB_CONNECTOR_SILENCE_MINUTES lets a slow source take longer",
        )
    return UdbError("E_CONNECTOR", f"{pin.name} {what} gave no answer within {patience.seconds:g} s")


def _ending(code: int) -> str:
    return f"it ended with exit code {code}" if code > 0 else f"it was ended by signal {-code}"


def _refused(pin: Pin, said: str) -> UdbError:
    """The connector's own words, which may repeat its configuration but not a registered secret."""
    told = scrub.text(" ".join(said.split()))[:300]
    code = "E_AUTH" if any(word in told.lower() for word in _AUTH) else "E_CONNECTOR"
    return UdbError(code, f"{pin.name} says: {told}")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
