"""Which files of a server an address names: only folders that can hold one are listed."""

from __future__ import annotations

from collections.abc import Iterator

from udb_pipelines.detection.remote.addresses import Address
from udb_pipelines.detection.remote.copies import Version
from udb_pipelines.detection.remote.sftp.place import remote_path
from udb_pipelines.detection.remote.sftp.session import Session
from udb_pipelines.detection.remote.sftp.wire import Attributes
from udb_pipelines.errors import UdbError


def versions(session: Session, address: Address) -> tuple[Version, ...]:
    """What is there of what ``address`` names, by key.

    Raises:
        UdbError: ``E_NOT_FOUND``, ``E_NO_DATA_FILES`` when a folder or pattern holds nothing, ``E_UNREADABLE``,
            ``E_NOT_A_TABLE`` for a name in an unknown encoding.
        BrokenError: the connection ended.
    """
    folder = address.folder
    try:
        top = session.attributes(remote_path(folder))
    except UdbError as error:
        raise UdbError(error.code, f"{_shown(address, folder)}: {error.message}", remedy=error.remedy) from None
    if not address.is_pattern and top.is_file:
        return (version(address.path, top),)
    found = sorted(_below(session, address), key=lambda item: item.key)
    if not found:
        raise UdbError("E_NO_DATA_FILES", f"{address.shown} holds no file that could be data")
    return tuple(found)


def version(key: str, attributes: Attributes) -> Version:
    """By what another content of the file is recognised."""
    return Version(key, attributes.size, str(attributes.modified))


def _below(session: Session, address: Address) -> Iterator[Version]:
    folders = [address.folder]
    while folders:
        folder = folders.pop()
        for name, told in _listed(session, address, folder):
            key = f"{folder}/{name}" if folder else name
            attributes = _followed(session, key, told, address)
            if attributes.is_folder and address.may_hold(key):
                folders.append(key)
            elif attributes.is_file and address.names(key):
                _check_name(address, key)
                yield version(key, attributes)


def _listed(session: Session, address: Address, folder: str) -> list[tuple[str, Attributes]]:
    try:
        listed = list(session.folder(remote_path(folder)))
    except UdbError as error:
        raise UdbError(error.code, f"{_shown(address, folder)}: {error.message}", remedy=error.remedy) from None
    return [(name, attributes) for name, attributes in listed if "/" not in name]


def _followed(session: Session, key: str, told: Attributes, address: Address) -> Attributes:
    """What a link stands for; a folder only where the depth is known, so that no circle is walked."""
    if not told.is_link or not (address.names(key) or address.may_hold(key)):
        return told
    try:
        target = session.attributes(remote_path(key))
    except UdbError:
        return told  # it leads nowhere
    return told if target.is_folder and not address.has_depth else target


def _check_name(address: Address, key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        folder = key.rpartition("/")[0]
        raise UdbError(
            "E_NOT_A_TABLE", f"{_shown(address, folder)} holds a file whose name is not in UTF-8", remedy="rename it"
        ) from None


def _shown(address: Address, key: str) -> str:
    return f"{address.scheme}://{address.bucket}/{key}"
