"""Which captures are nobody's until somebody asks for them (B-10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.config.load import parse
from controller.core.commands import HandOver, LegId, RecordingId, Start
from controller.core.events import RecorderFound
from controller.core.merging import merge
from controller.core.policy import Policy
from hardware.keys import Key
from tests.playbook import Playbook, Scene


def rules(mode: str = "on-demand-keep", more: str = "") -> Policy:
    text = f'[[trunk]]\nname = "carrier1"\n[[rule]]\nname = "hundred"\nextension = "100"\nmode = "{mode}"\n{more}'
    return parse(text, Path("onrecord.toml")).policy


def talking(policy: Policy, scene: Scene) -> Playbook:
    play = Playbook(policy, scene.call, confirming=True)
    a, w = f"{scene.call[-1]}a", f"{scene.call[-1]}w"
    for event in (
        scene.appears(w, "carrier1", "0201234567"),
        scene.appears(a, "100", originating=False),
        scene.answers(a),
        scene.joins(w, scene.call),
        scene.joins(a, scene.call),
    ):
        play._hear(event)
    return play


def starts(play: Playbook) -> list[bool]:
    return [each.provisional for each in play.asked if isinstance(each, Start)]


@pytest.mark.parametrize(
    ("mode", "provisional"), [("on-demand-keep", True), ("always", False), ("always-with-pause", False)]
)
def test_only_what_waits_to_be_asked_for_is_provisional(mode: str, provisional: bool) -> None:
    assert starts(talking(rules(mode), Scene())) == [provisional]


def test_what_is_begun_after_somebody_asked_for_it_is_an_ordinary_recording() -> None:
    scene = Scene()
    play = talking(rules(), scene)
    play._hear(scene.presses("1a", Key.RECORD))
    assert starts(play) == [True], "what runs goes on"
    play._hear(scene.loses(play.last(Start)))  # type: ignore[arg-type]
    play._hear(scene.fires("retry"))
    assert starts(play) == [True, False]
    for leg in ("1a", "1w"):
        play._hear(scene.ends(leg))
    assert [each.discard for each in play.asked if isinstance(each, HandOver)] == [""]


def test_a_recorder_of_an_earlier_life_is_what_it_was() -> None:
    """Its journal is lost: what the PBX says of its file is all that is known."""
    scene = Scene()
    play = talking(rules(), scene)
    found = play.session.recording
    assert found is not None
    fresh = Playbook(rules(), scene.call, confirming=True)
    fresh._hear(scene.appears("1w", "carrier1", "0201234567"))
    at = (scene.call, scene.at(), LegId("main/1w"), RecordingId(found.id), 1)
    fresh._hear(RecorderFound(*at, provisional=True))
    assert fresh.session.recording is not None
    assert fresh.session.recording.provisional


@pytest.mark.parametrize("pressed", [True, False])
def test_what_a_merged_call_captured_goes_the_way_of_the_whole(pressed: bool) -> None:
    policy, scene, other = rules(), Scene("main/1"), Scene("main/2")
    play, second = talking(policy, scene), talking(policy, other)
    assert starts(play) == starts(second) == [True]
    play.session = merge(play.session, second.session, policy)
    if pressed:
        play._hear(scene.presses("1a", Key.RECORD))
    for leg in ("1a", "1w", "2a", "2w"):
        play._hear(scene.ends(leg))
    over = {each.recording: each.discard for each in play.asked if isinstance(each, HandOver)}
    assert len(over) == 2
    assert set(over.values()) == {"" if pressed else "nobody asked to keep it"}


def test_a_merged_call_that_was_to_be_recorded_at_all_times_is_kept_beside_one_that_nobody_kept() -> None:
    policy = rules(more='[[rule]]\nname = "two"\nextension = "102"\nmode = "always"\n')
    scene, other = Scene("main/1"), Scene("main/2")
    play = talking(policy, scene)
    second = Playbook(policy, other.call, confirming=True)
    for event in (
        other.appears("x", "carrier1", "0301234567"),
        other.appears("y", "102", originating=False),
        other.joins("x", "b2"),
        other.joins("y", "b2"),
    ):
        second._hear(event)
    kept = second.session.recording
    assert kept is not None
    assert starts(second) == [False]
    play.session = merge(play.session, second.session, policy)
    for leg in ("x", "y", "1a", "1w"):
        play._hear(scene.ends(leg))
    over = {each.recording: each.discard for each in play.asked if isinstance(each, HandOver)}
    assert over[kept.id] == ""
