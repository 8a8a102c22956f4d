"""What the regions of a recording's parties ask for about keeping it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("recordings") as table:
        table.add_column(sa.Column("regions", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("retention_days", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("residency", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    with op.batch_alter_table("recordings") as table:
        for name in ("regions", "retention_days", "residency"):
            table.drop_column(name)
