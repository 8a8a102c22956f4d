"""`onrecord selftest` on a real PBX: a healthy one passes, and each staged fault is found by the right step."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from controller import lab
from controller.config.load import load
from controller.doctor.finding import Status
from controller.lab import Asterisk, sounds
from controller.selftest import Selftest, phone, trial
from tests.live.children import Ended, configuration, onrecord, running
from tests.live.faulty import disk

ENDPOINT = """
[onrecord-selftest](line)
context = nowhere
"""
RULE = '[[rule]]\nname = "selftest"\nextension = "onrecord-selftest"\nmode = "always-with-pause"\n'


PROMPTS = {"recorded": 1200, "opt-out": 1150, "opt-in": 1300}
"""Each prompt is a tone of its own."""
PROMPT_SECONDS = 0.8


@pytest.fixture(scope="module")
async def tested() -> AsyncIterator[Asterisk]:
    async with Asterisk.running(lab.install(), extra={"pjsip.d/selftest.conf": ENDPOINT}) as pbx:
        for name, pitch in PROMPTS.items():
            path = pbx.home / "prompts" / "en" / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            sounds.write_wav(path, sounds.tone(pitch, PROMPT_SECONDS))
        yield pbx


def steps(ended: Ended) -> dict[str, Any]:
    return {one["check"]: one for one in ended.json}


def remount(at: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(at)], check=True)  # noqa: S603, S607


def story(ended: Ended) -> str:
    return "\n".join(f"{one['status']} {one['check']}: {one['what']}" for one in ended.json) + ended.err


def failed(ended: Ended) -> list[str]:
    return [one["check"] for one in ended.json if one["status"] == "fail"]


async def test_a_healthy_system_passes_and_what_it_recorded_is_swept(tested: Asterisk, tmp_path: Path) -> None:
    async with running(tmp_path, configuration(tested, RULE)) as child:
        ended = await child.do("selftest", "--json", deadline=60)
        (call,) = await child.calls(1)
        check = await child.do("check", "--json")
    found = steps(ended)
    assert ended.code == 0, story(ended)
    assert [name for name, one in found.items() if one["status"] == "skipped"] == ["prompt"]
    assert found["start"]["measured"]["late_ms"] < 300
    (recording,) = call["recordings"]
    assert recording["status"] == "dropped"
    assert "self-test" in recording["why"]
    assert check.json == []
    assert not list((tmp_path / "store").rglob("*.wav"))


async def test_where_the_rule_lets_nobody_pause_the_pause_is_skipped_by_name(
    tested: Asterisk, tmp_path: Path
) -> None:
    async with running(tmp_path, configuration(tested, RULE.replace("always-with-pause", "always"))) as child:
        ended = await child.do("selftest", "--json", "--keep", deadline=60)
        kept = list((tmp_path / "store").rglob("recording.wav"))
    found = steps(ended)
    assert ended.code == 0, story(ended)
    skipped = [name for name, one in found.items() if one["status"] == "skipped"]
    assert skipped == ["pause", "resume", "silence", "prompt", "swept"]
    assert "let anybody pause" in found["pause"]["what"]
    assert len(kept) == 1


async def test_that_no_rule_wants_it_is_said_with_the_lines_to_add(tested: Asterisk, tmp_path: Path) -> None:
    other = RULE.replace('extension = "onrecord-selftest"', 'extension = "100"').replace('"selftest"', '"hundred"')
    async with running(tmp_path, configuration(tested, other)) as child:
        ended = await child.do("selftest", "--json", deadline=60)
        assert await child.says("the self-test failed at rule", deadline=15)
        # The lines that it tells are those that help.
        remedy = steps(ended)["rule"]["remedy"]
        lines = remedy[remedy.index("[[rule]]") : remedy.index("; or name")]
        for key in ("name", "extension", "mode", "priority"):
            lines = lines.replace(f" {key} =", f"\n{key} =")
        child.config.write_text(child.config.read_text() + lines + "\n")
        await child.says("new policy in force")
        again = await child.do("selftest", "--json", deadline=60)
        await child.says("alarm over", deadline=15)
    assert ended.code == 1
    assert failed(ended) == ["rule"]
    assert again.code == 0, story(again)


async def test_a_store_that_cannot_be_written_is_found(tested: Asterisk, tmp_path: Path) -> None:
    async with running(tmp_path, configuration(tested, RULE)) as child:
        store = tmp_path / "store"
        store.rmdir()
        store.write_text("in the way")
        ended = await child.do("selftest", "--json", deadline=90)
    assert ended.code == 1
    assert failed(ended) == ["stored"], story(ended)


async def test_a_controller_that_does_not_run_is_said_so(tested: Asterisk, tmp_path: Path) -> None:
    (tmp_path / "onrecord.toml").write_text(configuration(tested, RULE))
    ended = await onrecord("selftest", "--json", "--config", tmp_path / "onrecord.toml")
    assert ended.code == 3
    assert failed(ended) == ["controller"]


async def test_a_pbx_without_ari_or_endpoint_is_told_what_to_add(asterisk: Asterisk, tmp_path: Path) -> None:
    whole = configuration(asterisk, RULE)
    without = "\n".join(line for line in whole.splitlines() if not line.startswith("ari ="))
    for folder, text, step, remedy in (
        ("a", without, "ari", "add ari"),
        ("b", whole, "call", "[onrecord-selftest] type = endpoint"),
    ):
        home = tmp_path / folder
        home.mkdir()
        async with running(home, text) as child:
            ended = await child.do("selftest", "--json", deadline=60)
        assert failed(ended) == [step], story(ended)
        assert remedy in steps(ended)[step]["remedy"]


def announcing(pbx: Asterisk, announce: str) -> str:
    """A configuration whose rule announces to both ends, with the prompts of this PBX."""
    text = configuration(pbx, f'{RULE}announce_to = "both"\nannounce_internal = {announce}')
    return text.replace("monitor_dir =", f'prompts_dir = "{pbx.pbx_path(pbx.home / "prompts")}"\nmonitor_dir =')


@pytest.mark.parametrize("announce", ["notify", "opt-out", "opt-in"])
async def test_what_a_rule_announces_is_heard_at_the_gate_by_both_ends(
    tested: Asterisk, tmp_path: Path, announce: str
) -> None:
    async with running(tmp_path, announcing(tested, f'"{announce}"\n')) as child:
        ended = await child.do("selftest", "--json", deadline=60)
    found = steps(ended)
    assert ended.code == 0, story(ended)
    assert [name for name, one in found.items() if one["status"] == "skipped"] == []
    waited = found["gate"]["measured"]["seconds"]
    assert [PROMPT_SECONDS < one < PROMPT_SECONDS + 2 for one in waited] == [True, True], waited
    heard = found["prompt"]["measured"]
    assert abs(heard["first_heard_s"] - PROMPT_SECONDS) < 0.15
    assert abs(heard["second_heard_s"] - PROMPT_SECONDS) < 0.15
    assert found["start"]["measured"]["late_ms"] < 100  # behind a gate the recorder runs before they meet


@pytest.mark.parametrize("untold", ["pause", "record"])
async def test_a_prompt_that_is_not_there_is_found(tested: Asterisk, tmp_path: Path, untold: str) -> None:
    prompt = tested.home / "prompts" / "en" / "recorded.wav"
    away = prompt.rename(prompt.with_suffix(".away"))
    try:
        rule = f'"notify"\nuntold = "{untold}"\n'
        async with running(tmp_path, announcing(tested, rule)) as child:
            ended = await child.do("selftest", "--json", deadline=90)
    finally:
        away.rename(prompt)
    (step,) = failed(ended)
    assert step == ("recording" if untold == "pause" else "prompt"), story(ended)
    found = steps(ended)[step]
    assert ("before people were told" if untold == "pause" else "heard neither prompt") in found["what"]
    assert "--only prompts" in found["remedy"]


async def test_a_prompt_that_is_played_and_silent_is_found(tested: Asterisk, tmp_path: Path) -> None:
    prompt = tested.home / "prompts" / "en" / "recorded.wav"
    before = prompt.read_bytes()
    sounds.write_wav(prompt, sounds.silence(PROMPT_SECONDS))
    try:
        async with running(tmp_path, announcing(tested, '"notify"\n')) as child:
            ended = await child.do("selftest", "--json", deadline=90)
    finally:
        prompt.write_bytes(before)
    assert failed(ended) == ["prompt"], story(ended)
    assert "though it is noted as informed" in steps(ended)["prompt"]["what"]


async def test_without_a_gate_it_is_announced_in_the_conversation_and_heard_there(
    tested: Asterisk, tmp_path: Path
) -> None:
    """Its context is taken out of the dialplan by hand, as in one that has no gate."""
    await tested.cli("dialplan remove context onrecord-selftest")
    try:
        async with running(tmp_path, announcing(tested, '"notify"\n')) as child:
            ended = await child.do("selftest", "--json", deadline=60)
    finally:
        await tested.cli("dialplan reload")
    found = steps(ended)
    assert ended.code == 0, story(ended)
    assert [name for name, one in found.items() if one["status"] == "skipped"] == ["gate", "start"]
    assert "in the call" in found["prompt"]["what"]


@pytest.mark.parametrize("deaf", ["first", "second"])
async def test_a_recorder_that_goes_deaf_to_one_end_is_found_and_the_side_named(
    tested: Asterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: str
) -> None:
    """Hazard 1: that end's packets are numbered anew in the middle of the call, and no recorder is renewed."""

    @asynccontextmanager
    async def renumbered(name: str, address: str, pitch: phone.Pitch) -> AsyncIterator[phone.End]:
        async with phone.end(name, address, pitch) as made:
            made.number = 20_000
            task = asyncio.create_task(begins_anew(made)) if name == deaf else None
            yield made
            if task is not None:
                task.cancel()

    async def begins_anew(end: phone.End) -> None:
        while end.joined_at is None:
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.5)
        end.number = 5_000

    monkeypatch.setattr(trial, "end", renumbered)
    text = configuration(tested, RULE).replace("monitor_dir =", "renew_recorders = false\nmonitor_dir =")
    async with running(tmp_path, text) as child:
        config = load(child.config)
        found = {one.check: one for one in await Selftest(config, config.pbxs[0]).run()}
    assert next(name for name, one in found.items() if one.status is Status.FAIL) == "sides"
    assert f"(the {deaf} end's side): its own tone" in found["sides"].what
    assert "renew_recorders" in found["sides"].remedy


async def test_a_monitor_folder_that_the_pbx_cannot_write_is_found(tested: Asterisk, tmp_path: Path) -> None:
    with disk(tested.monitor_dir / "locked", "4m", "ro") as locked:
        text = configuration(tested, RULE)
        text = text.replace(
            f'monitor_dir = "{tested.pbx_path(tested.monitor_dir)}"', f'monitor_dir = "{tested.pbx_path(locked)}"'
        )
        async with running(tmp_path, text.replace(f'"{tested.monitor_dir}"', f'"{locked}"')) as child:
            ended = await child.do("selftest", "--json", deadline=60)
    assert failed(ended) == ["recording"], story(ended)
    assert "doctor --only probe" in steps(ended)["recording"]["remedy"]


async def test_a_spool_that_cannot_be_written_is_found(tested: Asterisk, tmp_path: Path) -> None:
    with disk(tmp_path / "spool") as spool:
        async with running(tmp_path, configuration(tested, RULE)) as child:
            remount(spool, "ro")
            ended = await child.do("selftest", "--json", deadline=90)
            told = await child.do("alarms")
            remount(spool, "rw")
    assert failed(ended) == ["stored"], story(ended)
    assert "read-only" in told.out.lower()


async def test_another_call_of_the_same_endpoint_is_left_alone(tested: Asterisk, tmp_path: Path) -> None:
    """[selftest] may name somebody's telephone: his own call must not be paused, nor be taken for ours."""
    rule = RULE.replace("onrecord-selftest", "100")
    text = configuration(tested, rule) + '[selftest]\nextension = "100"\n'
    async with lab.phone(tested, "100") as alice, lab.phone(tested, "101") as bob:
        bob.auto(sounds.tone(600), loop=True)
        async with running(tmp_path, text) as child:
            call = await alice.call("101", say=sounds.tone(800), loop=True)
            await asyncio.sleep(1)
            ended = await child.do("selftest", "--json", deadline=60)
            await call.hangup()
            found = await child.calls(2)
            (story_,) = (await child.do("show", found[0]["call"], "--json")).json
    assert ended.code == 0, story(ended)
    (recording,) = story_["recordings"]
    assert {mark["kind"] for mark in recording["marks"]}.isdisjoint({"pause", "resume"}), recording


async def test_a_rule_of_that_name_that_is_there_already_is_not_in_the_way(tested: Asterisk, tmp_path: Path) -> None:
    """The lines that are told to be added have a name that is free; two of a name are refused with their lines."""
    mine = RULE.replace("onrecord-selftest", "100")
    async with running(tmp_path, configuration(tested, mine)) as child:
        ended = await child.do("selftest", "--json", deadline=60)
    assert failed(ended) == ["rule"], story(ended)
    assert '[[rule]] name = "selftest-2"' in steps(ended)["rule"]["remedy"]
    (tmp_path / "onrecord.toml").write_text(configuration(tested, mine + RULE))
    twice = await onrecord("selftest", "--config", tmp_path / "onrecord.toml")
    assert twice.code == 2
    assert "there is another rule 'selftest' on line" in twice.out + twice.err
