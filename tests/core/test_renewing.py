"""A new recorder for each new party, where the PBX's recorders can be deaf to whoever comes next."""

from __future__ import annotations

from dataclasses import replace

from controller.core.commands import Pause, Start, Stop
from controller.core.events import RecorderDoubted
from controller.core.policy import Policy
from controller.core.recording import State
from hardware.keys import Key
from tests.core.test_session import policy
from tests.playbook import NOTHING, Playbook, Scene

DEAF = frozenset({"main"})


def trunk(mode: str = "always-with-pause", more: str = "", renews: frozenset[str] = DEAF) -> Policy:
    rule = f'[[rule]]\nname = "line"\ntrunk = "carrier1"\nmode = "{mode}"\n{more}\n'
    return replace(policy(rule), renews=renews)


def talking(play: Playbook, scene: Scene) -> Playbook:
    """The outside calls 100, who answers."""
    play >> scene.appears("a", "carrier1", "0301234567", dialled="0205550100")
    play >> scene.appears("b", "100", originating=False) >> scene.dials("a", "b", "100") >> scene.answers("b")
    return play >> scene.answers("a") >> scene.joins("a") >> scene.joins("b") << Start


def handed_over(play: Playbook, scene: Scene) -> Playbook:
    """100 is out of it and 101 is rung and answers: up to the moment before they meet."""
    play >> scene.leaves("a") >> scene.leaves("b") >> scene.ends("b")
    play >> scene.appears("c", "101", originating=False) >> scene.dials("a", "c", "101") >> scene.answers("c")
    return play >> scene.joins("a", "b2")


def test_a_recorder_is_renewed_when_its_leg_meets_somebody_new() -> None:
    scene, play = Scene(), Playbook(trunk(), confirming=True)
    handed_over(talking(play, scene), scene) >> scene.joins("c", "b2") << Stop << Start
    recording = play.session.recording
    assert recording is not None
    assert [segment.number for segment in recording.segments] == [1, 2]
    assert [mark.kind for mark in recording.marks] == ["start", "renew", "start"]
    assert recording.segments[0].ended_by == "renewed"


def test_nothing_is_renewed_on_a_pbx_whose_recorders_are_never_deaf() -> None:
    scene, play = Scene(), Playbook(trunk(renews=frozenset()), confirming=True)
    handed_over(talking(play, scene), scene) >> scene.joins("c", "b2") << NOTHING


def test_one_who_comes_back_is_heard_by_the_recorder_that_heard_him_before() -> None:
    scene, play = Scene(), Playbook(trunk(), confirming=True)
    talking(play, scene) >> scene.leaves("b") << NOTHING
    play >> scene.joins("b", "b7") << NOTHING
    play >> scene.leaves("b", "b7") >> scene.joins("b") << NOTHING


def test_a_third_one_who_joins_the_conversation_is_somebody_new() -> None:
    scene, play = Scene(), Playbook(trunk(), confirming=True)
    talking(play, scene) >> scene.appears("c", "101") << NOTHING
    play >> scene.joins("c") << Stop << Start


def test_while_it_is_paused_it_may_be_deaf_and_is_renewed_when_it_is_to_hear_again() -> None:
    scene, play = Scene(), Playbook(trunk(), confirming=True)
    talking(play, scene) >> scene.operator(Key.PAUSE) << Pause
    handed_over(play, scene) >> scene.joins("c", "b2") << NOTHING
    play >> scene.operator(Key.RESUME) << Stop << Start
    recording = play.session.recording
    assert recording is not None
    assert recording.state is State.ON
    assert [mark.kind for mark in recording.marks] == ["start", "key", "pause", "key", "renew", "start", "resume"]


def test_one_that_is_paused_on_one_side_is_renewed_at_once_and_paused_again() -> None:
    scene, play = Scene(), Playbook(trunk(more='pause_side = "others"'), confirming=True)
    talking(play, scene) >> scene.operator(Key.PAUSE) << Pause
    handed_over(play, scene) >> scene.joins("c", "b2") << Stop << Start << Pause
    assert play.session.recording is not None
    assert play.session.recording.state is State.PAUSED


def test_a_recorder_that_is_doubted_by_what_its_file_holds_is_renewed_once() -> None:
    scene, play = Scene(), Playbook(trunk(), confirming=True)
    talking(play, scene)
    recording = play.session.recording
    assert recording is not None
    doubt = RecorderDoubted(scene.call, scene.at(), recording.id, 1)
    play >> doubt << Stop << Start
    play >> doubt << NOTHING  # of a segment that is over


def test_an_end_while_it_is_renewed_is_an_end() -> None:
    scene, play = Scene(), Playbook(trunk(), confirming=False)
    talking(play, scene)
    start = play.last(Start)
    assert isinstance(start, Start)
    play >> scene.confirms(start)
    handed_over(play, scene) >> scene.joins("c", "b2") << Stop
    stop = play.last(Stop)
    assert isinstance(stop, Stop)
    play >> scene.confirms(stop) << Start
    again = play.last(Start)
    assert isinstance(again, Start)
    play >> scene.refuses(again, "No such channel", leg_gone=True) << NOTHING
    assert play.session.recording is not None
    assert play.session.recording.renewing is None
