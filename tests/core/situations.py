"""Calls as they stand at some moment, and policies written as people write them, for the tests of policy."""

from __future__ import annotations

from pathlib import Path

from controller.config.load import parse
from controller.core.calls import Call
from controller.core.commands import CallId
from controller.core.decision import Decision
from controller.core.events import BridgeKind, Event
from controller.core.policy import Policy, decide
from controller.core.updating import update
from tests.playbook import BEGAN, Scene

OFFICE = """
[numbers]
country = "GB"
[[trunk]]
name = "carrier1"
[[trunk]]
name = "carrier2"
"""
CUSTOMER = "0205550777"


def policy(text: str, office: str = OFFICE) -> Policy:
    """The policy of a small office with two trunks and these further lines."""
    return parse(office + text, Path("test.toml")).policy


def after(*events: Event, call: str = "main/1.1", began: float = BEGAN) -> Call:
    """The call after these events."""
    now = Call(CallId(call), began)
    for event in events:
        now = update(now, event)
    return now


def decided(text: str, call: Call, office: str = OFFICE) -> Decision:
    return decide(policy(text, office), call)


def ringing(
    caller: str, callee: str, number: str = "", dialled: str = "", presented: str = "", scene: Scene | None = None
) -> list[Event]:
    """`caller` and `callee` are endpoints; what is dialled defaults to the callee."""
    scene = scene or Scene()
    return [
        scene.appears("a", caller, number=number, dialled=dialled or callee),
        scene.appears("b", callee, originating=False),
        scene.dials("a", "b", dialled or callee, presented),
        scene.rings("b"),
    ]


def talk(
    caller: str,
    callee: str,
    number: str = "",
    dialled: str = "",
    presented: str = "",
    scene: Scene | None = None,
    told: dict[str, str] | None = None,
) -> Call:
    """Both of them in conversation."""
    scene = scene or Scene()
    events = ringing(caller, callee, number, dialled, presented, scene)
    events += [scene.tells("a", name, value) for name, value in (told or {}).items()]
    return after(*events, scene.answers("b"), scene.joins("b"), scene.joins("a"))


def inbound(to: str = "100", number: str = CUSTOMER, dialled: str = "0205550100", trunk: str = "carrier1") -> Call:
    return talk(trunk, to, number=number, dialled=dialled)


def outbound(by: str = "100", number: str = CUSTOMER, presented: str = "0205550100", trunk: str = "carrier1") -> Call:
    return talk(by, trunk, dialled=number, presented=presented)


def internal(caller: str = "100", callee: str = "101") -> Call:
    return talk(caller, callee)


def queued(queue: str = "sales", agent: str = "100", caller: str = "carrier1") -> Call:
    """A caller who talks to a queue's agent."""
    scene = Scene()
    return after(
        scene.appears("a", caller, number=CUSTOMER, dialled="0205550200"),
        scene.queues("a", queue),
        scene.appears("b", agent, originating=False),
        scene.rings("b"),
        scene.connects("a", queue),
        scene.joins("b"),
        scene.joins("a"),
    )


def conference(room: str = "800", members: tuple[str, ...] = ("100", "carrier1")) -> Call:
    """The room's own call."""
    scene = Scene(f"main/room:{room}:b9")
    events: list[Event] = []
    for member in members:
        events += [
            scene.appears(member, member, number=CUSTOMER if member.startswith("carrier") else member, dialled=room),
            scene.joins(member, "b9", BridgeKind.ROOM, room),
        ]
    return after(*events, call=scene.call)


def in_conference(member: str = "100", room: str = "800") -> Call:
    """The own call of somebody who sits in a room."""
    scene = Scene()
    return after(
        scene.appears("a", member, dialled=room),
        scene.answers("a"),
        scene.joins("a", "b9", BridgeKind.ROOM, room),
    )
