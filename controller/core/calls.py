"""Call and Leg: what is known of one call, and who hears whom in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core.altered import quick
from controller.core.commands import CallId, LegId
from controller.core.events import (
    BridgeId,
    BridgeKind,
)
from controller.core.talks import Talks

NO_TALKS = Talks()


@quick
@dataclass(frozen=True, slots=True)
class Leg:
    """One channel and what is known of it. `dialled` is what it dialled, or the number dialled to reach it."""

    id: LegId
    endpoint: str
    number: str
    name: str
    dialled: str
    originating: bool
    local: str
    appeared_at: float
    presented: str = ""
    rang_at: float | None = None
    answered_at: float | None = None
    bridge: BridgeId | None = None
    kind: BridgeKind = BridgeKind.TALK
    joined_at: float | None = None  # first time in a bridge
    ended_at: float | None = None

    @property
    def alive(self) -> bool:
        return self.ended_at is None


@quick
@dataclass(frozen=True, slots=True)
class Call:
    """One call as its events have drawn it so far; ended legs stay, for the story.

    `talked_at` is when two real legs first met; `room` is the conference's name, where the call is one.
    """

    id: CallId
    began_at: float
    legs: Mapping[LegId, Leg] = field(default_factory=lambda: MappingProxyType({}))
    queue: str = ""
    queue_over: bool = False
    agent_at: float | None = None
    room: str = ""
    in_room: frozenset[LegId] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rang_at: float | None = None
    answered_at: float | None = None
    talked_at: float | None = None
    ended_at: float | None = None
    held: frozenset[LegId] = frozenset()
    talks: Talks = NO_TALKS
    consults: CallId | None = None  # the call that this one is a consultation about


def is_room(call: CallId) -> bool:
    """Whether this id names a conference, which is a call of its own with its members as legs."""
    return "/room:" in call


def talking(call: Call) -> tuple[Leg, ...]:
    """The real legs that can hear another real leg now, oldest first.

    Bridges that are joined by a local pair count as one: a queue's agent behind a Local channel sits in another
    bridge than his caller.
    """
    return _groups(call.legs)[1]


def company(call: Call, leg: LegId) -> frozenset[LegId]:
    """The real legs that this leg can hear now, one by one; in a conference, whose members are one mix, that mix."""
    known = call.legs.get(leg)
    if known is not None and known.bridge and known.kind is BridgeKind.ROOM:
        return frozenset({LegId(known.bridge)})
    for group in conversations(call):
        if any(one.id == leg for one in group):
            return frozenset(one.id for one in group if one.id != leg and one.kind is BridgeKind.TALK)
    return frozenset()


def conversations(call: Call) -> tuple[tuple[Leg, ...], ...]:
    """The real legs that are in a bridge, apart by what hangs together; one who is alone there is a group too."""
    return _groups(call.legs)[0]


Groups = tuple[tuple[tuple[Leg, ...], ...], tuple[Leg, ...]]
"""Those of `conversations` and those of `talking`."""
_last: tuple[Mapping[LegId, Leg] | None, Groups] = (None, ((), ()))
"""The legs that were last asked about, and the answer: one event asks half a dozen times about the same."""


def _groups(legs: Mapping[LegId, Leg]) -> Groups:
    global _last
    known, groups = _last
    if known is not legs:
        apart = _apart(legs)
        best = max(apart, key=len, default=())
        groups = (apart, tuple(sorted(best, key=lambda leg: leg.appeared_at)) if len(best) > 1 else ())
        _last = (legs, groups)
    return groups


def _apart(legs: Mapping[LegId, Leg]) -> tuple[tuple[Leg, ...], ...]:
    parking = BridgeKind.PARKING
    joined = [leg for leg in legs.values() if leg.bridge and leg.ended_at is None and leg.kind is not parking]
    if len(joined) < 2:
        return ()
    if len(joined) == 2 and joined[0].bridge == joined[1].bridge and not (joined[0].local or joined[1].local):
        return (tuple(joined),)  # as nearly every call
    home: dict[str, str] = {}  # bridge or local pair -> another one that it hangs together with

    def root(place: str) -> str:
        while home.get(place, place) != place:
            place = home[place]
        return place

    for leg in joined:
        if leg.local and leg.bridge:
            home[root(leg.bridge)] = root("pair " + leg.local)
    groups: dict[str, list[Leg]] = {}
    for leg in joined:
        if not leg.local and leg.bridge:
            groups.setdefault(root(leg.bridge), []).append(leg)
    return tuple(tuple(group) for group in groups.values())


def left_behind(call: Call) -> frozenset[LegId]:
    """The legs alone in a bridge whose other side was parked: Asterisk tells the parker the place there, and hangs
    up. They are no part of what happens next."""
    for leg in call.legs.values():
        if leg.kind is BridgeKind.PARKING and leg.bridge and leg.alive:
            return left_alone(call)
    return frozenset()


def left_alone(call: Call) -> frozenset[LegId]:
    """The legs that are in a bridge by themselves."""
    living = [leg for leg in call.legs.values() if leg.alive and leg.bridge]
    crowd = [leg.bridge for leg in living]
    return frozenset(leg.id for leg in living if leg.kind is BridgeKind.TALK and crowd.count(leg.bridge) == 1)
