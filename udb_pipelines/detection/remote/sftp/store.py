"""An SFTP server as a store: a few connections, shared by the threads that fetch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from udb_pipelines.config import Settings
from udb_pipelines.detection.remote.copies import Copies, Memory, Version
from udb_pipelines.detection.remote.fetching import AT_ONCE, copies_of
from udb_pipelines.detection.remote.sftp import folders, ssh
from udb_pipelines.detection.remote.sftp.place import Place, parse, remote_path
from udb_pipelines.detection.remote.sftp.session import BrokenError, Session
from udb_pipelines.detection.remote.sftp.wire import Attributes
from udb_pipelines.errors import UdbError

SETTLED_SECONDS = 60
"""A file that was changed later than this ago is fetched again next time: its time has whole seconds, and within one
it can be written twice."""


def local_copies(uri: str, config: Mapping[str, Any], settings: Settings) -> Copies:
    """Everything that ``uri`` names, as local files in folders like those of the server.

    Files whose size and time of change are known are not fetched again.

    Raises:
        UdbError: as :func:`~udb_pipelines.detection.remote.fetching.copies_of` and
            :func:`~udb_pipelines.detection.remote.sftp.ssh.signed_in`.
    """
    place = parse(uri, config, settings)
    store = _Files(place, settings)
    try:
        return copies_of(store, Memory(settings, place.address.shown, ""), settings)
    finally:
        store.close()


class _Files:
    """The files of a server. As many connections as are needed at once, fewer where the server allows no more."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place, self._settings = place, settings
        self._idle: list[Session] = []
        self._free = threading.Condition()
        self._open, self._most = 0, AT_ONCE
        self._now = time.time()

    def close(self) -> None:
        """End all connections."""
        for session in self._idle:
            session.close()

    def versions(self) -> tuple[Version, ...]:
        """What is there of what the address names, by key."""
        self._now = time.time()
        with self._session() as session:
            return folders.versions(session, self._place.address)

    def receive(self, version: Version, offset: int, take: Callable[[bytes], None]) -> None:
        """Hand the content to ``take``; it must be as listed before and after."""
        expected = Attributes(size=version.bytes, modified=int(version.tag))
        with self._session() as session:
            same = session.download(remote_path(version.key), expected, offset, take)
        if not same:
            raise UdbError("E_VANISHED", f"{self.shown(version.key)} was changed while it was fetched")

    def is_settled(self, version: Version) -> bool:
        """Whether another content would have another time."""
        return int(version.tag) < self._now - SETTLED_SECONDS

    def shown(self, key: str) -> str:
        """As people write it."""
        return f"sftp://{self._place.address.bucket}/{key}"

    @contextmanager
    def _session(self) -> Iterator[Session]:
        session = self._taken()
        try:
            yield session
        except BrokenError as broken:
            self._ended(session)
            said = "did not answer in time" if broken.late else "ended the connection"
            raise UdbError("E_CONNECT", f"{self._place.server.host} {said}") from None
        except BaseException:
            self._ended(session)  # answers may still be under way
            raise
        with self._free:
            self._idle.append(session)
            self._free.notify()

    def _taken(self) -> Session:
        """An idle connection, or a new one; waits where there may be no more."""
        with self._free:
            self._free.wait_for(lambda: self._idle or self._open < self._most)
            if self._idle:
                return self._idle.pop()
            self._open += 1
        try:
            return ssh.signed_in(self._place, self._settings)
        except UdbError as error:
            with self._free:
                self._open -= 1
                if error.code == "E_CONNECT" and self._open:
                    self._most = self._open  # the server lets nobody in as often as that
                    alone = False
                else:
                    alone = True
                self._free.notify()
            if alone:
                raise
        return self._taken()

    def _ended(self, session: Session) -> None:
        session.close()
        with self._free:
            self._open -= 1
            self._free.notify()
