"""A call that is to be recorded and cannot be: it goes on, its people hear a notice, or it ends with one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.lab import Asterisk, MakePhone, ears, sounds
from tests.live.faulty import ALWAYS, running, until

CALLER, CALLED = 450, 700
NOTICE = {950, 1400, 1800}
"""The rising tones that are heard where no sound is configured."""


@pytest.mark.proves("B-02", "F-033")
@pytest.mark.parametrize("on_failure", ["continue", "notice", "end"])
async def test_what_happens_to_a_call_that_cannot_be_recorded_is_the_rules_choice(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, on_failure: str
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    (asterisk.monitor_dir / "file").write_text("no folder")
    rules = ALWAYS + f'on_failure = "{on_failure}"\n'
    async with running(tmp_path, asterisk, rules, monitor=asterisk.monitor_dir / "file") as app:
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        (other,) = bob.calls.values()
        await until(lambda: any("could not be started" in each.what for each in app.engine.alarms.past), 10)
        if on_failure == "end":
            await call.ended(8)
            await other.ended(2)
        else:
            await asyncio.sleep(4)
            assert call.up
            assert other.up
        heard = [
            {tone.frequency for tone in ears.tones(one.heard().samples) if tone.seconds > 0.1}
            for one in (call, other)
        ]
        if on_failure != "end":
            for one, pitch in ((call, CALLED), (other, CALLER)):
                late = one.heard().samples[-4000:]
                assert {tone.frequency for tone in ears.tones(late) if tone.seconds > 0.3} == {pitch}
            await call.hangup()
        await until(lambda: not app.engine.sessions, 5)
    (asterisk.monitor_dir / "file").unlink()
    for pitches in heard:
        assert (pitches >= NOTICE) is (on_failure != "continue")
