"""Pins: byte for byte, with their history, and whole after a kill at any step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.contracts import store
from udb_pipelines.errors import UdbError

OLD = b"# mine\napiVersion: v3.1.0\nkind: DataContract\nid:   c  # kept\nversion: 1.0.0\nstatus: draft\nx-own: [b, a]\n"
NEW = OLD.replace(b"draft", b"active")

KILLED = """
import os, signal, sys
from pathlib import Path
from udb_pipelines.config import Settings
from udb_pipelines.contracts import store
from udb_pipelines.warehouse import steps
steps.reached = lambda step: step == sys.argv[2] and os.kill(os.getpid(), signal.SIGKILL)
store.pin(Settings(home=Path(sys.argv[1])), "orders", sys.stdin.buffer.read())
"""


@pytest.mark.parametrize("content", [OLD, OLD.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + OLD, OLD + b"\n\n# end"])
def test_what_is_pinned_comes_back_byte_for_byte(settings: Settings, content: bytes):
    assert store.pin(settings, "orders", content)
    pin = store.pinned(settings, "orders")
    assert pin is not None
    assert pin.path.read_bytes() == pin.document.text.encode() == content
    assert pin.document.content["x-own"] == ["b", "a"]
    assert not store.pin(settings, "orders", content)


def test_history_is_kept_and_says_what_is_in_force(settings: Settings):
    for content in (OLD, NEW, OLD):
        store.pin(settings, "orders", content)
    assert [(entry.path.read_bytes(), entry.in_force) for entry in store.history(settings, "orders")] == [
        (OLD, True), (NEW, False), (OLD, False),
    ]  # fmt: skip
    assert store.names(settings) == ("orders",)
    assert (store.unpin(settings, "orders"), store.unpin(settings, "orders")) == (True, False)
    assert (store.pinned(settings, "orders"), store.names(settings)) == (None, ())
    assert [entry.in_force for entry in store.history(settings, "orders")] == [False, False, False]


def test_a_file_edited_in_place_is_checked_when_it_is_read(settings: Settings):
    store.pin(settings, "orders", OLD)
    file = settings.contracts / "orders.yaml"
    file.write_bytes(OLD.replace(b"status: draft\n", b"status: 3\n"))
    with pytest.raises(UdbError, match="line 6: status is not of type string"):
        store.pinned(settings, "orders")
    file.write_bytes(b"a: \xff")
    with pytest.raises(UdbError, match="byte 3 is not UTF-8"):
        store.pinned(settings, "orders")


@pytest.mark.parametrize("name", ["../orders", "Orders", "", "history/orders"])
def test_a_name_is_never_a_path(settings: Settings, name: str):
    with pytest.raises(UdbError, match="E_NAME"):
        store.pin(settings, name, OLD)


@pytest.mark.parametrize(("step", "in_force"), [("remembered", OLD), ("in force", NEW)])
def test_a_kill_leaves_the_old_contract_or_the_new_one(settings: Settings, step: str, in_force: bytes):
    store.pin(settings, "orders", OLD)
    done = subprocess.run([sys.executable, "-c", KILLED, str(settings.home), step], input=NEW, timeout=240)
    assert done.returncode == -9
    pin = store.pinned(settings, "orders")
    assert pin is not None
    assert pin.document.text.encode() == in_force
    assert store.pin(settings, "orders", NEW) is (in_force == OLD)
    leftovers = [path for path in Path(settings.contracts).rglob("*") if path.is_file() and path.suffix != ".yaml"]
    assert leftovers == []
