"""Clocks that jump, and ten thousand events at once: calls go on being recorded, and their sound keeps its length."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from controller.app import App
from controller.catalogue.entries import Status
from controller.core.events import Asked
from controller.core.recording import State
from controller.lab import Asterisk, MakePhone, ears, sounds
from hardware.keys import Key
from tests.live.faulty import ALWAYS, running, until
from tests.live.test_controller import entries, only, sound

CALLER, CALLED = 450, 700
BURST = 10_000


class Clock:
    """The wall clock, as somebody sets it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def states(app: App) -> list[State]:
    return [each.recording.state for each in app.engine.sessions.values() if each.recording is not None]


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 86_400.0 * 400])
async def test_a_clock_that_is_set_during_a_call_costs_no_sound_and_no_pause(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, jump: float
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    clock = Clock()
    async with running(tmp_path, asterisk) as app:
        app.engine._clock = clock
        for driver in app.engine.drivers.values():
            driver._clock = clock  # type: ignore[attr-defined]
            driver._hand._clock = clock  # type: ignore[attr-defined]
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await until(lambda: states(app) == [State.ON], 5)
        await asyncio.sleep(1)
        clock.ahead = jump
        await asyncio.sleep(0.5)
        (identity,) = app.engine.sessions
        assert (await app.engine.ask(Asked(identity, clock(), "ann", Key.PAUSE))).granted
        await asyncio.sleep(1)
        assert (await app.engine.ask(Asked(identity, clock(), "ann", Key.RESUME))).granted
        await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert only(entry).status is Status.KEPT
    assert abs(len(samples) / rate - 3.5) < 0.4  # by the frames that came, not by any clock
    spoken = [tone for tone in ears.tones(samples[:, 0], rate) if tone.frequency == CALLER and tone.seconds > 0.3]
    assert len(spoken) == 2  # before and behind the pause
    assert sum(tone.seconds for tone in spoken) == pytest.approx(2.5, abs=0.4)


async def test_ten_thousand_events_at_once_delay_no_recording_for_long_and_none_is_forgotten(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob, carol, dave = [await phone(each) for each in ("100", "101", "102", "103")]
    for each in (bob, dave):
        each.auto(sounds.tone(CALLED), loop=True)
    async with running(tmp_path, asterisk, ALWAYS.replace('"101"', '"102"')) as app:
        first = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await until(lambda: states(app) == [State.ON], 5)
        leg = next(iter(next(iter(app.engine.sessions.values())).call.legs)).partition("/")[2]
        before = app.engine.tally.events
        async with asterisk.admin() as admin:
            admin._writer.write(
                b"".join(
                    b"Action: Setvar\r\nChannel: %s\r\nVariable: ONRECORD_burst\r\nValue: %d\r\n\r\n"
                    % (leg.encode(), number)
                    for number in range(BURST)
                )
            )
            started = time.time()
            second = await carol.call("103", say=sounds.tone(CALLER), loop=True)
            answered = time.time()
            await until(lambda: states(app) == [State.ON] * 2, 10)
            late = time.time() - answered
            await until(lambda: app.engine.tally.events - before >= BURST, 60)
            took = time.time() - started
        await asyncio.sleep(0.5)
        await first.hangup()
        await second.hangup()
        found = await entries(app, 2)
        assert [only(each).status for each in found] == [Status.KEPT] * 2
        dropped = app.engine.drivers["main"].counters.dropped
    print(f"{BURST} events taken in {took:.1f} s; a call of that time was recorded {late * 1000:.0f} ms later")
    assert dropped == 0
    assert late < 2.0
