"""Wanted: off, on or paused; made anew of what is known of the call, never of what was wanted before. Pure."""

from __future__ import annotations

from controller.core import announcing, consent, recording, wishes
from controller.core.calls import Call, is_room, talking
from controller.core.decision import Decision, Options, StartPoint
from controller.core.holding import muted
from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.state import Session, about_to_talk
from controller.core.subjects import direction


def wanted(session: Session, rules: Policy) -> State:
    """OFF, ON or PAUSED: from call, rule, wish and consent alone."""
    decision, call = session.decision, session.call
    if decision is None or decision.hidden or call.ended_at is not None or session.too_long:
        return State.OFF
    if not wishes.recording_wished(decision, session.wish) or not _begun(session, decision.options):
        return State.OFF
    if _over_for_now(call) or _forbidden(session, decision, rules):
        return State.OFF
    if announcing.holds_back(session.announcing, decision.options):
        begun = recording.has_begun(session.recording)
        return State.PAUSED if begun and not _is_in_its_own_way(session) else State.OFF
    return State.PAUSED if session.wish.paused or session.keypad.blanking or on_hold(session) else State.ON


def _is_in_its_own_way(session: Session) -> bool:
    """Whether whoever is recorded must be told once more, but might not hear it beside a recorder that was there
    before a newcomer (asterisk.md, hazard 1). A pause would leave that recorder where it is."""
    current = session.recording
    return (
        current is not None
        and current.segment is not None
        and current.doubted
        and current.segment.leg in session.announcing.untold
    )


def _forbidden(session: Session, decision: Decision, rules: Policy) -> str:
    """Why a party's word stands against recording; asked only where anything is ever announced."""
    if not session.consent and not rules.asks:
        return ""
    way = direction(session.call, rules.roster)
    return consent.forbids(session.call, session.consent, decision.options, way, rules.roster)


def on_hold(session: Session) -> bool:
    return session.decision is not None and muted(session.call, session.recording, session.decision.options.hold)


def _begun(session: Session, options: Options) -> bool:
    return (ready(session.call, options) or about_to_talk(session)) and (options.delay <= 0 or session.delay_over)


def ready(call: Call, options: Options) -> bool:
    talked = call.talked_at is not None
    match options.start:
        case StartPoint.BRIDGE:
            return talked
        case StartPoint.ANSWER:
            return talked or call.answered_at is not None
        case StartPoint.RING:
            return talked or call.answered_at is not None or call.rang_at is not None


def _over_for_now(call: Call) -> bool:
    """A conference with one member left, or a queue's caller whose agent has gone: nobody talks."""
    return (is_room(call.id) or call.queue_over) and call.talked_at is not None and not talking(call)
