"""The Record key of desk phones on real calls: what the phone is told, what is recorded, what the lamp shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, sounds
from controller.lamps import Lamps
from tests.live.controlling import Controlling, controlling, events_of, pitches

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


@pytest.mark.proves("W-30", "W-31", "Y-15", "V-10", "F-061", "F-062", "F-064", "F-067")
async def test_the_key_starts_and_stops_and_pressing_it_again_changes_nothing(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with talking(asterisk, phone, rule("on-demand"), tmp_path) as (control, mine, _):
        await answered(mine, ON, 200)
        session = await control.recording()
        assert await mine.info(ON) == 200
        await asyncio.sleep(0.8)
        assert session.recording is not None
        assert control.session.recording is not None
        assert control.session.recording.state is State.ON
        assert await mine.info(OFF) == 200
        await control.recording(State.OFF)
        assert await mine.info(OFF) == 200
        await asyncio.sleep(0.3)
        await mine.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    assert pitches(segment.anchor) == {CALLER}
    assert pitches(segment.others) == {CALLED}
    pressed = [mark for mark in finished.marks if mark.kind == "key"]
    assert {mark.by for mark in pressed} == {"extension 100 (record key)"}
