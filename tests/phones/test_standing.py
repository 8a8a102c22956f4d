"""Standing wishes: kept through restarts, and no guess where their file is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.core.commands import LegId
from controller.core.events import SwitchDialled
from controller.core.lamps import Glow
from controller.core.recording import State
from controller.phones import standing
from controller.phones.lamps import Lamps
from tests.engine.test_engine import Desk, desk, talking
from tests.playbook import Scene

RULES = '[[rule]]\nname = "it"\nextension = "100"\nmode = "on-demand"\n'


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    assert standing.load(tmp_path) == frozenset()
    standing.save(tmp_path, frozenset({"100", "1☎"}))
    assert standing.load(tmp_path) == {"100", "1☎"}


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["100"', "\0"])
def test_a_damaged_file_is_nobodys_wish(tmp_path: Path, text: str) -> None:
    (tmp_path / standing.NAME).write_text(text)
    assert standing.load(tmp_path) == frozenset()


async def dial(at: Desk, endpoint: str, on: bool | None = None) -> str:
    """What the dialplan is answered."""
    scene = Scene(call="main/9.9")
    leg = LegId("main/service")
    at.say(scene.appears("service", endpoint, dialled="*48"), SwitchDialled(scene.call, scene.at(), leg, on))
    await at.rest()
    at.say(scene.ends("service"))
    await at.rest()
    return at.paper.answered.pop((leg, "ONRECORD_SWITCH"))


async def test_who_wants_it_is_recorded_without_asking_until_he_wants_it_no_more(tmp_path: Path) -> None:
    async with desk(tmp_path, RULES) as at:
        lamps = Lamps(at.engine)
        at.engine.stood.add(lamps.stood)
        assert await dial(at, "100") == "on"
        assert at.paper.lamps["always-100"] is Glow.ON
        first = Scene(call="main/1.1")
        at.say(*talking(first))
        await at.rest()
        session = at.engine.sessions[first.call]
        assert session.recording is not None
        assert session.recording.state is State.ON
        assert session.wish.by == "standing wish of extension 100"
        assert await dial(at, "100") == "off"
        assert at.paper.lamps["always-100"] is Glow.OFF
        second = Scene(call="main/2.2")
        at.say(*talking(second))
        await at.rest()
        assert at.engine.sessions[second.call].recording is None


async def test_a_new_policy_leaves_the_wishes_in_force_and_rules_come_first(tmp_path: Path) -> None:
    async with desk(tmp_path, RULES.replace("on-demand", "never")) as at:
        assert await dial(at, "100", on=True) == "on"
        at.engine.use(at.engine.policy)
        scene = Scene()
        at.say(*talking(scene))
        await at.rest()
        assert at.engine.policy.standing == {"100"}
        assert at.engine.sessions[scene.call].recording is None


async def test_a_trunk_cannot_switch_anything(tmp_path: Path) -> None:
    async with desk(tmp_path, '[[trunk]]\nname = "carrier1"\n' + RULES) as at:
        assert await dial(at, "carrier1") == "refused"
        assert at.engine.policy.standing == frozenset()
