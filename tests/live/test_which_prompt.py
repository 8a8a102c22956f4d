"""Which prompt is heard: none by default, one for each way, a DDI's own, and the fallback where another fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from controller import lab
from controller.core.consent import Standing
from controller.core.finished import Finished
from controller.lab import Asterisk, Call, Phone, sounds
from tests.live import telling
from tests.live.controlling import Controlling, controlling, pitches
from tests.live.telling import (
    CALLED,
    CALLER,
    GATED,
    NUMBER,
    OPT_OUT,
    OURS,
    PROMPT_SECONDS,
    RECORDED,
    STARTED,
    heard,
    ready,
    rule,
    told,
)

ALL = [*telling.PROMPTS.values()]
INSIDE = "102"


async def talked(control: Controlling, seconds: float = 1.0) -> None:
    await control.until(lambda: control.engine.sessions and control.session.call.talked_at, 20)
    await asyncio.sleep(seconds)


async def call_in(world: Phone, control: Controlling, number: str, seconds: float = 1.0) -> tuple[Call, Finished]:
    call = await world.call(number, caller="0201234567", say=sounds.tone(CALLER), loop=True)
    await talked(control, seconds)
    await call.hangup()
    return call, (await control.over())[-1]


@pytest.mark.proves("Y-12", "W-18")
@pytest.mark.parametrize("number", [GATED, NUMBER])
async def test_by_default_nobody_hears_anything(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, number: str
) -> None:
    async with controlling(office, rule("always"), tmp_path) as control:
        await ready(control)
        call, finished = await call_in(world, control, number, 2)
    (there,) = alice.calls.values()
    assert heard(call) == [CALLED]
    assert heard(there) == [CALLER]
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert not finished.consents


@pytest.mark.proves("Y-13", "F-047", "W-18", "H-26")
async def test_calls_in_calls_out_and_calls_among_ourselves_have_each_a_prompt_of_their_own(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path
) -> None:
    each = (
        'announce_inbound = "notify"\nprompt_inbound = "ours"',
        'announce_outbound = "notify"\nprompt_outbound = "opt-out"',
        'announce_internal = "notify"\nprompt_internal = "started"\nannounce_to = "both"',
    )
    async with controlling(office, rule("always", *each), tmp_path) as control:
        await ready(control)
        inbound, _ = await call_in(world, control, GATED)
        (near_in,) = alice.calls.values()
        out = await alice.call("030555123", say=sounds.tone(CALLED), loop=True)
        await told(control, 2)
        await talked(control)
        await out.hangup()
        await control.over(2)
        far_out = list(world.calls.values())[-1]
        inside = await bob.call("101", say=sounds.tone(CALLED), loop=True)
        await told(control, 2)
        await talked(control)
        await inside.hangup()
        finished = await control.over(3)
    for call, prompt in ((inbound, OURS), (near_in, OURS), (far_out, OPT_OUT), (out, OPT_OUT), (inside, STARTED)):
        assert heard(call, *ALL) == [prompt]
    said = [{one.prompt for one in one.consents} for one in finished]
    assert said == [{"ours (en)"}, {"opt-out (en)"}, {"started (en)"}]


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("V-1")
async def test_a_ddi_can_have_a_disclaimer_of_its_own(office: Asterisk, world: Phone, tmp_path: Path) -> None:
    told_all = '[defaults]\nannounce_inbound = "notify"\n'
    one = telling.rule("always", 'prompt_inbound = "ours"', about=f'ddi = "{NUMBER}"')
    other = rule("always").replace('"told"', '"others"')
    async with controlling(office, told_all + one + other, tmp_path) as control:
        await ready(control)
        special, _ = await call_in(world, control, NUMBER)
        plain, _ = await call_in(world, control, GATED)
    assert heard(special, *ALL) == [OURS]
    assert heard(plain, *ALL) == [RECORDED]


COMPLIANCE = '[defaults]\nannounce_inbound = "notify"\nannounce_outbound = "notify"\n'
OWN = ('announce_fallback = "notify"', 'prompt_fallback = "ours"')
FRENCH = 'language = "fr"\n'
"""Has the rule's own prompt, and not the organisation's."""


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("W-26", "F-052", "W-25")
@pytest.mark.parametrize("number", [GATED, NUMBER])
@pytest.mark.parametrize(
    ("above", "prompt"),
    [("", OURS), (COMPLIANCE, RECORDED), (COMPLIANCE + FRENCH, OURS)],
    ids=["none above", "played", "could not be played"],
)
async def test_the_rules_own_announcement_is_heard_only_where_that_of_the_house_was_not(
    office: Asterisk, world: Phone, tmp_path: Path, number: str, above: str, prompt: int
) -> None:
    async with controlling(office, above + rule("always", *OWN), tmp_path) as control:
        await ready(control)
        call = await world.call(number, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await told(control)
        await control.recording()
        await asyncio.sleep(0.5)
        await call.hangup()
        (finished,) = await control.over()
        alarmed = control.engine.tally.alarms
    assert heard(call, *ALL) == [prompt]
    (said,) = finished.consents
    assert ("fallback" in said.how) is (prompt == OURS)
    assert said.prompt.startswith("ours" if prompt == OURS else "recorded")
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert bool(alarmed) is ("fr" in above)  # what the house wants said and cannot be is somebody's business


@pytest.mark.proves("W-26", "F-052")
async def test_on_calls_to_the_outside_the_rules_own_announcement_is_never_heard(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule("always", *OWN, 'announce_to = "both"'), tmp_path) as control:
        await ready(control)
        for number in ("030555123", "0301234567"):
            call = await alice.call(number, say=sounds.tone(CALLED), loop=True)
            await talked(control)
            await call.hangup()
            await control.over()
            assert heard(call) == [CALLER]
        assert [heard(there) for there in world.calls.values()] == [[CALLED]] * 2


# -- prompts that are spoilt on the PBX's disk: whoever is to be told then counts as not told ------------------------


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def hollow(path: Path) -> None:
    sounds.write_wav(path, sounds.tone(OURS, PROMPT_SECONDS)[:0])


def corrupt(path: Path) -> None:
    path.write_bytes(b"RIFF" + bytes(range(256)) * 8)


def stereo(path: Path) -> None:
    tone = np.asarray(sounds.tone(OURS, PROMPT_SECONDS), dtype=np.float64)
    soundfile.write(path, np.stack([tone, tone], axis=1), 8000, subtype="PCM_16")


def fast(path: Path) -> None:
    tone = np.asarray(sounds.tone(OURS, PROMPT_SECONDS), dtype=np.float64)
    soundfile.write(path, np.repeat(tone, 6)[: int(44_100 * PROMPT_SECONDS)], 44_100, subtype="PCM_16")


@contextmanager
def spoilt(office: Asterisk, how: object) -> Iterator[None]:
    path = office.home / "prompts" / "en" / "ours.wav"
    kept = path.read_bytes()
    how(path)  # type: ignore[operator]
    try:
        yield
    finally:
        path.write_bytes(kept)


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("number", [GATED, NUMBER])
@pytest.mark.parametrize("announce", ["notify", "opt-out", "opt-in"])
@pytest.mark.parametrize("how", [missing, empty, hollow, corrupt, stereo, fast])
async def test_a_spoilt_prompt_tells_nobody_and_stops_no_call(
    office: Asterisk, world: Phone, tmp_path: Path, how: object, announce: str, number: str
) -> None:
    rules = rule("always", f'announce_inbound = "{announce}"', 'prompt_inbound = "ours"')
    with spoilt(office, how):
        async with controlling(office, rules, tmp_path) as control:
            await ready(control)
            call, finished = await call_in(world, control, number, 1.5)
    assert heard(call)[-1] == CALLED
    assert [one.standing for one in finished.consents] == []
    assert not finished.segments  # with untold = "pause": nobody is recorded who was not told
    await lab_is_empty(office)


async def lab_is_empty(office: Asterisk) -> None:
    async with asyncio.timeout(5):
        while "0 active channels" not in await office.cli("core show channels"):
            await asyncio.sleep(0.05)


@pytest.mark.proves("F-058")
@pytest.mark.parametrize("number", [GATED, NUMBER])
async def test_a_key_of_the_other_party_is_no_answer(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, number: str
) -> None:
    rules = rule("always", 'announce_inbound = "opt-out"', 'announce_to = "far"', "dtmf_guard = false")
    async with controlling(office, rules, tmp_path) as control:
        await ready(control)
        call = await world.dial(number, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: alice.calls, 12) if number == NUMBER else None
        await talked(control, 0.0)
        (there,) = alice.calls.values()
        if number == NUMBER:
            await control.until(lambda: control.session.announcing.awaited)
        await there.press("9")
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    assert {one.standing for one in finished.consents} == {Standing.INFORMED}
    assert finished.segments
    assert not finished.discard


@pytest.mark.parametrize("phase", ["prompt", "waiting for a key", "the callee's prompt"])
async def test_hanging_up_while_being_told_or_asked_leaves_nothing_behind(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, phase: str
) -> None:
    callee = phase == "the callee's prompt"
    way = "outbound" if callee else "inbound"
    async with controlling(office, rule("always", f'announce_{way} = "opt-in"'), tmp_path) as control:
        await ready(control)
        if callee:
            call = await alice.dial("0301234567", say=sounds.tone(CALLED), loop=True)
            async with asyncio.timeout(5):
                while not world.calls:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.4)
            await next(iter(world.calls.values())).hangup()
            await call.ended()
        else:
            call = await world.call(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
            await asyncio.sleep(0.2 if phase == "prompt" else PROMPT_SECONDS + 0.5)
            await call.hangup()
        finished = await control.over()
    assert not any(each.segments for each in finished)
    assert not any(one.standing is Standing.AGREED for each in finished for one in each.consents)
    await lab_is_empty(office)


@pytest.mark.usefixtures("alice")
async def test_hanging_up_while_being_told_in_conversation_leaves_nothing_behind(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule("always", 'announce_inbound = "opt-in"'), tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await control.until(lambda: control.engine.sessions and control.session.announcing.playing)
        await asyncio.sleep(0.2)
        await call.hangup()
        (finished,) = await control.over()
    assert not finished.segments
    await lab_is_empty(office)
    async with lab.phone(office, INSIDE) as phone:
        assert await phone.call("101", say=sounds.tone(CALLER))  # and calls go on being made
