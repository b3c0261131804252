"""A connector for the tests: it speaks the protocol as published ones do, their odd ways included.

Its configuration says what happens: ``rows`` (how many there are now), ``trouble`` (how it fails), ``state`` (kind of
state it sends), ``also`` (fields that came later), ``note`` (a file for what it was asked), ``spaces`` (namespaces
that all have a stream of orders, "" for none), ``mute`` (it leaves namespaces out). It reads rows after the state it is
given, the last one again.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

SPEC = {
    "type": "object",
    "required": ["token"],
    "properties": {"token": {"type": "string", "airbyte_secret": True, "description": "What opens it"}},
}
FIELDS = {
    "id": {"type": ["null", "integer"]},
    "amount": {"type": "number"},
    "at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
    "day": {"type": "string", "format": "date"},
    "code": {"type": "string"},
    "flag": {"type": "boolean"},
    "Full Address": {"type": "object"},
}
MODES = ["full_refresh", "incremental"]
STREAMS = [
    {"name": "orders", "json_schema": {"properties": FIELDS}, "supported_sync_modes": MODES,
     "source_defined_cursor": True, "default_cursor_field": ["id"], "source_defined_primary_key": [["id"]]},
    {"name": "notes", "json_schema": {"properties": {"text": {"type": "string"}}},
     "supported_sync_modes": ["full_refresh"]},
]  # fmt: skip


def say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")


def option(name: str) -> Any:
    arguments = sys.argv
    return json.loads(Path(arguments[arguments.index(name) + 1]).read_text()) if name in arguments else {}


def row(number: int) -> dict[str, object]:
    return {
        "id": number, "amount": number / 4, "at": f"2026-03-01T10:00:{number % 60:02}+02:00", "day": "2026-03-01",
        "code": f"{number:03}", "flag": number % 2 == 0, "Full Address": {"street": "Main", "no": number},
        "extra": "not in the catalog",
    }  # fmt: skip


def called(name: str, space: str | None) -> dict[str, str]:
    return {"name": name, "namespace": space} if space else {"name": name}


def send_state(kind: str, last: int, space: str | None = None) -> None:
    stream = {"stream_descriptor": called("orders", space), "stream_state": {"last": last}}
    if kind == "odd":
        say(type="STATE", state={"type": "PLANETARY", "planet": {"last": last}})
        say(type="STATE", state={"type": "STREAM", "stream": {"stream_descriptor": {"name": "nobody"}}})
        say(type="STATE", state={"type": "STREAM", "stream": {"stream_descriptor": None, "stream_state": {}}})
    elif kind == "none":
        return
    elif kind == "global":
        say(type="STATE", state={"type": "GLOBAL", "global": {"shared_state": {"at": last}, "stream_states": [stream]}})
    elif kind == "legacy":
        say(type="STATE", state={"data": {"last": last}})
    else:
        say(type="STATE", state={"type": "STREAM", "stream": stream, "sourceStats": {"recordCount": 1.0}})


def last_of(state: object, space: str | None = None) -> int:
    if not isinstance(state, list) or not state:
        return 1
    if space is not None:
        found = [entry["stream"] for entry in state]
        return next(item for item in found if item["stream_descriptor"] == called("orders", space))["stream_state"][
            "last"
        ]
    (entry,) = state
    if entry["type"] == "LEGACY":
        return int(entry["data"]["last"])
    if entry["type"] == "GLOBAL":
        return int(entry["global"]["shared_state"]["at"])
    return int(entry["stream"]["stream_state"]["last"])


def get_into(trouble: str | None, config: dict[str, Any]) -> None:
    """After two rows, of which the state was sent."""
    sys.stdout.flush()
    if trouble == "halfway":
        say(type="TRACE", trace={"type": "ERROR", "emitted_at": 1, "error": {
            "message": f"lost {config['token']}", "failure_type": "system_error"}})  # fmt: skip
        sys.exit(1)
    if trouble in ("killed", "goes on", "silent"):
        send_state("stream", 2)
        say(type="RECORD", record={"stream": "orders", "data": row(3), "emitted_at": 1})
        sys.stdout.flush()
    if trouble == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "silent":
        time.sleep(600)
    if trouble == "goes on":
        Path(config["note"]).write_text(json.dumps([os.getpid(), sys.argv]))
        while True:
            say(type="LOG", log={"level": "INFO", "message": "still here"})
            sys.stdout.flush()
            time.sleep(0.05)
    if trouble == "garbage":
        sys.stdout.write('\n{}\n[1]\nnull\n{"type": "RECORD' + "\n" + "\x00\x01 not a message \u00ff\n")
        say(type="RECORD", record={"stream": "nobody asked", "data": {"a": 1}, "emitted_at": 1})
    if trouble == "flood":
        for _ in range(300):
            sys.stderr.write("x" * 100_000 + "\n")


def read(config: dict[str, Any]) -> None:
    if "note" in config and config.get("trouble") != "goes on":
        Path(config["note"]).write_text(json.dumps(option("--catalog")))
    for configured in option("--catalog")["streams"]:
        name, space = configured["stream"]["name"], configured["stream"].get("namespace")
        say(type="TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 1.5e12 + 0.25,
            "stream_status": {"stream_descriptor": {"name": name}, "status": "STARTED"}})  # fmt: skip
        if name == "notes":
            say(type="RECORD", record={"stream": name, "data": {"text": "a\nb"}, "emitted_at": 1.5})
            continue
        spaced = space or ("" if "spaces" in config else None)
        first = last_of(option("--state"), spaced) if configured["sync_mode"] == "incremental" else 1
        told = {"namespace": space} if space and not config.get("mute") else {}
        for number in range(first, config["rows"] + 1):
            data = row(number) | config.get("also", {}) | ({"code": space or "none"} if "spaces" in config else {})
            say(type="RECORD", record={"stream": name, **told, "data": data, "emitted_at": 1700000000000.5})
            if number == 2:
                get_into(config.get("trouble"), config)
        if configured["sync_mode"] == "incremental":
            send_state(config.get("state", "stream"), config["rows"], space)
        status = "INCOMPLETE" if config.get("trouble") == "incomplete" else "COMPLETE"
        say(type="TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 1,
            "stream_status": {"stream_descriptor": {"name": name}, "status": status}})  # fmt: skip


def main() -> None:
    command, config = sys.argv[1], option("--config")
    sys.stdout.write("a library says hello without being asked\n{not a message\n")
    say(type="LOG", log={"level": "INFO", "message": "starting"})
    say(type="SOMETHING_NEW", news={})
    if command == "spec":
        say(type="SPEC", spec={"connectionSpecification": SPEC})
    elif command == "check":
        if config.get("trouble") == "hang":
            time.sleep(600)
        wrong = config["token"] != "right"
        said = {"status": "FAILED", "message": f"401 Unauthorized for {config['token']}"}
        say(type="CONNECTION_STATUS", connectionStatus=said if wrong else {"status": "SUCCEEDED"})
    elif command == "discover":
        spaces = config.get("spaces")
        same = [STREAMS[0] | ({"namespace": space} if space else {}) for space in spaces or ()]
        say(type="CATALOG", catalog={"streams": same or STREAMS})
    elif config.get("trouble") == "crash":
        sys.stderr.write(f"Traceback ...\nValueError: no luck with {config['token']}\n")
        sys.exit(3)
    else:
        read(config)


if __name__ == "__main__":
    main()
