"""The lab tells the truth: what its parties say is what is heard, and found in files, frame by frame."""

from __future__ import annotations

import asyncio

from controller.lab import MakePhone, sounds


async def test_two_phones_hear_each_other(phone: MakePhone) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(700), loop=True)
    call = await alice.call("101", say=sounds.tone(440), loop=True)
    await asyncio.sleep(1)
    assert call.heard().seconds > 0.9
