"""A real controller is started again over a damaged journal while people talk: no sound is lost, and it is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from controller.lab import Asterisk, MakePhone, ears, sounds
from tests.live.children import configuration, running
from tests.live.faulty import ALWAYS

CALLER, CALLED = 450, 700


def cut(lines: list[bytes], chance: random.Random) -> bytes:
    """Cut at any byte, as by a power cut."""
    whole = b"".join(lines)
    return whole[: chance.randrange(1, len(whole) - 1)]


def zeroed(lines: list[bytes], chance: random.Random) -> bytes:
    """Its end is zeros: the length was written, the bytes were not."""
    kept = cut(lines, chance)
    return kept + bytes(len(b"".join(lines)) - len(kept))


def garbage(lines: list[bytes], chance: random.Random) -> bytes:
    """Other bytes in the middle of it, and behind it."""
    at = chance.randrange(len(lines))
    return b"".join([*lines[:at], chance.randbytes(300) + b"\n", *lines[at + 1 :], chance.randbytes(300)])


def emptied(lines: list[bytes], chance: random.Random) -> bytes:  # noqa: ARG001
    return b""


DAMAGES: dict[str, tuple[Callable[[list[bytes], random.Random], bytes], int]] = {
    "cut": (cut, 1), "cut elsewhere": (cut, 2), "cut early": (cut, 3), "zeroed": (zeroed, 4), "garbage": (garbage, 5),
    "garbage elsewhere": (garbage, 6), "emptied": (emptied, 7),
}  # fmt: skip


@pytest.mark.proves("F-163")
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_call_over_a_damaged_journal_is_recorded_whole_and_the_damage_is_told(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, damage: str
) -> None:
    spoil, seed = DAMAGES[damage]
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    text = configuration(asterisk, ALWAYS)
    async with running(tmp_path, text) as child:
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(1.5)
        child.process.kill()
        await child.process.wait()
    (journal,) = [path for path in (tmp_path / "journal").glob("*.jsonl") if path.name != "alarms.jsonl"]
    lines = journal.read_bytes().splitlines(keepends=True)
    spoilt = spoil(lines, random.Random(seed))  # noqa: S311
    journal.write_bytes(spoilt)
    # Cut between two lines it is a whole journal, and an empty one tells of nothing that is wrong with it.
    torn = bool(spoilt) and not all(line in lines for line in spoilt.splitlines(keepends=True))
    async with running(tmp_path, text) as child:
        await asyncio.sleep(1.5)
        await call.hangup()
        found = await child.calls(1)
        check = await child.do("check", "--full", "--json")
        said = await child.do("alarms", "--json")
    kept = [one for entry in found for one in entry["recordings"] if one["status"] == "kept"]
    spoken = 0.0
    for one in kept:
        samples, rate = soundfile.read(tmp_path / "store" / one["folder"] / "recording.wav", dtype="int16")
        tones = [each for each in ears.tones(samples[:, 0], rate) if each.seconds > 0.2]
        assert {each.frequency for each in tones} == {CALLER}
        spoken += sum(each.seconds for each in tones)
    assert check.json == []
    assert not list(asterisk.monitor_dir.glob("*.wav"))
    talked = len(call.sent().times) * 0.02
    assert abs(spoken - talked) < 0.3, (spoken, talked, found)
    told = [each for each in said.json if each["key"].startswith("journal-damaged ")]
    assert bool(told) is torn, said.json
    for each in told:
        assert "cannot be read" in each["what"]
        assert "onrecord check" in each["remedy"]
