"""Conferences: each member is told, alone and once, before his voice is recorded; at a gate, or in the room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller import lab
from controller.app import App
from controller.core.calls import is_room
from controller.core.consent import Standing
from controller.core.session import Session
from controller.lab import Asterisk, Call, Phone, ears, sounds
from tests.live import telling
from tests.live.controlling import Controlling, controlling
from tests.live.telling import CALLER, FLOW, OPT_OUT, PROMPT_SECONDS, RECORDED, SIGNAL, heard, ready, seconds
from tests.live.test_controller import entries, only, running, sound

FIRST, SECOND = 550, 950
ROOM, OPEN, GATED = "800", "0205550800", "0205550801"
TOLD = ('announce_inbound = "notify"', 'announce_internal = "notify"', 'announce_to = "both"')


def rule(*more: str) -> str:
    return telling.rule("always", *more, about=f'conference = "{ROOM}"')


def prompts(pbx: Asterisk) -> str:
    return f'prompts_dir = "{pbx.pbx_path(pbx.home / "prompts")}"\n'


@asynccontextmanager
async def two(office: Asterisk) -> AsyncIterator[tuple[Call, Call]]:
    """100 and 102 are in the room, and say their tones."""
    async with lab.phone(office, "100") as first, lab.phone(office, "102") as second:
        one = await first.call(ROOM, say=sounds.tone(FIRST), loop=True)
        other = await second.call(ROOM, say=sounds.tone(SECOND), loop=True)
        yield one, other


def room(sessions: dict[str, Session]) -> Session | None:
    return next((each for each in sessions.values() if is_room(each.call.id)), None)


async def in_room(control: Controlling, standing: Standing, count: int) -> None:
    """Until so many members stand so."""

    def found() -> bool:
        session = room(dict(control.engine.sessions))
        said = session.consent.values() if session is not None else ()
        return sum(one[-1].standing is standing for one in said) >= count

    await control.until(found)


async def known(app: App, count: int) -> list[float]:
    """When so many members had been told, as soon as they have."""
    async with asyncio.timeout(15):
        while True:
            session = room(dict(app.engine.sessions))
            told = [one.at for said in session.consent.values() for one in said] if session is not None else []
            if len(told) >= count:
                return sorted(told)
            await asyncio.sleep(0.01)


@pytest.mark.proves("F-050")
async def test_members_and_newcomers_are_told_alone_and_once_and_are_in_the_file_only_from_then_on(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with running(tmp_path, rule(*TOLD), office, more=prompts(office)) as app, two(office) as members:
        await known(app, 2)
        await asyncio.sleep(1)
        newcomer = await world.call(OPEN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        told_at = (await known(app, 3))[-1]
        await asyncio.sleep(1.2)
        over = time.time()
        for call in (newcomer, *members):
            await call.hangup()
        (entry,) = [each for each in await entries(app, 1) if each.recordings]
        samples, rate = sound(app, only(entry))
    for call in (newcomer, *members):
        assert heard(call).count(RECORDED) == 1
        assert abs(seconds(call, RECORDED) - PROMPT_SECONDS) < 0.1
    mono = samples if samples.ndim == 1 else samples[:, 0]
    found = ears.tones(mono, rate)
    assert RECORDED not in {tone.frequency for tone in found if tone.seconds > 0.1}
    his = sum(tone.seconds for tone in found if tone.frequency == CALLER)
    assert 0.6 < his <= over - told_at + 0.1
    assert sum(tone.seconds for tone in found if tone.frequency == FIRST) > his + 0.6  # they were recorded before


@pytest.mark.proves("F-049", "F-050")
async def test_who_entered_through_the_gate_is_not_told_again_and_nothing_is_paused_for_him(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule(*TOLD), tmp_path) as control:
        await ready(control)
        async with two(office) as members:
            await in_room(control, Standing.INFORMED, 2)
            await control.recording()
            newcomer = await world.call(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
            await in_room(control, Standing.INFORMED, 3)
            await asyncio.sleep(1.5)
            for call in (newcomer, *members):
                await call.hangup()
        finished = await control.over(4)
    (meeting,) = [each for each in finished if each.room == ROOM and each.recording]
    assert heard(newcomer).count(RECORDED) == 1
    assert "pause" not in {mark.kind for mark in meeting.marks}
    assert sorted(one.how for one in meeting.consents) == ["at the gate", "in the call", "in the call"]
    (own,) = [each for each in finished if each.dialled == GATED]
    assert [one.how for one in own.consents] == ["at the gate"]


@pytest.mark.proves("F-050")
async def test_a_newcomer_may_hear_a_beep_while_the_conference_goes_on_being_recorded(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule(*TOLD, 'untold = "beep"'), tmp_path) as control:
        await ready(control)
        async with two(office) as members:
            await in_room(control, Standing.INFORMED, 2)
            await control.recording()
            newcomer = await world.call(OPEN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
            await in_room(control, Standing.INFORMED, 3)
            await asyncio.sleep(0.5)
            for call in (newcomer, *members):
                await call.hangup()
        finished = await control.over(4)
    (meeting,) = [each for each in finished if each.room == ROOM and each.recording]
    assert seconds(newcomer, SIGNAL) > 0.15
    assert RECORDED not in heard(newcomer)
    assert "pause" not in {mark.kind for mark in meeting.marks}


@pytest.mark.proves("F-058", "B-06")
async def test_a_member_who_refuses_stops_the_recording_as_long_as_he_is_there_and_what_was_before_stays(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    asks = ('announce_inbound = "opt-out"', 'untold = "record"')
    async with controlling(office, rule(*asks), tmp_path) as control:
        await ready(control)
        async with two(office) as members:
            await control.recording()
            await asyncio.sleep(1)
            newcomer = await world.call(OPEN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
            await in_room(control, Standing.INFORMED, 1)
            await newcomer.press("9")
            await in_room(control, Standing.REFUSED, 1)
            meeting = room(dict(control.engine.sessions))
            assert meeting is not None
            call = meeting.call.id
            await control.until(lambda: control.engine.sessions[call].recording.state.value == "off")
            await asyncio.sleep(0.5)
            await newcomer.hangup()
            await control.recording()
            await asyncio.sleep(1)
            for each in members:
                await each.hangup()
        finished = await control.over(4)
    (kept,) = [each for each in finished if each.room == ROOM and each.recording]
    assert OPT_OUT in heard(newcomer)
    assert not kept.discard
    assert len(kept.segments) == 2
    (blank,) = [mark for mark in kept.marks if mark.kind == "blank"]
    assert blank.note == "a member who refused"


@pytest.mark.proves("H-28", "F-058", "B-06")
async def test_a_member_who_refuses_can_be_sent_out_and_nothing_of_him_is_in_the_file(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    asks = ('announce_inbound = "opt-out"', 'untold = "record"', 'after_refusal = "flow,s,1"')
    async with running(tmp_path, rule(*asks), office, more=prompts(office)) as app, two(office) as members:
        await asyncio.sleep(2)
        newcomer = await world.call(OPEN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await known(app, 1)
        await newcomer.press("9")
        async with asyncio.timeout(8):
            while seconds(newcomer, FLOW) < 0.5:
                await asyncio.sleep(0.05)
        await newcomer.hangup()
        await asyncio.sleep(1.5)
        for call in members:
            await call.hangup()
        (entry,) = [each for each in await entries(app, 1) if each.recordings]
        samples, rate = sound(app, only(entry))
    found = ears.tones(samples[:, 0], rate)
    assert not [tone for tone in found if tone.frequency == CALLER]
    theirs = [tone for tone in found if tone.frequency == FIRST]
    assert theirs[0].start < 1 < theirs[-1].seconds + 0.5  # before he came, and after he went
    assert sum(tone.seconds for tone in theirs) > 2.5
