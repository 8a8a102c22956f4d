"""Who talked when; what a recording is of, and who is heard in each of its segments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "talks",
        sa.Column("id", ROW, nullable=False),
        sa.Column("call_id", ROW, nullable=False),
        sa.Column("leg", sa.String(200), nullable=False),
        sa.Column("doing", sa.String(20), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_talks_call_id_calls", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_talks"),
    )
    op.create_index("ix_talks_call_id", "talks", ["call_id"])
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
