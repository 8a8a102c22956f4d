"""The gate on real calls: who hears which prompt, what is recorded, and what happens when nobody opens it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.core.consent import Standing
from controller.lab import Asterisk, Call, Phone, sounds
from tests.live.controlling import Controlling, controlling, pitches, tones
from tests.live.telling import (
    CALLED,
    CALLER,
    DOWN,
    GATED,
    GERMAN,
    OPT_IN,
    OPT_OUT,
    PROMPT_SECONDS,
    RECORDED,
    REFUSED,
    heard,
    rule,
)


async def talk(world: Phone, control: Controlling, number: str = GATED, seconds: float = 1.5) -> Call:
    call = await world.call(number, caller="0201234567", say=sounds.tone(CALLER), loop=True)
    await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
    await asyncio.sleep(seconds)
    return call


@pytest.mark.proves("W-18", "W-20", "W-21", "W-25", "F-046", "F-053")
async def test_the_caller_is_told_once_and_the_talk_is_recorded_from_its_first_sample(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule("always", 'announce_inbound = "notify"'), tmp_path) as control:
        call = await talk(world, control)
        await call.hangup()
        (finished,) = await control.over()
    assert heard(call) == [RECORDED, CALLED]
    (there,) = alice.calls.values()
    assert set(heard(there)) == {CALLER}
    (segment,) = finished.segments
    assert pitches(segment.anchor) == {CALLER}
    assert pitches(segment.others) == {CALLED}  # the prompt is not in the file
    assert finished.talked_at is not None
    assert segment.started_at <= finished.talked_at  # the recorder ran before the two were bridged
    assert tones(segment.others)[0].start < 0.12
    (told,) = finished.consents
    assert (told.standing, told.prompt, told.how) == (Standing.INFORMED, "recorded (en)", "at the gate")


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("F-058", "F-059")
@pytest.mark.parametrize(
    ("announce", "digit", "said", "recorded"),
    [
        ("opt-out", "", Standing.INFORMED, True),
        ("opt-out", "9", Standing.REFUSED, False),
        ("opt-out", "5", Standing.INFORMED, True),
        ("opt-in", "1", Standing.AGREED, True),
        ("opt-in", "", Standing.REFUSED, False),
        ("opt-in", "9", Standing.REFUSED, False),
    ],
)
async def test_what_the_caller_answers_decides_and_is_kept(
    office: Asterisk,
    world: Phone,
    tmp_path: Path,
    announce: str,
    digit: str,
    said: Standing,
    recorded: bool,
) -> None:
    async with controlling(office, rule("always", f'announce_inbound = "{announce}"'), tmp_path) as control:
        dialled = await world.dial(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await dialled.answered()
        await asyncio.sleep(PROMPT_SECONDS + 0.2)
        if digit:
            await dialled.press(digit)
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        await asyncio.sleep(1)
        await dialled.hangup()
        (finished,) = await control.over()
    assert heard(dialled)[0] == (OPT_OUT if announce == "opt-out" else OPT_IN)
    assert heard(dialled)[-1] == CALLED  # the call goes on in any case
    assert [one.standing for one in finished.consents] == [said]
    assert bool(finished.segments) is recorded
    if not recorded:
        assert "refused" in finished.decision.reason
        assert not list(office.monitor_dir.glob(f"*{finished.call.rpartition('-')[2].replace('.', '-')}*"))


@pytest.mark.proves("F-058")
async def test_a_refusal_can_end_the_call_with_a_notice(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    more = ('announce_inbound = "opt-out"', 'after_refusal = "end"')
    async with controlling(office, rule("always", *more), tmp_path) as control:
        dialled = await world.call(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(PROMPT_SECONDS + 0.2)
        await dialled.press("9")
        await dialled.ended()
        (finished,) = await control.over()
    assert heard(dialled) == [OPT_OUT, REFUSED]
    assert not alice.calls
    assert not finished.segments


@pytest.mark.proves("W-24", "F-051", "F-047")
async def test_the_language_is_that_of_whoever_is_called_and_the_outside_is_told_where_it_is_called(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    more = ('announce_outbound = "notify"', 'language = "de"')
    async with controlling(office, rule("always", *more), tmp_path) as control:
        call = await alice.call("0301234567", say=sounds.tone(CALLED), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    (there,) = world.calls.values()
    assert heard(there) == [GERMAN, CALLED]
    assert heard(call) == [CALLER]
    (segment,) = finished.segments
    assert finished.talked_at is not None
    assert segment.started_at <= finished.talked_at
    assert tones(segment.anchor)[0].start < 0.12
    assert pitches(segment.mixed) == {CALLER, CALLED}


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("mode", ["never", "on-demand"])
async def test_who_is_not_recorded_is_told_nothing_and_waits_for_nothing(
    office: Asterisk, world: Phone, tmp_path: Path, mode: str
) -> None:
    async with controlling(office, rule(mode, 'announce_inbound = "notify"'), tmp_path) as control:
        call = await talk(world, control, seconds=0.6)
        await call.hangup()
        (finished,) = await control.over()
    assert heard(call) == [CALLED]
    assert not finished.consents


@pytest.mark.parametrize("down", ["", "record", "refuse"])
async def test_without_a_controller_the_gate_opens_itself_and_does_what_it_was_told_for_that_case(
    office: Asterisk, alice: Phone, world: Phone, down: str
) -> None:
    await office.cli(f"dialplan set global DOWN {down or 'nothing'}")
    before = set(office.monitor_dir.glob("*.wav"))
    call = await world.dial(DOWN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
    if down == "refuse":
        await call.ended()
        assert not alice.calls
        return
    await call.answered(4)
    await asyncio.sleep(1)
    await call.hangup()
    await asyncio.sleep(0.3)
    assert heard(call) == [CALLED]
    new = sorted(path.name for path in set(office.monitor_dir.glob("*.wav")) - before)
    assert len(new) == (3 if down == "record" else 0)
    if down == "record":
        assert pitches(str(office.monitor_dir / new[-1])) == {CALLER, CALLED}


@pytest.mark.parametrize("phase", ["waiting", "prompt", "ringing"])
async def test_hanging_up_in_any_phase_leaves_nothing_behind(
    office: Asterisk, world: Phone, tmp_path: Path, phase: str
) -> None:
    async with controlling(office, rule("always", 'announce_inbound = "notify"'), tmp_path) as control:
        call = await world.dial(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions)
        if phase == "prompt":
            await call.answered()
            await asyncio.sleep(0.2)
        elif phase == "ringing":
            await call.answered()
            await asyncio.sleep(PROMPT_SECONDS + 0.4)
        await call.hangup()
        finished = await control.over()
        assert not any(each.segments for each in finished)
        assert not control.engine.sessions
    assert "0 active channels" in await office.cli("core show channels")


@pytest.mark.usefixtures("alice")
async def test_a_prompt_that_is_not_there_informs_nobody_and_the_call_goes_on(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    more = ('announce_inbound = "notify"', 'language = "fr"')
    async with controlling(office, rule("always", *more), tmp_path) as control:
        call = await talk(world, control, seconds=0.6)
        await call.hangup()
        (finished,) = await control.over()
    assert heard(call) == [CALLED]
    assert not finished.consents
