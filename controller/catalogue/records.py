"""What is written into the catalogue: each function is one transaction, and safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from controller.catalogue.database import Catalogue
from controller.catalogue.entries import Level, Status
from controller.catalogue.tables import calls, consents, marks, owners, parties, recordings, segments, talks
from controller.core.commands import RecordingId
from controller.core.decision import Subject
from controller.core.finished import Finished, FinishedConsent, FinishedParty, FinishedTalk
from controller.core.plain import to_plain

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a recording. `folder` is relative to the store. Offsets and lengths are seconds of the file;
    `segments` maps a segment's number to (offset, length, repaired, note), `offsets` is one per mark, in order."""

    status: Status
    why: str = ""
    folder: str = ""
    sha256: str = ""
    size: int = 0
    length: float = 0.0
    rate: int = 0
    channels: int = 0
    levels: tuple[Level, ...] = ()
    flags: tuple[str, ...] = ()  # what is wrong with its sound
    owners: tuple[tuple[str, str], ...] | None = None  # kind and name; None: as they are
    segments: tuple[tuple[int, float | None, float | None, bool, str], ...] = ()
    offsets: tuple[float | None, ...] = ()


async def add_calls(catalogue: Catalogue, finished: Iterable[Finished]) -> None:
    """Calls that were not recorded, with their reasons; many in one transaction."""

    def add(connection: Connection) -> None:
        for one in finished:
            _add_call(connection, one)

    await catalogue.write(add)


async def add_recording(catalogue: Catalogue, finished: Finished) -> None:
    """A recording that was taken over, as WORKING; what is known already stays as it is."""
    await catalogue.write(partial(_add_recording, finished))


async def settle(catalogue: Catalogue, finished: Finished, settled: Settled) -> None:
    """What came of it. The row is on the disk when this returns: raw files may be deleted on the strength of it."""
    await catalogue.write(partial(_settle, finished, settled))


async def status_of(catalogue: Catalogue, recording: RecordingId) -> Status | None:
    """What became of this recording; None: there is none of this name."""
    wanted = select(recordings.c.status).where(recordings.c.id == recording)
    found = await catalogue.read(lambda connection: connection.execute(wanted).scalar_one_or_none())
    return Status(found) if found is not None else None


def _add_recording(finished: Finished, connection: Connection) -> None:
    assert finished.recording is not None  # noqa: S101  # for the type checker: the spool saw to it
    known = select(recordings.c.id).where(recordings.c.id == finished.recording)
    if connection.execute(known).first() is not None:
        return
    row = _add_call(connection, finished)
    connection.execute(insert(recordings).values(_working(finished, row)))
    _fill(connection, owners, [_owner(finished.recording, str(o.kind.value), o.name) for o in finished.owners])
    _fill(connection, segments, [_segment(finished.recording, one) for one in to_plain(finished.segments)])
    _fill(connection, marks, [_mark(finished.recording, one) for one in to_plain(finished.marks)])


def _settle(finished: Finished, settled: Settled, connection: Connection) -> None:
    assert finished.recording is not None  # noqa: S101
    identity = finished.recording
    connection.execute(
        update(recordings)
        .where(recordings.c.id == identity)
        .values(
            status=settled.status.value,
            why=settled.why,
            settled_at=datetime.now(UTC),
            folder=settled.folder,
            sha256=settled.sha256,
            size=settled.size,
            length=settled.length,
            rate=settled.rate,
            channels=settled.channels,
            levels=to_plain(settled.levels),
            flags=list(settled.flags),
        )
    )
    if settled.owners is not None:
        _refill(connection, owners, identity, [_owner(identity, kind, name) for kind, name in settled.owners])
    for number, offset, length, repaired, note in settled.segments:
        one = (segments.c.recording == identity) & (segments.c.number == number)
        values = {"offset": offset, "length": length, "repaired": repaired, "note": note}
        connection.execute(update(segments).where(one).values(values))
    placed = zip(to_plain(finished.marks), settled.offsets, strict=True) if settled.offsets else ()
    rows = [_mark(identity, mark) | {"offset": offset} for mark, offset in placed]
    if rows:
        _refill(connection, marks, identity, rows)


def _add_call(connection: Connection, finished: Finished) -> int:
    """The row of the call, added unless it is there: the two recordings of a merged call share it."""
    began_at = _time(finished.began_at)
    known = select(calls.c.id).where((calls.c.call == finished.call) & (calls.c.began_at == began_at))
    found = connection.execute(known).scalar_one_or_none()
    if found is not None:
        return int(found)
    decision = finished.decision
    added = connection.execute(
        insert(calls).values(
            call=finished.call,
            pbx=finished.pbx,
            began_at=began_at,
            answered_at=_time(finished.answered_at),
            talked_at=_time(finished.talked_at),
            ended_at=_time(finished.ended_at),
            direction=finished.direction,
            dialled=finished.dialled,
            queue=finished.queue,
            room=finished.room,
            mode=decision.mode.value,
            rule=decision.rule,
            reason=decision.reason,
            decision=to_plain(decision),
        )
    )
    key = added.inserted_primary_key
    row = int(key[0]) if key is not None else 0
    _fill(connection, parties, [_party(row, party) for party in finished.parties])
    _fill(connection, talks, [_talk(row, talk) for talk in finished.talks])
    _fill(connection, consents, [_consent(row, one) for one in finished.consents])
    return row


def _fill(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _refill(connection: Connection, table: Table, recording: str, rows: list[dict[str, Any]]) -> None:
    belongs: ColumnElement[bool] = table.c.recording == recording
    connection.execute(delete(table).where(belongs))
    _fill(connection, table, rows)


def _working(finished: Finished, row: int) -> dict[str, Any]:
    began = min((one.started_at for one in finished.segments), default=finished.began_at)
    ended = max((one.ended_at for one in finished.segments), default=finished.ended_at)
    return {
        "id": finished.recording,
        "call_id": row,
        "status": Status.WORKING.value,
        "why": "",
        "began_at": _time(began),
        "ended_at": _time(ended),
        "taken_at": datetime.now(UTC),
        "folder": "",
        "sha256": "",
        "size": 0,
        "length": 0.0,
        "rate": 0,
        "channels": 0,
        "levels": [],
        "part": finished.part.value,
        **to_plain(finished.decision.regional),
    }


def _talk(call: int, talk: FinishedTalk) -> dict[str, Any]:
    return {
        "call_id": call,
        "leg": talk.leg,
        "doing": talk.doing.value,
        "since": _time(talk.since),
        "until": _time(talk.until),
    }


def _consent(call: int, one: FinishedConsent) -> dict[str, Any]:
    return {
        "call_id": call,
        "leg": one.leg,
        "standing": one.standing.value,
        "at": _time(one.at),
        "prompt": one.prompt,
        "how": one.how,
    }


def _party(call: int, party: FinishedParty) -> dict[str, Any]:
    subject: Subject | None = party.subject
    return {
        "call_id": call,
        "leg": party.leg,
        "endpoint": party.endpoint,
        "number": party.number,
        "name": party.name,
        "dialled": party.dialled,
        "party": party.party.value,
        "subject_kind": subject.kind.value if subject else "",
        "subject_name": subject.name if subject else "",
        "joined_at": _time(party.joined_at),
        "ended_at": _time(party.ended_at),
    }


def _owner(recording: str, kind: str, name: str) -> dict[str, Any]:
    return {"recording": recording, "kind": kind, "name": name}


def _segment(recording: str, segment: Row) -> dict[str, Any]:
    return {
        "recording": recording,
        "number": segment["number"],
        "leg": segment["leg"],
        "anchor_is": segment["anchor_is"],
        "started_at": _time(segment["started_at"]),
        "ended_at": _time(segment["ended_at"]),
        "ended_by": segment["ended_by"],
        "offset": None,
        "length": None,
        "repaired": False,
        "note": "",
        "label": segment["label"],
    }


def _mark(recording: str, mark: Row) -> dict[str, Any]:
    kept = {name: mark[name] for name in ("kind", "segment", "by", "note")}
    return {"recording": recording, "at": _time(mark["at"]), "offset": None, **kept}


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
