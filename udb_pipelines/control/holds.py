"""Legal holds: what must not be deleted whatever its age. The only owner of the table ``holds``.

A hold names a source or a dataset. While it lasts, retention keeps every artifact and reject of it and every
version of the warehouse in which it changed, and pruning keeps the snapshots that have something of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Row, String, Table, Text, delete, insert, select

from udb_pipelines.config import Settings
from udb_pipelines.control.database import METADATA, Database
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Hold
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.retention import Rules
from udb_pipelines.warehouse.snapshots import Needed

_table = Table(
    "holds",
    METADATA,
    Column("tenant", String(40), primary_key=True),
    Column("name", String(130), primary_key=True),
    Column("until", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)


class HoldRegistry:
    """The holds of the tenant that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = settings.tenant
        self._database = Database(settings)

    def add(self, hold: Hold) -> None:
        """Store a hold; one of the same name is replaced, so that its end can be moved."""
        with self._database.begin() as connection:
            connection.execute(delete(_table).where(self._named(hold.name)))
            connection.execute(insert(_table).values(tenant=self._tenant, **hold.model_dump()))

    def list(self, now: datetime | None = None) -> tuple[Hold, ...]:
        """The holds that last, by name; with ``now``, those over by then are left out."""
        with self._database.begin() as connection:
            rows = connection.execute(
                select(_table).where(_table.c.tenant == self._tenant).order_by(_table.c.name)
            ).all()
        found = tuple(_hold(row) for row in rows)
        return found if now is None else tuple(hold for hold in found if hold.until is None or hold.until > now)

    def remove(self, name: str) -> None:
        """End a hold.

        Raises:
            UdbError: ``E_HOLD`` when there is none of that name.
        """
        with self._database.begin() as connection:
            if not connection.execute(delete(_table).where(self._named(name))).rowcount:
                raise UdbError("E_HOLD", f"nothing is held under the name {name}")

    def _named(self, name: str) -> Any:  # noqa: ANN401 - SQLAlchemy's expressions
        return (_table.c.tenant == self._tenant) & (_table.c.name == name)


def rules_of(settings: Settings) -> Rules:
    """What retention must know of the register: each source's own limits, and the holds that last."""
    from udb_pipelines.control.sources import SourceRegistry

    sources = {source.name: source.options for source in SourceRegistry(settings).list()}
    return Rules(sources, HoldRegistry(settings).list(datetime.now(UTC)))


def needed_of(lake: Lake) -> Needed:
    """What pruning snapshots must know: the timelines of the warehouse, and what is held.

    Raises:
        UdbError: ``E_CONTROL`` when the control database cannot be opened: without it a hold might be broken.
    """
    holds = Rules(holds=HoldRegistry(lake.settings).list())
    timelines = frozenset(timeline.number for timeline in lake.register().timelines)
    return Needed(timelines, holds.held(datetime.now(UTC)))


def _hold(row: Row[Any]) -> Hold:
    return Hold(name=row.name, until=_utc(row.until), reason=row.reason, created_at=_utc(row.created_at))


def _utc(moment: datetime | None) -> Any:  # noqa: ANN401 - as optional as what it is given
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment  # SQLite forgets the zone
