"""A pause is heard in the file, on the side that was asked for, and no other recorder on the channel notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from controller.core.commands import Side
from controller.core.events import Done, Failed, LegJoined, RecorderFound, RecorderLost
from controller.lab import Asterisk, MakePhone, sounds
from tests.live.driving import (
    Driving,
    driving,
    pause,
    resume,
    samples,
    seconds_of,
    settings_of,
    start,
    stop,
    tones,
    zeros,
)

CALLER, CALLEE = 450, 700
"""Hz of the two parties. The caller's leg is the anchor."""


@pytest.fixture
async def pbx(asterisk: Asterisk) -> AsyncIterator[Driving]:
    async with driving(settings_of(asterisk)) as made:
        yield made


@pytest.fixture
async def joined(pbx: Driving, phone: MakePhone, carrier: MakePhone) -> LegJoined:
    world, bob = await carrier("carrier1"), await phone("101")
    bob.auto(sounds.tone(CALLEE), loop=True)
    await world.call("0205550123", caller="0301234567", say=sounds.tone(CALLER), loop=True)
    return await pbx.talking("carrier1")


@pytest.mark.proves("F-037", "F-044")
async def test_a_pause_is_silence_of_its_own_length_in_every_file(pbx: Driving, joined: LegJoined) -> None:
    command = start(joined.call, joined.leg)
    for one, seconds in ((command, 0.6), (pause(command), 1.0), (resume(command), 0.6)):
        assert isinstance(await pbx.do(one), Done)
        await asyncio.sleep(seconds)
    assert isinstance(await pbx.do(stop(command)), Done)
    files = pbx.driver.files(command)
    assert tones(files.mixed) == {CALLER, CALLEE}
    for path in (files.mixed, files.anchor, files.others):
        assert abs(zeros(path) - 1.0) < 0.1
        assert abs(len(samples(path)) / sounds.RATE - 2.2) < 0.15


@pytest.mark.proves("F-039")
@pytest.mark.parametrize(("side", "silent", "heard"), [(Side.ANCHOR, CALLER, CALLEE), (Side.OTHERS, CALLEE, CALLER)])
async def test_a_pause_of_one_side_leaves_the_other_in_the_recording(
    pbx: Driving, joined: LegJoined, side: Side, silent: int, heard: int
) -> None:
    command = start(joined.call, joined.leg)
    for one, seconds in ((command, 0.6), (pause(command, side), 1.0), (resume(command, side), 0.6)):
        assert isinstance(await pbx.do(one), Done)
        await asyncio.sleep(seconds)
    await pbx.do(stop(command))
    files = pbx.driver.files(command)
    own, other = (files.anchor, files.others) if side is Side.ANCHOR else (files.others, files.anchor)
    assert abs(zeros(own) - 1.0) < 0.1
    assert zeros(other) < 0.1
    assert abs(seconds_of(files.mixed, silent) - 1.2) < 0.15
    assert abs(seconds_of(files.mixed, heard) - 2.2) < 0.15


async def test_a_pause_of_a_recorder_that_does_not_run_fails(pbx: Driving, joined: LegJoined) -> None:
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    await pbx.do(stop(command))
    failed = await pbx.do(pause(command))
    assert isinstance(failed, Failed)
    assert "does not run" in failed.reason


# -- other people's recorders on the same channel (hazards 9 and 10) ----------------------------------------------


async def test_another_recorder_on_the_channel_hears_nothing_of_our_pause_and_stop(
    pbx: Driving, asterisk: Asterisk, joined: LegJoined
) -> None:
    async with asterisk.admin() as admin:
        channel = joined.leg.partition("/")[2]
        await admin.act("MixMonitor", Channel=channel, File="older.wav", Options="i(OLDER)")
        command = start(joined.call, joined.leg)
        await pbx.do(command)
        younger = await admin.act("MixMonitor", Channel=channel, File="younger.wav", Options="i(YOUNGER)")
        await asyncio.sleep(0.5)
        for one in (pause(command), resume(command), pause(command, Side.ANCHOR)):
            assert isinstance(await pbx.do(one), Done)
            await asyncio.sleep(0.3)
        assert isinstance(await pbx.do(stop(command)), Done)
        await asyncio.sleep(0.5)
        await admin.act("StopMixMonitor", Channel=channel, MixMonitorID=younger["MixMonitorID"])
        await admin.act("StopMixMonitor", Channel=channel)
    for name, least in (("older.wav", 1.8), ("younger.wav", 1.8)):
        path = asterisk.monitor_dir / name
        assert zeros(path) < 0.1
        assert seconds_of(path, CALLER) > least
        assert seconds_of(path, CALLEE) > least
        path.unlink()


async def test_somebody_who_stops_another_recorder_leaves_ours_in_our_books(
    pbx: Driving, asterisk: Asterisk, joined: LegJoined
) -> None:
    async with asterisk.admin() as admin:
        channel = joined.leg.partition("/")[2]
        command = start(joined.call, joined.leg)
        await pbx.do(command)
        other = await admin.act("MixMonitor", Channel=channel, File="other.wav", Options="i(OTHER)")
        await admin.act("StopMixMonitor", Channel=channel, MixMonitorID=other["MixMonitorID"])
        # The pause comes behind the foreign stop, and what the driver looks up because of it.
        assert isinstance(await pbx.do(pause(command)), Done)
        assert not [event for event in pbx.events if isinstance(event, RecorderLost)]
        assert isinstance(await pbx.do(stop(command)), Done)
    (asterisk.monitor_dir / "other.wav").unlink()


async def test_somebody_who_stops_our_recorder_is_found_out(
    pbx: Driving, asterisk: Asterisk, joined: LegJoined
) -> None:
    command, untouched = start(joined.call, joined.leg), start(joined.call, joined.leg)
    await pbx.do(untouched)
    await pbx.do(command)
    async with asterisk.admin() as admin:
        await admin.act("StopMixMonitor", Channel=joined.leg.partition("/")[2])  # without an id: the newest
    lost = await pbx.first(RecorderLost)
    assert (lost.recording, lost.leg_gone) == (command.recording, False)
    assert isinstance(await pbx.do(stop(untouched)), Done)
    assert len([event for event in pbx.events if isinstance(event, RecorderLost)]) == 1


async def test_somebody_who_opens_a_paused_recorder_makes_us_say_again_what_we_want(
    pbx: Driving, asterisk: Asterisk, joined: LegJoined
) -> None:
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    await pbx.do(pause(command))
    async with asterisk.admin() as admin:
        channel = joined.leg.partition("/")[2]
        await admin.act("MixMonitorMute", Channel=channel, Direction="both", State="0")
    found = await pbx.first(RecorderFound)
    assert found.recording == command.recording
    assert isinstance(await pbx.do(stop(command)), Done)


async def test_what_is_asked_of_a_stopped_recorder_is_not_done_to_the_one_that_came_after_it(
    pbx: Driving, asterisk: Asterisk, joined: LegJoined
) -> None:
    """Ids are heap addresses: the next recorder often gets the one that was just given back."""
    channel = joined.leg.partition("/")[2]
    async with asterisk.admin() as admin:
        for n in range(6):
            command = start(joined.call, joined.leg)
            await pbx.do(command)
            await pbx.do(stop(command))
            theirs = await admin.act("MixMonitor", Channel=channel, File=f"theirs{n}.wav", Options="i(THEIRS)")
            assert isinstance(await pbx.do(stop(command)), Done)
            assert isinstance(await pbx.do(pause(command)), Failed)
            function = f"MIXMONITOR({theirs['MixMonitorID']},filename)"
            still = await admin.act("Getvar", Channel=channel, Variable=function)
            assert still["Value"].endswith(f"theirs{n}.wav")
            await admin.act("StopMixMonitor", Channel=channel, MixMonitorID=theirs["MixMonitorID"])
    for n in range(6):
        (asterisk.monitor_dir / f"theirs{n}.wav").unlink(missing_ok=True)


async def test_a_pause_is_not_believed_where_only_other_peoples_hooks_are_left_on_the_channel(
    pbx: Driving, asterisk: Asterisk, joined: LegJoined
) -> None:
    """Hazard 11: with hooks on the channel but not the recorder that was meant, Success would mean nothing."""
    channel = joined.leg.partition("/")[2]
    command = start(joined.call, joined.leg)
    await pbx.do(command)
    recorder = pbx.driver._recorders.get(command.recording, command.segment)
    assert recorder is not None
    async with asterisk.admin() as admin:
        await admin.act("MixMonitor", Channel=channel, File="theirs.wav", Options="i(THEIRS)")
        await pbx.witnessed()
        assert pbx.driver.witness is not None
        await pbx.driver.witness.link.request(
            "POST", "channels", channel, "snoop", query={"app": "onrecord", "spy": "none", "whisper": "both"}
        )
        await admin.act("StopMixMonitor", Channel=channel, MixMonitorID=recorder.id)
        await pbx.first(RecorderLost)
        pbx.driver._recorders.add(recorder)  # as if that had not been heard of yet
        failed = await pbx.do(pause(command))
        assert isinstance(failed, Failed)
        assert not failed.leg_gone
        assert isinstance(await pbx.do(stop(command)), Done)
        await asyncio.sleep(0.3)
        await admin.act("StopMixMonitor", Channel=channel)
    path = asterisk.monitor_dir / "theirs.wav"
    assert zeros(path) < 0.1
    path.unlink()
