"""Who refuses is sent where the rule says, at the gate and in conversation; his call is not recorded."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from controller.catalogue.entries import Status
from controller.catalogue.search import show
from controller.core.consent import Standing
from controller.lab import Asterisk, Call, Phone, sounds
from hardware.keys import Key
from tests.live import telling
from tests.live.controlling import Controlling, controlling
from tests.live.telling import (
    BRANCHING,
    CALLED,
    CALLER,
    FLOW,
    GATED,
    NUMBER,
    OPT_OUT,
    PROMPT_SECONDS,
    REFUSED,
    heard,
    ready,
    rule,
    seconds,
    told,
)
from tests.live.test_controller import entries, only, running

ROUTED = 'after_refusal = "flow,s,1"'
LINE = 'trunk = "carrier1"'
OUT, OUT_GATED = "030555123", "0301234567"


async def routed(call: Call) -> None:
    """Until this phone has heard half a second of what plays where refusals go."""
    async with asyncio.timeout(8):
        while seconds(call, FLOW) < 0.5:
            await asyncio.sleep(0.05)


def asked(way: str, *more: str, about: str = LINE) -> str:
    return telling.rule("always", f'announce_{way} = "opt-out"', *more, about=about)


@pytest.mark.proves("H-28", "F-058")
async def test_a_caller_who_refuses_at_the_gate_is_sent_there_and_nobody_is_called_for_him(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule("always", 'announce_inbound = "opt-out"', ROUTED), tmp_path) as control:
        call = await world.call(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(PROMPT_SECONDS + 0.2)
        await call.press("9")
        await routed(call)
        await call.hangup()
        (finished,) = await control.over()
    assert heard(call, OPT_OUT, FLOW, CALLED)[:2] == [OPT_OUT, FLOW]
    assert not alice.calls
    assert [one.standing for one in finished.consents] == [Standing.REFUSED]
    assert not finished.segments


@pytest.mark.proves("H-28", "F-058")
async def test_the_dialplan_itself_can_look_for_a_refusal_behind_the_gate(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule("always", 'announce_inbound = "opt-out"'), tmp_path) as control:
        call = await world.call(BRANCHING, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(PROMPT_SECONDS + 0.2)
        await call.press("9")
        await routed(call)
        await call.hangup()
        (finished,) = await control.over()
    assert not alice.calls
    assert not finished.segments


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("H-28", "F-058")
async def test_an_extension_by_itself_is_one_that_phones_of_that_pbx_dial(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    table = f'prompts_dir = "{office.pbx_path(office.home / "prompts")}"\ncontext = "from-phones"\n'
    async with running(tmp_path, asked("inbound", 'after_refusal = "199"'), office, more=table) as app:
        call = await world.call(GATED, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(PROMPT_SECONDS + 0.2)
        await call.press("9")
        await routed(call)
        await call.hangup()
        (entry,) = await entries(app, 1)
    assert not entry.recordings


@pytest.mark.proves("H-28", "F-058")
async def test_a_callee_who_refuses_at_the_gate_is_sent_there_and_the_caller_is_rid_of_him(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, asked("outbound", ROUTED), tmp_path) as control:
        call = await alice.dial(OUT_GATED, say=sounds.tone(CALLED), loop=True)
        there = await first(world)
        await asyncio.sleep(PROMPT_SECONDS + 0.4)
        await there.press("9")
        await routed(there)
        await call.ended()
        await there.hangup()
        (finished,) = await control.over()
    assert CALLER not in heard(call)
    assert [one.standing for one in finished.consents] == [Standing.REFUSED]
    assert not finished.segments


@pytest.mark.proves("H-28", "F-058")
@pytest.mark.parametrize("way", ["inbound", "outbound"])
async def test_who_refuses_in_conversation_is_sent_there_and_the_other_side_hangs_up(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, way: str
) -> None:
    async with controlling(office, asked(way, ROUTED, 'untold = "record"'), tmp_path) as control:
        await ready(control)
        far, near = await talk(control, alice, world, way)
        await control.until(lambda: control.session.announcing.awaited)
        await control.recording()
        await far.press("9")
        await routed(far)
        await near.ended()
        await far.hangup()
        (finished,) = await control.over()
    assert [one.standing for one in finished.consents] == [Standing.INFORMED, Standing.REFUSED]
    assert finished.discard
    assert max(one.ended_at for one in finished.segments) < finished.ended_at - 0.4  # not what was said there


@pytest.mark.proves("H-28", "B-06")
@pytest.mark.parametrize("after", [ROUTED, 'after_refusal = "end"', 'after_refusal = "go-on"'])
async def test_a_consent_withdrawn_later_in_the_call_has_the_same_consequences(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, after: str
) -> None:
    # Of the modes, one that lets people stop.
    rules = telling.rule("on-demand-keep", 'announce_inbound = "notify"', after, about=LINE)
    async with controlling(office, rules, tmp_path) as control:
        await ready(control)
        far, near = await talk(control, alice, world, "inbound")
        await told(control)
        await control.recording()
        assert (await control.press(Key.REFUSE)).granted
        if after == ROUTED:
            await routed(far)
            await near.ended()
            await far.hangup()
        elif "end" in after:
            await far.ended()
        else:
            await asyncio.sleep(1)
            await far.hangup()
        (finished,) = await control.over()
    assert [one.standing for one in finished.consents] == [Standing.INFORMED, Standing.WITHDRAWN]
    assert finished.discard
    assert (REFUSED in heard(far)) is ("end" in after)
    assert (FLOW in heard(far)) is (after == ROUTED)


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("B-06", "F-058", "F-059")
async def test_what_was_captured_before_a_refusal_is_destroyed_and_the_catalogue_says_who_said_what_and_when(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    before = sounds_below(office.monitor_dir)
    prompts = f'prompts_dir = "{office.pbx_path(office.home / "prompts")}"\n'
    async with running(tmp_path, asked("inbound", 'untold = "record"'), office, more=prompts) as app:
        await asyncio.sleep(0.3)
        call = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        async with asyncio.timeout(10):
            while not any(each.announcing.awaited for each in app.engine.sessions.values()):
                await asyncio.sleep(0.02)
        await asyncio.sleep(2.5)  # Asterisk writes 32 KiB at once, which are 2 s
        captured = sounds_below(office.monitor_dir) - before
        assert sum(path.stat().st_size for path in captured) > 32_000
        asked_at = time.time()
        await call.press("9")
        await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        (found,) = await show(app.catalogue, entry.call)
    assert sounds_below(office.monitor_dir) == before
    assert not sounds_below(tmp_path)
    recording = only(entry)
    assert (recording.status, recording.why) == (Status.DROPPED, "a party refused to be recorded")
    informed, refused = found.consents
    assert (informed.standing, refused.standing) == ("informed", "refused")
    assert all(re.fullmatch(r"opt-out/en@[0-9a-f]{8}", one.prompt) for one in found.consents)
    assert asked_at < refused.at.timestamp() < asked_at + 0.5
    assert refused.how == "key 9, in the call"


def sounds_below(folder: Path) -> set[Path]:
    return {path for ending in ("wav", "flac", "sealed") for path in folder.rglob(f"*.{ending}")}


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("number", [GATED, NUMBER])
async def test_where_there_is_no_such_place_the_call_goes_on_unrecorded_and_somebody_is_alarmed(
    office: Asterisk, world: Phone, tmp_path: Path, number: str
) -> None:
    nowhere = 'after_refusal = "nowhere,s,1"'
    async with controlling(office, asked("inbound", nowhere), tmp_path) as control:
        await ready(control)
        call = await world.dial(number, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await call.answered()
        await asyncio.sleep(PROMPT_SECONDS + 0.4)
        await call.press("9")
        await control.until(lambda: control.engine.tally.alarms)
        await asyncio.sleep(1.5)
        await call.hangup()
        (finished,) = await control.over()
    assert seconds(call, CALLED) > 1.2  # after the refusal, too
    assert FLOW not in heard(call)
    assert Standing.REFUSED in {one.standing for one in finished.consents}
    assert finished.discard or not finished.segments


async def first(phone: Phone) -> Call:
    """The first call that reaches it."""
    async with asyncio.timeout(5):
        while not phone.calls:
            await asyncio.sleep(0.02)
    return next(iter(phone.calls.values()))


async def talk(control: Controlling, alice: Phone, world: Phone, way: str) -> tuple[Call, Call]:
    """The outside party's call and ours, without a gate."""
    if way == "inbound":
        far = await world.call(NUMBER, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        near = await first(alice)
    else:
        near = await alice.call(OUT, say=sounds.tone(CALLED), loop=True)
        far = await first(world)
    await control.until(lambda: control.engine.sessions and control.session.call.talked_at)
    return far, near
