"""When a queue's part in a call is over, though the queue does not know: its agent has handed the caller on."""

from __future__ import annotations

from controller.core.calls import Call, left_alone, left_behind
from controller.core.commands import Start, Stop
from controller.core.events import BridgeKind, Event
from controller.core.updating import update
from tests.core.test_session import policy
from tests.playbook import BEGAN, NOTHING, Playbook, Scene

SALES = policy('[[rule]]\nname = "sales"\nqueue = "sales"\nmode = "always"\n')


def after(*events: Event) -> Call:
    call = Call(events[0].call, BEGAN)
    for event in events:
        call = update(call, event)
    return call


def with_agent(scene: Scene) -> list[Event]:
    """The outside talks to the agent of the queue sales."""
    return [
        scene.appears("a", "carrier1", "0301234567", dialled="620"),
        scene.queues("a", "sales"),
        scene.appears("b", "110", originating=False),
        scene.answers("b"),
        scene.connects("a", "sales"),
        scene.joins("b"),
        scene.joins("a"),
    ]


def test_a_caller_who_is_redirected_is_out_of_the_queue_when_he_meets_somebody_who_came_later() -> None:
    scene = Scene()
    events = [*with_agent(scene), scene.leaves("a"), scene.leaves("b"), scene.ends("b")]
    assert after(*events).queue_over
    events += [scene.appears("c", "101", originating=False), scene.joins("c", "b2"), scene.joins("a", "b2")]
    call = after(*events)
    assert (call.queue, call.queue_over, call.agent_at) == ("", False, None)


def test_an_agent_behind_a_local_channel_that_stays_hands_his_caller_on_unseen_by_the_queue() -> None:
    scene = Scene()
    events = [
        *with_agent(scene)[:5],
        scene.appears("l1", "110", originating=False, local="pair"),
        scene.appears("l2", "110", originating=False, local="pair"),
        scene.joins("b", "b2"),
        scene.joins("l2", "b2"),
        scene.joins("l1"),
        scene.joins("a"),
    ]
    assert after(*events).queue == "sales"
    events += [scene.leaves("b", "b2"), scene.ends("b"), scene.leaves("l2", "b2")]
    events += [scene.appears("c", "101", originating=False), scene.joins("c", "b3"), scene.joins("l2", "b3")]
    assert after(*events).queue == ""


def test_an_agent_who_only_asks_somebody_keeps_his_caller_in_the_queue() -> None:
    scene = Scene()
    events = [*with_agent(scene), scene.leaves("b"), scene.appears("c", "101", originating=False)]
    call = after(*events, scene.joins("b", "b2"), scene.joins("c", "b2"))
    assert (call.queue, call.queue_over) == ("sales", False)


def test_the_recording_of_a_queue_ends_with_its_agent_and_begins_anew_with_the_next_queue() -> None:
    scene, play = Scene(), Playbook(SALES, confirming=True)
    for event in with_agent(scene):
        play._hear(event)
    play << Start
    play >> scene.leaves("a") >> scene.leaves("b") << NOTHING
    play >> scene.ends("b") << Stop


def test_who_parked_a_call_is_left_behind_and_one_who_waits_in_a_bridge_is_not() -> None:
    scene = Scene()
    events = [*with_agent(scene), scene.leaves("a")]
    assert left_alone(after(*events)) == {scene.leg("b")}
    assert left_behind(after(*events)) == frozenset()
    parked = after(*events, scene.joins("a", "lot", BridgeKind.PARKING))
    assert left_behind(parked) == {scene.leg("b")}
