"""What every PBX driver must do, whatever its PBX: the tests that a new one has to pass (docs/adding/a-pbx.md).

A driver's own test module has a subclass of `Contract` whose fixture `bench` gives a connected driver and the few
things that only its PBX can do: place a call, hang it up, kill a recorder, cut the link.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from controller.core.commands import (
    Allow,
    CallId,
    LegId,
    Pause,
    RecorderCommand,
    RecordingId,
    Resume,
    Side,
    Start,
    Stop,
    pbx_of,
)
from controller.core.events import (
    Done,
    Event,
    Failed,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegJoined,
    LegLeft,
    RecorderFound,
    RecorderLost,
)
from controller.core.lamps import Glow
from controller.pbx.driver import Driver
from hardware.keys import Key

BENCHES = {
    "asterisk": "tests.live.test_contract:TestAsterisk",
    "paper": "tests.pbx.test_contract:TestPaper",
}
"""Where each driver of `controller.pbx.DRIVERS` proves itself."""

E = TypeVar("E", bound=Event)
NUMBERS = itertools.count(1)
DEADLINE = 10.0


class Bench(ABC):
    """A connected driver, what it told, and a hand on its PBX."""

    driver: Driver

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.links: list[tuple[bool, str]] = []

    @abstractmethod
    async def talk(self) -> LegJoined:
        """Somebody outside calls somebody inside, and they talk: how the outside leg joined."""

    @abstractmethod
    async def hang_up(self) -> None:
        """The newest call ends."""

    @abstractmethod
    async def kill(self, recorder: Start) -> None:
        """This recorder ends without our asking, while its leg goes on."""

    @abstractmethod
    async def cut(self) -> None:
        """The link is lost."""

    @abstractmethod
    async def mend(self) -> None:
        """The link may come back."""

    async def first(self, kind: type[E], since: int = 0) -> E:
        """The first event of this kind from index `since` on, awaited."""
        await until(lambda: any(isinstance(event, kind) for event in self.events[since:]))
        return next(event for event in self.events[since:] if isinstance(event, kind))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not true():
            await asyncio.sleep(0.005)


def started(joined: LegJoined, recording: str = "", segment: int = 1) -> Start:
    """A start that nobody asked for before."""
    name = RecordingId(recording or f"contract-{time.time_ns()}-{next(NUMBERS)}")
    return Start(joined.call, name, segment, next(NUMBERS), joined.leg)


def stopped(of: Start) -> Stop:
    return Stop(of.call, of.recording, of.segment, next(NUMBERS), of.leg)


def paused(of: Start, side: Side = Side.BOTH) -> Pause:
    return Pause(of.call, of.recording, of.segment, next(NUMBERS), of.leg, side)


def resumed(of: Start, side: Side = Side.BOTH) -> Resume:
    return Resume(of.call, of.recording, of.segment, next(NUMBERS), of.leg, side)


class Contract:
    """The tests. `bench` is the subclass's."""

    # -- what it tells ---------------------------------------------------------------------------------------

    async def test_it_says_once_that_it_is_connected(self, bench: Bench) -> None:
        assert bench.links == [(True, "")]

    async def test_a_call_is_told_in_the_order_in_which_it_happens(self, bench: Bench) -> None:
        joined = await bench.talk()
        told = [event for event in bench.events if event.call == joined.call]
        for leg in {event.leg for event in told if isinstance(event, LegJoined)}:
            of_leg = [type(event) for event in told if getattr(event, "leg", None) == leg]
            assert of_leg.index(LegAppeared) < of_leg.index(LegAnswered) < of_leg.index(LegJoined)

    async def test_who_called_is_known_and_who_was_called(self, bench: Bench) -> None:
        joined = await bench.talk()
        appeared = [event for event in bench.events if isinstance(event, LegAppeared) and event.call == joined.call]
        caller = next(event for event in appeared if event.leg == joined.leg)
        called = next(event for event in appeared if event.leg != joined.leg)
        assert (caller.originating, called.originating) == (True, False)
        assert caller.dialled
        assert caller.number
        assert caller.endpoint != called.endpoint != ""

    async def test_every_name_begins_with_that_of_the_pbx_and_every_time_is_by_the_clock(self, bench: Bench) -> None:
        before = time.time()
        await bench.talk()
        for event in bench.events:
            assert pbx_of(event.call) == bench.driver.name
            assert pbx_of(getattr(event, "leg", event.call)) == bench.driver.name
            assert before - 1 < event.at < time.time() + 1  # Unix seconds, not milliseconds nor since the boot

    async def test_the_two_who_talk_are_in_one_bridge_and_leave_it_before_they_are_gone(self, bench: Bench) -> None:
        joined = await bench.talk()
        both = [event for event in bench.events if isinstance(event, LegJoined) and event.call == joined.call]
        assert len({event.leg for event in both}) == 2
        assert {event.bridge for event in both} == {joined.bridge}
        await bench.hang_up()
        await until(lambda: _count(bench, LegEnded, joined.call) == 2)
        for leg in {event.leg for event in both}:
            kinds = [type(event) for event in bench.events if getattr(event, "leg", None) == leg]
            assert kinds.index(LegLeft) < kinds.index(LegEnded)
            assert kinds.count(LegEnded) == 1

    # -- what it does ----------------------------------------------------------------------------------------

    async def test_each_command_is_answered_with_itself(self, bench: Bench) -> None:
        """Who waits for an answer knows by the command in it which one it is for."""
        start = started(await bench.talk())
        commands: list[RecorderCommand] = [start]
        for side in Side:
            commands += [paused(start, side), resumed(start, side)]
        commands.append(stopped(start))
        for command in commands:
            done = await bench.driver.do(command)
            assert isinstance(done, Done), done
            assert done.command == command
            assert done.call == command.call

    async def test_a_stop_that_we_asked_for_is_no_loss(self, bench: Bench) -> None:
        joined = await bench.talk()
        start = started(joined)
        await bench.driver.do(start)
        await bench.driver.do(stopped(start))
        await bench.hang_up()
        await until(lambda: _count(bench, LegEnded, joined.call) == 2)
        assert _count(bench, RecorderLost, joined.call) == 0

    async def test_a_stop_of_what_does_not_run_is_done_already(self, bench: Bench) -> None:
        start = started(await bench.talk())
        await bench.driver.do(start)
        assert isinstance(await bench.driver.do(stopped(start)), Done)
        assert isinstance(await bench.driver.do(stopped(start)), Done)

    async def test_a_pause_of_what_does_not_run_fails(self, bench: Bench) -> None:
        """A pause that is believed and is none would put a card number into the file."""
        start = started(await bench.talk())
        for command in (paused(start), resumed(start)):
            failed = await bench.driver.do(command)
            assert isinstance(failed, Failed)
            assert (failed.command, failed.leg_gone) == (command, False)
            assert failed.reason

    async def test_two_recorders_on_one_leg_do_not_touch_each_other(self, bench: Bench) -> None:
        joined = await bench.talk()
        one, two = started(joined), started(joined)
        answers = await asyncio.gather(bench.driver.do(one), bench.driver.do(two))
        assert [type(each) for each in answers] == [Done, Done]
        assert isinstance(await bench.driver.do(stopped(one)), Done)
        assert isinstance(await bench.driver.do(paused(one)), Failed)
        assert isinstance(await bench.driver.do(paused(two)), Done)
        assert isinstance(await bench.driver.do(stopped(two)), Done)

    async def test_a_recording_has_as_many_segments_as_are_asked_for(self, bench: Bench) -> None:
        joined = await bench.talk()
        first = started(joined)
        second = started(joined, first.recording, segment=2)
        for command in (first, stopped(first), second):
            assert isinstance(await bench.driver.do(command), Done)
        assert isinstance(await bench.driver.do(paused(first)), Failed)  # meant for the segment that is over
        assert isinstance(await bench.driver.do(stopped(second)), Done)

    async def test_a_start_on_a_leg_that_has_gone_fails_because_it_has_gone(self, bench: Bench) -> None:
        joined = await bench.talk()
        await bench.hang_up()
        await until(lambda: _count(bench, LegEnded, joined.call) == 2)
        failed = await bench.driver.do(started(joined))
        assert isinstance(failed, Failed)
        assert failed.leg_gone

    @pytest.mark.parametrize("name", ["a,b", "../up", "a b", "${X}", "a\r\nb", "-x", "", "a" * 200])
    async def test_a_name_that_is_more_than_a_name_is_refused(self, name: str, bench: Bench) -> None:
        """Nothing that comes from a call may become a path, an option or a header."""
        joined = await bench.talk()
        bad = Start(joined.call, RecordingId(name), 1, next(NUMBERS), joined.leg)
        failed = await bench.driver.do(bad)
        assert isinstance(failed, Failed)
        assert not failed.leg_gone

    # -- how recorders end -----------------------------------------------------------------------------------

    async def test_a_recorder_ends_with_its_leg_and_is_told_before_it(self, bench: Bench) -> None:
        """So that what was recorded is complete when the call is over."""
        joined = await bench.talk()
        start = started(joined)
        await bench.driver.do(start)
        await bench.hang_up()
        await until(lambda: _count(bench, LegEnded, joined.call) == 2)
        lost = await bench.first(RecorderLost)
        assert (lost.call, lost.recording, lost.segment, lost.leg_gone) == (joined.call, start.recording, 1, True)
        ended = next(event for event in bench.events if isinstance(event, LegEnded) and event.leg == joined.leg)
        assert bench.events.index(lost) < bench.events.index(ended)
        assert _count(bench, RecorderLost, joined.call) == 1

    async def test_a_recorder_that_dies_on_its_own_is_told_as_lost(self, bench: Bench) -> None:
        start = started(await bench.talk())
        await bench.driver.do(start)
        await bench.kill(start)
        lost = await bench.first(RecorderLost)
        assert (lost.call, lost.recording, lost.segment) == (start.call, start.recording, 1)
        assert not lost.leg_gone
        assert lost.reason

    async def test_how_a_recorder_is_can_be_asked(self, bench: Bench) -> None:
        start = started(await bench.talk())
        before = await bench.driver.health(start)
        assert before is None or not before.running
        await bench.driver.do(start)
        health = await bench.driver.health(start)
        assert health is not None
        assert health.running
        await bench.driver.do(stopped(start))
        after = await bench.driver.health(start)
        assert after is not None
        assert not after.running

    # -- the link --------------------------------------------------------------------------------------------

    async def test_while_the_link_is_down_a_command_fails_and_raises_nothing(self, bench: Bench) -> None:
        start = started(await bench.talk())
        await bench.cut()
        assert bench.links[-1][0] is False
        assert bench.links[-1][1]  # and why
        async with asyncio.timeout(DEADLINE):
            failed = await bench.driver.do(start)
        assert isinstance(failed, Failed)
        assert not failed.leg_gone
        await bench.mend()
        assert isinstance(await bench.driver.do(started_again(start)), Done)

    async def test_what_runs_is_found_before_the_link_is_said_to_be_up(self, bench: Bench) -> None:
        start = started(await bench.talk())
        await bench.driver.do(start)
        await bench.cut()
        since = len(bench.events)
        told: list[int] = []
        said = bench.links.append

        class Noted(list[tuple[bool, str]]):
            def append(self, link: tuple[bool, str]) -> None:
                told.append(len(bench.events))
                said(link)
                super().append(link)

        bench.links = Noted(bench.links)
        await bench.mend()
        found = [event for event in bench.events[since : told[0]] if isinstance(event, RecorderFound)]
        assert [(one.call, one.leg, one.recording, one.segment) for one in found] == [
            (start.call, start.leg, start.recording, 1)
        ]
        assert isinstance(await bench.driver.do(stopped(start)), Done)

    # -- the rest --------------------------------------------------------------------------------------------

    async def test_each_segment_has_files_of_its_own_and_they_are_always_the_same(self, bench: Bench) -> None:
        joined = LegJoined(CallId("main/1"), 0.0, LegId("main/1"), None)  # type: ignore[arg-type]
        one, two, more = started(joined), started(joined), started(joined)
        more = started(joined, one.recording, segment=2)
        names: list[Path] = []
        for start in (one, two, more):
            files = bench.driver.files(start)
            assert bench.driver.files(stopped(start)) == files
            names += [each for each in (files.mixed, files.anchor, files.others) if each is not None]
        assert len(set(names)) == len(names)
        assert len({name.parent for name in names}) == 1
        assert all(name.is_absolute() for name in names)

    async def test_what_is_done_for_phones_never_raises_whoever_does_not_exist(self, bench: Bench) -> None:
        nobody = LegId(f"{bench.driver.name}/nobody-1")
        asked: list[Awaitable[object]] = [
            bench.driver.allow(Allow(CallId(nobody), nobody, frozenset({Key.RECORD}), codes=True)),
            bench.driver.show("nobody", next(iter(Glow))),
            bench.driver.push("nobody", "<x/>"),
        ]
        for each in asked:
            await each
        assert await bench.driver.find("PJSIP/nobody-00000001", "", "") is None

    async def test_what_went_through_is_counted(self, bench: Bench) -> None:
        counters = bench.driver.counters
        start = started(await bench.talk())
        before = counters.commands
        await bench.driver.do(start)
        await bench.driver.do(stopped(start))
        assert counters.commands == before + 2
        assert counters.events > 0
        await bench.cut()
        await bench.mend()
        assert counters.reconnects == 1


def started_again(start: Start) -> Start:
    """The next try: another command, and another segment, as the core would ask."""
    return Start(start.call, start.recording, start.segment + 1, next(NUMBERS), start.leg)


def _count(bench: Bench, kind: type[Event], call: CallId) -> int:
    return sum(isinstance(event, kind) and event.call == call for event in bench.events)
