"""The catalogue's tables. What must always be true of them is in docs/durability.md; migrations/ makes them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import DateTime as SqlDateTime


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, kept in UTC. SQLite gives naive times back, whatever one asks for."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} says not in which zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Without names SQLite's batch migrations cannot find a constraint to change.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ROW = BigInteger().with_variant(Integer, "sqlite")

calls = Table(
    "calls",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("call", String(200), nullable=False),
    Column("pbx", String(40), nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("talked_at", UtcTime),
    Column("ended_at", UtcTime, nullable=False),
    Column("direction", String(20), nullable=False),
    Column("dialled", String(200), nullable=False),
    Column("queue", String(200), nullable=False),
    Column("room", String(200), nullable=False),
    Column("mode", String(40), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decision", JSON, nullable=False),
    # A PBX may use an id again after a restart; not at the same moment.
    UniqueConstraint("call", "began_at"),
    Index(None, "began_at"),
)

parties = Table(
    "parties",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("call_id", _ROW, ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("leg", String(200), nullable=False),
    Column("endpoint", String(200), nullable=False),
    Column("number", String(200), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("dialled", String(200), nullable=False),
    Column("party", String(20), nullable=False),
    Column("subject_kind", String(40), nullable=False),
    Column("subject_name", String(200), nullable=False),
    Column("joined_at", UtcTime),
    Column("ended_at", UtcTime),
    Index(None, "subject_name", "subject_kind"),
)

recordings = Table(
    "recordings",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("call_id", _ROW, ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", String(20), nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    Column("folder", String(300), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("length", Float, nullable=False),
    Column("rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("levels", JSON, nullable=False),
    Column("part", String(20), nullable=False, server_default="conversation"),
    Column("flags", JSON, nullable=False, server_default="[]"),
    Column("regions", JSON, nullable=False, server_default="[]"),
    Column("retention_days", Integer, nullable=False, server_default="0"),
    Column("residency", JSON, nullable=False, server_default="[]"),
)

owners = Table(
    "owners",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("recording", String(120), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Index(None, "name", "kind"),
)

segments = Table(
    "segments",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("recording", String(120), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("leg", String(200), nullable=False),
    Column("anchor_is", String(20), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("offset", Float),
    Column("length", Float),
    Column("repaired", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("label", Text, nullable=False, server_default=""),
)

talks = Table(
    "talks",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("call_id", _ROW, ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("leg", String(200), nullable=False),
    Column("doing", String(20), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("call_id", _ROW, ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("leg", String(200), nullable=False),
    Column("standing", String(20), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("how", Text, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("recording", String(120), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("offset", Float),
)
