"""Gate: what a leg that waits in our part of the dialplan is to hear, and when it may go on. Pure.

The caller waits before anybody is called for him; the callee, who has answered, before he is bridged. There the
recorder is started too, so that no sample of the talk is lost. What the dialplan does when nobody answers it is in
dialplan/asterisk/onrecord_gate.conf, and none of our business here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core import consent, policy, updating
from controller.core.altered import replace
from controller.core.calls import Call
from controller.core.commands import CallId, LegId, Open, pbx_of
from controller.core.consent import Ledger, Statement
from controller.core.decision import Decision, Mode, Options
from controller.core.events import (
    BridgeId,
    BridgeKind,
    GateReached,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegJoined,
    QueueJoined,
)
from controller.core.policy import Policy
from controller.core.roster import Party, Roster
from controller.core.subjects import direction, party

GO, REFUSED, END = "go", "refused", "end"
AT_GATE = "at the gate"
QUEUE, ROOM = "queue:", "room:"
"""Before the name of a queue or a conference, where the dialplan is about to put the caller into one."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A leg in the gate. `said`: what it is to hear, first to last until one of them could be played."""

    callee: bool
    said: tuple[Statement, ...] = ()
    options: Options = field(default_factory=Options)


Waits = Mapping[LegId, Waiting]
NOBODY: Waits = MappingProxyType({})


def awaiting(waits: Waits, leg: LegId, waiting: Waiting) -> Waits:
    """With this leg waiting so."""
    return MappingProxyType({**waits, leg: waiting})


def reached(call: Call, event: GateReached, ledger: Ledger, rules: Policy) -> Waiting:
    """What this leg is to hear before it goes on."""
    nothing, leg = Waiting(event.callee), call.legs.get(event.leg)
    if leg is None:
        return nothing
    ahead = _ahead(call, event, rules.roster)
    decision = policy.decide(rules, ahead)
    options, way = decision.options, direction(ahead, rules.roster)
    if way == "outbound" and options.announce_delay > 0:
        return nothing  # in the conversation, so long after it began (W-27)
    if not _captures(decision) or not consent.hears(options, party(leg, rules.roster)):
        return nothing
    if consent.refused(call, ledger):
        return nothing  # it is not recorded, whatever he would say
    if not consent.lacks(ledger, event.leg, options, way):
        return nothing  # once per party, whatever transfers happen (W-23)
    return Waiting(event.callee, consent.statements(options, way), options)


def word(call: CallId, leg: LegId, waiting: Waiting) -> Open | None:
    """The word for a leg that has something to hear yet; None: it may go on."""
    if not waiting.said:
        return None
    first = waiting.said[0]
    return Open(call, leg, first.announce.value, first.prompt, waiting.options.language)


def unplayed(waiting: Waiting) -> Waiting:
    """The first of what it was to hear could not be played."""
    return replace(waiting, said=waiting.said[1:])


def _captures(decision: Decision) -> bool:
    """Whether anything will be recorded without anybody asking for it first."""
    return decision.mode not in (Mode.NEVER, Mode.ON_DEMAND) and not decision.hidden


def _ahead(call: Call, event: GateReached, roster: Roster) -> Call:
    """The call as it is about to be: with whomever the dialplan is going to call."""
    if event.callee or not event.target:
        return call
    if event.target.startswith(QUEUE):
        coming = QueueJoined(call.id, event.at, event.leg, event.target.removeprefix(QUEUE))
        return updating.update(call, coming)
    if event.target.startswith(ROOM):
        return _in_room(call, event, event.target.removeprefix(ROOM))
    made_up, bridge = LegId(f"{event.leg}?"), BridgeId("ahead")
    target = event.target
    for happens in (
        LegAppeared(call.id, event.at, made_up, target, target, dialled=target, originating=False),
        LegDialled(call.id, event.at, event.leg, made_up, _number(call, event, roster)),
        LegAnswered(call.id, event.at, made_up),
        LegJoined(call.id, event.at, event.leg, bridge, BridgeKind.TALK, ""),
        LegJoined(call.id, event.at, made_up, bridge, BridgeKind.TALK, ""),
    ):
        call = updating.update(call, happens)
    return call


def _number(call: Call, event: GateReached, roster: Roster) -> str:
    """What is called: a trunk by the number that the caller dialled."""
    caller = call.legs[event.leg]
    ahead = replace(caller, endpoint=event.target)
    return caller.dialled if party(ahead, roster) is Party.EXTERNAL else event.target


def _in_room(call: Call, event: GateReached, name: str) -> Call:
    """The conference as this leg will find it, as far as anybody can know."""
    leg, room = call.legs[event.leg], CallId(f"{pbx_of(call.id)}/room:{name}:ahead")
    ahead = Call(id=room, began_at=event.at)
    for happens in (
        LegAppeared(
            room, event.at, leg.id, leg.endpoint, leg.number, leg.name, leg.dialled, leg.originating, up=True
        ),
        LegJoined(room, event.at, leg.id, BridgeId("ahead"), BridgeKind.ROOM, name),
    ):
        ahead = updating.update(ahead, happens)
    return ahead
