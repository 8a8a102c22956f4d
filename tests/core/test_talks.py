"""Who talked, waited, met in a conference or was parked when; and what is muted while it is on hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.core.calls import Call
from controller.core.commands import Pause, Resume, Side, Start
from controller.core.events import BridgeKind, Event, HoldBegan, HoldEnded
from controller.core.holding import on_hold
from controller.core.recording import ON_HOLD
from controller.core.updating import update
from tests.core.test_session import policy
from tests.playbook import BEGAN, NOTHING, Playbook, Scene


def after(*events: Event) -> Call:
    call = Call(events[0].call, BEGAN)
    for event in events:
        call = update(call, event)
    return call


def met(scene: Scene) -> list[Event]:
    """The outside and 100 talk: 0.3 s after the beginning."""
    return [
        scene.appears("a", "carrier1", "0301234567", dialled="0205550100"),
        scene.appears("b", "100", originating=False),
        scene.joins("a"),
        scene.joins("b"),
    ]


def held(scene: Scene, leg: str) -> Event:
    return HoldBegan(scene.call, scene.at(), scene.leg(leg))


def freed(scene: Scene, leg: str) -> Event:
    return HoldEnded(scene.call, scene.at(), scene.leg(leg))


def told(call: Call) -> list[tuple[str, str, float, float | None]]:
    """Leg, doing, from, to: seconds since the call began."""
    return [
        (
            one.leg.partition("/")[2],
            one.doing.value,
            round(one.since - BEGAN, 1),
            None if one.until is None else round(one.until - BEGAN, 1),
        )
        for one in sorted(call.talks.all, key=lambda one: (one.since, one.leg))
    ]


def test_two_talk_from_when_they_meet_until_one_leaves() -> None:
    scene = Scene()
    call = after(*met(scene), scene.leaves("b"))
    assert told(call) == [("a", "talk", 0.4, 0.5), ("b", "talk", 0.4, 0.5)]


def test_one_who_is_alone_or_rings_does_nothing() -> None:
    scene = Scene()
    call = after(*met(scene)[:3], scene.appears("c", "101", originating=False), scene.rings("c"))
    assert told(call) == []


def test_one_who_is_on_hold_waits_and_the_other_talks_to_nobody() -> None:
    scene = Scene()
    call = after(*met(scene), held(scene, "a"), freed(scene, "a"))
    assert told(call) == [
        ("a", "talk", 0.4, 0.5),
        ("b", "talk", 0.4, 0.5),
        ("a", "hold", 0.5, 0.6),
        ("a", "talk", 0.6, None),
        ("b", "talk", 0.6, None),
    ]


def test_who_is_taken_out_of_the_bridge_is_on_hold_no_more() -> None:
    scene = Scene()
    call = after(*met(scene), held(scene, "a"), scene.leaves("a"))
    assert call.held == frozenset()


def test_a_parked_party_is_parked_and_a_member_of_a_conference_meets() -> None:
    scene = Scene()
    call = after(*met(scene), scene.leaves("a"), scene.joins("a", "lot", BridgeKind.PARKING))
    assert told(call)[-1] == ("a", "parked", 0.6, None)
    call = after(*met(scene := Scene()), scene.leaves("a"), scene.joins("a", "r", BridgeKind.ROOM, "800"))
    assert told(call)[-1] == ("a", "conference", 0.6, None)


def test_a_third_one_begins_a_spell_of_its_own_for_everybody() -> None:
    scene = Scene()
    call = after(*met(scene), scene.appears("c", "101"), scene.joins("c"))
    assert [len(one.company) for one in call.talks.over] == [2, 2]
    assert [len(one.company) for one in call.talks.now] == [3, 3, 3]


def test_everything_that_goes_on_is_over_with_its_leg() -> None:
    scene = Scene()
    call = after(*met(scene), scene.ends("b"), scene.ends("a"))
    assert call.talks.now == ()
    assert [end for _, _, _, end in told(call)] == [0.5, 0.5]


def test_telling_it_again_changes_nothing() -> None:
    scene = Scene()
    events = met(scene)
    call = after(*events, held(scene, "a"))
    again = update(update(call, replace(events[-1], at=scene.at())), held(scene, "a"))
    assert again.talks == call.talks


@pytest.mark.parametrize(("waits", "held_up"), [("a", True), ("b", True), ("", False)])
def test_a_conversation_is_on_hold_whichever_side_hears_the_music(waits: str, held_up: bool) -> None:
    scene = Scene()
    call = after(*met(scene), *([held(scene, waits)] if waits else []))
    for leg in ("a", "b"):
        assert on_hold(call, scene.leg(leg)) is held_up


def test_of_three_who_talk_one_on_hold_does_not_silence_the_others() -> None:
    scene = Scene()
    call = after(*met(scene), scene.appears("c", "101"), scene.joins("c"), held(scene, "c"))
    assert not on_hold(call, scene.leg("a"))
    assert on_hold(call, scene.leg("c"))


def rule(hold: str, more: str = "") -> Playbook:
    return Playbook(
        policy(f'[[rule]]\nname = "it"\ntrunk = "carrier1"\nmode = "always"\nhold = "{hold}"\n{more}'),
        confirming=True,
    )


@pytest.mark.parametrize("hold", ["mute", "skip"])
def test_what_is_on_hold_is_muted_and_heard_again_afterwards(hold: str) -> None:
    scene, play = Scene(), rule(hold)
    for event in met(scene):
        play._hear(event)
    play << Start
    play >> held(scene, "a") << Pause
    play >> freed(scene, "a") << Resume
    assert play.session.recording is not None
    assert [mark.by for mark in play.session.recording.marks if mark.kind == "pause"] == [ON_HOLD]


def test_music_is_recorded_where_no_rule_says_otherwise() -> None:
    scene, play = Scene(), rule("record")
    for event in met(scene):
        play._hear(event)
    play << Start
    play >> held(scene, "a") << NOTHING


def test_a_mute_of_both_sides_for_the_hold_is_no_pause_of_one_side() -> None:
    scene, play = Scene(), rule("mute", 'pause_side = "others"\n')
    for event in met(scene):
        play._hear(event)
    play << Start
    play >> held(scene, "a") << Pause
    pause = play.last(Pause)
    assert isinstance(pause, Pause)
    assert pause.side is Side.BOTH
