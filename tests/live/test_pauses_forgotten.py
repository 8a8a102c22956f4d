"""A pause that somebody forgot: it ends by itself after the rule's time, or somebody is alarmed. By ear."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from controller.alarms import Standing
from controller.app import App
from controller.catalogue.search import show
from controller.core.events import Asked
from controller.core.recording import State
from controller.lab import Asterisk, MakePhone, ears
from hardware.keys import Key
from tests.live.faulty import ALWAYS, running, until
from tests.live.test_controller import entries, only, sound
from tests.live.test_faults_disks import on, state, talking

AUTO, LONG = 1.5, 1.0
HELD = 3.6


async def pause(app: App) -> None:
    (identity,) = app.engine.sessions
    answer = await app.engine.ask(Asked(identity, time.time(), "operator ann", Key.PAUSE))
    assert answer.state is State.PAUSED, answer


def long_pauses(app: App) -> list[Standing]:
    both = (*app.engine.alarms.past, *app.engine.alarms.active())
    return [each for each in both if "has been paused for" in each.what]


@pytest.mark.proves("F-040", "B-04")
async def test_a_forgotten_pause_ends_by_itself_and_both_sides_are_heard_again(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, ALWAYS + f'auto_resume = "{AUTO} s"\n') as app:
        call = await talking(phone)
        await on(app)
        await asyncio.sleep(1)
        await pause(app)
        await until(lambda: state(app) is State.ON, AUTO + 2)
        await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
        (story,) = await show(app.catalogue, only(entry).id)
        assert not long_pauses(app)
    for side in range(2):
        (silence,) = [span for span in ears.silences(samples[:, side], rate) if span.seconds > 0.3]
        assert abs(silence.seconds - AUTO) < 0.2
        assert len(samples) / rate - silence.end > 0.8  # and heard to the end
    (recording,) = story.recordings
    (resumed,) = [mark for mark in recording.marks if mark.kind == "resume"]
    assert resumed.by == "auto-resume"
    notes = [mark.note for mark in recording.marks]
    assert f"the pause ended by itself after {AUTO:g} s" in notes, recording.marks


@pytest.mark.proves("F-040", "B-04")
async def test_a_long_pause_is_alarmed_again_and_again_with_who_paused_and_stays_a_pause(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, ALWAYS + f'long_pause = "{LONG} s"\n') as app:
        call = await talking(phone)
        await on(app)
        await asyncio.sleep(0.5)
        await pause(app)
        paused = time.time()
        await until(lambda: long_pauses(app), LONG + 2)
        noticed = time.time() - paused
        await asyncio.sleep(HELD - noticed)
        assert state(app) is State.PAUSED
        (told,) = {(each.what, each.remedy) for each in long_pauses(app)}
        times = sum(each.count for each in long_pauses(app))
        await call.hangup()
        (entry,) = await entries(app, 1)
        samples, rate = sound(app, only(entry))
    assert LONG - 0.1 < noticed < LONG + 0.5
    assert times == int(HELD / LONG)
    assert told[0] == f"a recording has been paused for {LONG:g} s or more"
    assert "operator ann" in told[1]
    (silence,) = [span for span in ears.silences(samples.max(axis=1), rate) if span.seconds > 0.3]
    assert abs(silence.seconds - HELD) < 0.3
