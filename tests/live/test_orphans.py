"""Recordings that nobody knows of any more: found, told, and adopted; what is not ours is told and left alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest
import soundfile

from controller.lab import Asterisk, MakePhone, ears, sounds
from tests.live.children import configuration, onrecord, running
from tests.live.faulty import ALWAYS

CALLER, CALLED = 450, 700
OLD = 100_000.0
"""Seconds: where no controller can say which calls are live, what changed today may be one's."""


@pytest.mark.proves("F-081", "B-11")
async def test_what_a_killed_controller_and_a_lost_journal_left_behind_is_found_and_adopted_whole(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    text = configuration(asterisk, ALWAYS)
    async with running(tmp_path, text) as child:
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(1)
        child.process.kill()
        await child.process.wait()
    await asyncio.sleep(1)  # the PBX records on
    await call.hangup()
    shutil.rmtree(tmp_path / "journal")
    await asyncio.sleep(0.5)
    ours = sorted(path.name for path in asterisk.monitor_dir.glob("*.wav"))
    assert len(ours) == 3
    foreign = asterisk.monitor_dir / "holiday.wav"
    foreign.write_bytes(b"somebody else's")
    for path in asterisk.monitor_dir.iterdir():
        os.utime(path, (time.time() - OLD,) * 2)
    config = ("--config", tmp_path / "onrecord.toml")
    try:
        found = await onrecord("check", "--json", *config)
        kinds = sorted((one["kind"], Path(one["where"]).name) for one in found.json)
        repaired = await onrecord("check", "--repair", "--json", *config)
        async with running(tmp_path, text) as child:
            (entry,) = await child.calls(1)
            again = await child.do("check", "--full", "--json")
    finally:
        foreign.unlink()
    assert [kind for kind, _ in kinds if kind == "left-behind"], kinds
    assert ("foreign", foreign.name) in kinds
    assert any(one["repaired"] for one in repaired.json)
    assert [one["kind"] for one in again.json] == ["foreign"], again.json
    (recording,) = entry["recordings"]
    assert recording["status"] == "kept"
    assert not list(asterisk.monitor_dir.glob("*.wav"))
    samples, rate = soundfile.read(tmp_path / "store" / recording["folder"] / "recording.wav", dtype="int16")
    assert abs(len(samples) / rate - 2) < 0.35
    for side, pitch in enumerate((CALLER, CALLED)):
        (tone,) = [one for one in ears.tones(samples[:, side], rate) if one.seconds > 0.3]
        assert tone.frequency == pitch
        assert abs(tone.seconds - len(samples) / rate) < 0.15  # also what came after the controller's death
