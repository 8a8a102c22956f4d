"""Columns and tables as the versions make them. What a version uses from here must not change any more."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def of_each_call(table: str, *columns: sa.Column[Any]) -> None:
    """Make a table of which a call has any number of rows; they go with it."""
    op.create_table(
        table,
        sa.Column("id", ROW, nullable=False),
        sa.Column("call_id", ROW, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=f"fk_{table}_call_id_calls", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_call_id", table, ["call_id"])
