"""Telling: what people are to hear about being recorded, at the gate and in the conversation. Pure."""

from __future__ import annotations

from types import MappingProxyType

from controller.core import (
    announcing,
    aside,
    consent,
    gate,
    reminding,
    wishes,
)
from controller.core.altered import replace
from controller.core.calls import is_room
from controller.core.commands import (
    Command,
    Open,
)
from controller.core.consent import Entry, Standing
from controller.core.decision import Options
from controller.core.events import (
    Beeped,
    ConsentKeyed,
    Event,
    GateReached,
    GateReady,
    NoticePlayed,
)
from controller.core.policy import Policy
from controller.core.recording import Recording, State
from controller.core.state import Outcome, Session, about_to_talk, learned, marked
from controller.core.subjects import direction

BEFORE_SECONDS = 0.05
"""How much earlier than we hear of it somebody may have been connected."""


def gated(session: Session, event: Event, rules: Policy) -> Outcome:
    """What happens in our part of the dialplan: who is to hear what, what they heard, and what they said."""
    match event:
        case GateReached():
            word, asked = gate.open_with(session.call, event, session.consent, rules)
            if asked is not None:
                session = replace(session, gates=MappingProxyType({**session.gates, event.leg: asked}))
            elif event.callee:
                return replace(session, early=event.leg, waiting=True), ()  # one word for both waits
            return session, (word,)
        case NoticePlayed() if not event.notice:
            asked = session.gates.get(event.leg)
            if asked is None or not event.whole:
                return session, ()
            return learned(session, event.leg, Entry(Standing.INFORMED, event.at, asked.prompt, "at the gate")), ()
        case ConsentKeyed() if event.leg not in session.announcing.awaited:
            return _answered(session, event)
        case GateReady():
            return replace(session, early=event.leg, waiting=True), ()
        case _:
            return session, ()


def _answered(session: Session, event: ConsentKeyed) -> Outcome:
    asked = session.gates.get(event.leg)
    if asked is None:
        return session, (Open(session.call.id, event.leg, gate.GO),)
    said = consent.answered(asked.announce, event.digit)
    how = f"key {event.digit}" if event.digit else "no key"
    session = learned(session, event.leg, Entry(said, event.at, asked.prompt, how))
    if said is not Standing.REFUSED:
        return session, (Open(session.call.id, event.leg, gate.GO),)
    word = gate.END if asked.refused_ends else gate.REFUSED
    return session, (Open(session.call.id, event.leg, word, "refused", asked.language),)


def announced(session: Session, event: Event, rules: Policy, acting: bool) -> Outcome:
    """Those who talk and were not told at a gate."""
    decision = session.decision
    if not rules.announces or decision is None or session.call.ended_at is not None or is_room(session.call.id):
        return session, ()
    state, told, commands = announcing.hear(session.announcing, session.call, decision.options, event)
    session = replace(session, announcing=announcing.again(state, event))
    for leg, entry in told:
        session = learned(session, leg, entry)
    state, call = session.announcing, aside.split(session.call, rules.roster)[0]
    way = direction(call, rules.roster)
    wished = not decision.hidden and wishes.recording_wished(decision, session.wish) and not session.wish.refused
    soon = wished and about_to_talk(session)
    ledger = session.consent
    state = (
        announcing.look(state, call, ledger, decision.options, way, rules.roster, soon)
        if wished
        else replace(state, untold=())
    )
    session = _unheard(replace(session, announcing=state), decision.options, event.at)
    if acting:
        state, more = announcing.tell(session.announcing, call, decision.options, way)
        session, commands = replace(session, announcing=state), (*commands, *more)
    return session, commands


def _unheard(session: Session, options: Options, at: float) -> Session:
    """What a newcomer says before the recorder is paused for him is silenced in the finished file (F-050)."""
    state, current = session.announcing, session.recording
    if state.blanked and not state.untold:
        return marked(replace(session, announcing=replace(state, blanked=False)), "unblank", at, "", "")
    runs = current is not None and current.state is State.ON
    if not runs or state.blanked or not announcing.holds_back(state, options):
        return session
    blanked = replace(session, announcing=replace(state, blanked=True))
    return marked(blanked, "blank", at - BEFORE_SECONDS, "", "somebody who has not been told yet")


def reminded(session: Session, before: Recording | None, event: Event, rules: Policy, acting: bool) -> Outcome:
    """Notices that recording starts, stops, pauses or goes on, and beeps while it runs."""
    decision, call = session.decision, session.call
    if not rules.reminds or decision is None or session.recording is None:
        return session, ()
    state = reminding.hear(session.reminding, event)
    scene = reminding.Scene(call, decision.options, session.consent, direction(call, rules.roster), rules.roster)
    commands: tuple[Command, ...] = ()
    if acting and call.ended_at is None:
        state, commands = reminding.step(state, before, session.recording, session.wish.paused, scene)
    session = replace(session, reminding=state)
    if isinstance(event, Beeped):
        note = f"every {decision.options.beep:g} s" if event.heard else "could not be played"
        session = marked(session, "beep" if event.heard else "failed", event.at, "", f"beeps: {note}")
    return session, (*commands, *reminding.retry(event))


def let_through(session: Session, want: State) -> Outcome:
    """Who waits to be bridged goes on once the recorder is confirmed, or where there is none to wait for."""
    if session.early is None or not session.waiting:
        return session, ()
    current = session.recording
    waiting = want is not State.OFF and (current is None or (current.state is State.OFF and not current.given_up))
    if waiting:
        return session, ()
    return replace(session, waiting=False), (Open(session.call.id, session.early, gate.READY),)
