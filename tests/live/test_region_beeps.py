"""Beeps by region and by party on real calls: pitch, length and cadence measured at both phones, and in the file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.lab import Asterisk, Phone, sounds
from controller.prompts import beeps as ours
from controller.prompts.region_file import regions
from hardware.keys import Key
from tests.live.controlling import controlling
from tests.live.telling import CALLED, CALLER, NUMBER, SIGNAL, heard, ready, rule
from tests.live.test_announce import hand_over
from tests.live.test_regions import answered_by

RATE = 8000
SILENCE = np.zeros(RATE, dtype=np.int16)
ALL = rule("always", about='extension = "*"')
BY_REGION = '[defaults]\nbeep = "region"\n'


def bursts(samples: sounds.Samples, hertz: float) -> list[tuple[float, float]]:
    """Start and length in seconds of every burst of this frequency of 30 ms or more, to 5 ms."""
    n = np.arange(len(samples))
    moved = samples.astype(float) / 32768 * np.exp(-2j * np.pi * hertz * n / RATE)
    around = np.abs(np.convolve(moved, np.ones(160) / 160, mode="same")) * 2  # 50 Hz to either side
    loud = np.concatenate([[False], around > around.max() / 2, [False]])
    edges = np.flatnonzero(loud[1:] != loud[:-1]).reshape(-1, 2)
    return [
        (first / RATE, (last - first) / RATE) for first, last in edges if around.max() > 0.01 and last - first > 240
    ]


def pitch(samples: sounds.Samples) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples / 32768 * np.hanning(len(samples)), 1 << 17))
    return float(spectrum.argmax()) * RATE / (1 << 17)


@pytest.mark.proves("F-057", "B-08", "F-056", "F-060", "B-07")
@pytest.mark.parametrize(("number", "code"), [("0201234567", "nl"), ("+49301234567", "de"), ("+61212345678", "au")])
async def test_both_hear_the_tone_of_the_strictest_region_as_often_as_it_asks(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, number: str, code: str
) -> None:
    tone = regions().by_code[code].tone
    alice.auto(SILENCE, loop=True)
    async with controlling(office, BY_REGION + ALL, tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller=number, say=SILENCE, loop=True)
        await control.until(lambda: "beep" in {mark.kind for mark in control.marks()})
        await asyncio.sleep(tone.period + 1)
        await call.hangup()
        (finished,) = await control.over()
    wanted = ours.beep(tone)
    for phone in (call, await answered_by(alice)):
        samples = phone.line.heard().samples
        first, second = bursts(samples, tone.frequency)
        assert abs(second[0] - first[0] - tone.period) < 0.03
        for start, seconds in (first, second):
            assert abs(seconds - tone.seconds) < 0.015
            middle = samples[round((start + 0.01) * RATE) : round((start + seconds - 0.01) * RATE)]
            assert abs(pitch(middle) - pitch(wanted)) < 5
    (note,) = [mark.note for mark in finished.marks if mark.kind == "beep"]
    assert note == f"beeps: {tone.setting} every {tone.period:g} s"
    samples, _ = sounds.read_wav(Path(finished.segments[0].mixed))
    assert not bursts(samples, tone.frequency)


@pytest.mark.proves("B-08", "F-056")
@pytest.mark.parametrize(
    ("to", "in_file", "far", "near", "kept"),
    [("far", False, 1, 0, 0), ("far", True, 1, 0, 1), ("near", False, 0, 1, 0)],
)
async def test_each_party_hears_them_or_not_and_the_file_has_them_or_not(
    office: Asterisk,
    alice: Phone,
    world: Phone,
    tmp_path: Path,
    to: str,
    in_file: bool,
    far: int,
    near: int,
    kept: int,
) -> None:
    more = ("beep = 10", 'beep_tone = "1400/300"', f'beep_to = "{to}"', f"beep_in_file = {str(in_file).lower()}")
    async with controlling(office, rule("always", *more, about='extension = "*"'), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: "beep" in {mark.kind for mark in control.marks()})
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    there = await answered_by(alice)
    assert (heard(call).count(SIGNAL), heard(there).count(SIGNAL)) == (far, near)
    assert heard(call, CALLED) == [CALLED]  # they talk on underneath
    assert heard(there, CALLER) == [CALLER]
    samples, _ = sounds.read_wav(Path(finished.segments[0].mixed))
    assert len(bursts(samples, SIGNAL)) == kept


@pytest.mark.proves("F-057", "B-08", "F-060")
async def test_a_newcomer_brings_his_regions_tone_and_a_pause_ends_it(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path
) -> None:
    (tmp_path / "regions.toml").write_text('[site]\nmunich = "de"\n', encoding="utf-8")
    site = '[[site]]\nname = "munich"\n[[extension]]\nnumber = "102"\nsite = "munich"\n'
    line = rule("always-with-pause", about='trunk = "carrier1"')
    alice.auto(SILENCE, loop=True)
    bob.auto(SILENCE, loop=True)
    async with controlling(office, BY_REGION + site + line, tmp_path) as control:
        await ready(control)
        # As it is built in: Asterisk's audiohooks on a channel can stay deaf to whoever comes to it.
        control.engine.use(replace(control.engine.policy, renews=frozenset({"main"})))
        call = await world.call(NUMBER, caller="0201234567", say=SILENCE, loop=True)
        await control.until(lambda: "beep" in {mark.kind for mark in control.marks()})
        await asyncio.sleep(1.5)
        await hand_over(alice, await answered_by(alice), attended=False)
        await answered_by(bob)
        await asyncio.sleep(17)
        assert (await control.press(Key.PAUSE)).granted
        await asyncio.sleep(15)
        await call.hangup()
        await control.over()
    first, *german = bursts(call.line.heard().samples, 1400)
    assert abs(first[1] - 0.5) < 0.02
    starts = [start for start, seconds in german if abs(seconds - 0.08) < 0.02]
    assert len(starts) == len(german) == 2  # none during the pause
    assert abs(starts[1] - starts[0] - 15.08) < 0.05  # the PBX counts in frames of 20 ms
    newcomer = await answered_by(bob)
    assert len(bursts(newcomer.line.heard().samples, 1400)) == 2
