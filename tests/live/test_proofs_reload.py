"""A running controller reads its file again at SIGHUP: a good one rules from then on, a bad one never does."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import soundfile

from controller.lab import Asterisk, Call, MakePhone, ears, sounds
from tests.live.children import Child, configuration, running

CALLER, CALLED = 450, 700
RULES = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\ngrants = []\n'


def rewrite(path: Path, text: str) -> None:
    """Change the file so that only reading it can tell: SIGHUP makes the controller look, not the file's new time."""
    before = path.stat()
    assert len(text.encode()) == before.st_size
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def state(child: Child) -> list[str]:
    answer = await child.do("call", "list", "--json")
    assert answer.code == 0, answer
    return [call["state"] for call in answer.json]


async def until(child: Child, wanted: list[str]) -> None:
    async with asyncio.timeout(10):
        while await state(child) != wanted:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def talking(phone: MakePhone) -> AsyncIterator[Call]:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
    yield call
    await call.hangup()


async def test_a_bad_file_at_sighup_is_refused_with_file_line_and_key_and_the_old_rules_stay(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    good = configuration(asterisk, RULES)
    async with running(tmp_path, good) as child:
        async with talking(phone):
            await until(child, ["on"])
            line = good[: good.index('"always"')].count("\n") + 1
            rewrite(child.config, good.replace('"always"', '"alwais"'))
            child.hang_up_signal()
            refused = await child.says("the new configuration is refused")
            told = " ".join(child.said[child.said.index(refused) :])
            assert f"onrecord.toml:{line}:" in told
            assert "mode" in told
            assert "always" in told  # what would be right
            assert await state(child) == ["on"]  # the recording that runs is left alone
            await asyncio.sleep(0.5)
        async with talking(phone):
            await until(child, ["on"])  # and the old rules still begin new ones
            await asyncio.sleep(0.5)
        assert (await child.do("list")).code == 2  # what needs the whole file says so, too
        rewrite(child.config, good)
        entries = await child.calls(2)
        assert [len(each["recordings"]) for each in entries] == [1, 1]
        # A file with several mistakes, one that is no TOML, and one that is gone: each is refused, nothing changes.
        for text in (
            good.replace('"always"', '"alwais"').replace("grants", "grantz"),
            good.replace('mode = "always"', 'mode = "always '),
        ):
            seen = len(child.said)
            rewrite(child.config, text)
            child.hang_up_signal()
            await child.says("the new configuration is refused", since=seen)
            await child.says("onrecord.toml:", since=seen)
        assert any("grantz" in said for said in child.said)
        gone = child.config.rename(child.config.with_suffix(".away"))
        seen = len(child.said)
        child.hang_up_signal()
        await child.says("the new configuration is refused", since=seen)
        gone.rename(child.config)
        rewrite(child.config, good)
        async with talking(phone):
            await until(child, ["on"])
        assert await child.stop() == 0
    assert not any("Traceback" in said for said in child.said)


async def test_a_good_file_at_sighup_rules_live_calls_at_once(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    first = configuration(asterisk, RULES.replace('"always"', '"never" '))
    async with running(tmp_path, first) as child:
        async with talking(phone):
            await until(child, ["off"])
            await asyncio.sleep(0.5)
            rewrite(child.config, configuration(asterisk, RULES))
            asked = time.monotonic()
            child.hang_up_signal()
            await child.says("new policy in force")
            await until(child, ["on"])
            seen_on = time.monotonic()
            await asyncio.sleep(1)
            least = time.monotonic() - seen_on
            rewrite(child.config, first)
            child.hang_up_signal()
            await until(child, ["off"])
            most = time.monotonic() - asked
            await asyncio.sleep(0.5)
        (entry,) = await child.calls(1)
        (recording,) = entry["recordings"]
        (path,) = (tmp_path / "store").rglob(f"{recording['id']}/recording.wav")
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        # Between the two signals, as far as can be seen from outside; a recorder writes whole frames of 20 ms.
        assert least - 0.1 < len(samples) / rate < most + 0.1
        for side, pitch in enumerate((CALLER, CALLED)):
            assert {tone.frequency for tone in ears.tones(samples[:, side], rate) if tone.seconds > 0.1} == {pitch}
        # What needs a restart is said, and the rules of the same file are in force all the same.
        seen = len(child.said)
        child.config.write_text(configuration(asterisk, RULES).replace('"store"', '"elsewhere"'))
        child.hang_up_signal()
        await child.says("takes effect at the next start only", since=seen)
        async with talking(phone):
            await until(child, ["on"])
