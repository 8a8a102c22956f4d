"""Two calls that become one know together what each of them knew."""

from __future__ import annotations

from pathlib import Path

from controller.config.load import parse
from controller.core import updating
from controller.core.calls import Call
from controller.core.commands import Start
from controller.core.events import BridgeKind, Event
from controller.core.merging import merge
from tests.playbook import NOTHING, Playbook, Scene


def after(scene: Scene, *events: Event) -> Call:
    call = Call(scene.call, scene.now)
    for event in events:
        call = updating.update(call, event)
    return call


def test_a_call_that_is_merged_into_another_keeps_its_queue_and_that_an_agent_was_met() -> None:
    scene, other = Scene(), Scene("main/2.1")
    mine = after(scene, scene.appears("a", "100"), scene.answers("a"))
    queued = after(
        other,
        other.appears("c", "carrier1"),
        other.rings("c"),
        other.queues("c", "sales"),
        other.connects("c", "sales"),
    )
    both = updating.merge(mine, queued)
    assert (both.queue, both.agent_at, both.rang_at) == ("sales", queued.agent_at, queued.rang_at)
    left = updating.update(queued, other.unqueues("c", "sales"))
    assert updating.merge(mine, left).queue_over
    assert updating.merge(left, mine).queue_over
    # The other way round it is the first one's queue that counts, with what is known of that one.
    waiting = after(scene, scene.appears("w", "carrier1"), scene.queues("w", "support"))
    both = updating.merge(waiting, left)
    assert (both.queue, both.queue_over, both.agent_at) == ("support", False, None)


def test_whoever_sits_in_a_conference_still_does_after_a_merge() -> None:
    scene, other = Scene(), Scene("main/2.1")
    mine = after(scene, scene.appears("a", "100"))
    seated = after(other, other.appears("b", "101"), other.joins("b", "r", BridgeKind.ROOM, "800"))
    assert updating.merge(mine, seated).in_room == {other.leg("b")}


def test_the_end_of_a_queue_call_that_was_merged_starts_nobodys_own_recording() -> None:
    rules = parse(
        '[[trunk]]\nname = "carrier1"\n[[rule]]\nname = "agent"\nextension = "111"\nmode = "always"\n',
        Path("onrecord.toml"),
    ).policy
    scene, other = Scene("main/1.1"), Scene("main/2.1")
    agent, caller = Playbook(rules), Playbook(rules, "main/2.1")
    agent >> scene.appears("g", "111", originating=False) >> scene.rings("g") >> scene.answers("g")
    (
        caller
        >> other.appears("c", "carrier1", "0301234567")
        >> other.queues("c", "support")
        >> other.connects("c", "support")
    )
    agent.session = merge(agent.session, caller.session, rules)
    agent >> scene.joins("g") >> scene.joins("c") << NOTHING
    agent >> scene.unqueues("c", "support") >> scene.leaves("c") << NOTHING
    assert not any(isinstance(each, Start) for each in agent.asked)
    assert agent.session.verdict is not None
    assert "support" in agent.session.verdict.reason
