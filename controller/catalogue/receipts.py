"""Receipts: what was captured, kept by nobody, and destroyed with its key. A receipt is a mark of its recording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from controller.catalogue.database import Catalogue
from controller.catalogue.tables import calls, marks, recordings

SHREDDED = "shredded"
"""The kind of the mark."""


@dataclass(frozen=True, slots=True)
class ReceiptEntry:
    """`key`: the fingerprint of the key's name ("": there was none, it never left the memory). `why` it was not kept;
    `how` it was destroyed. Times in UTC."""

    recording: str
    call: str
    began_at: datetime
    ended_at: datetime
    destroyed_at: datetime
    key: str
    why: str
    how: str


async def list_receipts(catalogue: Catalogue, since: datetime | None, limit: int = 100) -> tuple[ReceiptEntry, ...]:
    """The newest first."""
    wanted = (
        select(
            recordings.c.id.label("recording"),
            calls.c.call,
            recordings.c.began_at,
            recordings.c.ended_at,
            marks.c.at.label("destroyed_at"),
            marks.c.by.label("key"),
            recordings.c.why,
            marks.c.note.label("how"),
        )
        .join_from(marks, recordings, marks.c.recording == recordings.c.id)
        .join(calls, recordings.c.call_id == calls.c.id)
        .where(marks.c.kind == SHREDDED)
        .order_by(marks.c.at.desc(), recordings.c.id)
        .limit(limit)
    )
    if since is not None:
        wanted = wanted.where(marks.c.at >= since)
    async with catalogue.reading() as connection:
        return tuple(ReceiptEntry(**row) for row in (await connection.execute(wanted)).mappings())
