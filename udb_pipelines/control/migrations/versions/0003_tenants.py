"""Tenants, their sources, and legal holds. Every source known so far belongs to the default tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create ``tenants`` and ``holds``; sources are known by tenant and name."""
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("tenant", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(130), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    _rebuild_sources(("tenant", "name"), "'default' AS tenant, name, uri, options, created_at", "")


def downgrade() -> None:
    """Forget all tenants but the default one, and the holds."""
    _rebuild_sources(("name",), "name, uri, options, created_at", "WHERE tenant = 'default'")
    op.drop_table("holds")
    op.drop_table("tenants")


def _rebuild_sources(key: tuple[str, ...], columns: str, condition: str) -> None:
    # SQLite cannot change a primary key, so the table is made anew and filled, there and everywhere.
    op.drop_index("ix_sources_uri", "sources")
    op.rename_table("sources", "sources_before")
    names = ("tenant", "name") if "tenant" in key else ("name",)
    lengths = {"tenant": 40, "name": 63}
    op.create_table(
        "sources",
        *(sa.Column(name, sa.String(lengths[name]), nullable=False) for name in names),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        # Named apart: in PostgreSQL the old table's key keeps its name until that table is dropped.
        sa.PrimaryKeyConstraint(*key, name=f"pk_sources_{'_'.join(key)}"),
    )
    op.execute(f"INSERT INTO sources SELECT {columns} FROM sources_before {condition}")
    op.drop_table("sources_before")
    op.create_index("ix_sources_uri", "sources", ["uri"])
