"""The catalogue: what is written is found again, by whatever is asked for, from another process too."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import OperationalError, StatementError

from controller.catalogue import database, records, search
from controller.catalogue.database import Catalogue, NoCatalogue, open_catalogue, read_catalogue
from controller.catalogue.entries import Level, Status
from controller.catalogue.records import Settled
from controller.catalogue.search import Query, count_calls, list_calls, show
from controller.catalogue.tables import calls, metadata
from controller.core.commands import CallId, RecordingId
from controller.core.decision import (
    Considered,
    Decision,
    Grant,
    Mode,
    Options,
    PauseForm,
    Regional,
    Subject,
    SubjectKind,
)
from controller.core.finished import Finished, FinishedSegment
from controller.core.recording import Mark
from tests.pipeline.recordings import ANN, BEGAN, conversation

SUPPORT = Subject(SubjectKind.QUEUE, "support")
RULE = Decision(
    Mode.ALWAYS_WITH_PAUSE,
    "rule sales: always",
    rule="sales",
    owners=(ANN, SUPPORT),
    grants=frozenset({Grant.PAUSE, Grant.STOP}),
    options=Options(min_length=2.5, pause_form=PauseForm.CUT),
    considered=(
        Considered("lunch", ANN, "did not match", "needs lunch, but it is 9"),
        Considered("x", None, "won", ""),
    ),
    facts=(("direction", "inbound"),),
)
SEGMENT = FinishedSegment(1, "main/1.1", BEGAN + 2, BEGAN + 9, "its leg hung up", "/m/a.1.wav")  # type: ignore[arg-type]
MARKS = (Mark("start", BEGAN + 2, 1), Mark("pause", BEGAN + 4, 1, "operator ann", "asked"))
KEPT = Settled(
    Status.KEPT,
    folder="2026/02/02/main-1-1",
    sha256="a" * 64,
    size=112_044,
    length=7.0,
    rate=8000,
    channels=2,
    levels=(Level("customer", -6.0, -20.0, 0.25, 0.1, 0.0),),
    owners=(("extension", "100"), ("queue", "support")),
    segments=((1, 0.0, 7.0, True, "never closed"),),
    offsets=(0.0, 2.0),
)


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    opened = await open_catalogue(tmp_path / "catalogue.sqlite")
    yield opened
    await opened.close()


def recorded(n: int = 1, **about: object) -> Finished:
    finished = conversation(SEGMENT, recording=f"main-1-{n}", call=f"main/1.{n}", decision=RULE, marks=MARKS)
    return replace(finished, **{"queue": "support", **about})  # type: ignore[arg-type]


async def test_what_was_told_of_a_recording_is_shown_again(catalogue: Catalogue) -> None:
    await records.add_recording(catalogue, recorded())
    await records.settle(catalogue, recorded(), KEPT)
    (story,) = await show(catalogue, "main-1-1")
    assert story.decision == RULE
    call, (one,) = story.call, story.recordings
    assert (call.call, call.mode, call.rule, call.queue) == ("main/1.1", "always-with-pause", "sales", "support")
    assert call.began_at == datetime(2026, 2, 2, 2, 40, tzinfo=UTC)
    assert [party.subject for party in call.parties] == ["", "extension 100"]
    assert one.recording.owners == ("extension 100", "queue support")
    assert (one.recording.sha256, one.recording.size, one.recording.length) == ("a" * 64, 112_044, 7.0)
    assert one.recording.levels == KEPT.levels
    assert [(mark.kind, mark.by, mark.offset) for mark in one.marks] == [
        ("start", "", 0.0),
        ("pause", "operator ann", 2.0),
    ]
    assert (one.segments[0].offset, one.segments[0].repaired, one.segments[0].note) == (0.0, True, "never closed")
    assert await show(catalogue, "main/1.1") == (story,)
    assert await show(catalogue, "main-1-2") == ()


async def test_what_the_regions_ask_about_keeping_it_is_with_the_recording(catalogue: Catalogue) -> None:
    asked = Regional(("de", "fr"), 180, ("EEA",))
    await records.add_recording(catalogue, recorded(decision=replace(RULE, regional=asked)))
    await records.settle(catalogue, recorded(), KEPT)
    ((story,),) = (found.recordings for found in await show(catalogue, "main-1-1"))
    found = story.recording
    assert (found.regions, found.retention_days, found.residency) == (("de", "fr"), 180, ("EEA",))


async def test_telling_it_twice_changes_nothing(catalogue: Catalogue) -> None:
    for _ in range(2):
        await records.add_recording(catalogue, recorded())
    for _ in range(2):
        await records.settle(catalogue, recorded(), KEPT)
    once = await show(catalogue, "main-1-1")
    await records.add_recording(catalogue, recorded())
    assert await show(catalogue, "main-1-1") == once
    assert len(once[0].recordings[0].marks) == 2
    assert len(once[0].call.parties) == 2


async def test_giving_up_leaves_the_owners_and_marks_as_they_are(catalogue: Catalogue) -> None:
    await records.add_recording(catalogue, recorded())
    await records.settle(catalogue, recorded(), Settled(Status.FAILED, "no luck"))
    (story,) = await show(catalogue, "main-1-1")
    assert story.recordings[0].recording.owners == ("extension 100", "queue support")
    assert len(story.recordings[0].marks) == 2


async def test_one_id_at_two_times_is_two_calls(catalogue: Catalogue) -> None:
    one = conversation(recording=None)
    await records.add_calls(catalogue, [one, one, replace(one, began_at=BEGAN + 1)])
    assert await count_calls(catalogue) == 2
    assert len(await show(catalogue, one.call)) == 2


# -- what is asked for -----------------------------------------------------------------------------------------


async def _filled(catalogue: Catalogue) -> None:
    await records.add_recording(catalogue, recorded(1))
    await records.settle(catalogue, recorded(1), KEPT)
    await records.add_recording(catalogue, recorded(2, began_at=BEGAN + 10))
    await records.settle(catalogue, recorded(2, began_at=BEGAN + 10), Settled(Status.DROPPED, "too short"))
    await records.add_recording(catalogue, recorded(3, began_at=BEGAN + 20, queue=""))
    lunch = replace(
        conversation(recording=None, call="main/1.4", decision=Decision(Mode.NEVER, "100 % private")),
        began_at=BEGAN + 30,
        parties=(),
        dialled="0209999999",
        room="800",
    )
    await records.add_calls(catalogue, [lunch])


AT = datetime.fromtimestamp(BEGAN, UTC)

ASKED: list[tuple[Query, str]] = [
    (Query(), "4 3 2 1"),
    (Query(oldest_first=True), "1 2 3 4"),
    (Query(limit=2), "4 3"),
    (Query(limit=2, offset=2), "2 1"),
    (Query(since=AT + timedelta(seconds=10)), "4 3 2"),
    (Query(until=AT + timedelta(seconds=10)), "1"),
    (Query(since=(AT + timedelta(seconds=30)).astimezone(timezone(timedelta(hours=9)))), "4"),
    (Query(recorded=True), "3 1"),
    (Query(recorded=False), "4 2"),
    (Query(number="+441632960123"), "3 2 1"),
    (Query(number="01632960123"), "3 2 1"),
    (Query(number="960123"), "3 2 1"),
    (Query(number="0123"), ""),
    (Query(number="100"), "3 2 1"),
    (Query(number="0209999999"), "4"),
    (Query(extension="100"), "3 2 1"),
    (Query(extension="10"), ""),
    (Query(subject="queue support"), "3 2 1"),
    (Query(subject="support"), "3 2 1"),
    (Query(subject="extension 100"), "3 2 1"),
    (Query(subject="queue 100"), ""),
    (Query(subject="conference 800"), "4"),
    (Query(subject="800"), "4"),
    (Query(text="OUTSIDE"), "3 2 1"),
    (Query(text="too short"), "2"),
    (Query(text="0 % p"), "4"),
    (Query(text="100_%"), ""),
    (Query(text="%"), "4"),
    (Query(text="_"), ""),
    (Query(text="'; DROP TABLE calls; --"), ""),
    (Query(text="main-1-2"), "2"),
    (Query(number="' OR 1=1 --"), ""),
    (Query(number="%%%%%%%%"), ""),
    (Query(number="100", recorded=True, since=AT + timedelta(seconds=5)), "3"),
]


async def test_every_question_has_its_answer(catalogue: Catalogue) -> None:
    await _filled(catalogue)
    for query, expected in ASKED:
        found = " ".join(entry.call.removeprefix("main/1.") for entry in await list_calls(catalogue, query))
        assert found == expected, query
        if query.limit == 100:
            assert await count_calls(catalogue, query) == len(expected.split()), query


async def test_the_reason_is_what_became_of_it_where_it_was_not_kept(catalogue: Catalogue) -> None:
    await _filled(catalogue)
    why = {entry.call: entry.why for entry in await list_calls(catalogue)}
    assert why == {
        "main/1.1": "rule sales: always",
        "main/1.2": "too short",
        "main/1.3": "rule sales: always",
        "main/1.4": "100 % private",
    }


async def test_a_long_list_is_asked_for_in_pages(catalogue: Catalogue) -> None:
    many = [replace(recorded(n), recording=None, began_at=BEGAN + n) for n in range(1200)]
    await records.add_calls(catalogue, many)
    found = await list_calls(catalogue, Query(limit=5000, oldest_first=True))
    assert [entry.call for entry in found] == [one.call for one in many]
    assert all(len(entry.parties) == 2 for entry in found)


async def test_every_recording_of_a_status_comes_once(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 7)
    for n in range(20):
        await records.add_recording(catalogue, recorded(n))
        if n % 2:
            await records.settle(catalogue, recorded(n), KEPT)
    found = [row.id async for row in search.recordings_with(catalogue, Status.KEPT)]
    assert sorted(found) == sorted(f"main-1-{n}" for n in range(20) if n % 2)
    assert await search.count_recordings(catalogue, Status.WORKING) == 10
    assert await search.count_recordings(catalogue, Status.WORKING, Status.KEPT) == 20


HOSTILE = ["'; DROP TABLE calls; --", "a\x00b", "\x1b[31m", "../../etc/passwd", "<script>", "\U0001f600", "ä" * 5000]


@pytest.mark.parametrize("name", HOSTILE)
async def test_whatever_a_caller_is_called_comes_back_as_it_was(catalogue: Catalogue, name: str) -> None:
    finished = recorded()
    parties = (replace(finished.parties[0], name=name, number=name), *finished.parties[1:])
    await records.add_recording(catalogue, replace(finished, parties=parties, dialled=name))
    (entry,) = await list_calls(catalogue)
    assert (entry.dialled, entry.parties[0].name, entry.parties[0].number) == (name, name, name)


# -- times, tables, migrations ---------------------------------------------------------------------------------


async def test_a_time_without_a_zone_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises((StatementError, ValueError)):
        await list_calls(catalogue, Query(since=datetime(2026, 1, 1)))


async def test_a_time_keeps_its_microseconds(catalogue: Catalogue) -> None:
    await records.add_calls(catalogue, [replace(conversation(recording=None), began_at=BEGAN + 0.123456)])
    (entry,) = await list_calls(catalogue)
    assert entry.began_at.timestamp() == pytest.approx(BEGAN + 0.123456, abs=1e-6)


async def test_a_recording_without_a_call_is_impossible(catalogue: Catalogue) -> None:
    await records.add_recording(catalogue, recorded())
    async with catalogue.writing() as connection:
        await connection.execute(calls.delete())
    assert await records.status_of(catalogue, RecordingId("main-1-1")) is None
    async with catalogue.reading() as connection:
        for table in ("parties", "owners", "segments", "marks"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 0  # noqa: S608


async def test_the_migrations_make_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    database.migrate(file)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        made = inspect(connection)
        for table in metadata.tables.values():
            uniques = {one["name"] for one in made.get_unique_constraints(table.name)}
            assert uniques == {c.name for c in table.constraints if type(c).__name__ == "UniqueConstraint"}
            assert {one["name"] for one in made.get_indexes(table.name)} == {i.name for i in table.indexes}
            assert {one["name"] for one in made.get_foreign_keys(table.name)} == {
                c.name for c in table.foreign_key_constraints
            }
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "catalogue.sqlite"

    def fail(config: object, revision: str) -> None:
        real(config, revision)
        raise KeyboardInterrupt

    real = database.command.upgrade
    monkeypatch.setattr(database.command, "upgrade", fail)
    with pytest.raises(KeyboardInterrupt):
        database.migrate(file)
    with sqlite3.connect(file) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == []
    monkeypatch.undo()
    database.migrate(file)
    database.migrate(file)


# -- beside the controller -------------------------------------------------------------------------------------

READER = """
import asyncio, sys
from pathlib import Path
from controller.catalogue.database import read_catalogue
from controller.catalogue.search import list_calls

async def main():
    catalogue = await read_catalogue(Path(sys.argv[1]))
    print(len(await list_calls(catalogue)))
    await catalogue.close()

asyncio.run(main())
"""


async def reader(file: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode().strip()


async def test_another_process_reads_while_a_transaction_is_open(catalogue: Catalogue) -> None:
    await records.add_recording(catalogue, recorded(1))
    async with catalogue.writing() as connection:
        await connection.execute(text("UPDATE calls SET reason = 'changing'"))
        assert await reader(catalogue.file) == "1"
    await records.add_recording(catalogue, recorded(2))
    assert await reader(catalogue.file) == "2"


async def test_a_reader_cannot_write(catalogue: Catalogue) -> None:
    found = await read_catalogue(catalogue.file)
    with pytest.raises(OperationalError, match="readonly"):
        await records.add_recording(found, recorded())
    await found.close()


async def test_writers_in_one_process_take_turns(catalogue: Catalogue) -> None:
    async with asyncio.TaskGroup() as group:
        for n in range(40):
            group.create_task(records.add_recording(catalogue, recorded(n)))
            group.create_task(records.add_calls(catalogue, [conversation(recording=None, call=f"main/2.{n}")]))
    assert await count_calls(catalogue) == 80


async def test_a_missing_catalogue_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(NoCatalogue, match="there is no catalogue"):
        await read_catalogue(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
async def test_what_is_no_catalogue_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.sqlite"
    file.write_bytes(content)
    with pytest.raises(NoCatalogue, match=r"odd\.sqlite"):
        await read_catalogue(file)


async def test_a_damaged_catalogue_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "odd.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(NoCatalogue, match=r"odd\.sqlite"):
        await open_catalogue(file)


async def test_another_versions_catalogue_is_told(catalogue: Catalogue) -> None:
    async with catalogue.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NoCatalogue, match="9999"):
        await read_catalogue(catalogue.file)


async def test_a_catalogue_that_nobody_has_open_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a folder" / "100% odd?name#&mode=rw.sqlite"
    opened = await open_catalogue(file)
    await records.add_calls(opened, [replace(conversation(recording=None), call=CallId("main/7.7"))])
    await opened.close()
    assert await reader(file) == "1"


async def test_whoever_may_not_write_to_its_folder_can_read_it_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "catalogue.sqlite"
    opened = await open_catalogue(file)
    await records.add_calls(opened, [conversation(recording=None)])
    await opened.close()
    may = os.access
    monkeypatch.setattr(database.os, "access", lambda path, how: how != os.W_OK and may(path, how))
    found = await read_catalogue(file)
    assert await count_calls(found) == 1
    await found.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogue.sqlite"]  # noqa: ASYNC240
