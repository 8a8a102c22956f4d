"""Announcements in the middle of calls that pass no gate: who hears which, and from when on there is a recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller import lab
from controller.core.consent import Standing
from controller.core.recording import State
from controller.lab import Asterisk, Call, Phone, ears, sounds
from tests.live.controlling import Controlling, controlling, pitches, tones

CALLER, CALLED, OTHER = 450, 700, 850
RECORDED, OPT_OUT, OPT_IN, REFUSED = 1000, 1150, 1300, 1500
PROMPTS = {"en/recorded": RECORDED, "en/opt-out": OPT_OUT, "en/opt-in": OPT_IN, "en/refused": REFUSED}
PROMPT_SECONDS = 0.8
NUMBER = "0205550123"


@pytest.fixture(scope="module")
async def office() -> AsyncIterator[Asterisk]:
    """A PBX without gates, and prompts that are tones."""
    async with Asterisk.running(lab.install()) as pbx:
        for name, pitch in PROMPTS.items():
            path = pbx.home / "prompts" / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            sounds.write_wav(path, sounds.tone(pitch, PROMPT_SECONDS))
        yield pbx


@pytest.fixture
async def alice(office: Asterisk) -> AsyncIterator[Phone]:
    """Extension 101, who answers at once and says her tone."""
    async with lab.phone(office, "101") as phone:
        phone.auto(sounds.tone(CALLED), loop=True)
        yield phone


@pytest.fixture
async def bob(office: Asterisk) -> AsyncIterator[Phone]:
    """Extension 102, the same."""
    async with lab.phone(office, "102") as phone:
        phone.auto(sounds.tone(OTHER), loop=True)
        yield phone


@pytest.fixture
async def world(office: Asterisk) -> AsyncIterator[Phone]:
    async with lab.carrier(office, "carrier1") as phone:
        phone.auto(sounds.tone(CALLER), loop=True)
        yield phone


def rule(*more: str, mode: str = "always") -> str:
    return "\n".join(['[[rule]]\nname = "line"\ntrunk = "carrier1"', f'mode = "{mode}"', *more]) + "\n"


def heard(call: Call, least: float = 0.3) -> list[int]:
    """The pitches that this phone heard, in order of their beginnings, each once for each time."""
    return [tone.frequency for tone in ears.tones(call.line.heard().samples, 8000) if tone.seconds >= least]


def seconds(call: Call, pitch: int) -> float:
    return sum(tone.seconds for tone in ears.tones(call.line.heard().samples, 8000) if tone.frequency == pitch)


async def ready(control: Controlling) -> None:
    """Wait until ARI is connected as well: it comes a moment after the rest."""
    witness = control.driver.witness
    assert witness is not None
    async with asyncio.timeout(5):
        while not witness.link.counters.connects:
            await asyncio.sleep(0.01)


async def told(control: Controlling, count: int = 1) -> None:
    await control.until(lambda: sum(map(len, control.session.consent.values())) >= count)


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
