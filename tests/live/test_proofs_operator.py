"""An operator at the command line while people talk: what was typed is heard in the file that is exported later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import soundfile

from controller.lab import Asterisk, MakePhone, ears, sounds
from tests.live.children import Child, configuration, running

CALLER, CALLED = 450, 700
RULES = """
[[rule]]
name = "hundred"
extension = "100"
mode = "on-demand"
[[rule]]
name = "two"
extension = "102"
mode = "always"
"""
NAME = "[/red]Eve[bold]"


async def asked(child: Child, do: str, call: str, state: str) -> None:
    answer = await child.do("call", do, call, "--json")
    assert (answer.code, answer.json["ok"], answer.json["state"]) == (0, True, state), answer
    await asyncio.sleep(1)


@pytest.mark.proves("F-043", "F-031", "F-037")
async def test_what_an_operator_types_is_heard_in_the_exported_file(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    alice, carol, world = await phone("100"), await phone("102"), await carrier("carrier1")
    for each in (alice, carol):
        each.auto(sounds.tone(CALLED), loop=True)
    async with running(tmp_path, configuration(asterisk, RULES)) as child:
        call = await world.call("0205550100", caller="0301234567", name=NAME, say=sounds.tone(CALLER), loop=True)
        other = await world.call("0205550124", caller="0307654321", say=sounds.tone(CALLER), loop=True)
        shown = await child.do("call", "list")
        assert (shown.code, shown.err) == (0, "")
        assert "carrier1 — 100" in shown.out
        await asyncio.sleep(0.5)
        for do, state in (("start", "on"), ("pause", "paused"), ("resume", "on"), ("stop", "off")):
            await asked(child, do, "100", state)
        refused = await child.do("call", "stop", "102")
        assert (refused.code, refused.out) == (1, "")
        assert "two" in refused.err
        states = {
            each["parties"][1]["endpoint"]: each["state"] for each in (await child.do("call", "list", "--json")).json
        }
        assert states == {"100": "off", "102": "on"}
        await call.hangup()
        await other.hangup()
        entries = await child.calls(2)
        (entry,) = [each for each in entries if each["rule"] == "hundred"]
        (recording,) = entry["recordings"]
        exported = await child.do("export", entry["call"], "--to", tmp_path / "to", "--json")
        assert exported.code == 0
        samples, rate = soundfile.read(exported.json[0]["audio"], dtype="int16", always_2d=True)
        (story,) = (await child.do("show", recording["id"], "--json")).json
        everything = await child.do("export", "--since", "1h", "--to", tmp_path / "all")
        assert (everything.code, len(everything.out.splitlines())) == (0, 2)
        assert (await child.do("check", "--full")).code == 0
        assert (await child.do("show", recording["id"])).code == 0
    for side, pitch in enumerate((CALLER, CALLED)):
        before, after = [tone for tone in ears.tones(samples[:, side], rate) if tone.seconds > 0.1]
        assert {before.frequency, after.frequency} == {pitch}
        # Each of these lasted a second, and as long as the command's process took to start.
        assert all(0.9 < length < 4 for length in (before.seconds, after.start - before.end, after.seconds))
    (whole,) = story["recordings"]
    told = [(mark["kind"], mark["note"], mark["by"]) for mark in whole["marks"]]
    assert all(by.startswith("operator ") for kind, _, by in told if kind in ("start", "key")), told
    assert [note if kind == "key" else kind for kind, note, _ in told] == [
        *("start", "pause", "pause", "resume", "resume", "stop", "stop")
    ]
