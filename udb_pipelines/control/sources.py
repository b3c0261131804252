"""The register of sources: names, where they are and what was pinned. The only owner of the table ``sources``.

Every look and every change is confined to the tenant that the settings name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Index, Row, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from udb_pipelines.config import Settings
from udb_pipelines.control import inline
from udb_pipelines.control.database import METADATA, Database
from udb_pipelines.control.uris import canonical_uri
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions
from udb_pipelines.operations import scrub

_table = Table(
    "sources",
    METADATA,
    Column("tenant", String(40), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("uri", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("ix_sources_uri", "uri"),
)


class SourceRegistry:
    """The registered sources of one tenant. Safe to use from several processes at once."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = settings.tenant
        self._own = _table.c.tenant == settings.tenant
        self._database = Database(settings)

    def add(self, source: Source, replace: bool = False) -> Source:
        """Store ``source`` with its canonical URI and return it as stored.

        With ``replace``, a source of that name gets the new URI and options and keeps its date.

        Raises:
            UdbError: ``E_NAME`` if the name is taken, ``E_SECRET_INLINE`` if the URI or the configuration holds a
                secret in clear.
        """
        inline.check(source.options.config)
        stored = source.model_copy(update={"uri": canonical_uri(source.uri)})
        row = {"uri": stored.uri, "options": stored.options.model_dump_json(exclude_defaults=True)}
        with self._database.begin() as connection:
            if replace:
                changed = connection.execute(update(_table).where(self._own, _table.c.name == stored.name).values(row))
                if changed.rowcount:
                    found = connection.execute(select(_table).where(self._own, _table.c.name == stored.name)).one()
                    return _source(found)
            try:
                connection.execute(
                    insert(_table).values(tenant=self._tenant, name=stored.name, created_at=stored.created_at, **row)
                )
            except IntegrityError:
                raise UdbError("E_NAME", f"a source named {stored.name} exists already", source=stored.name) from None
        scrub.register_references(stored.uri)
        return stored

    def get(self, name: str) -> Source:
        """The source of that name.

        Raises:
            UdbError: ``E_SOURCE_UNKNOWN``, with the names that come close.
        """
        with self._database.begin() as connection:
            row = connection.execute(select(_table).where(self._own, _table.c.name == name)).one_or_none()
            if row is None:
                raise _unknown(name, connection.execute(select(_table.c.name).where(self._own)).scalars())
        return _source(row)

    def list(self) -> tuple[Source, ...]:
        """All sources, by name."""
        with self._database.begin() as connection:
            rows = connection.execute(select(_table).where(self._own).order_by(_table.c.name)).all()
        return tuple(_source(row) for row in rows)

    def find_by_uri(self, uri: str) -> Source | None:
        """The source that reads ``uri``, however that is spelled; the oldest if there are several."""
        wanted = canonical_uri(uri)
        with self._database.begin() as connection:
            row = connection.execute(
                select(_table).where(self._own, _table.c.uri == wanted).order_by(_table.c.created_at)
            ).first()
        return _source(row) if row else None

    def remove(self, name: str) -> None:
        """Forget the source; its data stays.

        Raises:
            UdbError: ``E_SOURCE_UNKNOWN``.
        """
        with self._database.begin() as connection:
            if not connection.execute(delete(_table).where(self._own, _table.c.name == name)).rowcount:
                raise _unknown(name, connection.execute(select(_table.c.name).where(self._own)).scalars())


def _source(row: Row[Any]) -> Source:
    created_at: datetime = row.created_at
    scrub.register_references(row.uri)
    return Source(
        name=row.name,
        uri=row.uri,
        options=SourceOptions.model_validate_json(row.options),
        created_at=created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC),  # SQLite forgets the zone
    )


def _unknown(name: str, names: Iterable[str]) -> UdbError:
    close = difflib.get_close_matches(name, list(names), n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return UdbError("E_SOURCE_UNKNOWN", f"no source is named {name}{hint}")
