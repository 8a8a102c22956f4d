"""Disks that hang for seconds, as a network file system does: calls go on, nothing is lost, the cause is told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from controller.catalogue.entries import Status
from controller.lab import Asterisk, MakePhone, ears
from tests.live.faulty import alarm, hanging, running, until
from tests.live.test_controller import entries, only, sound
from tests.live.test_faults_disks import CALLER, on, talking, voices
from tests.live.test_faults_recorders import hears

HANGS = 7.0
NOTICED = 5.0
"""A look every 2 s, and 2 s in which a folder may answer."""


async def test_a_monitor_folder_that_hangs_costs_no_call_and_recording_goes_on_when_it_answers(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    monitor = asterisk.monitor_dir / "slow"
    with hanging(monitor) as freeze:
        async with running(tmp_path, asterisk, monitor=monitor) as app:
            call = await talking(phone)
            await on(app)
            await asyncio.sleep(2.5)
            freeze(True)
            hung = time.time()
            told = await alarm(app, "monitor", HANGS)
            noticed = told.since - hung
            await asyncio.sleep(HANGS - (time.time() - hung))
            assert hears(call, hung + 0.5)
            freeze(False)
            await asyncio.sleep(5)
            await call.hangup()
            (entry,) = await entries(app, 1)
            await until(lambda: not app.engine.alarms.active(), 10)
            samples, rate = sound(app, only(entry))
    assert noticed < NOTICED
    assert f"{monitor} (monitor main) does not answer" in told.what
    assert "see to the disk" in told.remedy
    assert only(entry).status is Status.KEPT
    spoken = [one for one in ears.tones(samples[:, 0], rate) if one.frequency == CALLER and one.seconds > 1]
    before, after = spoken[0], spoken[-1]
    assert before.start < 0.1
    assert before.seconds > 2.5  # what was recorded until it hung, and what the PBX still had
    assert after.seconds > 4.5  # and from the moment on at which it answered
    assert after.end > len(samples) / rate - 0.2
    (flag,) = only(entry).flags
    assert flag.startswith("interrupted: ")
    assert "did not grow" in flag


@pytest.mark.parametrize("folder", ["store", "spool"])
async def test_a_folder_of_ours_that_hangs_is_told_and_calls_of_that_time_are_recorded_whole(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, folder: str
) -> None:
    with hanging(tmp_path / folder) as freeze:
        async with running(tmp_path, asterisk) as app:
            freeze(True)
            hung = time.time()
            call = await talking(phone)
            await on(app)
            began = time.time()
            told = await alarm(app, folder, HANGS + 2)
            noticed = told.since - hung
            await asyncio.sleep(max(0.0, HANGS - (time.time() - hung)))
            assert hears(call, hung + 1)
            assert "does not answer" in told.what
            assert str(tmp_path / folder) in told.what
            assert "see to the disk" in told.remedy
            freeze(False)
            await call.hangup()
            ended = time.time()
            (entry,) = await entries(app, 1)
            await until(lambda: not app.engine.alarms.active(), 10)
            samples, rate = sound(app, only(entry))
            assert only(entry).status is Status.KEPT
            assert voices(app, entry) == {CALLER}
    (tone,) = [one for one in ears.tones(samples[:, 0], rate) if one.seconds > 0.3]
    assert tone.seconds > ended - began - 0.3
    assert noticed < NOTICED
