"""What each party was told about being recorded, and what it said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.catalogue.migrations.columns import TIME, of_each_call

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    of_each_call(
        "consents",
        sa.Column("leg", sa.String(200), nullable=False),
        sa.Column("standing", sa.String(20), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("consents")
