"""What a tenant has beside its warehouse, and what a snapshot takes along so that an empty machine is whole again.

The registered sources, the secrets as they are stored (sealed with ``UDB_SECRET_KEY``, which goes into no snapshot),
the legal holds, the pinned contracts and everything that was ever pinned, and the history of the KPIs. Reports,
rejected rows and Dagster's runs are not among them: they are the past of a machine.

Putting back never takes anything away: what is there already stays, unless it is asked to be replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import Base64Bytes, Field

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.control.holds import HoldRegistry
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.control.tenants import TenantRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold, Model, Source
from udb_pipelines.secrets.store import SealedSecret, SecretStore
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.files import make_folder, sync_file, sync_folder

_FOLDERS = ("contracts", "kpis")
"""Folders of the tenant that are taken along with all their files."""


class Belongings(Model):
    """Everything that is taken along."""

    schema_version: Literal[1] = 1
    sources: tuple[Source, ...] = ()
    secrets: tuple[SealedSecret, ...] = ()
    holds: tuple[Hold, ...] = ()
    files: dict[str, Base64Bytes] = Field(default_factory=dict)
    """Contracts and the history of KPIs, by path below the tenant's home."""


class PutBack(Model):
    """What came of putting belongings back; each a name, or a path below the tenant's home."""

    put: tuple[str, ...]
    kept: tuple[str, ...]
    """There already, and other than in the snapshot."""


def collect(settings: Settings) -> bytes:
    """The belongings of the settings' tenant as JSON; empty where nothing was ever registered or pinned.

    Raises:
        UdbError: ``E_CONTROL`` when the control database cannot be opened.
    """
    return _packed(_collected(settings))


def collect_files(settings: Settings, earlier: bytes) -> bytes:
    """Contracts and the history of KPIs as they are, and what ``earlier`` belongings had of the control database.

    For when that cannot be opened: an older register is worth more than none.

    Raises:
        UdbError: ``E_SNAPSHOT`` when ``earlier`` cannot be understood.
    """
    before = _understood(earlier) if earlier else Belongings()
    return _packed(before.model_copy(update={"files": _stored_files(settings)}))


def put_back(settings: Settings, content: bytes, *, force: bool = False) -> PutBack:
    """Register and write what ``content`` holds; ``force`` replaces what is there and differs.

    Killed on the way, it is done again: what had been put back is the same then.

    Raises:
        UdbError: ``E_SNAPSHOT`` when it cannot be understood, ``E_CONTROL``, ``E_TENANT``.
    """
    wanted = _understood(content)
    if settings.tenant != DEFAULT_TENANT and settings.tenant not in TenantRegistry(settings).list():
        TenantRegistry(settings).add(settings.tenant)
    done = []
    for name, state in chain(
        _sources(SourceRegistry(settings), wanted.sources, force),
        _secrets(SecretStore(settings), wanted.secrets, force),
        _holds(HoldRegistry(settings), wanted.holds),
        _files(settings.tenant_home, wanted.files, force),
    ):
        done.append((name, state))
        steps.reached("belonging put back")
    return PutBack(
        put=tuple(name for name, state in done if state == "put"),
        kept=tuple(name for name, state in done if state == "kept"),
    )


_State = Literal["put", "kept", "same"]


def _packed(found: Belongings) -> bytes:
    return b"" if found == Belongings() else found.model_dump_json(indent=2).encode()


def _understood(content: bytes) -> Belongings:
    try:
        return Belongings.model_validate_json(content)
    except ValueError:
        raise UdbError("E_SNAPSHOT", "what the snapshot says of sources and contracts is not understood") from None


def _stored_files(settings: Settings) -> dict[str, bytes]:
    return {
        path.relative_to(settings.tenant_home).as_posix(): path.read_bytes()
        for folder in _FOLDERS
        for path in sorted((settings.tenant_home / folder).rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    }


def _collected(settings: Settings) -> Belongings:
    files = _stored_files(settings)
    if settings.control_url is None and not (settings.home / "control.sqlite").exists():
        return Belongings.model_construct(files=files)  # to look must not make an empty register
    return Belongings.model_construct(
        sources=SourceRegistry(settings).list(),
        secrets=SecretStore(settings).sealed(),
        holds=HoldRegistry(settings).list(),
        files=files,
    )


def _sources(registry: SourceRegistry, wanted: Iterable[Source], force: bool) -> Iterator[tuple[str, _State]]:
    known = {source.name: source for source in registry.list()}
    for source in wanted:
        there = known.get(source.name)
        if there is not None and (there.uri, there.options) == (source.uri, source.options):
            yield f"source {source.name}", "same"
        elif there is not None and not force:
            yield f"source {source.name}", "kept"
        else:
            registry.add(source, replace=True)
            yield f"source {source.name}", "put"


def _secrets(store: SecretStore, wanted: Iterable[SealedSecret], force: bool) -> Iterator[tuple[str, _State]]:
    known = {secret.name: secret.token for secret in store.sealed()}
    for secret in wanted:
        if known.get(secret.name) == secret.token:
            yield f"secret {secret.name}", "same"
        elif secret.name in known and not force:
            yield f"secret {secret.name}", "kept"
        else:
            store.put_sealed(secret)
            yield f"secret {secret.name}", "put"


def _holds(registry: HoldRegistry, wanted: Iterable[Hold]) -> Iterator[tuple[str, _State]]:
    """Not even by force is a hold of today replaced: it may last longer than the one of then."""
    known = {hold.name: hold for hold in registry.list()}
    for hold in wanted:
        if hold.name in known:
            yield f"hold {hold.name}", "same" if known[hold.name] == hold else "kept"
        else:
            registry.add(hold)
            yield f"hold {hold.name}", "put"


def _files(home: Path, wanted: dict[str, bytes], force: bool) -> Iterator[tuple[str, _State]]:
    for name, content in wanted.items():
        parts = name.split("/")
        if parts[0] not in _FOLDERS or len(parts) < 2 or any(part in {"", ".", ".."} for part in parts):
            raise UdbError("E_SNAPSHOT", "a file of the snapshot would lie outside of the folders of UDB")
        path = home / name
        there = path.read_bytes() if path.exists() else None
        if there == content:
            yield name, "same"
        elif there is not None and not force:
            yield name, "kept"
        else:
            make_folder(path.parent)
            draft = path.with_name(f".{path.name}.new")
            draft.write_bytes(content)
            sync_file(draft)  # before it has its name: half a file under it would be kept as one of today's
            steps.reached("belonging written")
            draft.rename(path)
            sync_folder(path.parent)
            yield name, "put"
