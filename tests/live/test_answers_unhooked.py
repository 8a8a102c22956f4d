"""Keys in calls that Asterisk itself has no use for: Dial without options lets packets pass it by, and their keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller import lab
from controller.core.consent import Standing
from controller.lab import Asterisk, sounds
from tests.live.controlling import controlling, pitches
from tests.live.telling import ready

CALLER, CALLED, OPT_IN = 450, 700, 1300
PROMPT_SECONDS = 0.8
PLAIN = """
[ddi](+)
exten => 0205550790,1,Dial(PJSIP/101,60)
"""


@pytest.fixture
async def plain() -> AsyncIterator[Asterisk]:
    async with Asterisk.running(lab.install(), extra={"extensions.d/plain.conf": PLAIN}) as pbx:
        path = pbx.home / "prompts" / "en" / "opt-in.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sounds.write_wav(path, sounds.tone(OPT_IN, PROMPT_SECONDS))
        yield pbx


@pytest.mark.parametrize("after", [0.3, 4.0])
async def test_who_agrees_by_a_key_is_heard_also_in_a_call_whose_packets_pass_asterisk_by(
    plain: Asterisk, tmp_path: Path, after: float
) -> None:
    rule = '[[rule]]\nname = "line"\ntrunk = "carrier1"\nmode = "always"\nannounce_inbound = "opt-in"\n'
    async with (
        lab.phone(plain, "101") as alice,
        lab.carrier(plain, "carrier1") as world,
        controlling(plain, rule, tmp_path) as control,
    ):
        await ready(control)
        alice.auto(sounds.tone(CALLED), loop=True)
        call = await world.call("0205550790", caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.announcing.awaited)
        await asyncio.sleep(after)  # whatever the prompt needed of the channel is gone by now
        await call.press("1")
        await asyncio.sleep(1.5)
        await call.hangup()
        (finished,) = await control.over()
    assert [one.standing for one in finished.consents] == [Standing.AGREED]
    (segment,) = finished.segments
    assert pitches(segment.anchor) == {CALLER}
    assert pitches(segment.others) == {CALLED}
