"""The shipped prompts and beeps as a real Asterisk plays them and a phone hears them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from controller import lab
from controller.lab import Asterisk, Phone, ears, sounds
from controller.prompts.keep import keep
from controller.prompts.manifest import SOUNDS, manifest
from controller.prompts.place import place
from controller.prompts.take import take
from tests.live.controlling import controlling

CALLED = 700
GAP = 0.5
BEEPS = {"de": (1400, 0.08), "us": (1400, 0.5), "au": (425, 0.36)}
DIALS = """
[ddi](+)
exten => _020555075X,1,Answer()
 same => n,Set(LANGUAGES=en:de:fr:es:it:pt:nl:zh)
 same => n,Set(LANG=${CUT(LANGUAGES,:,$[${EXTEN:-1}+1])})
 same => n,Set(LEFT=recorded:opt-out:opt-in:refused:cannot-record:started:stopped:paused:resumed)
 same => n(next),Playback(@prompts@/gap)
 same => n,Playback(@prompts@/${LANG}/${CUT(LEFT,:,1)})
 same => n,Set(LEFT=${CUT(LEFT,:,2-)})
 same => n,GotoIf($["${LEFT}" != ""]?next)
 same => n,Playback(@prompts@/gap)
 same => n,Hangup()
exten => 0205550760,1,Answer()
 same => n,Playback(@prompts@/gap)
 same => n,Playback(@prompts@/beep/de)
 same => n,Playback(@prompts@/gap)
 same => n,Playback(@prompts@/beep/us)
 same => n,Playback(@prompts@/gap)
 same => n,Playback(@prompts@/beep/au)
 same => n,Playback(@prompts@/gap)
 same => n,Hangup()
exten => 0205550770,1,Gosub(onrecord-gate,s,1(101))
 same => n,Dial(PJSIP/101,60,U(onrecord-callee))
 same => n,Hangup()
"""


@pytest.fixture(scope="module")
async def speaking() -> AsyncIterator[Asterisk]:
    """A PBX that has the prompts where `onrecord prompt place` puts them."""
    async with Asterisk.running(lab.install(), extra={"extensions.d/prompts.conf": DIALS}) as pbx:
        folder = pbx.home / "prompts"
        assert len(place(folder)) == 72 + len(list((SOUNDS / "beep").iterdir()))
        sounds.write_wav(folder / "gap.wav", sounds.silence(GAP))  # Wait() would send nothing, and take no time
        dials = pbx.home / "etc" / "extensions.d" / "prompts.conf"
        dials.write_text(dials.read_text().replace("@prompts@", pbx.pbx_path(folder)))
        await pbx.cli("dialplan reload")
        yield pbx


@pytest.fixture
async def world(speaking: Asterisk) -> AsyncIterator[Phone]:
    async with lab.carrier(speaking, "carrier1") as phone:
        yield phone


async def listened(world: Phone, number: str, deadline: float = 90) -> sounds.Samples:
    """All that is heard on this number until it hangs up."""
    call = await world.call(number, caller="0201234567")
    await call.ended(deadline)
    return call.line.heard().samples


def likeness(heard: sounds.Samples, sent: sounds.Samples) -> float:
    """The best normalised correlation of `sent` with any stretch of `heard`: 1 for the same sound."""
    x, y = heard.astype(float), sent.astype(float)
    length = 1 << (len(x) + len(y)).bit_length()
    match = np.fft.irfft(np.fft.rfft(x, length) * np.conj(np.fft.rfft(y, length)), length)[: len(x) - len(y) + 1]
    energy = np.concatenate([[0.0], np.cumsum(x**2)])
    norms = np.sqrt(energy[len(y) :] - energy[: -len(y)]) * np.sqrt((y**2).sum())
    return float((match / np.maximum(norms, 1)).max())


@pytest.mark.proves("F-046")
async def test_a_caller_hears_every_prompt_in_every_language(world: Phone) -> None:
    languages = manifest().languages
    heard = await asyncio.gather(*(listened(world, f"020555075{place}") for place in range(len(languages))))
    for language, line in zip(languages, heard, strict=True):
        for name in manifest().prompts:
            sent, _ = soundfile.read(SOUNDS / language / f"{name}.wav", dtype="int16")
            assert likeness(line, sent) > 0.95, f"{language}/{name}"


@pytest.mark.proves("F-057")
async def test_a_caller_hears_the_beep_of_each_country(world: Phone) -> None:
    tones = [tone for tone in ears.tones(await listened(world, "0205550760")) if tone.seconds >= 0.06]
    assert len(tones) >= 3
    for tone, (pitch, seconds) in zip(
        [max(group, key=lambda one: one.seconds) for group in _apart(tones)], BEEPS.values(), strict=True
    ):
        assert abs(tone.frequency - pitch) <= 25  # frames of 20 ms tell multiples of 50 Hz apart
        assert tone.seconds == pytest.approx(seconds, abs=0.04)


def _apart(tones: list[ears.Tone]) -> list[list[ears.Tone]]:
    groups: list[list[ears.Tone]] = []
    for tone in tones:
        if groups and tone.start - groups[-1][-1].end < 0.2:
            groups[-1].append(tone)
        else:
            groups.append([tone])
    return groups


@pytest.mark.proves("F-046", "F-058")
async def test_the_gate_asks_in_words_and_an_own_recording_is_heard_in_place_of_ours(
    speaking: Asterisk, world: Phone, tmp_path: Path
) -> None:
    rule = '[[rule]]\nname = "it"\nextension = "101"\nmode = "always"\nannounce_inbound = "opt-out"\n'
    async with lab.phone(speaking, "101") as alice:
        alice.auto(sounds.tone(CALLED), loop=True)
        heard = await _at_the_gate(speaking, world, rule, tmp_path / "ours")
        sent, _ = soundfile.read(SOUNDS / "en" / "opt-out.wav", dtype="int16")
        assert likeness(heard, sent[:-800]) > 0.95  # but for the quiet at its end: talk may begin in its last frame
        assert "to refuse please press nine" in ears.words(heard)
        own = tmp_path / "onrecord" / "prompts"
        file = tmp_path / "own.wav"
        said = await sounds.speech("do you agree to be recorded", "awb")
        soundfile.write(file, np.stack([said, said], axis=1), 8000)
        keep(take(file), own, "en", "opt-out", "Do you agree to be recorded?")
        place(speaking.home / "prompts", own, ["en"])
        try:
            heard = await _at_the_gate(speaking, world, rule, tmp_path / "own")
        finally:
            shutil.copy(SOUNDS / "en" / "opt-out.wav", speaking.home / "prompts" / "en" / "opt-out.wav")
        assert ears.words(heard) == "do you agree to be recorded"


@pytest.mark.proves("F-046", "Y-14")
@pytest.mark.parametrize("language", manifest().languages)
async def test_a_caller_hears_the_prompt_of_the_language_that_the_rule_names_and_no_other(
    speaking: Asterisk, world: Phone, tmp_path: Path, language: str
) -> None:
    rule = (
        '[[rule]]\nname = "it"\nextension = "101"\nmode = "always"\nannounce_inbound = "notify"\n'
        f'language = "{language}"\n'
    )
    async with lab.phone(speaking, "101") as alice:
        alice.auto(sounds.tone(CALLED), loop=True)
        heard = await _at_the_gate(speaking, world, rule, tmp_path / "here", f"recorded ({language})")
    shipped = {
        (tongue, name): soundfile.read(SOUNDS / tongue / f"{name}.wav", dtype="int16")[0][:-800]
        for tongue in manifest().languages
        for name in manifest().prompts
    }
    like = {pair: likeness(heard, sent) for pair, sent in shipped.items() if len(sent) < len(heard)}
    assert like.pop((language, "recorded"), 0.0) > 0.95
    # The opt-out begins with the same sentence, and may be shorter than what was heard up to the talk.
    assert max(like.values()) < 0.9


async def _at_the_gate(
    pbx: Asterisk, world: Phone, rule: str, folder: Path, noted: str = "opt-out (en)"
) -> sounds.Samples:
    """What the caller hears before the called party's tone."""
    await asyncio.to_thread(folder.mkdir)
    async with controlling(pbx, rule, folder) as control:
        call = await world.call("0205550770", caller="0201234567")
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at, 20)
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    assert [one.prompt for one in finished.consents] == [noted], (
        "the gate opened without asking, or asked another thing"
    )
    line = call.line.heard().samples
    talk = next(tone.start for tone in ears.tones(line) if tone.frequency == CALLED and tone.seconds > 0.2)
    return line[: round(talk * 8000)]
