"""What is read from the catalogue: lists of calls by what is asked for, and the whole story of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from controller.catalogue.database import Catalogue
from controller.catalogue.entries import (
    CallEntry,
    CallStory,
    ConsentEntry,
    Level,
    MarkEntry,
    PartyEntry,
    RecordingEntry,
    RecordingStory,
    SegmentEntry,
    Status,
    TalkEntry,
)
from controller.catalogue.tables import calls, consents, marks, owners, parties, recordings, segments, talks
from controller.core.decision import Decision
from controller.core.plain import from_plain

AUDIO = (Status.WORKING.value, Status.KEPT.value, Status.FAILED.value)
"""There is audio of such a recording, or soon will be."""
PAGE = 500
"""Rows asked for at once: SQLite takes so many values in one question, and no more than 32,766."""
LEAST_DIGITS = 6
"""A number with at least so many digits is also found where it is written longer: with area or country code."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which calls: all that is given must hold. Times need a zone. `subject` is "queue support" or just "support"."""

    since: datetime | None = None
    until: datetime | None = None
    number: str = ""
    extension: str = ""
    subject: str = ""
    recorded: bool | None = None
    text: str = ""
    limit: int = 100
    offset: int = 0
    oldest_first: bool = False


async def list_calls(catalogue: Catalogue, query: Query = Query()) -> tuple[CallEntry, ...]:
    """The calls that match, newest first."""
    order = (calls.c.began_at, calls.c.id) if query.oldest_first else (calls.c.began_at.desc(), calls.c.id.desc())
    wanted = select(calls).where(*_conditions(query)).order_by(*order).limit(query.limit).offset(query.offset)
    async with catalogue.reading() as connection:
        rows = (await connection.execute(wanted)).mappings().all()
        return await _entries(connection, rows)


async def count_calls(catalogue: Catalogue, query: Query = Query()) -> int:
    """How many match, whatever limit and offset say."""
    async with catalogue.reading() as connection:
        found = await connection.execute(select(func.count()).select_from(calls).where(*_conditions(query)))
        return int(found.scalar_one())


async def show(catalogue: Catalogue, identity: str) -> tuple[CallStory, ...]:
    """The story of the recording, or of each call, of this name; () where there is none, two where a PBX used a
    call's id twice."""
    async with catalogue.reading() as connection:
        recorded = select(recordings.c.call_id).where(recordings.c.id == identity)
        wanted = select(calls).where(or_(calls.c.call == identity, calls.c.id.in_(recorded)))
        rows = (await connection.execute(wanted.order_by(calls.c.began_at))).mappings().all()
        entries = await _entries(connection, rows)
        decisions = [from_plain(Decision, row["decision"]) for row in rows]
        return tuple(
            [
                CallStory(
                    entry,
                    decision,
                    tuple([await _story(connection, one) for one in entry.recordings]),
                    tuple(
                        TalkEntry(**_fields(row)) for row in await _of(connection, talks, talks.c.call_id == entry.id)
                    ),
                    await _consents(connection, entry.id),
                )
                for entry, decision in zip(entries, decisions, strict=True)
            ]
        )


async def _consents(connection: AsyncConnection, call: int) -> tuple[ConsentEntry, ...]:
    rows = await _of(connection, consents, consents.c.call_id == call)
    return tuple(ConsentEntry(**_fields(row)) for row in rows)


async def recordings_with(catalogue: Catalogue, *statuses: Status) -> AsyncIterator[RecordingEntry]:
    """Every recording of these statuses, in order of their ids; page by page, so that nobody is held up."""
    after = ""
    while True:
        wanted = select(recordings).where(recordings.c.status.in_([status.value for status in statuses]))
        async with catalogue.reading() as connection:
            page = wanted.where(recordings.c.id > after).order_by(recordings.c.id).limit(PAGE)
            rows = (await connection.execute(page)).mappings().all()
            by_recording = await _owners(connection, [row["id"] for row in rows])
        for row in rows:
            yield _recording(row, by_recording.get(row["id"], ()))
        if len(rows) < PAGE:
            return
        after = rows[-1]["id"]


async def count_recordings(catalogue: Catalogue, *statuses: Status) -> int:
    """How many recordings are of these statuses."""
    wanted = recordings.c.status.in_([status.value for status in statuses])
    async with catalogue.reading() as connection:
        found = await connection.execute(select(func.count()).select_from(recordings).where(wanted))
        return int(found.scalar_one())


async def known_calls(catalogue: Catalogue, ids: Iterable[str]) -> set[str]:
    """Which of these calls are in the catalogue."""
    return await _known(catalogue, calls.c.call, ids)


async def known_recordings(catalogue: Catalogue, ids: Iterable[str]) -> set[str]:
    """Which of these recordings are in the catalogue, whatever became of them."""
    return await _known(catalogue, recordings.c.id, ids)


async def _known(catalogue: Catalogue, column: ColumnElement[str], ids: Iterable[str]) -> set[str]:
    asked, found = sorted(set(ids)), set[str]()
    async with catalogue.reading() as connection:
        for start in range(0, len(asked), PAGE):
            rows = await connection.execute(select(column).where(column.in_(asked[start : start + PAGE])))
            found.update(rows.scalars())
    return found


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.since is not None:
        found.append(calls.c.began_at >= query.since)
    if query.until is not None:
        found.append(calls.c.began_at < query.until)
    if query.number:
        found.append(or_(_number(calls.c.dialled, query.number), _any_party(_numbers(query.number))))
    if query.extension:
        mine = (parties.c.subject_kind == "extension") & (parties.c.subject_name == query.extension)
        found.append(_any_party(mine))
    if query.subject:
        found.append(_subject(query.subject))
    if query.recorded is not None:
        audio = exists().where(recordings.c.call_id == calls.c.id, recordings.c.status.in_(AUDIO))
        found.append(audio if query.recorded else ~audio)
    if query.text:
        found.append(_text(query.text))
    return found


def _any_party(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(parties.c.call_id == calls.c.id, condition)


def _any_recording(condition: ColumnElement[bool], *also: Table) -> ColumnElement[bool]:
    joined = [table.c.recording == recordings.c.id for table in also]
    return exists().where(recordings.c.call_id == calls.c.id, *joined, condition)


def _numbers(number: str) -> ColumnElement[bool]:
    return or_(_number(parties.c.number, number), _number(parties.c.dialled, number))


def _number(column: ColumnElement[str], number: str) -> ColumnElement[bool]:
    core = number.lstrip("+").lstrip("0")
    if len(core) < LEAST_DIGITS:
        return column == number
    return or_(column == number, column.endswith(core, autoescape=True))


def _subject(subject: str) -> ColumnElement[bool]:
    kind, _, name = subject.partition(" ")
    ways = [_is_subject("", subject)]
    if name:
        ways.append(_is_subject(kind, name))
    return or_(*ways)


def _is_subject(kind: str, name: str) -> ColumnElement[bool]:
    party = parties.c.subject_name == name
    owner = owners.c.name == name
    ways = [
        _any_party(and_(party, parties.c.subject_kind == kind) if kind else party),
        _any_recording(and_(owner, owners.c.kind == kind) if kind else owner, owners),
    ]
    if kind in ("", "queue"):
        ways.append(calls.c.queue == name)
    if kind in ("", "conference"):
        ways.append(calls.c.room == name)
    return or_(*ways)


def _text(text: str) -> ColumnElement[bool]:
    def has(*columns: ColumnElement[str]) -> list[ColumnElement[bool]]:
        return [column.icontains(text, autoescape=True) for column in columns]

    party = or_(*has(parties.c.name, parties.c.number, parties.c.dialled, parties.c.endpoint, parties.c.subject_name))
    return or_(
        *has(calls.c.call, calls.c.reason, calls.c.rule, calls.c.queue, calls.c.room, calls.c.dialled),
        _any_party(party),
        _any_recording(or_(*has(recordings.c.id, recordings.c.why))),
        _any_recording(or_(*has(owners.c.name)), owners),
    )


async def _entries(connection: AsyncConnection, rows: Sequence[RowMapping]) -> tuple[CallEntry, ...]:
    """The calls of these rows with their parties and recordings: three questions per page, however many calls."""
    if len(rows) > PAGE:
        return await _entries(connection, rows[:PAGE]) + await _entries(connection, rows[PAGE:])
    ids = [row["id"] for row in rows]
    people: dict[int, list[PartyEntry]] = defaultdict(list)
    for row in await _of(connection, parties, parties.c.call_id.in_(ids)):
        people[row["call_id"]].append(_party(row))
    made = await _of(connection, recordings, recordings.c.call_id.in_(ids))
    by_recording = await _owners(connection, [row["id"] for row in made])
    audio: dict[int, list[RecordingEntry]] = defaultdict(list)
    for row in sorted(made, key=lambda row: (row["began_at"], row["id"])):
        audio[row["call_id"]].append(_recording(row, by_recording.get(row["id"], ())))
    return tuple(_call(row, tuple(people[row["id"]]), tuple(audio[row["id"]])) for row in rows)


async def _of(connection: AsyncConnection, table: Table, condition: ColumnElement[bool]) -> Sequence[RowMapping]:
    return (await connection.execute(select(table).where(condition).order_by(table.c.id))).mappings().all()


async def _owners(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in await _of(connection, owners, owners.c.recording.in_(list(ids))):
        found[row["recording"]] = (*found.get(row["recording"], ()), f"{row['kind']} {row['name']}")
    return found


async def _story(connection: AsyncConnection, recording: RecordingEntry) -> RecordingStory:
    pieces = await _of(connection, segments, segments.c.recording == recording.id)
    happened = await _of(connection, marks, marks.c.recording == recording.id)
    return RecordingStory(
        recording,
        tuple(SegmentEntry(**_fields(row)) for row in sorted(pieces, key=lambda row: row["number"])),
        tuple(MarkEntry(**_fields(row)) for row in happened),
    )


def _fields(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("id", "recording", "call_id")}


def _call(row: RowMapping, people: tuple[PartyEntry, ...], audio: tuple[RecordingEntry, ...]) -> CallEntry:
    own = {name: value for name, value in row.items() if name != "decision"}
    return CallEntry(**own, parties=people, recordings=audio)


def _party(row: RowMapping) -> PartyEntry:
    own = {name: value for name, value in _fields(row).items() if not name.startswith("subject_")}
    return PartyEntry(**own, subject=f"{row['subject_kind']} {row['subject_name']}".strip())


def _recording(row: RowMapping, belongs: tuple[str, ...]) -> RecordingEntry:
    lists = {name: tuple(row[name]) for name in ("flags", "regions", "residency")}
    own = {name: value for name, value in row.items() if name not in ("call_id", "taken_at", "status", "levels")}
    levels = tuple(from_plain(Level, level) for level in row["levels"])
    return RecordingEntry(**{**own, **lists}, status=Status(row["status"]), owners=belongs, levels=levels)
