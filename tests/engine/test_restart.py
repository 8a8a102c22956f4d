"""A controller that died and starts again, on a PBX made of paper: nothing starts twice, nothing is forgotten."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.catalogue.database import open_catalogue
from controller.catalogue.records import add_calls
from controller.config.load import parse
from controller.core.calls import talking
from controller.core.commands import CallId, HandOver, LegId, Pause, RecordingId, Resume, Start, Stop
from controller.core.events import Asked, Event, LegAppeared, RecorderFound, RecorderLost
from controller.core.finishing import finish
from controller.core.recording import State
from controller.core.session import Session
from controller.engine import Engine
from controller.journal import Entry, Journal, Place, outline, read
from controller.pbx.paper import PaperPbx
from controller.pbx.paper.driver import PaperRecorder
from controller.restart import Bookmark, Recalled, recalled
from hardware.keys import Key
from tests.playbook import Scene

RULES = """
[[rule]]
name = "it"
extension = "100"
mode = "always-with-pause"
max_length = 7200
[[rule]]
name = "ask"
extension = "102"
mode = "on-demand"
"""
HOURS = 7200.0
START = Place("2000-01-01", 0)


class Life:
    """One life of the controller; `handed` is what it gave to the pipeline."""

    def __init__(self, folder: Path, paper: PaperPbx, clock: Callable[[], float]) -> None:
        self.handed: list[tuple[Session, HandOver]] = []
        self.paper = paper
        self.rules = parse(RULES, folder / "onrecord.toml").policy
        self.engine = Engine(self.rules, {"main": paper}, Journal(folder / "journal"), self._over, clock)
        self.recalled = Recalled()

    def _over(self, session: Session, handover: HandOver) -> None:
        self.handed.append((session, handover))

    def finished(self, number: int = 0) -> tuple[int, ...]:
        """The numbers of the segments that one conversation was handed over with."""
        session, handover = self.handed[number]
        told = finish(session, handover, self.rules.roster, lambda start: (f"/m/{start.segment}.wav", "", ""))
        return tuple(segment.number for segment in told.segments)

    async def rest(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


class World:
    """What outlives a controller: the PBX, its files, the journal, the catalogue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paper = PaperPbx("main", folder / "monitor")
        self.paper.folder.mkdir()
        self.scene = Scene(began=time.time())  # the paper PBX answers by the real clock

    def wrote(self, segment: int, at: float) -> None:
        path = self.paper.folder / f"main-1-1.{segment}.wav"
        path.write_bytes(b"sound")
        os.utime(path, (at, at))

    @asynccontextmanager
    async def life(self, snapshot: list[Event] | None = None) -> AsyncIterator[Life]:
        """From a start to a kill: what happens behind the end of the block, nobody hears."""
        self.paper.snapshot = snapshot or []
        life = Life(self.folder, self.paper, self.scene.at)
        catalogue = await open_catalogue(self.folder / "catalogue.sqlite")

        def files(start: Start) -> tuple[Path, ...]:
            return (self.paper.files(start).mixed,)

        life.recalled = await recalled(self.folder / "journal", catalogue, life.rules, files, START)
        life.engine.resume(life.recalled)
        task = asyncio.create_task(life.engine.run())
        await life.rest()
        try:
            yield life
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await catalogue.close()

    def talking(self, extension: str = "100") -> list[Event]:
        scene = self.scene
        return [
            scene.appears("1a", extension, dialled="101"),
            scene.appears("1b", "101", originating=False),
            scene.answers("1b"),
            scene.joins("1a", "bridge"),
            scene.joins("1b", "bridge"),
        ]

    def found(self, segment: int = 1) -> Event:
        scene = self.scene
        return RecorderFound(scene.call, scene.at(), scene.leg("1a"), RecordingId("main-1-1"), segment)

    def say(self, events: list[Event]) -> None:
        for event in events:
            self.paper.say(event)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_recorder_that_runs_is_adopted_and_nothing_starts_twice(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    async with world.life([*world.talking(), world.found()]) as second:
        await second.rest()
        assert [type(command) for command in world.paper.asked] == [Start, Resume]
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await second.rest()
    assert second.finished() == (1,)
    before, after = first.engine.sessions[world.scene.call].recording, second.handed[0][0].recording
    assert before is not None
    assert after is not None
    assert before.segments[0].started_at == after.segments[0].started_at


@pytest.mark.parametrize("key", [Key.PAUSE, Key.RECORD])
async def test_what_people_asked_for_outlives_the_controller(world: World, key: Key) -> None:
    extension, state = ("100", State.PAUSED) if key is Key.PAUSE else ("102", State.ON)
    async with world.life() as first:
        world.say(world.talking(extension))
        await first.rest()
        answer = await first.engine.ask(Asked(world.scene.call, world.scene.at(), "ann", key))
        assert answer.state is state
    asked = len(world.paper.asked)
    async with world.life([*world.talking(extension), world.found()]) as second:
        await second.rest()
        again = Pause if key is Key.PAUSE else Resume  # no PBX can tell whether it is muted: said once more
        assert [type(command) for command in world.paper.asked[asked:]] == [again]
        recording = second.engine.sessions[world.scene.call].recording
        assert recording is not None
        assert recording.state is state


async def test_a_recorder_that_died_meanwhile_is_started_as_the_next_segment(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    world.paper.recorders.clear()
    async with world.life(world.talking()) as second:
        await asyncio.sleep(0.3)
        assert [command.segment for command in world.paper.asked if isinstance(command, Start)] == [1, 2]
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await second.rest()
    assert second.finished() == (1, 2)
    session = second.handed[0][0]
    assert session.recording is not None
    assert "lost" in {mark.kind for mark in session.recording.marks}


async def test_a_call_that_ended_meanwhile_is_handed_over_with_the_time_of_its_last_sound(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    heard = world.scene.at()
    world.wrote(1, heard)
    world.scene.at(HOURS)
    async with world.life() as second:
        await second.rest()
        assert second.engine.sessions == {}
    assert second.finished() == (1,)
    assert second.handed[0][0].call.ended_at == pytest.approx(heard, abs=0.001)


@pytest.mark.parametrize("written", [True, False])
async def test_a_start_under_way_is_judged_by_its_file(world: World, written: bool) -> None:
    world.paper.silent = True
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
        assert [type(command) for command in world.paper.asked] == [Start]
    world.paper.silent = False
    at = world.scene.at()
    if written:
        world.wrote(1, at)
        async with world.life([*world.talking(), world.found()]) as second:
            await second.rest()
            world.say([world.scene.ends("1a"), world.scene.ends("1b")])
            await second.rest()
        assert second.finished() == (1,)
        assert len([command for command in world.paper.asked if isinstance(command, Start)]) == 1
    else:
        async with world.life(world.talking()) as second:
            await asyncio.sleep(0.3)
            assert [command.segment for command in world.paper.asked if isinstance(command, Start)] == [1, 2]


async def test_a_start_under_way_whose_recorder_ended_with_its_call_is_kept(world: World) -> None:
    world.paper.silent = True
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    world.wrote(1, world.scene.at())
    async with world.life() as second:
        await second.rest()
    assert second.finished() == (1,)


async def test_a_leg_that_hung_up_meanwhile_is_told_as_ended_and_the_call_goes_on(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    scene = world.scene
    there = [
        scene.appears("1a", "100", dialled="101"),
        scene.appears("1c", "103", originating=False),
        scene.joins("1a", "other"),
        scene.joins("1c", "other"),
        world.found(),
    ]
    async with world.life(there) as second:
        await second.rest()
        call = second.engine.sessions[scene.call].call
    assert [leg.id for leg in call.legs.values() if leg.alive] == [scene.leg("1a"), scene.leg("1c")]
    assert call.ended_at is None


async def test_a_call_that_the_pbx_calls_by_another_name_now_is_known_by_its_legs(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    other = replace(world.found(), call=CallId("main/9.9"))
    there = [replace(event, call="main/9.9") for event in world.talking()]  # type: ignore[arg-type]
    async with world.life([*there, other]) as second:
        await second.rest()
        assert list(second.engine.sessions) == [world.scene.call]
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await second.rest()
    assert second.finished() == (1,)
    assert [type(command) for command in world.paper.asked].count(Start) == 1


async def test_a_handing_over_that_never_reached_the_catalogue_is_done_again(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await first.rest()
    assert len(first.handed) == 1
    async with world.life() as second:
        assert [handover.recording for _, handover in second.recalled.over] == ["main-1-1"]
        session, handover = second.recalled.over[0]
        assert session.call.ended_at == first.handed[0][0].call.ended_at
        catalogue = await open_catalogue(world.folder / "catalogue.sqlite")
        told = finish(session, replace(handover, recording=None), second.rules.roster, lambda _: ("", "", ""))
        await add_calls(catalogue, [told])
        await catalogue.close()


async def test_a_call_without_a_recording_is_handed_over_again_until_the_catalogue_has_it(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking("105"))
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await first.rest()
    async with world.life() as second:
        ((session, handover),) = second.recalled.over
        catalogue = await open_catalogue(world.folder / "catalogue.sqlite")
        await add_calls(catalogue, [finish(session, handover, second.rules.roster, lambda _: ("", "", ""))])
        await catalogue.close()
    async with world.life() as third:
        assert third.recalled.over == []


async def test_the_longest_length_is_kept_over_a_restart(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    world.scene.at(HOURS + 60)
    async with world.life([*world.talking(), world.found()]) as second:
        await asyncio.sleep(0.05)
        await second.rest()
    assert [type(command) for command in world.paper.asked] == [Start, Stop]


async def test_three_lives_of_one_call_leave_three_segments_and_one_recording(world: World) -> None:
    lives = []
    for _ in range(3):
        async with world.life(world.talking() if lives else None) as life:
            if not lives:
                world.say(world.talking())
            await asyncio.sleep(0.3)
        lives.append(life)
        world.paper.recorders.clear()
    async with world.life() as last:
        await last.rest()
    assert last.finished() == (1, 2, 3)
    assert len(last.handed) == 1


async def test_a_recorder_that_is_lost_for_good_reaches_the_journal(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    async with world.life() as second:
        await second.rest()
    kinds = {type(entry) for entry in _events(world.folder / "journal")}
    assert RecorderLost in kinds


def _events(folder: Path) -> list[Event]:
    return [entry.event for entry in read(folder)]


class Notes:
    """A journal into which a test writes lines of calls, and the clock."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder)
        self.now, self.oldest = time.time(), None
        self.bookmark = Bookmark(self.journal, lambda: self.oldest, clock=lambda: self.now)

    oldest: float | None

    def line(self, call: str) -> None:
        event = LegAppeared(CallId(call), self.now, LegId("main/1"), "100")
        self.journal.append(Entry(self.now, CallId(call), event), remember=True)

    async def noted(self) -> list[str]:
        """Which calls the next start would read of."""
        await self.bookmark.note()
        start = Bookmark(self.journal, lambda: None, clock=lambda: self.now).start
        return sorted(outline(self.journal.folder, start).open)


async def test_a_start_reads_only_what_may_still_be_needed(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.line("main/1")
    assert await notes.noted() == []
    notes.now += 30
    notes.line("main/2")
    notes.oldest = notes.now
    assert await notes.noted() == ["main/2"]
    for number in range(3, 6):
        notes.now += 30
        notes.line(f"main/{number}")
        assert "main/2" in await notes.noted()
    notes.oldest = notes.now  # only the last one lives now
    assert await notes.noted() == ["main/5"]


async def test_a_call_of_many_hours_costs_no_endless_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.restart.MOST_NOTED", 20)
    notes = Notes(tmp_path)
    await notes.bookmark.note()
    notes.oldest = notes.now
    notes.line("main/1")
    for _ in range(60):
        notes.now += 30
        await notes.bookmark.note()
    assert len(notes.bookmark._past) <= 21
    assert await notes.noted() == ["main/1"]


@pytest.mark.parametrize("text", ["", "[", "{}", '[{"at": "x"}]', "[1]"])
async def test_a_damaged_note_is_none(tmp_path: Path, text: str) -> None:
    notes = Notes(tmp_path)
    notes.line("main/1")
    (tmp_path / "restart.json").write_text(text)
    start = Bookmark(notes.journal, lambda: None).start
    assert list(outline(tmp_path, start).open) == ["main/1"]


async def test_a_start_under_way_whose_file_cannot_be_seen_from_here_is_proven_by_its_recorder(world: World) -> None:
    world.paper.silent = True
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    world.paper.silent = False
    world.paper.recorders[RecordingId("main-1-1"), 1] = PaperRecorder(world.scene.leg("1a"))
    async with world.life([*world.talking(), world.found()]) as second:
        await asyncio.sleep(0.3)
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await second.rest()
    assert second.finished() == (1,)
    recording = second.handed[0][0].recording
    assert recording is not None
    (segment,) = recording.segments
    assert segment.started_at is not None
    assert segment.ended_at is not None
    assert segment.started_at < segment.ended_at
    assert [type(command) for command in world.paper.asked].count(Start) == 1


async def test_people_who_were_parted_meanwhile_do_not_talk_any_more(world: World) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
        assert len(talking(first.engine.sessions[world.scene.call].call)) == 2
    there = [event for event in world.talking() if isinstance(event, LegAppeared)]
    async with world.life([*there, world.found()]) as second:
        await second.rest()
        assert talking(second.engine.sessions[world.scene.call].call) == ()


@pytest.mark.parametrize("damage", ["torn", "garbage", "gone"])
async def test_a_damaged_journal_costs_what_is_in_it_and_no_recording(world: World, damage: str) -> None:
    async with world.life() as first:
        world.say(world.talking())
        await first.rest()
    (day,) = (world.folder / "journal").glob("*.jsonl")
    if damage == "torn":
        day.write_bytes(day.read_bytes()[:-40])
    elif damage == "garbage":
        lines = day.read_bytes().splitlines(keepends=True)
        day.write_bytes(b"".join([lines[0], b"\x00\xff\xfe no line\n", b'{"at":1.0,"call":"main/1.1"\n', *lines[1:]]))
    else:
        day.unlink()
    async with world.life([*world.talking(), world.found()]) as second:
        await second.rest()
        world.say([world.scene.ends("1a"), world.scene.ends("1b")])
        await second.rest()
    assert second.finished() == (1,)
    assert [type(command) for command in world.paper.asked].count(Start) == 1
    odd: list[str] = []
    kinds = {type(entry.event).__name__ for entry in read(world.folder / "journal", odd=odd)}
    assert "LegEnded" in kinds  # what was written behind the damage can be read
    assert len(odd) == {"torn": 1, "garbage": 2, "gone": 0}[damage]
