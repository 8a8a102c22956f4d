"""The failure rule of the organisation, of a site, and of a rule, on two PBXs at once: by ear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from controller import lab
from controller.lab import Asterisk, Call, ears, sounds
from tests.live.controlling import ROSTER
from tests.live.faulty import controlled_by, until, writing_into
from tests.live.test_controller import HOME

CALLER, CALLED, SORRY = 450, 700, 1200
POLICY = """
[defaults]
on_failure = "notice"
[[site]]
name = "harbour"
on_failure = "end"
[[site]]
name = "castle"
[[extension]]
number = "100"
site = "harbour"
[[extension]]
number = "102"
site = "castle"
[[extension]]
number = "104"
site = "harbour"
[[rule]]
name = "own way"
extension = "104"
mode = "always"
on_failure = "continue"
[[rule]]
name = "all"
extension = ["100", "102"]
mode = "always"
"""
ENDS, TOLD, SILENT = "100", "102", "104"
"""Who calls: one by his site's own value, one by the organisation's, one by his rule's."""


@pytest.fixture(scope="module")
async def branch() -> AsyncIterator[Asterisk]:
    async with Asterisk.running(lab.install()) as pbx:
        yield pbx


def heard(call: Call) -> set[int]:
    return {tone.frequency for tone in ears.tones(call.heard().samples) if tone.seconds > 0.3}


def broken(pbx: Asterisk, name: str) -> str:
    """The table of a PBX that can write no recording, and has words for that."""
    (pbx.monitor_dir / "file").write_text("no folder")
    (pbx.home / "prompts").mkdir(exist_ok=True)
    sounds.write_wav(pbx.home / "prompts" / "sorry.wav", sounds.tone(SORRY, 0.8))
    words = f'failure_sound = "sound:{pbx.pbx_path(pbx.home / "prompts")}/sorry"\n'
    return writing_into(pbx, pbx.monitor_dir / "file", name) + words


async def called(pbx: Asterisk, caller: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """Both ends of a call between an extension and the next one."""
    one = await stack.enter_async_context(lab.phone(pbx, caller))
    other = await stack.enter_async_context(lab.phone(pbx, str(int(caller) + 1)))
    other.auto(sounds.tone(CALLED), loop=True)
    call = await one.call(other.user, say=sounds.tone(CALLER), loop=True)
    (there,) = other.calls.values()
    return call, there


@pytest.mark.proves("W-29", "F-033")
async def test_the_organisations_failure_rule_holds_on_all_pbxs_where_no_site_and_no_rule_has_its_own(
    asterisk: Asterisk, branch: Asterisk, tmp_path: Path
) -> None:
    text = ROSTER + POLICY + broken(asterisk, "main") + broken(branch, "branch") + HOME
    try:
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(controlled_by(tmp_path, text))
            ended = [await called(pbx, ENDS, stack) for pbx in (asterisk, branch)]
            told = [await called(pbx, TOLD, stack) for pbx in (asterisk, branch)]
            silent = [await called(pbx, SILENT, stack) for pbx in (asterisk, branch)]
            everybody = [*ended, *told, *silent]
            await until(lambda: len(alarmed(app.engine.alarms.past)) == len(everybody), 10)
            for call, other in ended:
                await call.ended(8)
                await other.ended(2)
            await asyncio.sleep(2.5)
            for call, other in (*told, *silent):
                assert call.up
                assert other.up
                assert {tone.frequency for tone in ears.tones(call.heard().samples[-4000:])} == {CALLED}
                await call.hangup()
            await until(lambda: not app.engine.sessions, 5)
    finally:
        for pbx in (asterisk, branch):
            (pbx.monitor_dir / "file").unlink()
    for ends in everybody:
        for call, other in zip(ends, (CALLED, CALLER), strict=True):
            assert heard(call) == {other} | (set() if ends in silent else {SORRY})


def alarmed(past: object) -> set[str]:
    """The calls that could not be recorded."""
    return {each.about for each in past if "could not be started" in each.what}  # type: ignore[attr-defined]
