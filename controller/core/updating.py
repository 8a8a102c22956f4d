"""How each event changes a call, and what two calls are as one. Pure, and safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from controller.core.altered import replace
from controller.core.calls import Call, Leg, company, conversations, is_room, left_behind, talking
from controller.core.commands import LegId
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeKind,
    CallGone,
    ConsultationBegan,
    Event,
    HoldBegan,
    HoldEnded,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRang,
    QueueJoined,
    QueueLeft,
)
from controller.core.talks import Doing, joined, told

MOST_LEGS = 500
"""A call with more is a loop in the dialplan: further legs are not followed (and ended ones are forgotten)."""
MOST_ATTRIBUTES = 64


def update(call: Call, event: Event) -> Call:
    """The call after this event; the very same object when the event changes nothing."""
    match event:
        case LegAppeared():
            return _appeared(call, event)
        case LegDialled():
            return _dialled(call, event)
        case LegRang():
            return _progressed(call, event.leg, rang_at=event.at)
        case LegAnswered():
            return _progressed(call, event.leg, answered_at=event.at)
        case LegJoined():
            return _joined(call, event)
        case LegLeft():
            return _left(call, event)
        case LegEnded():
            return _ended(call, event)
        case QueueJoined():
            return replace(call, queue=event.queue, queue_over=False, agent_at=None)
        case AgentConnected():
            return replace(call, queue=event.queue, queue_over=False, agent_at=call.agent_at or event.at)
        case QueueLeft():
            return _left_queue(call, event)
        case AttributeSet():
            return _told(call, event)
        case HoldBegan():
            return _held(call, event.at, call.held | {event.leg}) if event.leg in call.legs else call
        case HoldEnded():
            return _held(call, event.at, call.held - {event.leg})
        case ConsultationBegan():
            return call if call.consults else replace(call, consults=event.of)
        case CallGone():
            return call if call.ended_at is not None else replace(call, ended_at=event.at)
        case _:
            return call


def merge(call: Call, other: Call) -> Call:
    """Both calls as one, under the id of the first; what both know, the first knows better."""
    legs = MappingProxyType({**other.legs, **call.legs})
    queued = call if call.queue else other
    return replace(
        call,
        legs=legs,
        began_at=min(call.began_at, other.began_at),
        queue=queued.queue,
        queue_over=queued.queue_over,
        agent_at=queued.agent_at,
        in_room=call.in_room | other.in_room,
        attributes=MappingProxyType({**other.attributes, **call.attributes}),
        rang_at=_earlier(call.rang_at, other.rang_at),
        answered_at=_earlier(call.answered_at, other.answered_at),
        talked_at=_earlier(call.talked_at, other.talked_at),
        ended_at=None if any(leg.alive for leg in legs.values()) else call.ended_at or other.ended_at,
        held=call.held | other.held,
        talks=joined(call.talks, other.talks),
        consults=call.consults if call.consults != other.id else None,
    )


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _with(call: Call, leg: Leg) -> Call:
    return replace(call, legs=_legs_with(call, leg))


def _legs_with(call: Call, leg: Leg) -> Mapping[LegId, Leg]:
    return MappingProxyType({**call.legs, leg.id: leg})


def _out_of_bridge(call: Call, leg: Leg) -> Call:
    """The call with this leg, which is in no bridge any more."""
    legs = _legs_with(call, leg)
    if leg.id not in call.in_room:
        return replace(call, legs=legs)
    return replace(call, legs=legs, in_room=call.in_room - {leg.id})


def _appeared(call: Call, event: LegAppeared) -> Call:
    known = call.legs.get(event.leg)
    if known is not None:
        return _filled(call, known, event)
    if len(call.legs) >= MOST_LEGS:
        legs = {leg.id: leg for leg in call.legs.values() if leg.alive}
        if len(legs) >= MOST_LEGS:
            return call
        call = replace(call, legs=MappingProxyType(legs))
    leg = Leg(
        id=event.leg,
        endpoint=event.endpoint,
        number=event.number,
        name=event.name,
        dialled=event.dialled,
        originating=event.originating,
        local=event.local,
        appeared_at=event.at,
        answered_at=event.at if event.up else None,
    )
    call = replace(call, ended_at=None) if call.ended_at is not None else call
    return _with(call, leg)


def _filled(call: Call, leg: Leg, event: LegAppeared) -> Call:
    """Told again (a snapshot, or an event that overtook this one): fill in only what was not known."""
    fuller = replace(
        leg,
        endpoint=leg.endpoint or event.endpoint,
        number=leg.number or event.number,
        name=leg.name or event.name,
        dialled=leg.dialled or event.dialled,
        answered_at=leg.answered_at or (event.at if event.up else None),
    )
    return call if fuller == leg else _with(call, fuller)


def _dialled(call: Call, event: LegDialled) -> Call:
    peer = call.legs.get(event.peer)
    if peer is None:
        return call
    fuller = replace(
        peer, originating=False, dialled=event.number or peer.dialled, presented=event.presented or peer.presented
    )
    return call if fuller == peer else _with(call, fuller)


def _progressed(call: Call, leg: LegId, rang_at: float | None = None, answered_at: float | None = None) -> Call:
    known = call.legs.get(leg)
    if known is None or not known.alive:
        return call
    if rang_at is not None and known.rang_at is None:
        legs = _legs_with(call, replace(known, rang_at=rang_at))
        return replace(call, legs=legs, rang_at=call.rang_at or rang_at)
    if answered_at is not None and known.answered_at is None:
        legs = _legs_with(call, replace(known, answered_at=answered_at))
        return replace(call, legs=legs, answered_at=call.answered_at or answered_at)
    return call


def _joined(call: Call, event: LegJoined) -> Call:
    leg = call.legs.get(event.leg)
    if leg is None or not leg.alive or leg.bridge == event.bridge:
        return call
    call = _with(call, replace(leg, bridge=event.bridge, kind=event.kind, joined_at=leg.joined_at or event.at))
    if event.kind is BridgeKind.ROOM:
        call = replace(call, in_room=call.in_room | {event.leg})
        call = replace(call, room=event.room or call.room) if is_room(call.id) else call
    if call.queue_over and leg.originating:
        # The queue let go of its caller and he met somebody else: what happens now is not the queue's call.
        call = replace(call, queue="", queue_over=False, agent_at=None)
    call = _queue_heard(call)
    if call.talked_at is None and talking(call):
        call = replace(call, talked_at=event.at)
    return _told_talks(call, event.at)


def _left(call: Call, event: LegLeft) -> Call:
    leg = call.legs.get(event.leg)
    if leg is None or leg.bridge != event.bridge:
        return call
    call = _out_of_bridge(call, replace(leg, bridge=None))
    return _held(call, event.at, call.held - {event.leg})


def _ended(call: Call, event: LegEnded) -> Call:
    leg = call.legs.get(event.leg)
    if leg is None or not leg.alive:
        return call
    call = _out_of_bridge(call, replace(leg, bridge=None, ended_at=event.at))
    call = _held(call, event.at, call.held - {event.leg})
    if any(leg.alive for leg in call.legs.values()):
        return _queue_heard(call)
    return replace(call, ended_at=event.at)


def _held(call: Call, at: float, held: frozenset[LegId]) -> Call:
    return _told_talks(replace(call, held=held) if held != call.held else call, at)


def _told_talks(call: Call, at: float) -> Call:
    talks = told(call.talks, _doings(call), at)
    return call if talks is call.talks else replace(call, talks=talks)


def _doings(call: Call) -> dict[LegId, tuple[Doing, frozenset[LegId]]]:
    """What each leg does now; whoever is alone, rings or waits for a queue's agent does nothing."""
    found: dict[LegId, tuple[Doing, frozenset[LegId]]] = {}
    for group in conversations(call):
        talkers = [leg.id for leg in group if leg.kind is BridgeKind.TALK and leg.id not in call.held]
        if len(talkers) > 1:
            company = frozenset(talkers)
            found.update(dict.fromkeys(talkers, (Doing.TALKS, company)))
    for leg in call.legs.values():
        if not leg.bridge or leg.local:
            continue
        if leg.kind is BridgeKind.PARKING:
            found[leg.id] = (Doing.PARKED, frozenset())
        elif leg.kind is BridgeKind.ROOM:
            found[leg.id] = (Doing.MEETS, frozenset())
        elif leg.id in call.held:
            found[leg.id] = (Doing.WAITS, frozenset())
    return found


def _told(call: Call, event: AttributeSet) -> Call:
    if call.attributes.get(event.name) == event.value:
        return call
    if event.name not in call.attributes and len(call.attributes) >= MOST_ATTRIBUTES:
        return call
    return replace(call, attributes=MappingProxyType({**call.attributes, event.name: event.value}))


def _left_queue(call: Call, event: QueueLeft) -> Call:
    if call.queue != event.queue:
        return call
    if call.agent_at is None:
        return replace(call, queue="", queue_over=False)
    return _queue_heard(replace(call, queue_over=True))


def _queue_heard(call: Call) -> Call:
    """The call after a change of who is where, with its queue's part ended where the agent is out of it.

    The queue itself may believe for long that its caller talks to its agent: it is not told of a redirect, nor of a
    transfer behind a Local channel that stays (Asterisk 22.10.1). Whoever came after the agent was connected is not
    the agent.
    """
    agent_at = call.agent_at
    if not call.queue or agent_at is None:
        return call
    caller = next((leg for leg in call.legs.values() if leg.originating and leg.alive and not leg.local), None)
    if caller is None:
        return call
    met = company(call, caller.id)
    if met and all(one not in call.legs or call.legs[one].appeared_at > agent_at for one in met):
        return replace(call, queue="", queue_over=False, agent_at=None)
    away = left_behind(call)
    others = [leg for leg in call.legs.values() if leg.alive and not leg.local and leg is not caller]
    if met or any(leg.appeared_at <= agent_at and leg.id not in away for leg in others):
        return call
    return call if call.queue_over else replace(call, queue_over=True)
