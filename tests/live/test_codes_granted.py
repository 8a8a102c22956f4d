"""What codes do under the two grants, in a conference, and what people hear of it: on real calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller import lab
from controller.core.events import Asked
from controller.core.recording import State
from controller.core.session import Session
from controller.lab import Asterisk, Call, sounds
from controller.pbx.asterisk import telephones
from hardware.keys import Key
from hardware.sequences import book
from tests.live import telling
from tests.live.controlling import Controlling, controlling, pitches, tones

CALLER, CALLED = telling.CALLER, telling.CALLED
KEYS = '[keys]\ncodes = { toggle = "*1", pause = "*2", resume = "*3" }\n'
START, PAUSE, RESUME = "*1", "*2", "*3"


CODES = {START: Key.TOGGLE, PAUSE: Key.PAUSE, RESUME: Key.RESUME}


@pytest.fixture(scope="module")
async def office() -> AsyncIterator[Asterisk]:
    """Prompts that are tones, and the codes' own file. Without it a PBX with features of its own that begin with a
    star holds the digits back, plays them to the other side, and half a second is in no recording."""
    async with telling.office() as pbx:
        (pbx.home / "etc" / "onrecord_codes.conf").write_text(telephones.codes_file([book(CODES)]))
        await pbx.cli("module reload features")
        yield pbx


def rule(mode: str, *more: str, about: str = 'extension = "100"') -> str:
    return KEYS + telling.rule(mode, *more, about=about)


@asynccontextmanager
async def talking(
    pbx: Asterisk, rules: str, folder: Path, *, quiet: bool = False
) -> AsyncIterator[tuple[Controlling, list[str], Call, Call]]:
    """100 talks to 101: the controller, why each refused press was refused, 100's call, and 101's."""

    async with (
        lab.phone(pbx, "100") as alice,
        lab.phone(pbx, "101") as bob,
        controlling(pbx, rules, folder) as control,
    ):
        await telling.ready(control)
        refused: list[str] = []

        def why(_session: Session, _asked: Asked, reason: str) -> None:
            refused.append(reason)

        control.engine.refused.add(why)
        mine = await alice.dial("101", say=None if quiet else sounds.tone(CALLER), loop=True)
        his = await bob.rings()
        await his.answer(None if quiet else sounds.tone(CALLED), loop=True)
        await mine.answered()
        await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
        yield control, refused, mine, his


async def refuses(control: Controlling, refused: list[str], call: Call, code: str, why: str) -> None:
    """Type a code, and see that it is refused for this reason."""
    count = len(refused)
    await call.press(code)
    await control.until(lambda: len(refused) > count)
    assert why in refused[-1]


@pytest.mark.proves("Y-17")
@pytest.mark.parametrize("rules", ["", rule("always"), rule("always-with-pause", "grants = []"), rule("never")])
async def test_by_default_and_without_grants_nobody_may_switch(office: Asterisk, tmp_path: Path, rules: str) -> None:
    async with talking(office, rules or KEYS, tmp_path) as (control, refused, mine, _):
        before = State.ON if "always" in rules else State.OFF
        if before is State.ON:
            await control.recording()
        if "always" in rules:
            await refuses(control, refused, mine, START, "does not let anybody stop")
            await refuses(control, refused, mine, PAUSE, "does not let anybody pause")
        else:
            await mine.press(START + PAUSE)
            await asyncio.sleep(0.5)
        assert control.state() is before
        await mine.hangup()
        await control.over()


@pytest.mark.proves("Y-17")
async def test_the_grant_to_pause_pauses_and_resumes_what_is_recorded_and_starts_nothing(
    office: Asterisk, tmp_path: Path
) -> None:
    async with talking(office, rule("always-with-pause"), tmp_path) as (control, refused, mine, _):
        await control.recording()
        await mine.press(PAUSE)
        await control.recording(State.PAUSED)
        await mine.press(RESUME)
        await control.recording(State.ON)
        await refuses(control, refused, mine, START, "does not let anybody stop")
        await mine.hangup()
        await control.over()
    async with talking(office, rule("on-demand", 'grants = ["pause"]'), tmp_path / "two") as (
        control,
        refused,
        mine,
        _,
    ):
        await refuses(control, refused, mine, PAUSE, "not being recorded")
        await refuses(control, refused, mine, START, "does not let anybody start")
        assert control.session.recording is None
        await mine.hangup()
        await control.over()


@pytest.mark.proves("Y-17")
async def test_the_grant_to_start_works_on_any_call_and_pauses_too(office: Asterisk, tmp_path: Path) -> None:
    rules = rule("on-demand", 'grants = ["start", "pause"]')
    async with talking(office, rules, tmp_path) as (control, refused, mine, _):
        assert control.session.recording is None
        for code, state in ((START, State.ON), (PAUSE, State.PAUSED), (RESUME, State.ON)):
            await mine.press(code)
            await control.recording(state)
        await asyncio.sleep(0.6)
        await refuses(control, refused, mine, START, "does not let anybody stop")
        await mine.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    assert pitches(segment.anchor) == {CALLER}
    assert pitches(segment.others) == {CALLED}


@pytest.mark.proves("Y-17")
async def test_neither_grant_works_inside_a_conference(office: Asterisk, tmp_path: Path) -> None:

    rules = (
        rule("on-demand", about='extension = "*"')
        + '[[rule]]\nname = "board"\nconference = "800"\nmode = "on-demand"\n'
    )
    async with (
        lab.phone(office, "100") as alice,
        lab.phone(office, "101") as bob,
        controlling(office, rules, tmp_path) as control,
    ):
        refused: list[str] = []
        control.engine.refused.add(lambda _session, _asked, why: refused.append(why))
        calls = [await each.call("800", say=sounds.tone(CALLER), loop=True) for each in (alice, bob)]
        await control.until(lambda: any(len(each.call.in_room) == 2 for each in control.engine.sessions.values()))
        for call in calls:
            await call.press(START)
        await asyncio.sleep(0.8)
        assert not any(each.recording for each in control.engine.sessions.values())
        for call in calls:
            await call.hangup()
        finished = await control.over(3)
    assert [each.recording for each in finished] == [None] * 3


@pytest.mark.proves("V-11")
async def test_a_code_toggles_the_recording_and_both_sides_hear_a_notice_each_time(
    office: Asterisk, tmp_path: Path
) -> None:
    rules = rule("on-demand", 'notice_internal = "spoken"', 'notice_to = "both"')
    async with talking(office, rules, tmp_path, quiet=True) as (control, _, mine, his):
        for state, prompt in ((State.ON, telling.STARTED), (State.OFF, telling.STOPPED)):
            await mine.press(START)
            await control.recording(state)
            await lab.until(lambda prompt=prompt: all(telling.seconds(call, prompt) > 0.5 for call in (mine, his)))  # type: ignore[misc]
            mine.say(sounds.tone(CALLER, 0.5))
            his.say(sounds.tone(CALLED, 0.5))
            await asyncio.sleep(0.8)
            assert control.state() is state
        notices = [telling.heard(call, telling.STARTED, telling.STOPPED) for call in (mine, his)]
        assert notices == [[telling.STARTED, telling.STOPPED]] * 2
        digits = "".join(digit for _, digit in his.line.digits_heard)
        await mine.hangup()
        (finished,) = await control.over()
    (segment,) = finished.segments
    for path, pitch in ((segment.anchor, CALLER), (segment.others, CALLED)):
        assert sum(tone.seconds for tone in tones(path) if tone.frequency == pitch) < 0.6  # once, not twice
        assert pitch in pitches(path)
    assert [mark.by for mark in finished.marks if mark.kind == "key"][-1] == "extension 100 (code)"
    assert digits == ""
