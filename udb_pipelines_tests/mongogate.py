"""A gate before the MongoDB server of the tests, which lets in who signs in, and shows one moment to who asks for it.

It does what the server behind it does not: SCRAM-SHA-256 (RFC 5802, RFC 7677), rights per database, and reads "at a
cluster time" as a replica set answers them. All else goes through as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

USER, PASSWORD = "ann", "planted/m@ngo:1"
AT_HOME = "admin"
"""The database that knows the user."""
ITERATIONS = 4096
REQUEST, MESSAGE, QUERY = 1, 2013, 2004
OPEN = ("hello", "ismaster", "ping", "buildinfo", "saslstart", "saslcontinue", "endsessions")
OURS = ("lsid", "$clusterTime", "readConcern", "$readPreference")


@dataclass
class Gate:
    """Whom it lets in where, and what it has seen."""

    behind: int
    port: int = 0
    may_read: str = ""
    """The only database that the user may read; every one when empty."""
    too_old: bool = False
    """Whether the server has forgotten the moment that is read by the second time."""
    moments: list[Any] = field(default_factory=list)
    """The cluster time that each read asks for; None where it asks for a new one."""

    def url(self, database: str, user: str = USER, rest: str = "?authSource=admin") -> str:
        return f"mongodb://{user}:${{MONGO}}@127.0.0.1:{self.port}/{database}{rest}"


@contextmanager
def guarding(behind: int) -> Iterator[Gate]:
    """A gate before the server at the port ``behind``."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gate = Gate(behind, listening.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=_Visit(gate, client).run, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield gate
        listening.shutdown(socket.SHUT_RDWR)


class _Visit:
    """One connection of a client."""

    def __init__(self, gate: Gate, client: socket.socket) -> None:
        self._gate, self._client = gate, client
        self._server = socket.create_connection(("127.0.0.1", gate.behind))
        self._signed_in = False
        self._first = b""
        self._nonce = ""

    def run(self) -> None:
        with suppress(OSError, EOFError), self._client, self._server:
            while True:
                number, code, body = _received(self._client)
                self._client.sendall(self._answered(number, code, body))

    def _answered(self, number: int, code: int, body: bytes) -> bytes:
        import bson
        from bson.timestamp import Timestamp

        head, rest = _head(code, body)
        length = struct.unpack("<i", rest[:4])[0]
        command: dict[str, Any] = bson.decode(rest[:length])
        name = next(iter(command)).lower()
        own = self._own(name, command)
        concern = command.get("readConcern") or {}
        if own is None:
            for key in OURS:
                command.pop(key, None)
            _send(self._server, number, code, head + bson.encode(command) + rest[length:])
            _, code, reply = _received(self._server)
            head, rest = _head(code, reply)
            own = bson.decode(rest)
        else:
            code, head = MESSAGE, b"\0" * 5
        if concern.get("level") == "snapshot" and "cursor" in own:
            own["cursor"]["atClusterTime"] = concern.get("atClusterTime") or Timestamp(7, len(self._gate.moments))
        return _packed(number, code, head + bson.encode(own | self._more(name, command)))

    def _more(self, name: str, command: dict[str, Any]) -> dict[str, Any]:
        """What a replica set of a later version adds to its greeting."""
        if name not in ("hello", "ismaster"):
            return {}
        me = f"127.0.0.1:{self._gate.port}"
        known = {"saslSupportedMechs": ["SCRAM-SHA-256"]} if "saslSupportedMechs" in command else {}
        return {
            "isWritablePrimary": True, "ismaster": True, "setName": "rs", "hosts": [me], "me": me, "primary": me,
            "maxWireVersion": 17, "minWireVersion": 0, "logicalSessionTimeoutMinutes": 30, **known,
        }  # fmt: skip

    def _own(self, name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        """The gate's answer; None for what goes through."""
        if name in ("saslstart", "saslcontinue"):
            return self._scram(name, command)
        if name == "endsessions":
            return {"ok": 1.0}
        if name in OPEN:
            return None
        allowed = self._gate.may_read in ("", command["$db"])
        if not self._signed_in or not allowed:
            return _refused(13, "Unauthorized")
        return self._at_a_moment(command)

    def _at_a_moment(self, command: dict[str, Any]) -> dict[str, Any] | None:
        concern = command.get("readConcern") or {}
        if concern.get("level") != "snapshot":
            return None
        self._gate.moments.append(concern.get("atClusterTime"))
        if self._gate.too_old and concern.get("atClusterTime"):
            return _refused(239, "SnapshotTooOld")
        return None

    def _scram(self, name: str, command: dict[str, Any]) -> dict[str, Any]:
        salt = hashlib.sha256(b"salt").digest()
        payload = bytes(command["payload"])
        if name == "saslstart":
            if command["$db"] != AT_HOME or command["mechanism"] != "SCRAM-SHA-256":
                return _refused(18, "AuthenticationFailed")
            self._first = payload.removeprefix(b"n,,")
            asked = dict(part.split("=", 1) for part in self._first.decode().split(","))
            self._nonce = asked["r"] + base64.b64encode(os.urandom(18)).decode()
            self._user = asked["n"]
            reply = f"r={self._nonce},s={base64.b64encode(salt).decode()},i={ITERATIONS}"
            self._reply = reply.encode()
            return {"conversationId": 1, "done": False, "payload": self._reply, "ok": 1.0}
        without, _, proof = payload.rpartition(b",p=")
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, ITERATIONS)
        key = _mac(salted, b"Client Key")
        signed = b",".join((self._first, self._reply, without))
        wanted = bytes(a ^ b for a, b in zip(key, _mac(hashlib.sha256(key).digest(), signed), strict=True))
        if self._user != USER or base64.b64decode(proof) != wanted:
            return _refused(18, "AuthenticationFailed")
        self._signed_in = True
        verifier = base64.b64encode(_mac(_mac(salted, b"Server Key"), signed))
        return {"conversationId": 1, "done": True, "payload": b"v=" + verifier, "ok": 1.0}


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def _refused(code: int, name: str) -> dict[str, Any]:
    return {"ok": 0.0, "errmsg": f"not for {PASSWORD}", "code": code, "codeName": name}


def _head(code: int, body: bytes) -> tuple[bytes, bytes]:
    """What stands before the document, and the document with what follows."""
    if code == MESSAGE:
        return body[:5], body[5:]
    length = body.index(b"\0", 4) + 9 if code == QUERY else 20
    return body[:length], body[length:]


def _received(of: socket.socket) -> tuple[int, int, bytes]:
    length, number, _, code = struct.unpack("<iiii", _exactly(of, 16))
    return number, code, _exactly(of, length - 16)


def _exactly(of: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = of.recv(length - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


def _send(to: socket.socket, number: int, code: int, body: bytes) -> None:
    to.sendall(struct.pack("<iiii", 16 + len(body), number, 0, code) + body)


def _packed(answers: int, code: int, body: bytes) -> bytes:
    return struct.pack("<iiii", 16 + len(body), 1, answers, code) + body
