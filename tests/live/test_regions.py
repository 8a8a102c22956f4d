"""Announcements left to the regions, on real calls: between the Netherlands and Germany, at the gate and without."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.core.consent import Standing
from controller.lab import Asterisk, Call, Phone, sounds
from tests.live.controlling import Controlling, controlling, pitches
from tests.live.telling import (
    CALLED,
    CALLER,
    GATED,
    NUMBER,
    OPT_IN,
    OPT_OUT,
    OTHER,
    PROMPT_SECONDS,
    RECORDED,
    heard,
    ready,
    rule,
    told,
)
from tests.live.test_announce import hand_over

DUTCH, GERMAN = "0201234567", "+49301234567"
OBEY = '[defaults]\nannounce_inbound = "region"\nannounce_outbound = "region"\n'
ALL = rule("always", about='extension = "*"')


def conversation(call: Call) -> list[int]:
    """What this phone heard of prompts, in order."""
    return heard(call, RECORDED, OPT_IN)


async def said(call: Call, digit: str) -> None:
    """Press it once this phone has heard that it may."""
    async with asyncio.timeout(8):
        while OPT_IN not in heard(call):
            await asyncio.sleep(0.05)
    await asyncio.sleep(PROMPT_SECONDS)
    await call.press(digit)


async def talked(control: Controlling) -> None:
    await control.until(lambda: control.engine.sessions and control.session.call.talked_at)


async def answered_by(phone: Phone) -> Call:
    async with asyncio.timeout(8):
        while not phone.calls:
            await asyncio.sleep(0.02)
    return next(iter(phone.calls.values()))


@pytest.mark.proves("W-18", "H-27", "F-060", "B-07", "F-058")
@pytest.mark.parametrize(
    ("number", "keys", "prompts", "standings", "recorded"),
    [
        (DUTCH, ("", ""), ([RECORDED], []), [Standing.INFORMED], True),
        (GERMAN, ("1", "1"), ([OPT_IN], [OPT_IN]), [Standing.AGREED, Standing.AGREED], True),
        (GERMAN, ("1", "9"), ([OPT_IN], [OPT_IN]), [Standing.AGREED, Standing.REFUSED], False),
        (GERMAN, ("9", ""), ([OPT_IN], []), [Standing.REFUSED], False),
        ("", ("1", "1"), ([OPT_IN], [OPT_IN]), [Standing.AGREED, Standing.AGREED], True),  # withheld: unknown
    ],
)
async def test_at_the_gate_the_callers_number_decides_who_hears_what(
    office: Asterisk,
    alice: Phone,
    world: Phone,
    tmp_path: Path,
    number: str,
    keys: tuple[str, str],
    prompts: tuple[list[int], list[int]],
    standings: list[Standing],
    recorded: bool,
) -> None:
    async with controlling(office, OBEY + ALL, tmp_path) as control:
        call = await world.dial(GATED, caller=number or "anonymous", say=sounds.tone(CALLER), loop=True)
        if keys[0]:
            await said(call, keys[0])
        there = await answered_by(alice)
        if keys[1]:
            await said(there, keys[1])
        await talked(control)
        await asyncio.sleep(1.2)
        await call.hangup()
        (finished,) = await control.over()
    assert (conversation(call), conversation(there)) == prompts
    assert heard(call)[-1] == CALLED  # the call goes on in any case
    assert sorted(one.standing.value for one in finished.consents) == sorted(each.value for each in standings)
    assert bool(finished.segments) is recorded
    if recorded:
        assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
        assert finished.decision.options.by_region == {"announce_inbound", "announce_outbound", "announce_to"}


@pytest.mark.proves("W-18", "H-27", "F-060", "B-07")
@pytest.mark.parametrize(("number", "asked"), [("0301234567", RECORDED), ("0049301234567", OPT_IN)])
async def test_on_the_way_out_the_dialled_number_decides(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, number: str, asked: int
) -> None:
    async with controlling(office, OBEY + ALL, tmp_path) as control:
        call = await alice.dial(number, say=sounds.tone(CALLED), loop=True)
        if asked == OPT_IN:
            await said(call, "1")
        there = await answered_by(world)
        if asked == OPT_IN:
            await said(there, "1")
        await talked(control)
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    assert conversation(there) == [asked]
    assert conversation(call) == ([OPT_IN] if asked == OPT_IN else [])
    (segment,) = finished.segments
    assert pitches(segment.mixed) == {CALLER, CALLED}


@pytest.mark.proves("W-18", "H-27", "F-060")
@pytest.mark.parametrize(("number", "key"), [(DUTCH, ""), (GERMAN, "1"), (GERMAN, "")])
async def test_without_a_gate_it_is_the_same_in_the_conversation(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, number: str, key: str
) -> None:
    async with controlling(office, OBEY + ALL, tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller=number, say=sounds.tone(CALLER), loop=True)
        there = await answered_by(alice)
        if number == DUTCH:
            await told(control)
        elif key:
            await said(call, key)
            await there.press(key)
        else:
            await there.press("1")
        if number == DUTCH or key:
            await control.recording()
        await asyncio.sleep(2)
        await call.hangup()
        (finished,) = await control.over()
    asked = [OPT_IN] if number == GERMAN else [RECORDED]
    assert conversation(call) == asked
    assert conversation(there) == ([OPT_IN] if number == GERMAN else [])
    assert bool(finished.segments) is (number == DUTCH or bool(key))
    for segment in finished.segments:
        assert pitches(segment.mixed) == {CALLER, CALLED}


@pytest.mark.proves("H-27", "F-060", "B-07")
async def test_whoever_joins_from_a_stricter_region_brings_it_with_him(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path
) -> None:
    (tmp_path / "regions.toml").write_text('[site]\nmunich = "de"\n', encoding="utf-8")
    site = '[[site]]\nname = "munich"\n[[extension]]\nnumber = "102"\nsite = "munich"\n'
    line = rule("always", about='trunk = "carrier1"')
    async with controlling(office, OBEY + site + line, tmp_path) as control:
        await ready(control)
        call = await world.call(NUMBER, caller=DUTCH, say=sounds.tone(CALLER), loop=True)
        await told(control)
        await control.recording()
        await asyncio.sleep(1)
        await hand_over(alice, await answered_by(alice), attended=False)
        newcomer = await answered_by(bob)
        await said(newcomer, "1")
        assert control.session.recording is not None
        segments = len(control.session.recording.segments)
        await call.press("1")
        await control.until(lambda: len(control.session.recording.segments) > segments)  # type: ignore[union-attr]
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = [each for each in await control.over() if each.segments]
    assert conversation(call) == [RECORDED, OPT_IN]  # told, then asked for what he had not heard
    assert conversation(newcomer) == [OPT_IN]
    first, *_, last = finished.segments
    assert pitches(first.mixed) == {CALLER, CALLED}  # before
    assert pitches(last.mixed) == {CALLER, OTHER}  # after everybody has agreed
    assert {one.standing for one in finished.consents} == {Standing.INFORMED, Standing.AGREED}
    assert finished.decision.regional.regions == ("de", "nl")


@pytest.mark.proves("F-060")
async def test_whoever_is_recorded_hears_that_he_may_refuse_before_a_newcomers_region_lets_it_go_on(
    office: Asterisk, alice: Phone, bob: Phone, world: Phone, tmp_path: Path
) -> None:
    (tmp_path / "regions.toml").write_text('[site]\nsydney = "au"\n', encoding="utf-8")
    site = '[[site]]\nname = "sydney"\n[[extension]]\nnumber = "102"\nsite = "sydney"\n'
    line = rule("always", about='trunk = "carrier1"')
    async with controlling(office, OBEY + site + line, tmp_path, renews=True) as control:
        await ready(control)
        call = await world.call(NUMBER, caller=DUTCH, say=sounds.tone(CALLER), loop=True)
        await told(control)
        await control.recording()
        await asyncio.sleep(1)
        await hand_over(alice, await answered_by(alice), attended=False)
        newcomer = await answered_by(bob)
        assert control.session.recording is not None
        segments = len(control.session.recording.segments)
        await control.until(
            lambda: (
                len(control.session.recording.segments) > segments  # type: ignore[union-attr]
                and {RECORDED, OPT_OUT} <= set(heard(call, RECORDED, OPT_OUT))
                and not control.session.announcing.untold
            ),
            deadline=20,
        )
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = [each for each in await control.over() if each.segments]
    assert heard(call, RECORDED, OPT_OUT) == [RECORDED, OPT_OUT]
    assert heard(newcomer, RECORDED, OPT_OUT) == [OPT_OUT]
    assert pitches(finished.segments[-1].mixed) == {CALLER, OTHER}
    assert finished.decision.regional.regions == ("au", "nl")


@pytest.mark.proves("W-18", "Y-12")
async def test_by_default_nobody_is_told_anything_whatever_the_regions_ask(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, ALL, tmp_path) as control:
        call = await world.call(GATED, caller=GERMAN, say=sounds.tone(CALLER), loop=True)
        await control.recording()
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    assert heard(call) == [CALLED]
    assert heard(await answered_by(alice)) == [CALLER]
    assert pitches(finished.segments[0].mixed) == {CALLER, CALLED}
    assert not finished.consents
