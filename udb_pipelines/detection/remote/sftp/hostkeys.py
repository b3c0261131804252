"""By which key a server is known: what a source pins, and what a server shows to those who ask."""

from __future__ import annotations

import hashlib
import re
import subprocess
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

from udb_pipelines.errors import UdbError

CODE = "E_HOST_KEY"
_KEY = re.compile(r"(?P<kind>(?:ssh|ecdsa|sk)-[a-z0-9@.-]+)\s+(?P<content>AAAA[A-Za-z0-9+/]+=*)")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256")
_SECONDS = 10


@dataclass(frozen=True)
class HostKey:
    """A server's public key."""

    kind: str
    content: str
    """In base64, as files of known hosts hold it."""

    @property
    def fingerprint(self) -> str:
        """Short enough to be compared by a person, as OpenSSH writes it."""
        digest = hashlib.sha256(b64decode(self.content)).digest()
        return f"SHA256:{b64encode(digest).decode().rstrip('=')}"

    @property
    def written(self) -> str:
        """As ``host_key`` takes it."""
        return f"{self.kind} {self.content}"


def keys_in(text: str) -> tuple[HostKey, ...]:
    """The keys that a text holds: a ``.pub`` file, lines of ``known_hosts`` or of ``ssh-keyscan``."""
    return tuple(HostKey(found["kind"], found["content"]) for found in _KEY.finditer(text) if _is_key(found["content"]))


def _is_key(content: str) -> bool:
    try:
        return len(b64decode(content, validate=True)) > 0
    except Base64Error:
        return False


def pinned(told: str, address: str, port: int) -> tuple[HostKey, ...]:
    """The keys that ``host_key`` stands for: those it holds, or the one that has its fingerprint.

    Raises:
        UdbError: ``E_OPTION`` for what is neither, ``E_HOST_KEY`` when the server has no key of that fingerprint.
    """
    if _FINGERPRINT.fullmatch(told):
        shown = shown_by(address, port)
        found = tuple(key for key in shown if key.fingerprint == told)
        if shown and not found:
            raise UdbError(
                CODE,
                "the server has no key with the fingerprint that is pinned",
                remedy="ask the server's operator whether its key was changed; if so, pin the new one as host_key",
            )
        return found
    keys = keys_in(told)
    if not keys:
        raise UdbError(
            "E_OPTION",
            "host_key is neither a public key nor a fingerprint",
            remedy="write it as 'ssh-ed25519 AAAA…' or 'SHA256:…'; ssh-keyscan HOST shows it",
        )
    return keys


def shown_by(address: str, port: int) -> tuple[HostKey, ...]:
    """What the server shows to anybody, the best kind first; empty when it does not answer."""
    try:
        answer = subprocess.run(  # noqa: S603 - an address that the egress guard gave
            ["ssh-keyscan", "-T", str(_SECONDS), "-p", str(port), "--", address],  # noqa: S607 - found as ssh is
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=3 * _SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = keys_in(answer.stdout.decode("ascii", "replace"))
    return tuple(sorted(found, key=lambda key: (key.kind not in _PREFERRED, key.kind)))
