"""What is listed of calls that ended in an unusual way: the reason is of the conversation, not of its last moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.lab import Asterisk, MakePhone, sounds
from tests.live.controlling import controlling, pitches

CALLER, CALLED, OTHER = 450, 700, 950
AGENT = '[[rule]]\nname = "agent"\nextension = "111"\nmode = "always"\nstart = "{start}"\n'


@pytest.mark.proves("F-013", "F-023")
@pytest.mark.parametrize("start", ["bridge", "ring"])
async def test_a_caller_who_gives_up_in_a_queue_is_listed_with_the_queues_reason(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, start: str
) -> None:
    ivan, world = await phone("111"), await carrier("carrier1")
    files = set(asterisk.monitor_dir.rglob("*"))
    async with controlling(asterisk, AGENT.format(start=start), tmp_path) as control:
        call = await world.call("0205550300", caller="0301234567", say=sounds.tone(CALLER), loop=True)
        await ivan.rings()
        await asyncio.sleep(0.3)
        await call.hangup()
        (finished,) = await control.over()
    assert "queue support is not enabled" in finished.decision.reason
    assert finished.recording is None
    assert set(asterisk.monitor_dir.rglob("*")) == files
    assert control.engine.tally.alarms == 0


@pytest.mark.proves("F-013", "F-023")
async def test_a_members_own_call_is_listed_with_the_reason_that_the_conference_decides(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    rules = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\n'
    async with controlling(asterisk, rules, tmp_path) as control:
        calls = [await each.call("800", say=sounds.tone(CALLER), loop=True) for each in (alice, bob)]
        await control.until(lambda: any(len(each.call.in_room) == 2 for each in control.engine.sessions.values()))
        await asyncio.sleep(0.5)
        for call in calls:
            await call.hangup()
        finished = await control.over(3)
    reasons = {each.parties[0].endpoint: each.decision.reason for each in finished if not each.room}
    assert set(reasons) == {"100", "101"}
    assert all("in a conference the conference decides" in reason for reason in reasons.values()), reasons


@pytest.mark.proves("F-023")
async def test_a_recorded_call_that_is_handed_on_to_somebody_unrecorded_is_listed_with_why_it_was_recorded(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    alice, bob, world = await phone("100"), await phone("101"), await carrier("carrier1")
    rules = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\n'
    bob.auto(sounds.tone(OTHER), loop=True)
    async with controlling(asterisk, rules, tmp_path) as control:
        call = await world.dial("0205550100", caller="0301234567", say=sounds.tone(CALLER), loop=True)
        answered = await (await alice.rings()).answer(sounds.tone(CALLED), loop=True)
        await control.recording()
        await asyncio.sleep(0.8)
        await answered.transfer("101")
        async with asyncio.timeout(8):
            while not any(each.up for each in bob.calls.values()):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.8)
        await call.hangup()
        (finished,) = await control.over()
    assert finished.decision.rule == "hundred"
    assert finished.decision.reason.startswith("recorded: rule 'hundred'")
    (segment,) = finished.segments
    assert pitches(segment.mixed) == {CALLER, CALLED}  # and nobody's voice after it was handed on


async def test_who_hangs_up_last_after_an_excluded_number_is_asked_for_no_recording(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    alice.auto(sounds.tone(CALLED), loop=True)
    rules = (
        '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\nwhen = { not = { remote = "0301234567" } }\n'
    )
    async with controlling(asterisk, rules, tmp_path) as control:
        call = await world.call("0205550100", caller="0301234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(0.6)
        await call.hangup()
        (finished,) = await control.over()
        assert finished.decision.rule == ""
        assert control.engine.tally.commands == 0
