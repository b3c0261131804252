"""The OpenSSH client as a process: signing in, the key the server must show, and what went wrong in our words.

Nothing of the person's own configuration is read (``-F none``): a host there could be led somewhere else than where
the egress guard has looked. The guard's address is the one that is connected to.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.sftp import hostkeys
from udb_pipelines.detection.remote.sftp.place import DEFAULT_PORT, Credentials, Place, Server
from udb_pipelines.detection.remote.sftp.private import Handed, handing
from udb_pipelines.detection.remote.sftp.session import BrokenError, Session
from udb_pipelines.egress import Guard
from udb_pipelines.errors import UdbError

_CONNECT_SECONDS = 15
_ALIVE_SECONDS = 15
_FIXED = {
    "ClearAllForwardings": "yes",
    "ConnectionAttempts": "1",
    "ControlMaster": "no",
    "ControlPath": "none",
    "EscapeChar": "none",
    "ForwardAgent": "no",
    "LogLevel": "ERROR",
    "NumberOfPasswordPrompts": "1",
    "PermitLocalCommand": "no",
    "RequestTTY": "no",
    "ServerAliveCountMax": "2",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SSH_AUTH_SOCK", "USER")
"""Variables of ours that the client may see."""

_ANOTHER_KEY = re.compile(r"IDENTIFICATION HAS CHANGED|REVOKED HOST KEY")
_NOT_LET_IN = re.compile(r"Permission denied|Too many authentication failures|No more authentication methods")
_UNKNOWN_KEY = re.compile(r"host key is known for|Host key verification failed")
_TROUBLES: tuple[tuple[re.Pattern[str], str, str, str], ...] = (
    (
        re.compile(r"Load key .*(?:invalid format|error in libcrypto|unknown|unsupported)"),
        "E_AUTH", "cannot be signed in to: what is given as private_key is no private key",
        "store the whole file: udb secrets set NAME < id_ed25519",
    ),
    (
        re.compile(r"no matching|Unable to negotiate"),
        "E_CONNECT", "offers no way of encryption that is still held to be safe", "let its operator renew its software",
    ),
    (
        re.compile(r"subsystem request failed|exec request failed"),
        "E_UNSUPPORTED", "lets this user in, but offers no SFTP", "ask its operator to allow SFTP",
    ),
)  # fmt: skip


def signed_in(place: Place, settings: Settings) -> Session:
    """A connection to the server, by the first of its addresses that answers.

    Raises:
        UdbError: ``E_CONNECT``, ``E_AUTH``, ``E_HOST_KEY`` for a server that is not known or shows another key,
            ``E_EGRESS``, ``E_UNSUPPORTED`` without an OpenSSH client, ``E_HTTP`` when it does not speak SFTP.
    """
    if shutil.which("ssh") is None:
        raise UdbError(
            "E_UNSUPPORTED", "sftp:// needs OpenSSH's client on this machine", remedy="apt-get install openssh-client"
        )
    server = place.server
    addresses, _ = Guard(settings).addresses(server.host, server.port)
    for address in addresses[:-1]:
        try:
            return _signed_in(place, address, settings)
        except UdbError as error:
            if error.code != "E_CONNECT":
                raise
    return _signed_in(place, addresses[-1], settings)


def offered(server: Server, settings: Settings) -> hostkeys.HostKey | None:
    """The key that a server shows to anybody, the best of several: for a person to compare; None without an answer.

    Raises:
        UdbError: ``E_CONNECT``, ``E_EGRESS``.
    """
    shown = hostkeys.shown_by(Guard(settings).reachable(server.host, server.port), server.port)
    return shown[0] if shown else None


def _signed_in(place: Place, address: str, settings: Settings) -> Session:
    with handing(settings) as handed, tempfile.TemporaryFile() as said:
        options, variables = _sign_in(place.credentials, handed)
        command = ["ssh", "-F", "none", "-p", str(place.server.port), "-l", place.server.user, "-s"]
        for name, value in {**_FIXED, **_host_key(place, address, handed, settings), **options}.items():
            command += ["-o", f"{name}={value}"]
        seconds = min(_CONNECT_SECONDS, settings.http_timeout_seconds)
        command += ["-o", f"ConnectTimeout={max(1, round(seconds))}"]
        command += ["-o", f"ServerAliveInterval={max(1, round(min(_ALIVE_SECONDS, settings.http_timeout_seconds)))}"]
        process = subprocess.Popen(  # noqa: S603 - user and host were checked, the address is the egress guard's
            [*command, "--", address, "sftp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **variables},
            start_new_session=True,  # no terminal to ask a person at, and Ctrl-C is ours to handle
        )
        try:
            return Session(process, settings.http_timeout_seconds)
        except BrokenError as broken:
            _end(process)
            said.seek(0)
            told = said.read().decode("utf-8", "replace")
            failure = _late(place.server) if broken.late else _failure(told, place, address)
        except BaseException:
            _end(process)
            raise
    # Outside of the handler: not even as a context may the client's text go along.
    raise failure


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _sign_in(credentials: Credentials, handed: Handed) -> tuple[dict[str, str], dict[str, str]]:
    """Options and variables by which the client signs in with these credentials and no others."""
    if credentials.password:
        return (
            {
                "PreferredAuthentications": "password,keyboard-interactive",
                "PubkeyAuthentication": "no",
                "IdentityAgent": "none",
            },
            handed.asking(credentials.password),
        )
    if credentials.private_key:
        lines = credentials.private_key.replace("\r\n", "\n").strip()
        options = {
            "IdentityAgent": "none",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(handed.secret("key", lines + "\n")),
            "PreferredAuthentications": "publickey",
        }
        if credentials.passphrase:
            return options, handed.asking(credentials.passphrase)
        return {**options, "BatchMode": "yes"}, {}
    return {"BatchMode": "yes", "PreferredAuthentications": "publickey"}, {}


def _host_key(place: Place, address: str, handed: Handed, settings: Settings) -> dict[str, str]:
    """Options that say by which key the server is known."""
    server = place.server
    name = server.host if server.port == DEFAULT_PORT else f"[{server.host}]:{server.port}"
    options = {"HostKeyAlias": name}
    if place.host_key:
        keys = hostkeys.pinned(place.host_key, address, server.port)
        lines = "".join(f"{name} {key.written}\n" for key in keys)
        known = _file(handed.public("known_hosts", lines))
        return {**options, "UserKnownHostsFile": known, "GlobalKnownHostsFile": "none"}
    if settings.ssh_known_hosts is not None:
        options["UserKnownHostsFile"] = _file(settings.ssh_known_hosts)
    return options


def _file(path: Path) -> str:
    """As the client's options take it: blanks and per cent signs have a meaning there."""
    return '"' + str(path).replace("%", "%%") + '"'


def _late(server: Server) -> UdbError:
    return UdbError("E_CONNECT", f"{server.host} did not answer in time")


def _failure(told: str, place: Place, address: str) -> UdbError:
    """What the client says, in our words; its own may quote what the server sent."""
    host = place.server.host
    if _ANOTHER_KEY.search(told):
        return _another_key(place, address)
    if _UNKNOWN_KEY.search(told):
        return _unknown_key(place, address)
    for pattern, code, words, remedy in _TROUBLES:
        if pattern.search(told):
            return UdbError(code, f"{host} {words}", remedy=remedy)
    if _NOT_LET_IN.search(told):
        return _not_let_in(place)
    why = "refuses connections" if "refused" in told else "did not answer in time" if "timed out" in told else ""
    return UdbError("E_CONNECT", f"{host} {why or 'cannot be reached, or ended the connection'}")


def _not_let_in(place: Place) -> UdbError:
    """The client does not tell a key that is refused from one that the passphrase does not open."""
    own = place.credentials
    if own.password:
        what, remedy = "the password", "correct the password of the source"
    elif own.private_key:
        what = "the key" + (", or the passphrase does not open it" if own.passphrase else "; it may need a passphrase")
        remedy = "let the server's operator allow this key; --config passphrase='${secret:NAME}' opens it"
    else:
        what, remedy = (
            "the keys of this machine's user",
            "name its own: --config private_key='${secret:NAME}', or password",
        )
    return UdbError("E_AUTH", f"{place.server.host} refused {place.server.user} with {what}", remedy=remedy)


def _another_key(place: Place, address: str) -> UdbError:
    shown = " or ".join(key.fingerprint for key in hostkeys.shown_by(address, place.server.port)[:1])
    return UdbError(
        hostkeys.CODE,
        f"{place.server.host} does not show the key it is known by" + (f", but {shown}" if shown else ""),
        kept="nothing was sent to it",
        remedy="somebody may stand in between. Ask the server's operator; if its key was changed, correct host_key "
        "or the file of known hosts",
    )


def _unknown_key(place: Place, address: str) -> UdbError:
    shown = hostkeys.shown_by(address, place.server.port)
    if not shown:
        return UdbError(hostkeys.CODE, f"the key of {place.server.host} is not known")
    best = shown[0]
    return UdbError(
        hostkeys.CODE,
        f"the key of {place.server.host} is not known; it shows {best.fingerprint} ({best.kind})",
        kept="nothing was sent to it",
        remedy=f"if the server's operator confirms it, pin it: --config host_key='{best.written}'",
    )
