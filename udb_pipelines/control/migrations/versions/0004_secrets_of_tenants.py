"""Each tenant has secrets of its own. Every secret known so far belongs to the default tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Secrets are known by tenant and name."""
    _rebuild(("tenant", "name"), "'default' AS tenant, name, token, updated_at", "")


def downgrade() -> None:
    """Forget the secrets of all tenants but the default one."""
    _rebuild(("name",), "name, token, updated_at", "WHERE tenant = 'default'")


def _rebuild(key: tuple[str, ...], columns: str, condition: str) -> None:
    # SQLite cannot change a primary key, so the table is made anew and filled, there and everywhere.
    op.rename_table("secrets", "secrets_before")
    lengths = {"tenant": 40, "name": 63}
    op.create_table(
        "secrets",
        *(sa.Column(name, sa.String(lengths[name]), nullable=False) for name in key),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        # Named apart: in PostgreSQL the old table's key keeps its name until that table is dropped.
        sa.PrimaryKeyConstraint(*key, name=f"pk_secrets_{'_'.join(key)}"),
    )
    op.execute(f"INSERT INTO secrets SELECT {columns} FROM secrets_before {condition}")
    op.drop_table("secrets_before")
