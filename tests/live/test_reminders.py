"""Notices and beeps while people are recorded, heard at both phones and looked for in the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller import lab
from controller.core.recording import State
from controller.lab import Asterisk, Call, Phone, ears, sounds
from hardware.keys import Key
from tests.live import telling
from tests.live.controlling import Controlling, controlling, tones
from tests.live.telling import CALLER, NUMBER, PAUSED, RECORDED, RESUMED, SIGNAL, STARTED, STOPPED, heard, ready


def rule(*more: str, mode: str = "on-demand") -> str:
    return telling.rule(mode, *more, about='trunk = "carrier1"')


def beeps(samples: sounds.Samples) -> list[ears.Tone]:
    return [tone for tone in ears.tones(samples, 8000) if tone.frequency == SIGNAL and tone.seconds >= 0.1]


async def call_in(world: Phone, control: Controlling) -> Call:
    await ready(control)
    call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
    await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
    return call


async def press(control: Controlling, *keys: Key) -> None:
    """Each with time to hear what is said about it."""
    for key in keys:
        answer = await control.press(key)
        assert answer.granted, answer.why
        await asyncio.sleep(0.8)


ALL = (STARTED, STOPPED, PAUSED, RESUMED, SIGNAL)
NAMES = ("started", "stopped", "paused", "resumed")


@pytest.mark.proves("F-055", "I-10", "W-34")
@pytest.mark.parametrize(
    ("form", "to", "near", "far"),
    [
        ("spoken", "near", [STARTED, PAUSED, RESUMED, STOPPED], []),
        ("spoken", "both", [STARTED, PAUSED, RESUMED, STOPPED], [STARTED, PAUSED, RESUMED, STOPPED]),
        ("beep", "near", [SIGNAL] * 4, []),
        ("none", "both", [], []),
    ],
)
async def test_people_hear_what_became_of_the_recording(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, form: str, to: str, near: list[int], far: list[int]
) -> None:
    more = (f'notice_outside = "{form}"', f'notice_pause = "{form}"', f'notice_to = "{to}"')
    async with controlling(office, rule(*more), tmp_path) as control:
        call = await call_in(world, control)
        await press(control, Key.RECORD, Key.PAUSE, Key.RESUME, Key.STOP)
        await call.hangup()
        (finished,) = await control.over()
    (there,) = alice.calls.values()
    assert heard(there, *ALL) == near
    assert heard(call, *ALL) == far
    told = [mark.note.partition(" to leg")[0] for mark in finished.marks if mark.kind == "notice"]
    words = {SIGNAL: "signal", **{pitch: f"{name} (en)" for pitch, name in zip(ALL, NAMES, strict=False)}}
    assert sorted(told) == sorted(words[each] for each in (*near, *far))
    assert not {tone.frequency for each in finished.segments for tone in tones(each.mixed)} & {*ALL}


@pytest.mark.proves("W-22", "F-055")
async def test_after_the_announcement_those_of_the_house_hear_no_notice_and_the_others_do(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    more = ('announce_inbound = "notify"', 'notice_outside = "spoken"', 'notice_to = "both"')
    async with controlling(office, rule(*more, mode="always"), tmp_path) as control:
        call = await call_in(world, control)
        await control.recording()
        await asyncio.sleep(0.8)
        await call.hangup()
        await control.over()
    (there,) = alice.calls.values()
    assert heard(call, RECORDED, *ALL) == [RECORDED, STARTED]
    assert heard(there, RECORDED, *ALL) == []


@pytest.mark.proves("W-28")
async def test_calls_between_our_own_phones_have_a_flag_of_their_own(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    everybody = '[[rule]]\nname = "all"\nextension = "*"\nmode = "always"\n'
    flags = 'notice_outside = "none"\nnotice_internal = "spoken"\n'
    async with controlling(office, everybody + flags, tmp_path) as control:
        outside = await call_in(world, control)
        await control.recording()
        await asyncio.sleep(0.7)
        await outside.hangup()
        await control.over()
        async with lab.phone(office, "102") as bob:
            inside = await bob.call("101", say=sounds.tone(CALLER), loop=True)
            await control.recording()
            await asyncio.sleep(0.7)
            await inside.hangup()
        await control.over(2)
    first, second = alice.calls.values()
    assert heard(first, *ALL) == []
    assert heard(second, *ALL) == heard(inside, *ALL) == [STARTED]


@pytest.mark.proves("F-056", "F-057", "I-11", "I-12")
@pytest.mark.parametrize("in_file", [False, True])
async def test_both_sides_hear_beeps_as_long_as_it_is_recorded(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, in_file: bool
) -> None:
    more = ("beep = 10", 'beep_tone = "1400/300"', f"beep_in_file = {str(in_file).lower()}")
    async with controlling(office, rule(*more), tmp_path) as control:
        call = await call_in(world, control)
        assert (await control.press(Key.RECORD)).granted
        await control.until(lambda: "beep" in {mark.kind for mark in control.marks()})
        await asyncio.sleep(11)
        assert (await control.press(Key.PAUSE)).granted
        await asyncio.sleep(11)
        assert control.state() is State.PAUSED
        await call.hangup()
        (finished,) = await control.over()
    (there,) = alice.calls.values()
    for phone in (call, there):
        first, second = beeps(phone.line.heard().samples)  # none while it was paused
        assert abs(second.start - first.start - 10) < 0.1
        assert abs(first.seconds - 0.3) < 0.05
    samples, _ = sounds.read_wav(Path(finished.segments[0].mixed))
    assert len(beeps(samples)) == (2 if in_file else 0)
    assert [mark.note for mark in finished.marks if mark.kind == "beep"] == ["beeps: 1400/300 every 10 s"]


@pytest.mark.proves("W-28")
@pytest.mark.parametrize("flag", ["true", "false"])
async def test_voicemail_has_a_flag_of_its_own(office: Asterisk, bob: Phone, tmp_path: Path, flag: str) -> None:
    # Nobody talks to anybody there: it is recorded from the answer on, and kept.
    more = ('start = "answer"', "keep_unanswered = true", f"record_voicemail = {flag}")
    async with controlling(office, telling.rule("always", *more, about='extension = "102"'), tmp_path) as control:
        call = await bob.call("*97", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(2)
        await call.hangup()
        (finished,) = await control.over()
    assert bool(finished.recording and not finished.discard) is (flag == "true")
    if flag == "true":
        assert CALLER in {tone.frequency for each in finished.segments for tone in tones(each.mixed)}
