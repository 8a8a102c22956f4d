"""`onrecord selftest` on a real PBX: a healthy one passes, and each staged fault is found by the right step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller import lab
from controller.lab import Asterisk
from tests.live.children import Ended, configuration, running

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
