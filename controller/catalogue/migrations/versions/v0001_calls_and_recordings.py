"""Calls, and what was recorded of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from controller.catalogue.migrations.columns import ROW, TIME

revision = "0001"
down_revision = None

TABLES = ("calls", "parties", "recordings", "owners", "segments", "marks")


def upgrade() -> None:
    _calls()
    _parties()
    _recordings()
    _parts_of_recordings()
    for table, names in (
        ("calls", ["began_at"]),
        ("parties", ["call_id"]),
        ("parties", ["number"]),
        ("parties", ["subject_name", "subject_kind"]),
        ("recordings", ["call_id"]),
        ("recordings", ["status"]),
        ("owners", ["recording"]),
        ("owners", ["name", "kind"]),
        ("segments", ["recording"]),
        ("marks", ["recording"]),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, names)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", ROW, nullable=False),
        sa.Column("call", sa.String(200), nullable=False),
        sa.Column("pbx", sa.String(40), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.Column("talked_at", TIME),
        sa.Column("ended_at", TIME, nullable=False),
        sa.Column("direction", sa.String(20), nullable=False),
        sa.Column("dialled", sa.String(200), nullable=False),
        sa.Column("queue", sa.String(200), nullable=False),
        sa.Column("room", sa.String(200), nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
        sa.UniqueConstraint("call", "began_at", name=op.f("uq_calls_call_began_at")),
    )


def _parties() -> None:
    op.create_table(
        "parties",
        sa.Column("id", ROW, nullable=False),
        sa.Column("call_id", ROW, nullable=False),
        sa.Column("leg", sa.String(200), nullable=False),
        sa.Column("endpoint", sa.String(200), nullable=False),
        sa.Column("number", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("dialled", sa.String(200), nullable=False),
        sa.Column("party", sa.String(20), nullable=False),
        sa.Column("subject_kind", sa.String(40), nullable=False),
        sa.Column("subject_name", sa.String(200), nullable=False),
        sa.Column("joined_at", TIME),
        sa.Column("ended_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parties")),
        _of_call("parties"),
    )


def _recordings() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(120), nullable=False),
        sa.Column("call_id", ROW, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=False),
        sa.Column("taken_at", TIME, nullable=False),
        sa.Column("settled_at", TIME),
        sa.Column("folder", sa.String(300), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Float(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
        _of_call("recordings"),
    )


def _parts_of_recordings() -> None:
    _part(
        "owners", sa.Column("kind", sa.String(40), nullable=False), sa.Column("name", sa.String(200), nullable=False)
    )
    _part(
        "segments",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("leg", sa.String(200), nullable=False),
        sa.Column("anchor_is", sa.String(20), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("offset", sa.Float()),
        sa.Column("length", sa.Float()),
        sa.Column("repaired", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    _part(
        "marks",
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("offset", sa.Float()),
    )


def _part(table: str, *columns: sa.Column[object]) -> None:
    """A table of which each row belongs to a recording."""
    belongs: Sequence[sa.schema.SchemaItem] = (
        sa.Column("id", ROW, nullable=False),
        sa.Column("recording", sa.String(120), nullable=False),
    )
    op.create_table(
        table,
        *belongs,
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["recording"], ["recordings.id"], name=op.f(f"fk_{table}_recording_recordings"), ondelete="CASCADE"
        ),
    )


def _of_call(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["call_id"], ["calls.id"], name=op.f(f"fk_{table}_call_id_calls"), ondelete="CASCADE"
    )
