"""Dry runs: the made-up call is as like as possible to the real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.config.load import parse
from controller.core.commands import Command, RecordingId, Start
from controller.core.decision import Decision, Mode
from controller.core.events import Event
from controller.journal import Entry
from controller.telling import Situation, decide, weightiest
from tests.playbook import Scene

LAB = '[numbers]\ninternal = ["1.."]\n[[trunk]]\nname = "carrier1"\n'
INWARD = Situation("0301234567", "100", trunk="carrier1", agent="100", at=1_795_000_000.0)


def why(rules: str, **more: str) -> Decision:
    return decide(replace(INWARD, **more), parse(LAB + rules, Path("onrecord.toml")).policy)  # type: ignore[arg-type]


def subjects(decision: Decision) -> str:
    return dict(decision.facts)["subjects"]


@pytest.mark.parametrize("agent", ["", "100"])
def test_an_extension_that_is_reached_from_outside_is_no_ddi(agent: str) -> None:
    assert subjects(why("", agent=agent)) == "trunk carrier1, extension 100"


def test_a_short_number_that_a_rule_calls_a_ddi_is_one() -> None:
    decision = why('[[rule]]\nname = "short"\nddi = "100"\nmode = "always"\n')
    assert decision.rule == "short"
    assert "ddi 100" in subjects(decision)


def test_a_real_ddi_stays_one() -> None:
    assert "ddi 0205550100" in subjects(why("", to="0205550100"))


def test_a_ring_group_that_is_reached_from_outside_is_known_by_its_number() -> None:
    decision = why(
        '[[ring_group]]\nnumber = "600"\n[[rule]]\nname = "desk"\nring_group = "600"\nmode = "always"\n', to="600"
    )
    assert decision.rule == "desk"


def test_a_story_ends_with_the_decision_that_was_made_while_people_were_there() -> None:
    scene = Scene()
    alone, wanted, after = (
        Decision(Mode.ALWAYS, "ringing"),
        Decision(Mode.ALWAYS, "talking"),
        Decision(Mode.NEVER, "gone"),
    )
    start = Start(scene.call, RecordingId("r"), 1, 1, scene.leg("a"))

    def entry(event: Event, decision: Decision, *commands: Command) -> Entry:
        return Entry(event.at, scene.call, event, commands, decision)

    rings, joins, ends = scene.rings("b"), scene.joins("b"), scene.ends("a")
    recorded = [entry(rings, alone), entry(joins, wanted, start), entry(ends, after)]
    assert weightiest(recorded) is wanted
    assert weightiest([entry(rings, alone), entry(joins, after), entry(ends, wanted)]) is after
    assert weightiest([entry(rings, alone), entry(ends, after)]) is alone
    assert weightiest([entry(ends, after)]) is after
    assert weightiest([]) is None
