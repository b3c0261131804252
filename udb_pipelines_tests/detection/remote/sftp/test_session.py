"""The protocol against a server of our own that answers as badly as servers do."""

from __future__ import annotations

import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.detection.remote.sftp.session import BrokenError, Session
from udb_pipelines.detection.remote.sftp.wire import Attributes, Fields, Kind, packet
from udb_pipelines.errors import UdbError

SERVER = """
import struct, sys
CONTENT = bytes(range(256)) * 1000

def receive():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit()
    body = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    return body[0], body[1:]

def send(kind, body):
    sys.stdout.buffer.write(struct.pack(">IB", len(body) + 1, kind) + body)
    sys.stdout.buffer.flush()

receive()
send(2, struct.pack(">I", 3))
waiting = []
while True:
    kind, body = receive()
    number = body[:4]
    if kind == 3:
        send(102, number + struct.pack(">I", 1) + b"h")
    elif kind == 8:
        send(105, number + struct.pack(">IQII", 9, len(CONTENT), 5, 7))
    elif kind == 4:
        send(101, number + struct.pack(">I", 0))
    elif kind == 5:
        offset, length = struct.unpack(">QI", body[9:21])
        waiting.append((number, offset, length))
        if len(waiting) == BATCH or offset + length >= len(CONTENT):
            for number, offset, length in reversed(waiting):
                block = CONTENT[offset:offset + min(length, MOST)]
                send(103, number + struct.pack(">I", len(block)) + block)
            waiting = []
"""


@contextmanager
def session(code: str, **values: int) -> Iterator[Session]:
    for name, value in values.items():
        code = code.replace(name, str(value))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    opened = None
    try:
        opened = Session(process, 2)
        yield opened
    finally:
        if opened:
            opened.close()
        process.kill()
        process.wait()


@pytest.mark.parametrize(("batch", "most"), [(1, 40_000), (3, 40_000), (1, 1_000)])
def test_answers_out_of_order_and_shorter_than_asked(batch: int, most: int) -> None:
    found: list[bytes] = []
    with session(SERVER, BATCH=batch, MOST=most) as opened:
        assert opened.download("a", Attributes(size=256_000, modified=7), 0, found.append)
    assert b"".join(found) == bytes(range(256)) * 1000


def test_a_file_of_another_time_is_not_taken() -> None:
    with session(SERVER, BATCH=1, MOST=40_000) as opened:
        assert not opened.download("a", Attributes(size=256_000, modified=8), 0, pytest.fail)


@pytest.mark.parametrize("text", ["Welcome to the server!\\r\\n", "\\0\\0\\0\\5\\x65abcd"])
def test_a_shell_that_talks(text: str) -> None:
    with pytest.raises(UdbError) as caught, session(f"print('{text}', flush=True); import time; time.sleep(9)"):
        pass
    assert caught.value.code == "E_HTTP"


@pytest.mark.parametrize(("code", "late"), [("", False), ("import time; time.sleep(9)", True)])
def test_a_server_that_ends_or_stays_silent(code: str, late: bool) -> None:
    with pytest.raises(BrokenError) as caught, session(code):
        pass
    assert caught.value.late is late


@given(st.integers(0, 2**63), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_attributes(size: int, mode: int, modified: int, more: int) -> None:
    extended = struct.pack(">I", more) + packet(Kind.NAME, "a", "b")[5:] * more
    body = struct.pack(">IQIIIII", 0x8000000F, size, 1, 2, mode, 3, modified) + extended
    fields = Fields(body + b"\0\0\0\7")
    assert fields.attributes() == Attributes(size, mode, modified)
    assert fields.number() == 7


@given(st.binary(max_size=40))
def test_a_damaged_packet_is_told_as_such(content: bytes) -> None:
    try:
        Fields(content).attributes()
    except UdbError as error:
        assert error.code == "E_HTTP"
