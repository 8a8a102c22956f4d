"""A controller that is killed at any moment of gate and prompt: the talk is recorded all the same, by one alone."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from controller import lab
from controller.core.consent import Standing
from controller.lab import Asterisk, Call, Phone, sounds
from tests.live import children, telling
from tests.live.controlling import controlling, pitches
from tests.live.telling import (
    CALLED,
    CALLER,
    DOWN,
    DOWN_OUT,
    OPT_OUT,
    PROMPT_SECONDS,
    RECORDED,
    heard,
    recorders,
    rule,
    seconds,
)


@pytest.fixture(scope="module", autouse=True)
async def _records(office: Asterisk) -> None:
    """The dialplan records by itself if nobody answers."""
    await office.cli("dialplan set global DOWN record")


def configuration(office: Asterisk, *more: str) -> str:
    text = children.configuration(office, rule("always", *more))
    return text.replace("[[pbx]]", f'[[pbx]]\nprompts_dir = "{office.pbx_path(office.home / "prompts")}"', 1)


def mixes(office: Asterisk) -> set[Path]:
    return {path for path in office.monitor_dir.glob("*.wav") if not path.stem.endswith(("-r", "-t"))}


async def hears(call: Call, pitch: int, length: float = 0.05) -> None:
    async with asyncio.timeout(6):
        while seconds(call, pitch) < length:
            await asyncio.sleep(0.02)


async def recorded(office: Asterisk, call: Call, there: int, before: set[Path]) -> None:
    """The two talk, on one recorder, with both voices in its file, and nothing is left when they hang up."""
    await hears(call, there)
    await asyncio.sleep(1)
    assert await recorders(office) == 1
    await call.hangup()
    async with asyncio.timeout(5):
        while "0 active channels" not in await office.cli("core show channels"):
            await asyncio.sleep(0.05)
    (file,) = mixes(office) - before
    assert {CALLER, CALLED} <= pitches(str(file))


@pytest.mark.parametrize("moment", ["prompt", "ringing", "answered"])
async def test_killed_while_a_caller_is_on_his_way(
    office: Asterisk, world: Phone, tmp_path: Path, moment: str
) -> None:
    before = mixes(office)
    async with (
        lab.phone(office, "101") as alice,
        children.running(tmp_path, configuration(office, 'announce_inbound = "notify"')) as child,
    ):
        call = await world.dial(DOWN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await hears(call, RECORDED)
        if moment == "prompt":
            child.process.send_signal(signal.SIGKILL)
        ours = await alice.rings()
        if moment == "ringing":
            child.process.send_signal(signal.SIGKILL)
        await ours.answer(sounds.tone(CALLED), loop=True)
        if moment == "answered":
            child.process.send_signal(signal.SIGKILL)
        await recorded(office, call, CALLED, before)


@pytest.mark.parametrize("into", [0.0, 0.3, 0.5, 0.55, 0.6, 0.65, 0.7])
async def test_killed_while_or_just_after_a_callee_is_told(
    office: Asterisk, alice: Phone, world: Phone, tmp_path: Path, into: float
) -> None:
    before = mixes(office)
    async with children.running(tmp_path, configuration(office, 'announce_outbound = "notify"')) as child:
        call = await alice.dial(DOWN_OUT, say=sounds.tone(CALLED), loop=True)
        async with asyncio.timeout(5):
            while not world.calls:
                await asyncio.sleep(0.01)
        there = next(iter(world.calls.values()))
        await hears(there, RECORDED)
        await asyncio.sleep(into)
        child.process.send_signal(signal.SIGKILL)
        await recorded(office, call, CALLER, before)
    assert heard(there, RECORDED) == [RECORDED]


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(("announce", "digit"), [("opt-out", "9"), ("opt-in", ""), ("opt-in", "5")])
async def test_who_refuses_a_controller_that_is_dead_by_then_is_not_recorded_by_the_dialplan_either(
    office: Asterisk, world: Phone, tmp_path: Path, announce: str, digit: str
) -> None:
    before = mixes(office)
    async with children.running(tmp_path, configuration(office, f'announce_inbound = "{announce}"')) as child:
        call = await world.call(DOWN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await hears(call, OPT_OUT if announce == "opt-out" else telling.OPT_IN)
        child.process.send_signal(signal.SIGKILL)
        await asyncio.sleep(PROMPT_SECONDS)
        if digit:
            await call.press(digit)
        await hears(call, CALLED)
        await asyncio.sleep(1)
        assert await recorders(office) == 0
    # Nor by a controller that comes back, which nobody has told.
    async with controlling(office, rule("always", f'announce_inbound = "{announce}"'), tmp_path) as control:
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    assert [(one.standing, one.how) for one in finished.consents] == [
        (Standing.REFUSED, "at the gate, while no controller answered")
    ]
    assert not finished.segments
    assert mixes(office) == before


@pytest.mark.usefixtures("alice")
async def test_who_agreed_to_a_controller_that_is_dead_by_then_is_recorded(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    before = mixes(office)
    async with children.running(tmp_path, configuration(office, 'announce_inbound = "opt-in"')) as child:
        call = await world.call(DOWN, caller="0201234567", say=sounds.tone(CALLER), loop=True)
        await hears(call, telling.OPT_IN)
        child.process.send_signal(signal.SIGKILL)
        await asyncio.sleep(PROMPT_SECONDS)
        await call.press("1")
        await recorded(office, call, CALLED, before)
