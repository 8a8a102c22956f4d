"""Announcements in the middle of calls that pass no gate: who hears which, and from when on there is a recording."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from controller.app import App
from controller.core.consent import Standing
from controller.lab import Asterisk, Call, Phone, ears, sounds
from tests.live import telling
from tests.live.controlling import controlling, pitches
from tests.live.telling import (
    CALLED,
    CALLER,
    NUMBER,
    OTHER,
    PROMPT_SECONDS,
    RECORDED,
    REFUSED,
    SIGNAL,
    heard,
    ready,
    seconds,
    told,
)
from tests.live.test_controller import entries, only, running, sound


def rule(*more: str, mode: str = "always") -> str:
    return telling.rule(mode, *more, about='trunk = "carrier1"')


@pytest.mark.proves("W-18", "W-20", "Y-14", "F-046", "F-053", "I-9")
async def test_the_far_party_hears_it_in_the_conversation_and_is_recorded_from_then_on(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule('announce_inbound = "notify"'), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await told(control)
        await control.recording()
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    (there,) = alice.calls.values()
    assert abs(seconds(call, RECORDED) - PROMPT_SECONDS) < 0.1
    assert RECORDED not in heard(there)
    assert heard(there) == [CALLER]  # they talk on meanwhile
    (segment,) = finished.segments
    assert pitches(segment.mixed) == {CALLER, CALLED}
    (consent,) = finished.consents
    assert (consent.standing, consent.prompt, consent.how) == (Standing.INFORMED, "recorded (en)", "in the call")
    assert segment.started_at >= consent.at


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("F-058", "F-059")
@pytest.mark.parametrize(
    ("announce", "digit", "said", "recorded"),
    [
        ("opt-out", "", [Standing.INFORMED], True),
        ("opt-out", "9", [Standing.INFORMED, Standing.REFUSED], False),
        ("opt-in", "1", [Standing.AGREED], True),
        ("opt-in", "9", [Standing.REFUSED], False),
        ("opt-in", "", [], False),
    ],
)
async def test_who_is_asked_in_the_conversation_answers_with_a_key(
    office: Asterisk,
    world: Phone,
    tmp_path: Path,
    announce: str,
    digit: str,
    said: list[Standing],
    recorded: bool,
) -> None:
    async with controlling(office, rule(f'announce_inbound = "{announce}"'), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.announcing.awaited)
        assert announce == "opt-out" or control.session.recording is None
        if digit:
            await call.press(digit)
            await control.until(lambda: not control.session.announcing.awaited)
        await asyncio.sleep(1.3)
        await call.hangup()
        (finished,) = await control.over()
    assert seconds(call, CALLED) > PROMPT_SECONDS + 1  # the call goes on in any case
    assert [one.standing for one in finished.consents] == said
    assert bool(finished.recording and not finished.discard) is recorded


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("F-058")
async def test_a_refusal_in_the_conversation_can_end_it_with_a_notice(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    more = ('announce_inbound = "opt-out"', 'after_refusal = "end"')
    async with controlling(office, rule(*more), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.announcing.awaited)
        await call.press("9")
        await call.ended()
        (finished,) = await control.over()
    assert seconds(call, REFUSED) > PROMPT_SECONDS - 0.1
    assert finished.discard


@pytest.mark.proves("F-048", "I-12", "V-1")
@pytest.mark.parametrize(("audience", "far", "near"), [("far", 1, 0), ("near", 0, 1), ("both", 1, 1)])
async def test_it_is_heard_by_those_for_whom_it_is(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, audience: str, far: int, near: int
) -> None:
    more = ('announce_inbound = "notify"', f'announce_to = "{audience}"')
    async with controlling(office, rule(*more), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await told(control, far + near)
        await asyncio.sleep(0.3)
        await call.hangup()
        (finished,) = await control.over()
    (there,) = alice.calls.values()
    assert (heard(call).count(RECORDED), heard(there).count(RECORDED)) == (far, near)
    assert len(finished.consents) == far + near


@pytest.mark.proves("W-27", "F-054")
@pytest.mark.parametrize(("untold", "before"), [("pause", False), ("record", True)])
async def test_on_a_call_to_the_outside_it_comes_some_seconds_after_the_talk_began(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, untold: str, before: bool
) -> None:
    more = ('announce_outbound = "notify"', "announce_delay = 2", f'untold = "{untold}"')
    async with controlling(office, rule(*more), tmp_path) as control:
        await ready(control)
        call = await alice.call("0301234567", say=sounds.tone(CALLED), loop=True)
        await told(control)
        await control.recording()
        await asyncio.sleep(0.5)
        await call.hangup()
        (finished,) = await control.over()
    (there,) = world.calls.values()
    prompt = next(tone for tone in ears.tones(there.line.heard().samples, 8000) if tone.frequency == RECORDED)
    assert 1.9 < prompt.start < 2.4
    assert RECORDED not in heard(call)
    (segment,) = finished.segments
    (consent,) = finished.consents
    assert (segment.started_at < consent.at - 2) is before
    assert RECORDED not in pitches(segment.mixed)


@pytest.mark.proves("W-23", "F-049")
@pytest.mark.parametrize("attended", [False, True])
async def test_who_was_told_is_not_told_again_however_he_is_handed_on(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path, attended: bool
) -> None:
    async with controlling(office, rule('announce_inbound = "notify"'), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await told(control)
        await control.recording()
        (there,) = alice.calls.values()
        await hand_over(alice, there, attended)
        await asyncio.sleep(2)
        await call.hangup()
        finished = await control.over()
    assert heard(call)[-1] == OTHER  # he talks to somebody else now
    assert heard(call).count(RECORDED) == 1
    assert all(RECORDED not in heard(each) for each in (there, *bob.calls.values()))
    assert sum(len(one.consents) for one in finished if any(each.segments for each in (one,))) == 1


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(("untold", "recorded"), [("pause", False), ("record", True)])
async def test_where_it_cannot_be_played_nobody_counts_as_told_and_somebody_is_alarmed(
    office: Asterisk, world: Phone, tmp_path: Path, untold: str, recorded: bool
) -> None:
    more = ('announce_inbound = "notify"', 'language = "fr"', f'untold = "{untold}"')
    async with controlling(office, rule(*more), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.tally.alarms, 12)
        await call.hangup()
        (finished,) = await control.over()
    assert not finished.consents
    assert bool(finished.segments) is recorded


@pytest.mark.proves("F-050")
@pytest.mark.parametrize("attended", [False, True])
async def test_a_newcomer_is_told_before_his_voice_is_in_the_finished_file(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path, attended: bool
) -> None:
    rules = rule('announce_inbound = "notify"', 'announce_to = "both"')
    async with running(tmp_path, rules, office, more=prompts(office)) as app:
        await asyncio.sleep(0.3)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await known(app, 2)
        await asyncio.sleep(0.5)
        (there,) = alice.calls.values()
        await hand_over(alice, there, attended)
        (told_at,) = (await known(app, 3))[2:]
        await asyncio.sleep(1)
        over = time.time()
        await call.hangup()
        (entry,) = [each for each in await entries(app, 1) if each.recordings]
        samples, rate = sound(app, only(entry))
    (newcomer,) = bob.calls.values()
    assert heard(newcomer).count(RECORDED) == 1
    assert heard(call).count(RECORDED) == 1
    house = [tone for tone in ears.tones(samples[:, 1], rate) if tone.frequency == OTHER]
    assert 0.5 < sum(tone.seconds for tone in house) <= over - told_at + 0.1
    assert all(tone.start > house[-1].end - (over - told_at) - 0.2 for tone in house)  # not a frame earlier
    assert RECORDED not in {tone.frequency for side in (0, 1) for tone in ears.tones(samples[:, side], rate)}


@pytest.mark.proves("F-050")
async def test_a_newcomer_may_hear_a_beep_instead_while_the_recording_goes_on(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path
) -> None:
    more = ('announce_inbound = "notify"', 'announce_to = "both"', 'untold = "beep"')
    async with controlling(office, rule(*more), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await told(control, 2)
        (there,) = alice.calls.values()
        await hand_over(alice, there, attended=False)
        await told(control, 3)
        await asyncio.sleep(0.5)
        await call.hangup()
        (finished,) = await control.over()
    (newcomer,) = bob.calls.values()
    assert abs(seconds(newcomer, SIGNAL) - 0.3) < 0.15
    assert RECORDED not in heard(newcomer)
    assert "pause" not in {mark.kind for mark in finished.marks}
    assert [one.prompt for one in finished.consents] == ["beep"] * 3


def prompts(pbx: Asterisk) -> str:
    return f'prompts_dir = "{pbx.pbx_path(pbx.home / "prompts")}"\n'


async def hand_over(phone: Phone, call: Call, attended: bool) -> None:
    """To extension 102."""
    if attended:
        await call.hold()
        consultation = await phone.call("102", say=sounds.tone(CALLED), loop=True)
        await asyncio.sleep(0.6)
        assert await call.transfer_to(consultation) == 202
    else:
        assert await call.transfer("102") == 202


async def known(app: App, count: int) -> list[float]:
    """When so many people have been told, as soon as they have."""
    async with asyncio.timeout(15):
        while True:
            found = [one for each in app.engine.sessions.values() for said in each.consent.values() for one in said]
            if len(found) >= count:
                return sorted(one.at for one in found)
            await asyncio.sleep(0.01)
