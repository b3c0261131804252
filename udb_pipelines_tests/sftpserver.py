"""A real OpenSSH server for the tests: one process per test session on the loopback interface, with keys of its own.

It runs as whoever runs the tests, and lets them in by a key made for the session. Where the tests run as root, the
server sees a file of passwords of its own in place of the machine's, so that a password can be tried as well.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

PASSWORD = "planted-ssh-secret"
PASSPHRASE = "planted-passphrase"
START_SECONDS = 90
_SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")
_WITH_PASSWORDS = 'mount --bind "$1" /etc/shadow && shift && exec "$@"'


@dataclass
class SftpServer:
    """A running server. ``folder`` holds a new folder per test; ``home`` is where the user's paths begin."""

    port: int
    folder: Path
    takes_passwords: bool
    user: str = field(default_factory=getpass.getuser)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def key(self) -> str:
        """The private key that is let in."""
        return (self.folder / "user").read_text()

    @property
    def locked_key(self) -> str:
        """Another that is let in, under :data:`PASSPHRASE`."""
        return (self.folder / "locked").read_text()

    @property
    def host_key(self) -> str:
        return (self.folder / "host.pub").read_text()

    def new_folder(self) -> Path:
        """An empty folder that the server offers."""
        made = self.folder / f"data-{next(self.numbers)}"
        made.mkdir()
        return made

    def address(self, path: Path | str) -> str:
        return f"sftp://{self.user}@127.0.0.1:{self.port}{path}"

    def fetched(self) -> list[str]:
        """Files that were opened, since :meth:`forget`."""
        return re.findall(r'open "([^"]+)" flags READ', self._log.read_text())

    def sessions(self) -> int:
        """How often somebody signed in, since :meth:`forget`."""
        return self._log.read_text().count("session opened for")

    def forget(self) -> None:
        self._log.write_text("")

    @property
    def _log(self) -> Path:
        return self.folder / "sftp.log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_keys(folder: Path) -> None:
    for name, secret in (("host", ""), ("other", ""), ("user", ""), ("locked", PASSPHRASE)):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-C", name, "-f", str(folder / name)], check=True
        )
    (folder / "authorized").write_text((folder / "user.pub").read_text() + (folder / "locked.pub").read_text())


def _passwords(folder: Path) -> list[str]:
    """Words to put before the command, so that the server sees passwords of ours; none where that cannot be done."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("openssl")):
        return []
    coded = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True).stdout
    shadow = folder / "shadow"
    shadow.write_text(f"{getpass.getuser()}:{coded.strip()}:19000:0:99999:7:::\n")
    words = ["unshare", "--mount", "sh", "-c", _WITH_PASSWORDS, "sh", str(shadow)]
    return words if subprocess.run([*words, "true"], check=False, capture_output=True).returncode == 0 else []


def start(
    folder: Path, port: int, *, host_key: str = "host", words: list[str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server on the keys in ``folder``, and wait until it answers."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    server = next((path for path in _SFTP_SERVERS if Path(path).is_file()), None)
    if program is None or server is None or shutil.which("ssh") is None:
        pytest.skip("needs an OpenSSH server and client: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    config = folder / f"config-{port}"
    home, log = folder / "home", folder / "sftp.log"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / host_key}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPermitRootLogin yes\nPasswordAuthentication yes\n"
        "KbdInteractiveAuthentication no\nMaxStartups 50\nPrintMotd no\n"
        f"Subsystem sftp {server} -e -l VERBOSE -d {home} 2>>{log}\n"
    )
    with (folder / "sshd.log").open("ab") as said:
        process = subprocess.Popen([*(words or []), program, "-D", "-e", "-f", str(config)], stdout=said, stderr=said)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    pytest.fail(f"the SSH server did not start:\n{(folder / 'sshd.log').read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=START_SECONDS)


@pytest.fixture(scope="session")
def sftp_server() -> Iterator[SftpServer]:
    """The server; it lives as long as the test session."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs an OpenSSH server and client: apt-get install openssh-server")
    folder = Path(tempfile.mkdtemp(prefix="udb-ssh-"))
    try:
        (folder / "home").mkdir()
        (folder / "sftp.log").touch()
        _make_keys(folder)
        port, words = _free_port(), _passwords(folder)
        process = start(folder, port, words=words)
        try:
            yield SftpServer(port, folder, takes_passwords=bool(words))
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
