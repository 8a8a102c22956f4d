"""Hazard 1: this Asterisk's recorders can be deaf to whoever comes next. Provoked on purpose, and cured."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from controller.app import App
from controller.core.events import Asked
from controller.core.recording import Mark, State
from controller.lab import Asterisk, Call, MakePhone, Phone, ears, sounds
from hardware.keys import Key
from tests.live.test_controller import entries, only, running, sound

CUSTOMER, FIRST, SECOND = 600, 800, 1000
LINE = '[[rule]]\nname = "line"\ntrunk = "carrier1"\nmode = "always-with-pause"\n'


async def press(app: App, key: Key, becomes: State) -> None:
    """The operator's key, and the PBX's confirmation."""
    (session,) = app.engine.sessions.values()
    answer = await app.engine.ask(Asked(session.call.id, time.time(), "operator test", key))
    assert answer.granted, answer
    assert answer.state is becomes


async def handed_over(world: Phone, first: Phone, second: Phone, back: int) -> Call:
    """The customer talks to the first, then to the second, whose packets are numbered so much lower."""
    call = await world.dial("0205550100", caller="0301234567", say=sounds.tone(CUSTOMER), loop=True)
    at_first = await first.rings()
    at_first.line.sequence = 20_000
    await at_first.answer(sounds.tone(FIRST), loop=True)
    await asyncio.sleep(1)
    await at_first.transfer(second.user)
    at_second = await second.rings()
    at_second.line.sequence = at_first.line.sequence - back
    await at_second.answer(sounds.tone(SECOND), loop=True)
    return call


def heard(samples: sounds.Samples, rate: int, pitch: int) -> float:
    return sum(one.seconds for one in ears.tones(samples, rate) if one.frequency == pitch)


@pytest.mark.parametrize(("renews", "back"), [(True, 15_000), (True, -15_000), (False, 15_000)])
async def test_whoever_a_call_is_handed_to_is_heard_because_the_recorder_is_renewed(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, renews: bool, back: int
) -> None:
    first, second, world = await phone("100"), await phone("101"), await carrier("carrier1")
    async with running(tmp_path, LINE, asterisk, more=f"renew_recorders = {str(renews).lower()}") as app:
        call = await handed_over(world, first, second, back)
        await asyncio.sleep(1.5)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    house = samples[:, 1]
    assert abs(heard(house, rate, FIRST) - 1) < 0.15
    if renews:
        assert abs(heard(house, rate, SECOND) - 1.5) < 0.15
    else:  # the fault is there: without it this test would prove nothing
        assert heard(house, rate, SECOND) == 0
    assert abs(heard(samples[:, 0], rate, CUSTOMER) - len(samples) / rate) < 0.15


async def test_a_recorder_that_is_paused_when_somebody_new_comes_stays_silent_and_hears_him_afterwards(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    first, second, world = await phone("100"), await phone("101"), await carrier("carrier1")
    async with running(tmp_path, LINE, asterisk) as app:
        call = await world.dial("0205550100", caller="0301234567", say=sounds.tone(CUSTOMER), loop=True)
        at_first = await first.rings()
        at_first.line.sequence = 20_000
        await at_first.answer(sounds.tone(FIRST), loop=True)
        await asyncio.sleep(0.8)
        await press(app, Key.PAUSE, State.PAUSED)
        await at_first.transfer("101")
        at_second = await second.rings()
        at_second.line.sequence = 5_000
        await at_second.answer(sounds.tone(SECOND), loop=True)
        await asyncio.sleep(0.8)
        await press(app, Key.RESUME, State.ON)
        await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert abs(heard(samples[:, 1], rate, FIRST) - 0.8) < 0.15
    assert abs(heard(samples[:, 1], rate, SECOND) - 1) < 0.15
    silent = ears.silences(samples.max(axis=1), rate)
    assert max(span.seconds for span in silent) > 0.8


async def test_a_party_whose_packets_begin_anew_is_heard_again_though_no_event_tells_of_it(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    first, world = await phone("100"), await carrier("carrier1")
    async with running(tmp_path, LINE, asterisk) as app:
        call = await world.dial("0205550100", caller="0301234567", say=sounds.tone(CUSTOMER), loop=True)
        at_first = await first.rings()
        at_first.line.sequence = 20_000
        await at_first.answer(sounds.tone(FIRST), loop=True)
        await asyncio.sleep(1)
        at_first.line.sequence = 5_000  # as a carrier does that moves a call to another machine of its own
        async with asyncio.timeout(20):
            while not (marks := marks_of(app, "renew")):
                await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert len(marks) == 1
    silent = [span for span in ears.silences(samples[:, 1], rate) if span.seconds > 1]
    assert len(silent) == 1
    assert silent[0].seconds < 12
    assert abs(heard(samples[:, 1], rate, FIRST) - 3) < 0.3


def marks_of(app: App, kind: str) -> list[Mark]:
    """Of the only live call."""
    (session,) = app.engine.sessions.values()
    return [mark for mark in session.recording.marks if mark.kind == kind] if session.recording else []


async def test_the_first_party_is_heard_by_a_recorder_that_began_with_the_music(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    rule = '[[rule]]\nname = "sales"\nqueue = "sales"\nmode = "always"\nstart = "answer"\n'
    agent, world = await phone("110"), await carrier("carrier1")
    async with running(tmp_path, rule, asterisk) as app:
        call = await world.dial("0205550200", caller="0301234567", say=sounds.tone(CUSTOMER), loop=True)
        at_agent = await agent.rings()
        await asyncio.sleep(2)
        at_agent.line.sequence = 3  # lower than any number of what came before, if that had any
        await at_agent.answer(sounds.tone(FIRST), loop=True)
        await asyncio.sleep(1.5)
        assert not marks_of(app, "renew")
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert len(samples) / rate > 3
    assert abs(heard(samples[:, 1], rate, FIRST) - 1.5) < 0.2


async def test_a_recorder_beside_beeps_is_renewed_as_well(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    """The beeps are a hook on the same channel, and the channel is deaf for as long as it has any."""
    first, second, world = await phone("100"), await phone("101"), await carrier("carrier1")
    async with running(tmp_path, LINE + "beep = 10\n", asterisk) as app:
        call = await handed_over(world, first, second, 15_000)
        await asyncio.sleep(2)
        await call.hangup()
        beeps = [one for one in ears.tones(call.heard().samples) if one.frequency == 1400 and one.seconds > 0.3]
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert len(beeps) == 2  # at the beginning, and with the new recorder
    assert abs(heard(samples[:, 1], rate, FIRST) - 1) < 0.2
    assert abs(heard(samples[:, 1], rate, SECOND) - 2) < 0.2
