"""The Record key of desk phones on real calls: what the phone is told, what is recorded, what the lamp shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.core.events import Asked
from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, sounds
from hardware.keys import Key
from tests.live.controlling import Controlling, controlling, pitches, tones

CALLER, CALLED = 450, 700
ON, OFF = {"Record": "on"}, {"Record": "off"}
KEYS = "[keys]\nrecord_key = true\n"


def rule(mode: str, *more: str) -> str:
    return "\n".join([KEYS, '[[rule]]\nname = "hundred"\nextension = "100"', f'mode = "{mode}"', *more]) + "\n"


@asynccontextmanager
async def talking(
    asterisk: Asterisk, phone: MakePhone, rules: str, folder: Path
) -> AsyncIterator[tuple[Controlling, Call, Call]]:
    """100 talks to 101 under these rules: the controller, 100's call, and 101's."""
    alice, bob = await phone("100"), await phone("101")
    async with controlling(asterisk, rules, folder) as control:
        mine = await alice.dial("101", say=sounds.tone(CALLER), loop=True)
        his = await bob.rings()
        await his.answer(sounds.tone(CALLED), loop=True)
        await mine.answered()
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        yield control, mine, his


async def answered(call: Call, headers: dict[str, str], status: int, deadline: float = 3) -> None:
    """Press until the phone is answered so: the PBX is told beside the call's events, some milliseconds later."""
    async with asyncio.timeout(deadline):
        while (got := await call.info(headers)) != status:
            assert got in (200, 403)
            await asyncio.sleep(0.02)


@pytest.mark.proves("F-061", "F-062", "F-063", "V-9", "V-10", "V-16", "F-143", "W-31", "B-09")
async def test_the_key_starts_and_stops_and_pressing_it_again_changes_nothing(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, mine, _):
        await answered(mine, ON, 200)
        await control.recording()
        assert await mine.info(ON) == 200
        await asyncio.sleep(0.8)
        assert control.state() is State.ON
        assert await mine.info(OFF) == 200
        await control.recording(State.OFF)
        assert await mine.info(OFF) == 200
        await asyncio.sleep(0.3)
        assert control.state() is State.OFF
        await mine.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    assert pitches(segment.anchor) == {CALLER}
    assert pitches(segment.others) == {CALLED}
    assert {mark.by for mark in finished.marks if mark.kind == "key"} == {"extension 100 (record key)"}


@pytest.mark.proves("V-8", "V-10", "F-062", "B-09")
@pytest.mark.parametrize(
    ("mode", "on", "off"),
    [("never", 403, 403), ("always", 200, 403), ("on-demand", 200, 200), ("rule of 101", 403, 403)],
)
async def test_the_phone_is_told_the_truth_before_anything_is_tried(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, mode: str, on: int, off: int
) -> None:
    rules = rule("on-demand").replace('"100"', '"101"') if mode == "rule of 101" else rule(mode)
    async with talking(asterisk, phone, rules, tmp_path) as (control, mine, his):
        if mode == "rule of 101":  # whose press it is counts: the same key of the other phone is obeyed
            await answered(his, ON, 200)
            await control.recording()
        elif mode == "always":
            await control.recording()
        await answered(mine, ON, on)
        await answered(mine, OFF, off)
        before = control.state()
        assert await mine.info(OFF) == off
        await asyncio.sleep(0.3)
        if off == 403:
            assert control.state() is before
        await mine.hangup()
        await control.over()


@pytest.mark.proves("B-09")
async def test_without_a_controller_the_key_is_refused(phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto()
    call = await alice.call("101")
    assert await call.info(ON) == 403
    await call.hangup()


async def test_a_change_of_policy_changes_what_the_key_of_a_live_call_may_do(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("never"), tmp_path) as (control, mine, _):
        assert await mine.info(ON) == 403
        control.use(rule("on-demand"))
        await answered(mine, ON, 200)
        await control.recording()
        control.use(rule("never"))
        await control.recording(State.OFF)
        await answered(mine, ON, 403)
        await mine.hangup()
        await control.over()


@pytest.mark.proves("F-063")
async def test_a_header_that_is_no_command_changes_nothing_though_the_phone_is_told_200(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    """The PBX's lie, not ours (hardware.md B.4): the module for keep-alives answers what has no body."""
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, mine, _):
        await answered(mine, OFF, 200)
        for value in ("pause", "yes", "", "onoff", "on" * 300):
            assert await mine.info({"Record": value}) == 200
        await asyncio.sleep(0.5)
        assert control.session.recording is None
        await mine.hangup()
        await control.over()


async def test_a_press_with_a_digit_in_its_body_is_no_command(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, mine, _):
        await answered(mine, OFF, 200)
        relay = {**ON, "Content-Type": "application/dtmf-relay"}
        told = await mine.info(relay, b"Signal=5\r\nDuration=160\r\n")
        await asyncio.sleep(0.5)
        obeyed = control.session.recording is not None
        assert told in (200, 403)
        # Which module takes it depends on the order of loading: either nothing happened, or what was said to.
        assert obeyed is (told == 200 and control.state() is State.ON)
        await mine.hangup()
        await control.over()


async def test_twenty_presses_in_a_burst_end_where_the_last_one_says(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, mine, _):
        heard: list[Asked] = []
        control.engine.watchers.add(lambda _, event: heard.append(event) if isinstance(event, Asked) else None)
        await answered(mine, OFF, 200)
        await control.until(lambda: heard)
        for number in range(20):
            assert await mine.info(OFF if number % 2 else ON) == 200
        assert await mine.info(ON) == 200
        await control.until(lambda: len(heard) >= 22)  # to the PBX each is a digit of 100 ms: they come one by one
        assert [event.key for event in heard[-21:]] == [Key.RECORD, Key.STOP] * 10 + [Key.RECORD]
        await control.recording()
        await mine.hangup()
        await control.over()


@pytest.mark.proves("F-066", "B-05")
async def test_tones_like_those_of_the_key_are_no_press_whoever_sends_them(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    alice.auto(sounds.tone(CALLED), loop=True)
    async with controlling(asterisk, rule("on-demand"), tmp_path) as control:
        outside = await world.call("0205550100", caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        await outside.press("A")
        assert await outside.info(ON) == 403
        await outside.press("A")
        await asyncio.sleep(0.4)
        assert control.session.recording is None
        await outside.hangup()
        await control.over()


@pytest.mark.proves("F-028", "I-13")
@pytest.mark.parametrize("pressed", [True, False])
async def test_pressing_late_keeps_the_whole_talk_and_not_pressing_keeps_nothing(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, pressed: bool
) -> None:
    async with talking(asterisk, phone, rule("on-demand-keep"), tmp_path) as (control, mine, _):
        await control.recording()
        await asyncio.sleep(1.5)
        if pressed:
            await answered(mine, ON, 200)
            await control.until(lambda: control.session.wish.keep)
        await asyncio.sleep(0.4)
        await mine.hangup()
        (finished,) = await control.over()
    assert bool(finished.discard) is not pressed
    if pressed:
        (segment,) = finished.segments
        heard = [tone for tone in tones(segment.anchor) if tone.frequency == CALLER]
        assert sum(tone.seconds for tone in heard) > 1.6
