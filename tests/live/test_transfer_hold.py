"""On hold: recorded with its music, silent, or left out, as the rule of the subject says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.lab import Asterisk, MakePhone, ears, sounds
from controller.lab.sounds import MUSIC
from tests.live.test_controller import entries, only, running, sound

CUSTOMER, HOUSE = 600, 800
TALK, HOLD = 0.8, 1.6


def seconds(samples: sounds.Samples, rate: int, *pitches: int) -> float:
    found = [one for one in ears.tones(samples, rate) if one.frequency in pitches and one.seconds >= 0.04]
    return sum(one.seconds for one in found)


@pytest.mark.proves("F-075")
@pytest.mark.parametrize("rule", ["record", "mute", "skip"])
async def test_what_becomes_of_the_time_on_hold_is_the_rules_to_say(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, rule: str
) -> None:
    alice, world = await phone("100"), await carrier("carrier1")
    text = f'[[rule]]\nname = "a"\nextension = "100"\nmode = "always"\nhold = "{rule}"\n'
    async with running(tmp_path, text, asterisk) as app:
        call = await world.dial("0205550100", caller="0301234567", say=sounds.tone(CUSTOMER), loop=True)
        at_alice = await (await alice.rings()).answer(sounds.tone(HOUSE), loop=True)
        await asyncio.sleep(TALK)
        await at_alice.hold()
        await asyncio.sleep(HOLD)
        await at_alice.resume()
        await asyncio.sleep(TALK)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    customer, house = samples[:, 0], samples[:, 1]
    length, music = len(samples) / rate, seconds(house, rate, *MUSIC)
    assert abs(seconds(house, rate, HOUSE) - 2 * TALK) < 0.25
    assert abs(length - (2 * TALK + (0 if rule == "skip" else HOLD))) < 0.35
    assert (music > HOLD / 2) is (rule == "record"), music
    spoken = 2 * TALK + (HOLD if rule == "record" else 0)
    assert abs(seconds(customer, rate, CUSTOMER) - spoken) < 0.35  # what he says to the music is not for the file
