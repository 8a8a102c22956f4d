"""`onrecord selftest` on a real PBX: a healthy one passes, and each staged fault is found by the right step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller import lab
from controller.lab import Asterisk
from tests.live.children import Ended, configuration, onrecord, running

ENDPOINT = """
[onrecord-selftest](line)
context = nowhere
"""
RULE = '[[rule]]\nname = "selftest"\nextension = "onrecord-selftest"\nmode = "always-with-pause"\n'


@pytest.fixture(scope="module")
async def tested() -> AsyncIterator[Asterisk]:
    async with Asterisk.running(lab.install(), extra={"pjsip.d/selftest.conf": ENDPOINT}) as pbx:
        yield pbx


def steps(ended: Ended) -> dict[str, Any]:
    return {one["check"]: one for one in ended.json}


def failed(ended: Ended) -> list[str]:
    return [one["check"] for one in ended.json if one["status"] == "fail"]


async def test_a_healthy_system_passes_and_what_it_recorded_is_swept(tested: Asterisk, tmp_path: Path) -> None:
    async with running(tmp_path, configuration(tested, RULE)) as child:
        ended = await child.do("selftest", "--json", deadline=60)
        (call,) = await child.calls(1)
        check = await child.do("check", "--json")
    found = steps(ended)
    assert ended.code == 0, ended.out + ended.err
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
    assert ended.code == 0, ended.out + ended.err
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
    assert again.code == 0, again.out


async def test_a_store_that_cannot_be_written_is_found(tested: Asterisk, tmp_path: Path) -> None:
    async with running(tmp_path, configuration(tested, RULE)) as child:
        store = tmp_path / "store"
        store.rmdir()
        store.write_text("in the way")
        ended = await child.do("selftest", "--json", deadline=90)
    assert ended.code == 1
    assert failed(ended) == ["stored"], ended.out


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
        assert failed(ended) == [step], ended.out
        assert remedy in steps(ended)[step]["remedy"]
