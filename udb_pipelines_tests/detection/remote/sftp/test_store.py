"""Files of a real OpenSSH server: only what changed is fetched, broken downloads go on, nobody is trusted blindly."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.detection.remote.sftp import hostkeys, ssh
from udb_pipelines.detection.remote.sftp.session import Session
from udb_pipelines.detection.remote.sftp.store import local_copies
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Detection, Source, SourceOptions
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines_tests import sftpserver
from udb_pipelines_tests.sftpserver import PASSPHRASE, PASSWORD, SftpServer

LONG_AGO = time.time() - 86_400
CUT_AFTER = 400_000


def put(path: Path, content: bytes, modified: float = LONG_AGO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified, modified))


def csv(*rows: int) -> bytes:
    return ("id,name\n" + "".join(f"{row},name {row}\n" for row in rows)).encode()


@pytest.fixture
def config(sftp_server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of a source: a key by reference, and the server's key."""
    monkeypatch.setenv("SHOP_KEY", sftp_server.key)
    sftp_server.forget()
    return {"private_key": "${SHOP_KEY}", "host_key": sftp_server.host_key}


def looked_at(uri: str, config: dict[str, Any], settings: Settings) -> tuple[Source, Detection]:
    source = Source(name="shop", uri=uri, options=SourceOptions(config=config), created_at=datetime.now(UTC))
    return source, detect(source, settings)


def names(server: SftpServer, path: str, config: dict[str, Any], settings: Settings) -> list[str]:
    copies = local_copies(server.address(path), config, settings)
    return [str(file.relative_to(copies.root)) for file, _ in copies.files]


# --- what is read, and what is not read again -----------------------------------------------------------


def test_of_fifty_files_only_the_changed_one_is_fetched(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    folder = sftp_server.new_folder()
    for number in range(50):
        put(folder / f"{number % 5}/day_{number:02}.csv", csv(number, number + 100))
    put(folder / "notes.tmp", b"x")
    put(folder / ".hidden/a.csv", csv(1))
    source, first = looked_at(sftp_server.address(f"{folder}/"), config, settings)
    assert first.connector == "sftp"
    assert [stream.row_estimate for stream in first.streams] == [100]
    assert len(sftp_server.fetched()) == 50

    sftp_server.forget()
    _, again = looked_at(sftp_server.address(f"{folder}/"), config, settings)
    assert again.fingerprint == first.fingerprint
    assert (sftp_server.fetched(), sftp_server.sessions()) == ([], 1)

    put(folder / "2/day_07.csv", csv(7, 8, 9), LONG_AGO + 5)
    _, changed = looked_at(sftp_server.address(f"{folder}/"), config, settings)
    assert sftp_server.fetched() == [str(folder / "2/day_07.csv")]
    assert changed.fingerprint != first.fingerprint
    staged = extract(provision(source, changed), settings, "job", None)
    assert staged.datasets[0].rows_staged == 101
    # What the first detection found can still be read: nothing of it was changed by the second.
    assert extract(provision(source, first), settings, "other", None).datasets[0].rows_staged == 100


def test_the_same_length_with_another_time_is_a_change(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    folder = sftp_server.new_folder()
    put(folder / "a.csv", csv(1, 2))
    first = local_copies(sftp_server.address(folder / "a.csv"), config, settings)
    put(folder / "a.csv", csv(3, 4), LONG_AGO + 1)
    second = local_copies(sftp_server.address(folder / "a.csv"), config, settings)
    assert (first.files[0][0].read_bytes(), second.files[0][0].read_bytes()) == (csv(1, 2), csv(3, 4))


def test_a_file_written_twice_within_its_second_is_seen(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    folder, now = sftp_server.new_folder(), time.time()
    put(folder / "a.csv", csv(1, 2), now)
    local_copies(sftp_server.address(folder / "a.csv"), config, settings)
    put(folder / "a.csv", csv(3, 4), now)
    copies = local_copies(sftp_server.address(folder / "a.csv"), config, settings)
    assert copies.files[0][0].read_bytes() == csv(3, 4)


def test_patterns(sftp_server: SftpServer, config: dict[str, Any], settings: Settings) -> None:
    folder = sftp_server.new_folder()
    for name in ("a.csv", "b.csv", "c.json", "2024/d.csv", "2024/deep/e.csv", "2025/f.csv", "with blank/ü [1].csv"):
        put(folder / name, csv(1))
    (folder / "linked.csv").symlink_to(folder / "2024/d.csv")
    (folder / "broken.csv").symlink_to(folder / "nowhere")
    (folder / "2024/circle").symlink_to(folder)
    (folder / "2026").symlink_to(folder / "2025")
    assert names(sftp_server, f"{folder}/*.csv", config, settings) == ["a.csv", "b.csv", "linked.csv"]
    assert names(sftp_server, f"{folder}/20*/*.csv", config, settings) == ["2024/d.csv", "2025/f.csv", "2026/f.csv"]
    assert names(sftp_server, f"{folder}/**/[de].csv", config, settings) == ["d.csv", "deep/e.csv"]
    assert names(sftp_server, f"{folder}/with blank/ü [1].csv", config, settings) == ["ü [1].csv"]
    assert len(names(sftp_server, f"{folder}", config, settings)) == 8


def test_only_folders_that_can_hold_a_match_are_listed(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    folder = sftp_server.new_folder()
    put(folder / "in/a.csv", csv(1))
    put(folder / "archive/old/b.csv", csv(2))
    assert names(sftp_server, f"{folder}/in*/*.csv", config, settings) == ["a.csv"]
    assert "archive" not in (sftp_server.folder / "sftp.log").read_text()


def test_a_path_from_the_users_own_folder_on(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    put(sftp_server.home / "mine/a.csv", csv(1))
    put(sftp_server.home / "mine/b.csv", csv(2))
    assert names(sftp_server, "/~/mine/*.csv", config, settings) == ["a.csv", "b.csv"]
    assert names(sftp_server, "/~/mine/b.csv", config, settings) == ["b.csv"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/nothing.csv", "E_NOT_FOUND"), ("/no/where/*.csv", "E_NOT_FOUND"), ("/*.parquet", "E_NO_DATA_FILES")],
)
def test_what_is_not_there(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings, path: str, code: str
) -> None:
    folder = sftp_server.new_folder()
    put(folder / "a.csv", csv(1))
    with pytest.raises(UdbError) as caught:
        local_copies(sftp_server.address(f"{folder}{path}"), config, settings)
    assert caught.value.code == code


def test_a_large_file_comes_whole(sftp_server: SftpServer, config: dict[str, Any], settings: Settings) -> None:
    folder, content = sftp_server.new_folder(), os.urandom(5_000_003)
    put(folder / "big.bin", content)
    assert local_copies(sftp_server.address(folder / "big.bin"), config, settings).files[0][0].read_bytes() == content


def test_a_file_that_grows_meanwhile_is_refused(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    folder = sftp_server.new_folder()
    path = folder / "growing.csv"
    put(path, csv(*range(500_000)))
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab") as out:
            while not stop.wait(0.005):
                out.write(b"1,more\n")
                out.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(UdbError) as caught:
            local_copies(sftp_server.address(path), config, settings)
    finally:
        stop.set()
        writer.join()
    assert caught.value.code == "E_VANISHED"


# --- a connection that breaks ---------------------------------------------------------------------------


@dataclass
class Wire:
    """Stands between client and server, and cuts connections on demand."""

    port: int = 0
    cut_next: int = 0
    connections: int = 0


@pytest.fixture
def wire(sftp_server: SftpServer) -> Iterator[Wire]:
    listener = socket.create_server(("127.0.0.1", 0))
    wire = Wire(listener.getsockname()[1])

    kept: list[socket.socket] = []  # a socket that is closed with something unread takes back what it has sent

    def pump(source: socket.socket, target: socket.socket, cut: bool) -> None:
        sent = 0
        with suppress(OSError):
            while chunk := source.recv(65_536):
                target.sendall(chunk)
                sent += len(chunk)
                if cut and sent > CUT_AFTER and wire.cut_next > 0:
                    wire.cut_next -= 1
                    source.shutdown(socket.SHUT_RDWR)
                    break
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                wire.connections += 1
                server = socket.create_connection(("127.0.0.1", sftp_server.port))
                kept.extend((client, server))
                threading.Thread(target=pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=pump, args=(server, client, True), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield wire
    listener.close()
    for end in kept:
        end.close()


def test_a_broken_connection_goes_on_where_it_broke(
    sftp_server: SftpServer, wire: Wire, config: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = csv(*range(200_000))
    path = sftp_server.new_folder() / "big.csv"
    put(path, content)
    wire.cut_next = 2
    offsets: list[int] = []
    download = Session.download

    def watched(session: Session, path: str, expected: Any, offset: int, take: Any) -> bool:
        offsets.append(offset)
        return download(session, path, expected, offset, take)

    monkeypatch.setattr(Session, "download", watched)
    copies = local_copies(f"sftp://{sftp_server.user}@127.0.0.1:{wire.port}{path}", config, settings)
    assert copies.files[0][0].read_bytes() == content
    assert wire.connections == 3
    assert offsets[0] == 0 < offsets[1] < offsets[2]


def test_an_unfinished_download_goes_on_in_the_next_job(
    sftp_server: SftpServer, wire: Wire, config: dict[str, Any], settings: Settings
) -> None:
    content = csv(*range(3_000_000))
    path = sftp_server.new_folder() / "big.csv"
    put(path, content)
    wire.cut_next = 1000
    uri = f"sftp://{sftp_server.user}@127.0.0.1:{wire.port}{path}"
    with pytest.raises(UdbError) as caught:
        local_copies(uri, config, settings.model_copy(update={"download_timeout_seconds": 4}))
    assert caught.value.code == "E_CONNECT"
    (part,) = (settings.cache / "partial").iterdir()
    have = part.stat().st_size
    assert 0 < have < len(content)
    wire.cut_next = 0
    sftp_server.forget()
    assert local_copies(uri, config, settings).files[0][0].read_bytes() == content
    assert f"bytes read {len(content) - have} " in (sftp_server.folder / "sftp.log").read_text()


def test_nobody_answers(config: dict[str, Any], settings: Settings) -> None:
    with pytest.raises(UdbError) as caught:
        local_copies("sftp://ann@127.0.0.1:9/a.csv", config, settings)
    assert (caught.value.code, "refuses connections" in caught.value.message) == ("E_CONNECT", True)


def test_a_server_that_stays_silent(
    config: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "_CONNECT_SECONDS", 600)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        begun = time.monotonic()
        with pytest.raises(UdbError) as caught:
            local_copies(
                f"sftp://ann@127.0.0.1:{listener.getsockname()[1]}/a.csv",
                config,
                settings.model_copy(update={"http_timeout_seconds": 1}),
            )
    assert caught.value.code == "E_CONNECT"
    assert time.monotonic() - begun < 120


# --- signing in -----------------------------------------------------------------------------------------


def test_a_stored_key_with_a_passphrase(sftp_server: SftpServer, settings: Settings) -> None:
    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(1))
    settings = settings.model_copy(update={"secret_key": SecretStr(new_key())})
    SecretStore(settings).set("shop_key", sftp_server.locked_key.strip())
    SecretStore(settings).set("shop_phrase", PASSPHRASE)
    config = {
        "private_key": "${secret:shop_key}",
        "passphrase": "${secret:shop_phrase}",
        "host_key": sftp_server.host_key,
    }
    assert local_copies(sftp_server.address(path), config, settings).files
    SecretStore(settings).set("shop_phrase", "another")
    with pytest.raises(UdbError) as caught:
        local_copies(sftp_server.address(path), config, settings)
    assert caught.value.code == "E_AUTH"
    assert "passphrase" in caught.value.message
    for line in sftp_server.locked_key.splitlines()[1:-1]:
        assert line not in scrub.text(f"a tool wrote {line} into its log")


@pytest.mark.parametrize("in_address", [True, False])
def test_a_password(
    sftp_server: SftpServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, in_address: bool
) -> None:
    if not sftp_server.takes_passwords:
        pytest.skip("needs root, to give the server a file of passwords of its own")
    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(1))
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    uri, config = sftp_server.address(path), {"host_key": sftp_server.host_key}
    if in_address:
        uri = uri.replace("@", ":${SHOP_PASSWORD}@", 1)
    else:
        config["password"] = "${SHOP_PASSWORD}"
    _, found = looked_at(uri, config, settings)
    assert found.streams[0].row_estimate == 1
    assert PASSWORD not in found.model_dump_json()
    monkeypatch.setenv("SHOP_PASSWORD", "another")
    with pytest.raises(UdbError) as caught:
        looked_at(uri, config, settings)
    assert caught.value.code == "E_AUTH"
    assert "another" not in str(caught.value.as_dict())


def wait_until_it_listens(socket_file: Path) -> None:
    """The file is there a moment before anybody may connect to it."""
    deadline = time.monotonic() + 60
    while True:
        with socket.socket(socket.AF_UNIX) as probe, suppress(FileNotFoundError, ConnectionRefusedError):
            probe.connect(str(socket_file))
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_agent_serves_who_names_nothing(
    sftp_server: SftpServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(1))
    agent = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_it_listens(agent)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
            subprocess.run(["ssh-add", "-q", str(sftp_server.folder / "user")], check=True)
            assert local_copies(sftp_server.address(path), {"host_key": sftp_server.host_key}, settings).files
            # The agent belongs to the operator; another tenant's source must name credentials.
            other = settings.model_copy(update={"tenant": "acme", "egress": "open"})
            with pytest.raises(UdbError) as caught:
                local_copies(sftp_server.address(path), {"host_key": sftp_server.host_key}, other)
            assert caught.value.code == "E_AUTH"
        finally:
            process.kill()


def test_a_key_that_is_not_let_in(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", (sftp_server.folder / "other").read_text())
    with pytest.raises(UdbError, match="refused") as caught:
        local_copies(sftp_server.address("/a.csv"), config, settings)
    assert caught.value.code == "E_AUTH"
    monkeypatch.setenv("SHOP_KEY", "no key at all")
    with pytest.raises(UdbError, match="no private key") as caught:
        local_copies(sftp_server.address("/a.csv"), config, settings)
    assert caught.value.code == "E_AUTH"


def test_secrets_leave_no_file_and_are_no_argument(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(*range(200_000)))
    seen: list[str] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.002):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    words = (process / "cmdline").read_bytes()
                    if b"ssh\x00-F" in words:
                        seen.append(words.decode() + (process / "environ").read_bytes().decode(errors="replace"))
            for file in settings.home.rglob("ssh-*/*"):
                with suppress(OSError):
                    seen.append(file.read_text())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        local_copies(sftp_server.address(path), config, settings)
    finally:
        stop.set()
        watcher.join()
    assert any("StrictHostKeyChecking=yes" in text for text in seen)
    secret = sftp_server.key.splitlines()[2]
    assert not any(secret in text for text in seen)
    assert not any(secret.encode() in file.read_bytes() for file in settings.home.rglob("*") if file.is_file())


def test_where_the_system_has_no_files_in_memory(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(1))
    monkeypatch.delattr(os, "memfd_create")
    assert local_copies(sftp_server.address(path), config, settings).files
    assert not list(settings.spill.iterdir())


# --- the server's key -----------------------------------------------------------------------------------


def test_an_unknown_server_is_refused_and_says_how_to_pin_it(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings, tmp_path: Path
) -> None:
    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(1))
    known = tmp_path / "known hosts %h"
    known.touch()
    settings = settings.model_copy(update={"ssh_known_hosts": known})
    del config["host_key"]
    with pytest.raises(UdbError) as caught:
        local_copies(sftp_server.address(path), config, settings)
    error = caught.value
    assert error.code == "E_HOST_KEY"
    (key,) = hostkeys.keys_in(sftp_server.host_key)
    assert key.fingerprint in error.message
    assert key.written in error.remedy
    assert not known.read_text()

    # What the remedy says is enough; so is the fingerprint, and an entry in the file.
    for pin in (key.written, key.fingerprint):
        assert local_copies(sftp_server.address(path), {**config, "host_key": pin}, settings).files
    known.write_text(f"[127.0.0.1]:{sftp_server.port} {key.written}\n")
    assert local_copies(sftp_server.address(path), config, settings).files


def test_a_server_with_another_key_is_refused(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings, tmp_path: Path
) -> None:
    other = (sftp_server.folder / "other.pub").read_text()
    for pin in (other, hostkeys.keys_in(other)[0].fingerprint):
        with pytest.raises(UdbError) as caught:
            local_copies(sftp_server.address("/a.csv"), {**config, "host_key": pin}, settings)
        assert caught.value.code == "E_HOST_KEY"
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sftp_server.port} {other}")
    del config["host_key"]
    with pytest.raises(UdbError, match="does not show the key") as caught:
        local_copies(sftp_server.address("/a.csv"), config, settings.model_copy(update={"ssh_known_hosts": known}))
    assert hostkeys.keys_in(sftp_server.host_key)[0].fingerprint in caught.value.message


def test_a_server_that_changes_its_key_between_two_jobs(settings: Settings, sftp_server: SftpServer) -> None:
    port = sftpserver._free_port()
    path = sftp_server.new_folder() / "a.csv"
    put(path, csv(1))
    uri = f"sftp://{sftp_server.user}@localhost:{port}{path}"
    config = {"private_key": "${SHOP_KEY}", "host_key": sftp_server.host_key}
    os.environ["SHOP_KEY"] = sftp_server.key
    process = sftpserver.start(sftp_server.folder, port)
    try:
        assert local_copies(uri, config, settings).files  # also: localhost may stand for ::1 first
    finally:
        sftpserver.stop(process)
    process = sftpserver.start(sftp_server.folder, port, host_key="other")
    try:
        with pytest.raises(UdbError) as caught:
            local_copies(uri, config, settings)
    finally:
        sftpserver.stop(process)
        del os.environ["SHOP_KEY"]
    assert caught.value.code == "E_HOST_KEY"


# --- options, limits, hosts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "wrong", "code"),
    [
        ("sftp://127.0.0.1/a.csv", {}, "E_OPTION"),
        ("sftp://ann@/a.csv", {}, "E_OPTION"),
        ("sftp://ann@host:port/a.csv", {}, "E_OPTION"),
        ("sftp://-oProxyCommand=touch@127.0.0.1/a.csv", {}, "E_OPTION"),
        ("sftp://ann:secret@127.0.0.1/a.csv", {}, "E_SECRET_INLINE"),
        ("sftp://ann@127.0.0.1/a.csv", {"keyfile": "x"}, "E_OPTION"),
        ("sftp://ann@127.0.0.1/a.csv", {"host_key": "nonsense"}, "E_OPTION"),
        ("sftp://ann@127.0.0.1/a.csv", {"password": "x", "private_key": "y"}, "E_OPTION"),
        ("sftp://ann@127.0.0.1/a.csv", {"password": "${NOT_SET_ANYWHERE}"}, "E_AUTH"),
    ],
)
def test_what_is_written_wrongly(settings: Settings, uri: str, wrong: dict[str, str], code: str) -> None:
    with pytest.raises(UdbError) as caught:
        local_copies(uri, wrong, settings)
    assert caught.value.code == code


def test_too_much_is_refused_before_anything_is_fetched(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    folder = sftp_server.new_folder()
    put(folder / "a.csv", b"x" * 800)
    put(folder / "b.csv", b"x" * 800)
    with pytest.raises(UdbError) as caught:
        local_copies(sftp_server.address(folder), config, settings.model_copy(update={"max_expanded_gb": 1e-6}))
    assert caught.value.code == "E_TOO_LARGE"
    assert not sftp_server.fetched()


def test_a_tenant_does_not_reach_into_the_network(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings
) -> None:
    guarded = settings.model_copy(update={"egress": "guarded"})
    with pytest.raises(UdbError) as caught:
        local_copies(sftp_server.address("/etc/hostname"), config, guarded)
    assert caught.value.code == "E_EGRESS"
    assert not sftp_server.sessions()


def test_a_server_that_allows_two_connections_serves_many_files(
    sftp_server: SftpServer, config: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sftp_server.new_folder()
    for number in range(12):
        put(folder / f"{number}.csv", csv(number))
    lock, opened = threading.Lock(), 0
    sign_in = ssh.signed_in

    def limited(*arguments: Any) -> Any:
        nonlocal opened
        with lock:
            opened += 1
            if opened > 2:
                raise UdbError("E_CONNECT", "too many connections")
        return sign_in(*arguments)

    monkeypatch.setattr(ssh, "signed_in", limited)
    assert len(names(sftp_server, str(folder), config, settings)) == 12
