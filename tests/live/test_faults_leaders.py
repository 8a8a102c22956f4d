"""Two controllers on one PBX: the second waits and says why; it goes on when the first one has ended."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from controller.app import build
from controller.config.load import load
from controller.core.recording import State
from controller.lab import Asterisk, MakePhone, sounds
from tests.live.faulty import running, until

CALLED = 700


@pytest.mark.proves("B-12")
async def test_the_second_controller_refuses_clearly_and_takes_over_when_the_first_has_ended(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    async with running(one, asterisk) as first:
        (two / "onrecord.toml").write_text((one / "onrecord.toml").read_text())
        second = await build(load(two / "onrecord.toml"))
        task = asyncio.create_task(second.run())
        try:
            await until(lambda: "another controller" in second.engine.links["main"], 15)
            assert "works on this PBX" in second.engine.links["main"]
            assert any("another controller" in each.what for each in second.engine.alarms.active())
            assert not first.engine.links["main"]  # and the first has not been disturbed
            async with asterisk.admin() as admin:
                call = await alice.call("101", say=sounds.tone(450), loop=True)
                await until(lambda: [each for each in first.engine.sessions.values() if each.recording], 5)
                await asyncio.sleep(1)
                starts = [each for each in admin.events if each.get("Event") == "MixMonitorStart"]
                assert len(starts) == 1
                first.stop()
                ended = time.time()
                await until(lambda: not second.engine.links["main"], 25)
                waited = time.time() - ended
                await until(lambda: recorded(second), 5)
                starts = [each for each in admin.events if each.get("Event") == "MixMonitorStart"]
                assert len(starts) == 1  # the heir has found the recorder, and started none
                await call.hangup()
        finally:
            second.stop()
            await asyncio.wait_for(task, 40)
    assert waited < 20


def recorded(app: object) -> bool:
    sessions = app.engine.sessions.values()  # type: ignore[attr-defined]
    return any(each.recording is not None and each.recording.state is State.ON for each in sessions)


async def test_a_restart_on_the_same_folders_waits_for_nobody(asterisk: Asterisk, tmp_path: Path) -> None:
    async with running(tmp_path, asterisk):
        pass
    began = time.time()
    async with running(tmp_path, asterisk):
        assert time.time() - began < 2
