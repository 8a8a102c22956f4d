"""What is wrong with the sound of a finished recording is told: each fault staged on a real call, and a good one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.catalogue.entries import Status
from controller.lab import Asterisk, MakePhone, sounds
from tests.live.faulty import ALWAYS, running
from tests.live.test_controller import entries, only

LOUD, FAINT = 6.0, 0.004
"""Levels, 1.0 being full scale: one that is cut off at the top, one that is hard to hear."""


def tone(pitch: int, level: float) -> sounds.Samples:
    """Louder than full scale is cut off there, as a bad microphone does."""
    if level <= 1:
        return sounds.tone(pitch, level=level)
    return (sounds.tone(pitch, level=0.9).astype("int32") * level).clip(-32768, 32767).astype("int16")


FAULTS = {
    # what is staged: (the caller's level, the called one's level, seconds, the flags)
    "nothing": (0.3, 0.3, 6.0, ()),
    "one party is not heard": (0.0, 0.3, 6.0, ("one-sided: nothing of the ",)),
    "the other party is not heard": (0.3, 0.0, 6.0, ("one-sided: nothing of the ",)),
    "nobody is heard": (0.0, 0.0, 2.0, ("silent: nobody is heard",)),
    "a party shouts": (LOUD, 0.3, 2.0, ("clipped: ",)),
    "a party whispers": (0.3, FAINT, 2.0, ("too quiet: ",)),
    "it is over at once": (0.3, 0.3, 0.5, ("short: 0.",)),
}


@pytest.mark.proves("F-093")
async def test_each_fault_in_the_sound_of_a_recording_is_flagged_and_a_good_one_has_no_flag(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    told: dict[str, tuple[str, ...]] = {}
    async with running(tmp_path, asterisk, ALWAYS) as app:
        alice, bob = await phone("100"), await phone("101")
        for number, (fault, (caller, called, length, _)) in enumerate(FAULTS.items(), 1):
            bob.auto(tone(700, called), loop=True)
            call = await alice.call("101", say=tone(450, caller), loop=True)
            await asyncio.sleep(length)
            await call.hangup()
            latest = (await entries(app, number))[-1]
            assert only(latest).status is Status.KEPT, (fault, only(latest).why)
            told[fault] = only(latest).flags
    for fault, (_, _, _, wanted) in FAULTS.items():
        found = told[fault]
        assert len(found) == len(wanted), told
        for text, begins in zip(found, wanted, strict=True):
            assert text.startswith(begins), told
    sides = {told["one party is not heard"], told["the other party is not heard"]}
    assert sides == {("one-sided: nothing of the customer",), ("one-sided: nothing of the house",)}
