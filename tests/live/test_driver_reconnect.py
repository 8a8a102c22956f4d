"""A lost link, a dead controller and a restarted PBX: what runs is found again, and what does not is told as lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller import lab
from controller.core.commands import CallId, Start
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    CallGone,
    Done,
    Failed,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    RecorderFound,
    RecorderLost,
)
from controller.lab import Asterisk, Call, MakePhone, sounds
from controller.pbx.driver import SegmentFiles
from tests.live.driving import Driving, driving, pause, resume, seconds_of, settings_of, start, stop, tones


async def talk(
    pbx: Driving, phone: MakePhone, carrier: MakePhone, number: str = "0205550123"
) -> tuple[Call, LegJoined]:
    """The world (450 Hz) calls somebody (700 Hz); the trunk's leg."""
    world, somebody = await carrier("carrier1"), await phone("110" if number.endswith("200") else "101")
    somebody.auto(sounds.tone(700), loop=True)
    call = await world.call(number, caller="0301234567", say=sounds.tone(450), loop=True)
    return call, await pbx.talking("carrier1")


async def recorded(pbx: Driving, phone: MakePhone, carrier: MakePhone) -> tuple[Call, LegJoined, Start]:
    """The same, with a recorder on the trunk's leg."""
    call, joined = await talk(pbx, phone, carrier)
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    return call, joined, command


async def cut(pbx: Driving) -> int:
    """Lose the link; how many events there were before."""
    pair = pbx.driver._pair
    assert pair is not None
    since = len(pbx.events)
    pair.give_up("the test cut it")
    await pbx.until(lambda: len(pbx.links) == 2)
    return since


@asynccontextmanager
async def own_pbx() -> AsyncIterator[tuple[Asterisk, Driving, Start]]:
    """A PBX to end, with a call on it (450 Hz, 700 Hz) that is recorded by this command."""
    async with (
        lab.Asterisk.running(lab.install()) as asterisk,
        driving(settings_of(asterisk)) as pbx,
        lab.phone(asterisk, "101") as bob,
        lab.carrier(asterisk, "carrier1") as world,
    ):
        bob.auto(sounds.tone(700), loop=True)
        await world.call("0205550123", caller="0301234567", say=sounds.tone(450), loop=True)
        joined = await pbx.talking("carrier1")
        command = start(joined.call, joined.leg)
        await pbx.do(command)
        yield asterisk, pbx, command
        for ended in (*bob.calls.values(), *world.calls.values()):
            ended.is_over(ended.status)  # the PBX that would have said so is another one now


async def test_a_new_controller_finds_the_recorder_of_a_dead_one_and_stops_it_by_its_id(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(settings_of(asterisk)) as dead:
        _, joined, command = await recorded(dead, phone, carrier)
        await asyncio.sleep(0.5)
    await asyncio.sleep(0.5)
    async with driving(settings_of(asterisk)) as heir:
        found = await heir.first(RecorderFound)
        assert (found.call, found.leg, found.recording, found.segment) == (
            joined.call,
            joined.leg,
            command.recording,
            1,
        )
        for one in (pause(command), resume(command)):
            assert isinstance(await heir.do(one), Done)
        await asyncio.sleep(0.5)
        assert isinstance(await heir.do(stop(command)), Done)
        assert seconds_of(heir.driver.files(command).mixed, 450) > 1.3


async def test_a_new_controller_knows_the_calls_that_it_did_not_see_begin(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(settings_of(asterisk)) as dead:
        _, joined = await talk(dead, phone, carrier, "0205550200")
    async with driving(settings_of(asterisk)) as heir:
        told = [event for event in heir.events if event.call == joined.call]
        appeared = {event.endpoint: event for event in told if isinstance(event, LegAppeared)}
        assert appeared["carrier1"].originating
        assert appeared["carrier1"].dialled == "0205550200"
        assert appeared["carrier1"].number == "0301234567"
        assert appeared["carrier1"].up
        assert not appeared["110"].originating
        assert {event.leg for event in told if isinstance(event, LegJoined)} == {
            event.leg for event in appeared.values()
        }
        assert [event.peer for event in told if isinstance(event, LegDialled)] == [appeared["110"].leg]
        connected = [event for event in told if isinstance(event, AgentConnected)]
        assert [(event.leg, event.queue) for event in connected] == [(joined.leg, "sales")]
        assert heir.links == [(True, "")]


async def test_a_new_controller_knows_what_the_dialplan_said(asterisk: Asterisk, phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(700), loop=True)
    await alice.call("*82101", say=sounds.tone(450), loop=True)
    async with driving(settings_of(asterisk)) as heir:
        told = await heir.first(AttributeSet, lambda event: event.name == "kind")
        assert told.value == "intercom"


async def test_a_recorder_of_a_conference_is_found_under_its_conference(asterisk: Asterisk, phone: MakePhone) -> None:
    async with driving(settings_of(asterisk)) as dead:
        bob, carol = await phone("101"), await phone("102")
        await bob.call("800", say=sounds.tone(450), loop=True)
        await carol.call("800", say=sounds.tone(700), loop=True)
        await dead.until(lambda: len(_members(dead)) == 2)
        member = _members(dead)[0]
        room, own = start(member.call, member.leg), start(CallId(member.leg), member.leg)
        assert isinstance(await dead.do(room), Done)
        assert isinstance(await dead.do(own), Done)
    async with driving(settings_of(asterisk)) as heir:
        found = {event.recording: event.call for event in heir.events if isinstance(event, RecorderFound)}
        assert found == {room.recording: member.call, own.recording: CallId(member.leg)}
        assert isinstance(await heir.do(stop(room)), Done)
        assert isinstance(await heir.do(stop(own)), Done)


def _members(pbx: Driving) -> list[LegJoined]:
    return [event for event in pbx.events if isinstance(event, LegJoined) and "/room:" in event.call]


async def test_a_recorder_that_was_stopped_before_the_restart_is_not_found(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(settings_of(asterisk)) as dead:
        _, joined, command = await recorded(dead, phone, carrier)
        await dead.do(stop(command))
    # Somebody else's recorder may well have the address that our variable still names.
    async with asterisk.admin() as admin:
        await admin.act("MixMonitor", Channel=joined.leg.partition("/")[2], File="theirs.wav", Options="i(THEIRS)")
        async with driving(settings_of(asterisk)) as heir:
            assert not [event for event in heir.events if isinstance(event, RecorderFound)]
        await admin.act("StopMixMonitor", Channel=joined.leg.partition("/")[2])
    (asterisk.monitor_dir / "theirs.wav").unlink()


async def test_after_a_lost_link_the_recorder_is_found_and_what_happened_meanwhile_is_caught_up(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(settings_of(asterisk)) as pbx:
        _, _, command = await recorded(pbx, phone, carrier)
        since = await cut(pbx)
        assert pbx.links[-1] == (False, "the test cut it")
        refused = await pbx.do(pause(command))
        assert isinstance(refused, Failed)
        assert "the test cut it" in refused.reason
        await pbx.until(lambda: pbx.links[-1] == (True, ""))
        assert [type(event) for event in pbx.events[since:]] == [RecorderFound]
        assert isinstance(await pbx.do(stop(command)), Done)


async def test_a_call_that_ended_while_the_link_was_down_is_told_as_gone_and_so_is_its_recorder(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone
) -> None:
    async with driving(settings_of(asterisk)) as pbx:
        call, joined, command = await recorded(pbx, phone, carrier)
        since = await cut(pbx)
        await call.hangup()
        await pbx.until(lambda: pbx.links[-1] == (True, ""))
        lost, gone = pbx.events[since:]
        assert isinstance(lost, RecorderLost)
        assert (lost.recording, lost.leg_gone) == (command.recording, True)
        assert isinstance(gone, CallGone)
        assert gone.call == joined.call


async def test_a_pbx_that_is_killed_takes_its_calls_and_recorders_with_it() -> None:
    async with own_pbx() as (asterisk, pbx, command):
        await asterisk.kill()
        await pbx.until(lambda: not pbx.links[-1][0])
        await asterisk.start()
        await pbx.until(lambda: pbx.links[-1] == (True, ""), deadline=20)
        lost = await pbx.first(RecorderLost)
        assert (lost.recording, lost.leg_gone) == (command.recording, True)
        assert (await pbx.first(CallGone)).call == command.call


async def test_a_pbx_that_is_shut_down_in_order_ends_its_recorders_with_whole_files() -> None:
    async with own_pbx() as (asterisk, pbx, command):
        await asyncio.sleep(0.6)
        await asterisk.stop()
        files: SegmentFiles = pbx.driver.files(command)
        assert tones(files.mixed) == {450, 700}
        await asterisk.start()
        await pbx.until(lambda: len(pbx.links) > 1 and pbx.links[-1] == (True, ""), deadline=20)
        assert (await pbx.first(RecorderLost)).leg_gone
        assert [event for event in pbx.events if isinstance(event, LegEnded | CallGone)]
