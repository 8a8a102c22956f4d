"""The gate when its controller is not there, dies or hangs: bounded, recorded by the dialplan, taken over later."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from controller.core.recording import State
from controller.lab import Asterisk, Call, Phone, sounds
from controller.pipeline import check as checking
from tests.live import children
from tests.live.controlling import controlling, pitches, tones
from tests.live.telling import CALLED, CALLER, DOWN, PROMPT_SECONDS, RECORDED, heard, recorders, rule
from tests.live.test_controller import running


@pytest.fixture(scope="module", autouse=True)
async def _records(office: Asterisk) -> None:
    """The dialplan records by itself if nobody answers."""
    await office.cli("dialplan set global DOWN record")


async def call_in(world: Phone) -> Call:
    return await world.dial(DOWN, caller="0201234567", say=sounds.tone(CALLER), loop=True)


def written(pbx: Asterisk) -> set[Path]:
    """What the dialplan's own recorders wrote."""
    return set(pbx.monitor_dir.glob("*-d.1.wav"))


@pytest.mark.usefixtures("alice")
async def test_a_controller_that_comes_back_takes_the_dialplans_recorder_over(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    before = written(office)
    call = await call_in(world)
    await call.answered(4)
    await asyncio.sleep(1)
    async with controlling(office, rule("always"), tmp_path) as control:
        await control.recording()
        assert await recorders(office) == 1
        await asyncio.sleep(1)
        await call.hangup()
        (finished,) = await control.over()
    (file,) = written(office) - before
    (segment,) = finished.segments
    assert segment.mixed == str(file)
    assert "adopted" in {mark.kind for mark in finished.marks}
    talk = [tone for tone in tones(segment.mixed) if tone.frequency == CALLED]
    assert sum(tone.seconds for tone in talk) > 1.9  # what was said before it came, too


@pytest.mark.usefixtures("alice")
async def test_files_of_a_call_that_nobody_saw_are_found_by_a_check(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    before = written(office)
    call = await call_in(world)
    await call.answered(4)
    await asyncio.sleep(0.5)
    await call.hangup()
    await asyncio.sleep(0.5)
    (file,) = written(office) - before
    for path in office.monitor_dir.glob(f"{file.stem}*"):
        os.utime(path, (file.stat().st_atime, time.time() - 3600))
    async with running(tmp_path, rule("always"), office) as app:
        monitors = {pbx.name: pbx.folder for pbx in app.config.pbxs}
        places = checking.Places(app.catalogue, app.line.spool, app.config.store.folder, monitors, set())
        found = await checking.check(places, checking.Depth.QUICK, False)
    assert any(file.stem in each.where or file.stem in each.what for each in found), found


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_controller_that_dies_or_hangs_in_the_middle_of_the_prompt_leaves_no_stuck_call(
    office: Asterisk, world: Phone, tmp_path: Path, how: signal.Signals
) -> None:
    before = written(office)
    rules = rule("always", 'announce_inbound = "notify"')
    text = children.configuration(office, rules + "")
    text = text.replace("[[pbx]]", "[[pbx]]\n" + f'prompts_dir = "{office.pbx_path(office.home / "prompts")}"', 1)
    async with children.running(tmp_path, text) as child:
        call = await call_in(world)
        await call.answered(4)  # the prompt plays
        await asyncio.sleep(0.2)
        child.process.send_signal(how)
        try:
            began = time.monotonic()
            async with asyncio.timeout(5):
                while CALLED not in heard(call):
                    await asyncio.sleep(0.05)
            waited = time.monotonic() - began
            await asyncio.sleep(0.7)
        finally:
            if how is signal.SIGSTOP:
                child.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.7)
        assert await recorders(office) == 1
        await call.hangup()
        if how is signal.SIGSTOP:  # it has come to itself, and has taken the files over
            (listed,) = await child.calls(1)
            assert {each["status"] for each in listed["recordings"]} == {"kept"}
            assert any(each["id"].endswith("-d") for each in listed["recordings"])
        await asyncio.sleep(0.5)
    assert (
        waited < PROMPT_SECONDS + 1.0 + 0.8
    )  # the rest of the prompt, the bound of the gate, and what it takes to hear
    assert heard(call)[0] == RECORDED
    if how is signal.SIGKILL:
        (file,) = written(office) - before
        assert {CALLER, CALLED} <= pitches(str(file))
    assert "0 active channels" in await office.cli("core show channels")


@pytest.mark.usefixtures("alice")
async def test_a_controller_that_hung_finds_the_dialplans_recorder_and_starts_no_second_one(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with controlling(office, rule("always"), tmp_path) as control:
        call = await call_in(world)
        await control.until(lambda: control.engine.sessions)
        time.sleep(1.6)  # noqa: ASYNC251 the very thing: its loop stands still, longer than the gate waits
        await control.recording(State.ON)
        await asyncio.sleep(0.7)
        assert await recorders(office) == 1
        await call.hangup()
        (finished,) = await control.over()
    assert pitches(finished.segments[-1].mixed) == {CALLER, CALLED}
