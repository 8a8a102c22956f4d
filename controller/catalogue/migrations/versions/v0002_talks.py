"""Who talked when; what a recording is of, and who is heard in each of its segments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.catalogue.migrations.columns import TIME, of_each_call

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    of_each_call(
        "talks",
        sa.Column("leg", sa.String(200), nullable=False),
        sa.Column("doing", sa.String(20), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
    )
    with op.batch_alter_table("recordings") as table:
        table.add_column(sa.Column("part", sa.String(20), nullable=False, server_default="conversation"))
    with op.batch_alter_table("segments") as table:
        table.add_column(sa.Column("label", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("segments") as table:
        table.drop_column("label")
    with op.batch_alter_table("recordings") as table:
        table.drop_column("part")
    op.drop_table("talks")
