"""Why a call was recorded or was not: explained, foretold and replayed from the command line, over real calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from controller.lab import Asterisk, MakePhone, sounds
from tests.live.children import Child, configuration, running
from tests.live.controlling import ROSTER
from tests.live.proving import HOUSE, Talk, phones

NUMBERS = ROSTER.replace('internal = ["1.."]', 'internal = ["1.."]\nhelplines = ["0800116123"]\n{exclude}')
TODAY = """
[[rule]]
name = "hundred"
extension = "100"
mode = "always"
[[rule]]
name = "Frank decides himself"
extension = "105"
mode = "on-demand"
[[rule]]
name = "agent"
extension = "111"
mode = "always"
"""
TOMORROW = """
[[rule]]
name = "hundred outside"
extension = "100"
mode = "always"
when = { traffic = "external" }
[[rule]]
name = "Frank decides himself"
extension = "105"
mode = "on-demand"
[[rule]]
name = "support"
queue = "support"
mode = "always-with-pause"
"""

INSIDE, NOBODY, EXCLUDED, QUEUED, ASKED = "100 101", "102 103", "0309990001 100", "0309876543 support", "104 105"
RECORDED_TODAY = {INSIDE: True, NOBODY: False, EXCLUDED: False, QUEUED: False, ASKED: False}
RECORDED_TOMORROW = {INSIDE: False, NOBODY: False, EXCLUDED: True, QUEUED: True, ASKED: False}
DRY = {
    INSIDE: ["--from", "100", "--to", "101"],
    NOBODY: ["--from", "102", "--to", "103"],
    EXCLUDED: ["--from", "0309990001", "--to", "0205550100", "--trunk", "carrier1", "--agent", "100"],
    QUEUED: ["--from", "0309876543", "--to", "0205550300", "--trunk", "carrier1", "--queue", "support"],
    ASKED: ["--from", "104", "--to", "105"],
}


async def day(child: Child, made: dict[str, Any], world: Any, before: int) -> dict[str, dict[str, Any]]:
    """The five calls, and one to a helpline, at the same time; what the list has of them."""
    talks = {
        INSIDE: Talk(made["100"], "101", True),
        NOBODY: Talk(made["102"], "103", False),
        EXCLUDED: Talk(world, "0205550100", True, shown="0309990001"),
        QUEUED: Talk(world, "0205550300", True, shown="0309876543"),
        ASKED: Talk(made["104"], "105", False),
    }
    helpline = Talk(made["106"], "0800116123", False)
    await asyncio.gather(*(talk.happen(1.2) for talk in (*talks.values(), helpline)))
    listed = (await child.calls(before + len(talks)))[before:]
    assert len(listed) == len(talks)
    found = {}
    for name, talk in talks.items():
        wanted = (talk.shown or talk.caller.user, talk.number)
        (found[name],) = [each for each in listed if (each["parties"][0]["number"], each["dialled"]) == wanted]
    return found


@pytest.mark.proves("B-01", "F-023")
async def test_what_was_decided_is_explained_foretold_and_tried_under_another_policy(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    world = await carrier("carrier1")
    world.auto(sounds.tone(HOUSE), loop=True)
    exclude = NUMBERS.replace("{exclude}", 'exclude = ["0309990001"]')
    today = configuration(asterisk, TODAY, exclude)
    tomorrow = configuration(asterisk, TOMORROW, NUMBERS.replace("{exclude}", ""))
    draft = tmp_path / "draft.toml"
    draft.write_text(tomorrow)
    people = ("100", "101", "102", "103", "104", "105", "106", "111")
    async with phones(asterisk, *people) as made, running(tmp_path, today) as child:
        first = await day(child, made, world, 0)
        assert {name: bool(each["recordings"]) for name, each in first.items()} == RECORDED_TODAY
        await _explained(child, first)
        await _foretold(child, first)
        foretold = await _replayed(child, draft, first)

        child.config.write_text(tomorrow)
        child.hang_up_signal()
        await child.says("new policy in force")
        second = await day(child, made, world, len(first))
        assert {name: bool(each["recordings"]) for name, each in second.items()} == RECORDED_TOMORROW
        for name, row in foretold.items():  # the replay was right, call by call
            entry = second[name]
            assert (entry["mode"], entry["rule"]) == (row["after"]["mode"], row["after"]["rule"])
        await _foretold(child, second)
        same = await child.do("replay", "--policy", draft)
        assert (same.code, "10 calls replayed, 0 would be treated differently" in same.out) == (0, True), same
    for path in written(tmp_path):
        assert b"116123" not in path.read_bytes(), path


def written(folder: Path) -> list[Path]:
    """Everything that the controller wrote."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert any(path.suffix == ".jsonl" for path in found)
    assert any(path.suffix == ".sqlite" for path in found)
    return found


async def _explained(child: Child, calls: dict[str, dict[str, Any]]) -> None:
    """The rules considered, the winner and the facts, of recorded calls and of others."""
    story = (await child.do("explain", calls[INSIDE]["call"], "--json")).json
    decisions = [entry["decision"] for entry in story if entry["decision"]]
    decision = next(each for each in decisions if each["rule"])
    assert decision["rule"] == "hundred"
    assert ("hundred", "won") in {(each["rule"], each["outcome"]) for each in decision["considered"]}
    assert "extension 100" in dict(decision["facts"])["subjects"]
    assert any(command for entry in story for command in entry["commands"])
    for name, words in (
        (INSIDE, ("hundred", "won", "Start", "direction: internal")),
        (EXCLUDED, ("excluded numbers (0309990001)", "outside: 0309990001")),
        (QUEUED, ("queue support is not enabled", "isolated", "agent")),
        (ASKED, ("Frank decides himself",)),
        (NOBODY, ("no rule wants extension 102", "extension 103")),
    ):
        told = await child.do("explain", calls[name]["call"])
        assert told.code == 0
        assert all(word in told.out for word in words), told.out
        assert "Traceback" not in told.err
    assert (await child.do("explain", "no-such-call")).code == 1
    assert (await child.do("explain", "main/")).code == 2


async def _foretold(child: Child, calls: dict[str, dict[str, Any]]) -> None:
    """`why` says of a call that never happened what was decided about the one that did."""
    for name, arguments in DRY.items():
        told = await child.do("why", *arguments, "--json")
        assert told.code == 0
        assert (told.json["mode"], told.json["rule"]) == (calls[name]["mode"], calls[name]["rule"]), name
        if not calls[name]["recordings"] and told.json["mode"] == "never":
            assert told.json["reason"] == calls[name]["reason"]
    hidden = await child.do("why", "--from", "106", "--to", "0800116123", "--trunk", "carrier1")
    assert "never recorded and never listed" in hidden.out


async def _replayed(child: Child, draft: Path, calls: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Exactly the calls that the draft treats differently are listed, before it is in force."""
    told = await child.do("replay", "--policy", draft, "--json")
    assert told.code == 1
    assert told.json["calls"] == len(calls)
    assert told.json["unreadable_lines"] == []
    differing = {name for name in calls if RECORDED_TODAY[name] != RECORDED_TOMORROW[name]}
    rows = {row["call"]: row for row in told.json["different"]}
    assert set(rows) == {calls[name]["call"] for name in differing}
    for name in differing:
        row = rows[calls[name]["call"]]
        assert (row["before"]["mode"] != "never") is RECORDED_TODAY[name]
        assert (row["after"]["mode"] != "never") is RECORDED_TOMORROW[name]
    shown = await child.do("replay", "--policy", draft)
    assert shown.code == 1
    assert "5 calls replayed, 3 would be treated differently" in shown.out
    assert all(row["call"] in shown.out for row in rows.values())
    assert (await child.do("replay", "--policy", draft.with_name("missing.toml"))).code == 2
    return {name: rows[calls[name]["call"]] for name in differing}
